"""The token endpoint's grants: what is checked, and what the answer holds.

OAuthError       refused; ``error`` and ``description`` as Salesforce words them, HTTP 400
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from salesforce_emulator.oauth.apps import App
from salesforce_emulator.oauth.users import OrgUser, Users
from salesforce_emulator.runtime import Emulator

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_DEVICE_GRANTS = ("device", "urn:ietf:params:oauth:grant-type:device_code")
"""Off in a new app, and blocked in the apps that people don't register themselves."""
_LOGIN_AUDIENCES = ("https://login.salesforce.com", "https://test.salesforce.com")
_MAX_ASSERTION_SECONDS = 300
_REFRESH_SCOPES = {"refresh_token", "offline_access", "full_refresh"}


class OAuthError(Exception):
    """A request for a token that is refused."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description


Form = Mapping[str, str]


class Grants:
    """Answers token requests of one org.

    :param base: the org's own URL, without a slash at the end.
    """

    def __init__(self, emulator: Emulator, base: str) -> None:
        self.emulator = emulator
        self.codes = emulator.codes
        self.base = base
        self.users = Users(emulator.store)

    def answer(self, form: Form, basic: tuple[str, str] | None) -> dict[str, str]:
        """The body of the token endpoint's answer.

        :raises OAuthError: refused.
        """
        grant = form.get("grant_type", "")
        if form.get("response_type") == "device_code" or grant in _DEVICE_GRANTS:
            self._app(form.get("client_id", ""))
            raise OAuthError("invalid_grant", "device flow is not enabled for the app")
        if grant == JWT_BEARER:
            return self._jwt(form)
        if grant not in ("authorization_code", "refresh_token", "client_credentials", "password"):
            raise OAuthError("unsupported_grant_type", "grant type not supported")
        app = self.client(form, basic, grant)
        if grant == "authorization_code":
            return self._code(app, form)
        if grant == "refresh_token":
            return self._refresh(app, form)
        if grant == "client_credentials":
            return self._client_credentials(app)
        return self._password(app, form)

    # -- who asks

    def client(self, form: Form, basic: tuple[str, str] | None, grant: str) -> App:
        """The app that asks.

        :raises OAuthError: it isn't known, or its secret is wrong, or missing where this grant wants it.
        """
        client_id, secret = basic or (form.get("client_id", ""), form.get("client_secret", ""))
        app = self._app(client_id)
        if not secret and not _secret_required(app, grant):
            return app
        if not hmac.compare_digest(secret.encode(), app.client_secret.encode()):
            raise OAuthError("invalid_client", "invalid client credentials")
        return app

    def _app(self, client_id: str) -> App:
        app = self.emulator.apps.get(client_id)
        if app is None:
            raise OAuthError("invalid_client_id", "client identifier invalid")
        if app.blocked:
            raise OAuthError("OAUTH_APP_BLOCKED", "this app is blocked by admin")
        return app

    def _active(self, user: OrgUser | None) -> OrgUser:
        if user is None:
            raise OAuthError("invalid_grant", "authentication failure")
        if not user.active:
            raise OAuthError("inactive_user", "user is inactive")
        return user

    # -- grants

    def _code(self, app: App, form: Form) -> dict[str, str]:
        code = self.codes.take(form.get("code", ""))
        if code is None or code.expires < self.emulator.store.clock().timestamp():
            raise OAuthError("invalid_grant", "expired authorization code")
        if code.client_id != app.client_id:
            raise OAuthError("invalid_grant", "invalid authorization code")
        if form.get("redirect_uri", "") != code.redirect_uri:
            raise OAuthError("redirect_uri_mismatch", "redirect_uri must match configuration")
        if code.challenge and s256(form.get("code_verifier", "")) != code.challenge:
            raise OAuthError("invalid_grant", "invalid code verifier")
        user = self._active(self.users.by_id(code.user_id))
        return self._tokens(app, user, code.scope, refreshable=bool(_REFRESH_SCOPES & set(code.scope.split())))

    def _refresh(self, app: App, form: Form) -> dict[str, str]:
        token = form.get("refresh_token", "")
        session = self.emulator.tokens.refresh(token)
        if session is None or session.client_id != app.client_id:
            raise OAuthError("invalid_grant", "expired access/refresh token")
        user = self._active(self.users.by_id(session.user_id))
        rotate = app.rotate_refresh_tokens
        if rotate is None:
            rotate = self.emulator.settings.rotate_refresh_tokens
        body = self._tokens(app, user, session.scope, refreshable=False, family=session.family)
        if rotate:
            self.emulator.tokens.end_refresh(token)
            tokens = self.emulator.tokens
            body["refresh_token"] = tokens.issue_refresh(app.client_id, user.id, session.scope, session.family)
        return body

    def _client_credentials(self, app: App) -> dict[str, str]:
        if not app.run_as:
            raise OAuthError("invalid_grant", "no client credentials user enabled")
        user = self._active(self.users.by_name(app.run_as))
        return self._tokens(app, user, self._scopes(app), refreshable=False)

    def _password(self, app: App, form: Form) -> dict[str, str]:
        user = self.users.by_name(form.get("username", ""))
        settings = self.emulator.settings
        fits = user is not None and self.users.signs_in(user, form.get("password", ""), settings.security_token)
        if not settings.password_flow or not fits:
            raise OAuthError("invalid_grant", "authentication failure")
        return self._tokens(app, self._active(user), self._scopes(app), refreshable=False)

    def _jwt(self, form: Form) -> dict[str, str]:
        claims, app = self._assertion(form.get("assertion", ""))
        user = self.users.by_name(str(claims.get("sub") or claims.get("prn") or ""))
        if user is None:
            raise OAuthError("invalid_app_access", "user is not admin approved to access this app")
        if not app.pre_authorized:
            raise OAuthError("invalid_grant", "user hasn't approved this consumer")
        return self._tokens(app, self._active(user), self._scopes(app), refreshable=False)

    def _assertion(self, assertion: str) -> tuple[dict[str, object], App]:
        """The claims of a signed assertion (RS256)."""
        try:
            head, body, signature = assertion.split(".")
            header, claims = json.loads(_unbase64(head)), json.loads(_unbase64(body))
            signed = _unbase64(signature)
        except ValueError:
            raise OAuthError("invalid_grant", "invalid assertion") from None
        app = self._app(str(claims.get("iss", "")))
        if header.get("alg") != "RS256" or not app.certificate:
            raise OAuthError("invalid_grant", "invalid assertion")
        try:
            _public_key(app.certificate).verify(signed, f"{head}.{body}".encode(), padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            raise OAuthError("invalid_grant", "invalid assertion") from None
        audience = str(claims.get("aud", "")).rstrip("/")
        if audience not in (*_LOGIN_AUDIENCES, self.base):
            raise OAuthError("invalid_grant", "audience is invalid")
        now, expires = self.emulator.store.clock().timestamp(), float(claims.get("exp", 0))
        if not now < expires <= now + _MAX_ASSERTION_SECONDS:
            raise OAuthError("invalid_grant", "expired authorization code")
        return claims, app

    def _scopes(self, app: App) -> str:
        return " ".join(s for s in app.scopes if s not in _REFRESH_SCOPES)

    # -- the answer

    def _tokens(
        self, app: App, user: OrgUser, scope: str, *, refreshable: bool, family: str | None = None
    ) -> dict[str, str]:
        tokens = self.emulator.tokens
        family = family or tokens.new_family()
        identity = f"{self.base}/id/{self.emulator.store.organization_id}/{user.id}"
        issued_at = str(int(self.emulator.store.clock().timestamp() * 1000))
        signed = hmac.new(app.client_secret.encode(), f"{identity}{issued_at}".encode(), hashlib.sha256)
        body = {"access_token": tokens.issue_access(app.client_id, user.id, scope, family)}
        if refreshable:
            body["refresh_token"] = tokens.issue_refresh(app.client_id, user.id, scope, family)
        return {
            **body,
            "signature": base64.b64encode(signed.digest()).decode(),
            "scope": scope,
            "instance_url": self.base,
            "id": identity,
            "token_type": "Bearer",  # nosec B105
            "issued_at": issued_at,
        }


def _secret_required(app: App, grant: str) -> bool:
    """Whether the app's settings ask this grant for the secret. One that is sent must be right all the same."""
    if grant == "authorization_code":
        return app.secret_for_web_server_flow
    return grant != "refresh_token" or app.secret_for_refresh


def s256(verifier: str) -> str:
    """The PKCE challenge of a code verifier."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _unbase64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _public_key(pem: str) -> rsa.RSAPublicKey:
    holds_certificate = "CERTIFICATE" in pem
    key: object = (
        x509.load_pem_x509_certificate(pem.encode()).public_key()
        if holds_certificate
        else load_pem_public_key(pem.encode())
    )
    if not isinstance(key, rsa.RSAPublicKey):
        raise OAuthError("invalid_grant", "invalid assertion")
    return key
