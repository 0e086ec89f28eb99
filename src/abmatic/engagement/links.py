"""Links in e-mails that say who follows them: a page's address with a signed token for one person.

The token is the contact's number, the day (UTC, since 1970) on which it was made, and the signature of both (HMAC by
the installation's secret key), so it tells a stranger nothing and can't be made up. It says nothing any more after
`ABMATIC_LINK_DAYS`: links stay in mailboxes, and are passed on. The collector takes it out of the page's address before
that is stored, and the script out of the browser's once it was told.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django.conf import settings
from django.core import signing
from django.utils import timezone

PARAMETER = "ab"
# A change makes all links worthless that were sent before.
_SALT = "abmatic.engagement.link.2"
_BEGIN = date(1970, 1, 1)


class NoLink(ValueError):
    """What was given is no address of a page."""


class TokenRefused(ValueError):
    """A token that says nothing. The message says why."""


def link_for(contact_id: int, url: str) -> str:
    """The address with the contact's token, in place of one that it had. Raises `NoLink`."""
    parts = urlsplit(url.strip())
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise NoLink(f"“{url.strip()}” is no address of a page: say https://www.example.com/page.")
    kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != PARAMETER]
    return urlunsplit(parts._replace(query=urlencode([*kept, (PARAMETER, token_for(contact_id))])))


def token_for(contact_id: int, made_at: datetime | None = None) -> str:
    """A contact's token, made now unless said otherwise."""
    day = (made_at or timezone.now()).astimezone(UTC).date() - _BEGIN
    return _signer().sign(f"{contact_id}.{day.days}")


def contact_of(token: str, at: datetime) -> int:
    """Whom a token was made for that was followed at that time. Raises `TokenRefused`."""
    try:
        number, _, day = _signer().unsign(token).partition(".")
    except signing.BadSignature:
        raise TokenRefused("The link’s token was not made here, or is not whole") from None
    most: int | None = settings.ENVIRONMENT.link_days
    if most is not None and at.astimezone(UTC).date() - _BEGIN > timedelta(days=int(day) + most):
        raise TokenRefused(f"The link was made more than {most} days before (ABMATIC_LINK_DAYS)")
    return int(number)


def _signer() -> signing.Signer:
    # The separator must stay as it is in an address.
    return signing.Signer(salt=_SALT, sep=".")
