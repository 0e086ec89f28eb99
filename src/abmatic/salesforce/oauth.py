"""Getting tokens: the web server flow with PKCE, JWT bearer, client credentials, refresh, revoke.

Plain functions. Where a person is involved (web server flow) the caller keeps ``state`` and
``code_verifier`` between ``begin`` and ``exchange``, in the session of the browser that began.
See Salesforce's help, "OAuth Authorization Flows", and RFC 6749, 7523, 7636.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

import httpx2
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from . import errors
from .answers import Answer, Json, oauth_answer_error, oauth_error
from .hosts import LoginHost
from .tokens import Tokens
from .transport import LOGIN_TIMEOUT, network_errors, open_client

SCOPES = ("id", "profile", "email", "api", "refresh_token")
_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
# Salesforce accepts an assertion whose exp is at most three minutes ahead.
_ASSERTION_LIFE = dt.timedelta(seconds=170)


@dataclass(frozen=True)
class OAuthApp:
    """The External Client App: consumer key, and the secret or RSA key (PEM) the flow needs."""

    client_id: str
    client_secret: str = field(default="", repr=False)
    private_key_pem: str = field(default="", repr=False)


@dataclass(frozen=True)
class AuthorizationRequest:
    """Where to send the browser, and what to keep until it comes back."""

    url: str
    state: str = field(repr=False)
    code_verifier: str = field(repr=False)


def begin(
    host: LoginHost, app: OAuthApp, redirect_uri: str, *, login_hint: str = "", prompt: str = ""
) -> AuthorizationRequest:
    """Starts the web server flow. ``prompt`` "login" makes Salesforce ask who it is again."""
    state = secrets.token_urlsafe(32)
    verifier = secrets.token_urlsafe(64)
    query = {
        "response_type": "code",
        "client_id": app.client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(SCOPES),
        "state": state,
        "code_challenge": str(create_s256_code_challenge(verifier)),
        "code_challenge_method": "S256",
    }
    query |= {"login_hint": login_hint} if login_hint else {}
    query |= {"prompt": prompt} if prompt else {}
    return AuthorizationRequest(f"{host.origin}/services/oauth2/authorize?{urlencode(query)}", state, verifier)


def same_state(given: str, expected: str) -> bool:
    """Compares two states in constant time; an empty expectation matches nothing."""
    return bool(expected) and hmac.compare_digest(given.encode(), expected.encode())


def code_from_callback(query: Mapping[str, str], expected_state: str) -> str:
    """The authorization code out of the callback's query string.

    Raises StateMismatch before anything else is believed, then whatever Salesforce refused with
    (ConsentDenied, AppNotApproved, …).
    """
    if not same_state(query.get("state", ""), expected_state):
        raise errors.StateMismatch("the state of the callback is not the one this login began with")
    if query.get("error"):
        raise oauth_error(query["error"], query.get("error_description", ""))
    if not query.get("code"):
        raise errors.LoginDenied("Salesforce sent the browser back without a code", code="no_code")
    return query["code"]


def exchange(
    host: LoginHost,
    app: OAuthApp,
    redirect_uri: str,
    code: str,
    code_verifier: str,
    transport: httpx2.BaseTransport | None = None,
) -> Tokens:
    """Turns the code into tokens. Raises CodeExpired, AppMisconfigured, LoginDenied, Transient."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": code_verifier,
    }
    return _token(host, app, form | _credentials(app), transport)


def refresh(
    host: LoginHost, app: OAuthApp, refresh_token: str, transport: httpx2.BaseTransport | None = None
) -> Tokens:
    """A new access token. With rotation on, ``refresh_token`` of the result is the new one and the
    old one is spent: store it before doing anything else. Raises InvalidGrant among others."""
    if not refresh_token:
        raise errors.InvalidGrant("there is no refresh token to renew the session with")
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return _token(host, app, form | _credentials(app), transport, keep=refresh_token)


def client_credentials(host: LoginHost, app: OAuthApp, transport: httpx2.BaseTransport | None = None) -> Tokens:
    """A token for the app's run-as user; there is no refresh token, ask again instead.

    Salesforce serves this flow at the org's My Domain only, since nothing else in the request says
    which org is meant.
    """
    if host.kind in ("production", "sandbox"):
        raise errors.HostRefused(
            f"client credentials are not accepted at {host.origin}",
            meaning="Client credentials work at the org's own address only.",
            remedy="Use the My Domain address: Setup → My Domain shows it, https://yourcompany.my.salesforce.com.",
        )
    return _token(host, app, {"grant_type": "client_credentials"} | _credentials(app), transport)


def jwt_bearer(
    host: LoginHost,
    app: OAuthApp,
    username: str,
    transport: httpx2.BaseTransport | None = None,
    *,
    now: dt.datetime | None = None,
) -> Tokens:
    """A token for ``username``, by an assertion signed with the app's RSA key (RS256).

    The app must be pre-authorised for the user; there is no refresh token, ask again instead.
    """
    expires = (now or dt.datetime.now(dt.UTC)) + _ASSERTION_LIFE
    claims = {
        "iss": app.client_id,
        "sub": username,
        "aud": host.audience,
        "exp": int(expires.timestamp()),
    }
    try:
        key = RSAKey.import_key(app.private_key_pem)
        assertion = jwt.encode({"alg": "RS256"}, claims, key)
    except (ValueError, TypeError, JoseError) as fault:
        raise errors.AppMisconfigured(
            f"{type(fault).__name__} while reading the private key",
            code="invalid_private_key",
            meaning="The private key can't be used to sign.",
            remedy="It must be an unencrypted RSA key in PEM form, belonging to the app's certificate.",
        ) from None
    return _token(host, app, {"grant_type": _JWT_GRANT, "assertion": assertion}, transport)


def revoke(host: LoginHost, token: str, transport: httpx2.BaseTransport | None = None) -> None:
    """Ends a refresh token (with every session it made) or an access token.

    A token that is already dead counts as revoked.
    """
    answer = _post(host, "/services/oauth2/revoke", {"token": token}, transport)
    if answer.status < 300:
        return
    error = oauth_answer_error(answer)
    if error.code not in ("invalid_token", "unsupported_token_type", "invalid_grant"):
        raise error


def _credentials(app: OAuthApp) -> dict[str, str]:
    secret = {"client_secret": app.client_secret} if app.client_secret else {}
    return {"client_id": app.client_id} | secret


def _token(
    host: LoginHost,
    app: OAuthApp,
    form: dict[str, str],
    transport: httpx2.BaseTransport | None,
    keep: str = "",
) -> Tokens:
    answer = _post(host, "/services/oauth2/token", form, transport)
    if answer.status >= 300:
        raise _refusal(answer, app)
    value = answer.object()
    access, instance = value.get("access_token"), value.get("instance_url")
    if not isinstance(access, str) or not access or not isinstance(instance, str):
        raise errors.BadAnswer("a token answer without access_token or instance_url", status=answer.status)
    if str(value.get("token_type", "Bearer")).lower() != "bearer":
        raise errors.BadAnswer("a token answer of a type other than Bearer", status=answer.status)
    _verify_signature(app, value)
    return Tokens(
        access_token=access,
        instance_url=host.instance(instance),
        identity_url=str(value.get("id") or ""),
        refresh_token=str(value.get("refresh_token") or keep),
        scope=str(value.get("scope") or ""),
        issued_at=_issued_at(value.get("issued_at")),
    )


def _refusal(answer: Answer, app: OAuthApp) -> errors.SalesforceError:
    """Salesforce says the same of a wrong secret and of none; which it was, we know."""
    error = oauth_answer_error(answer)
    if not isinstance(error, errors.WrongClientSecret) or app.client_secret or app.private_key_pem:
        return error
    return errors.WrongClientSecret(
        error.message,
        code=error.code,
        status=error.status,
        meaning="The app in Salesforce requires its consumer secret, and none was entered.",
        remedy="Enter the consumer secret of the External Client App: its Settings tab, OAuth Settings, "
        "Consumer Key and Secret.",
    )


def _verify_signature(app: OAuthApp, value: dict[str, Json]) -> None:
    """base64(HMAC-SHA256(consumer secret, id + issued_at)); the JWT bearer flow sends none."""
    signature = value.get("signature")
    if not app.client_secret or not isinstance(signature, str):
        return
    signed = f"{value.get('id', '')}{value.get('issued_at', '')}".encode()
    digest = hmac.new(app.client_secret.encode(), signed, hashlib.sha256).digest()
    if not hmac.compare_digest(base64.b64encode(digest), signature.encode()):
        raise errors.SignatureMismatch("the signature of the token answer doesn't fit")


def _issued_at(value: Json) -> dt.datetime:
    """``issued_at`` is a string of milliseconds; the JWT bearer flow leaves it out."""
    try:
        return dt.datetime.fromtimestamp(int(value) / 1000, dt.UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return dt.datetime.now(dt.UTC)


def _post(host: LoginHost, path: str, form: dict[str, str], transport: httpx2.BaseTransport | None) -> Answer:
    client = open_client(host.origin, transport, user_agent="abmatic", timeout=LOGIN_TIMEOUT, connections=1)
    try:
        with network_errors():
            response = client.post(path, data=form, headers={"Accept": "application/json"})
        return Answer(response.status_code, response.headers, response.content)
    finally:
        if transport is None:  # a transport that was handed in is its owner's to close
            client.close()
