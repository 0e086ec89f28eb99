"""The services outside that settings name: a mail server, and an identity provider that signs people in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from abmatic.config.errors import SettingError

ROLES = ("administrator", "operator", "viewer")
# allauth's name of the one provider in our addresses: the callback URL ends with it, so it never changes.
PROVIDER = "sso"


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed over, and whom it comes from."""

    host: str
    port: int
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)
    tls: bool = False
    starttls: bool = False


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """An OpenID Connect provider, and whom it lets in besides those who were invited."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    name: str = "single sign-on"
    domains: tuple[str, ...] = ()
    role: str = "viewer"
    trusts_email: bool = False

    def as_app(self) -> dict[str, Any]:
        """As allauth wants it in its settings."""
        return {
            "provider_id": PROVIDER,
            "name": self.name,
            "client_id": self.client_id,
            "secret": self.client_secret,
            "settings": {"server_url": self.issuer, "oauth_pkce_enabled": True},
        }


def mail_server(url: str, sender: str) -> MailServer | None:
    """``smtps://user:password@host:465`` or ``smtp://…:587``, which asks for STARTTLS unless told ``?starttls=off``."""
    if not url:
        if sender:
            raise SettingError("ABMATIC_MAIL_FROM is set, but no mail server: set ABMATIC_SMTP_URL too")
        return None
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        raise SettingError(_SMTP_BROKEN) from None
    options = {"", "starttls=off"} if parts.scheme == "smtp" else {""}
    if parts.scheme not in {"smtp", "smtps"} or not host or parts.path not in {"", "/"} or parts.query not in options:
        raise SettingError(_SMTP_BROKEN)
    if "@" not in sender:
        raise SettingError("ABMATIC_MAIL_FROM must be the address that mail comes from, as abmatic@example.com")
    tls = parts.scheme == "smtps"
    return MailServer(
        host=host,
        port=port or (465 if tls else 587),
        sender=sender,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        tls=tls,
        starttls=not tls and parts.query != "starttls=off",
    )


_SMTP_BROKEN = (
    "ABMATIC_SMTP_URL can't be read: it must look like smtps://user:password@host:465 or "
    "smtp://user:password@host:587 (STARTTLS; with ?starttls=off without), signs like / # ? @ in user name or "
    "password percent-encoded (%2F %23 %3F %40)"
)


def identity_provider(values: Mapping[str, str], *, trusts_email: bool) -> IdentityProvider | None:
    """The provider of the OIDC settings; None when none of them is set."""
    needed = ("OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET")
    missing = [name for name in needed if not values[name]]
    if len(missing) == len(needed):
        return None
    if missing:
        raise SettingError(f"ABMATIC_{missing[0]} is missing: single sign-on needs it beside the other OIDC settings")
    issuer = values["OIDC_ISSUER"].rstrip("/")
    parts = urlsplit(issuer)
    is_near = parts.hostname in {"127.0.0.1", "localhost", "::1"}
    if not parts.hostname or (parts.scheme != "https" and not (parts.scheme == "http" and is_near)):
        raise SettingError(f"ABMATIC_OIDC_ISSUER is {issuer!r}: it must begin with https://")
    if values["OIDC_ROLE"] not in ROLES:
        raise SettingError(f"ABMATIC_OIDC_ROLE is {values['OIDC_ROLE']!r}: say {', '.join(ROLES)}")
    domains = tuple(part.strip().lower().lstrip("@") for part in values["OIDC_DOMAINS"].split(",") if part.strip())
    return IdentityProvider(
        issuer=issuer,
        client_id=values["OIDC_CLIENT_ID"],
        client_secret=values["OIDC_CLIENT_SECRET"],
        name=values["OIDC_NAME"],
        domains=domains,
        role=values["OIDC_ROLE"],
        trusts_email=trusts_email,
    )
