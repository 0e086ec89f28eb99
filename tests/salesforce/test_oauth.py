"""Signing in: what goes to Salesforce, what is believed of what comes back."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jwt
from joserfc.jwk import RSAKey

from abmatic.salesforce import LoginHosts, OAuthApp, errors, oauth

APP = OAuthApp("3MVG9consumerKey", "s3cret")
LOGIN = LoginHosts().login("login.salesforce.com")
MY_DOMAIN = LoginHosts().login("acme.my.salesforce.com")
BACK = "https://abmatic.example/salesforce/callback"
ISSUED = "1700000000000"
IDENTITY = "https://login.salesforce.com/id/00D58000000JkrZEAS/00558000001c9TpAAI"


def token_body(**changes: Any) -> dict[str, Any]:
    signature = hmac.new(b"s3cret", (IDENTITY + ISSUED).encode(), hashlib.sha256).digest()
    body = {
        "access_token": "00D58000000JkrZ!AQcAQH0dMHZfz972",
        "instance_url": "https://acme.my.salesforce.com",
        "id": IDENTITY,
        "token_type": "Bearer",
        "issued_at": ISSUED,
        "scope": "id profile email api refresh_token",
        "signature": base64.b64encode(signature).decode(),
        "refresh_token": "5Aep861first",
    }
    return {name: value for name, value in (body | changes).items() if value is not None}


class Salesforce:
    """Answers every request the same and remembers the forms."""

    def __init__(self, status: int = 200, body: Any = None, handler: Callable[..., Any] | None = None) -> None:
        self.forms: list[dict[str, str]] = []
        self.urls: list[str] = []
        self._answer = handler or (lambda request: httpx2.Response(status, json=token_body() if body is None else body))

    @property
    def transport(self) -> httpx2.MockTransport:
        def handle(request: httpx2.Request) -> httpx2.Response:
            self.urls.append(str(request.url))
            self.forms.append({k: v[0] for k, v in parse_qs(request.content.decode()).items()})
            return self._answer(request)

        return httpx2.MockTransport(handle)


def test_the_browser_is_sent_with_a_challenge_and_a_state() -> None:
    first, second = (oauth.begin(LOGIN, APP, BACK, login_hint="ada@acme.example") for _ in range(2))
    url = urlsplit(first.url)
    query = {k: v[0] for k, v in parse_qs(url.query).items()}
    assert f"{url.scheme}://{url.netloc}{url.path}" == "https://login.salesforce.com/services/oauth2/authorize"
    assert query["response_type"] == "code"
    assert query["client_id"] == APP.client_id
    assert query["redirect_uri"] == BACK
    assert query["scope"] == "id profile email api refresh_token"
    assert query["login_hint"] == "ada@acme.example"
    assert query["code_challenge_method"] == "S256"
    digest = hashlib.sha256(first.code_verifier.encode()).digest()
    assert query["code_challenge"] == base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert query["state"] == first.state
    assert 43 <= len(first.code_verifier) <= 128
    assert "s3cret" not in first.url
    assert first.code_verifier not in first.url
    assert first.state != second.state
    assert first.code_verifier != second.code_verifier


def test_the_callback_gives_the_code_only_for_the_state_it_began_with() -> None:
    assert oauth.code_from_callback({"state": "abc", "code": "aPrx"}, "abc") == "aPrx"
    for query, state in (
        ({"code": "x"}, "abc"),
        ({"code": "x", "state": "abd"}, "abc"),
        ({"code": "x", "state": ""}, ""),
    ):
        with pytest.raises(errors.StateMismatch):
            oauth.code_from_callback(query, state)


def test_a_denial_in_the_callback_is_understood() -> None:
    query = {"state": "abc", "error": "access_denied", "error_description": "end-user denied authorization"}
    with pytest.raises(errors.ConsentDenied) as denied:
        oauth.code_from_callback(query, "abc")
    assert "Allow" in denied.value.remedy
    with pytest.raises(errors.LoginDenied):
        oauth.code_from_callback({"state": "abc"}, "abc")
    with pytest.raises(errors.StateMismatch):  # a denial nobody asked for isn't believed either
        oauth.code_from_callback(query, "other")


def test_the_code_is_exchanged_for_tokens() -> None:
    salesforce = Salesforce()
    tokens = oauth.exchange(LOGIN, APP, BACK, "aPrx", "verifier", salesforce.transport)
    assert salesforce.urls == ["https://login.salesforce.com/services/oauth2/token"]
    assert salesforce.forms == [
        {
            "grant_type": "authorization_code",
            "code": "aPrx",
            "redirect_uri": BACK,
            "code_verifier": "verifier",
            "client_id": APP.client_id,
            "client_secret": "s3cret",
        }
    ]
    assert tokens.instance_url == "https://acme.my.salesforce.com"
    assert tokens.refresh_token == "5Aep861first"
    assert (tokens.org_id, tokens.user_id) == ("00D58000000JkrZEAS", "00558000001c9TpAAI")
    assert tokens.issued_at == dt.datetime(2023, 11, 14, 22, 13, 20, tzinfo=dt.UTC)


def test_secrets_never_show_in_a_repr() -> None:
    tokens = oauth.exchange(LOGIN, APP, BACK, "aPrx", "verifier", Salesforce().transport)
    request = oauth.begin(LOGIN, APP, BACK)
    shown = repr((tokens, tokens.access, APP, OAuthApp("id", private_key_pem="PEM-secret"), request))
    for secret in (tokens.access_token, "5Aep861first", "s3cret", "PEM-secret", request.code_verifier):
        assert secret not in shown


def test_a_refresh_keeps_the_old_refresh_token_or_takes_the_rotated_one() -> None:
    kept = oauth.refresh(LOGIN, APP, "5Aep861old", Salesforce(body=token_body(refresh_token=None)).transport)
    rotated = oauth.refresh(LOGIN, APP, "5Aep861old", Salesforce(body=token_body(refresh_token="5Aep861new")).transport)
    assert kept.refresh_token == "5Aep861old"
    assert rotated.refresh_token == "5Aep861new"


def test_without_a_refresh_token_nobody_knocks() -> None:
    salesforce = Salesforce()
    with pytest.raises(errors.InvalidGrant):
        oauth.refresh(LOGIN, APP, "", salesforce.transport)
    assert salesforce.forms == []


def test_client_credentials_work_at_the_my_domain_only() -> None:
    salesforce = Salesforce(body=token_body(refresh_token=None))
    for host in (LOGIN, LoginHosts().login("test.salesforce.com")):
        with pytest.raises(errors.HostRefused) as refused:
            oauth.client_credentials(host, APP, salesforce.transport)
        assert "My Domain" in refused.value.remedy
    assert salesforce.forms == []
    assert oauth.client_credentials(MY_DOMAIN, APP, salesforce.transport).refresh_token == ""
    assert salesforce.urls == ["https://acme.my.salesforce.com/services/oauth2/token"]


def test_the_assertion_is_signed_for_the_generic_login_host() -> None:
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    sandbox = LoginHosts().login("acme--uat.sandbox.my.salesforce.com")
    salesforce = Salesforce(body=token_body(refresh_token=None, signature=None, issued_at=None))
    now = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
    tokens = oauth.jwt_bearer(
        sandbox, OAuthApp("key", private_key_pem=pem), "ada@acme.example", salesforce.transport, now=now
    )
    form = salesforce.forms[0]
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assertion = jwt.decode(form["assertion"], RSAKey.import_key(pem), algorithms=["RS256"])
    assert assertion.header["alg"] == "RS256"
    life = assertion.claims.pop("exp") - now.timestamp()
    assert 0 < life <= 180
    assert assertion.claims == {"iss": "key", "sub": "ada@acme.example", "aud": "https://test.salesforce.com"}
    assert tokens.issued_at is not None


EC_KEY = (
    ec.generate_private_key(ec.SECP256R1())
    .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    .decode()
)


@pytest.mark.parametrize("pem", ["", "not a key", EC_KEY], ids=["none", "nonsense", "elliptic"])
def test_a_key_that_cannot_sign_is_named_not_shown(pem: str) -> None:
    with pytest.raises(errors.AppMisconfigured) as wrong:
        oauth.jwt_bearer(LOGIN, OAuthApp("key", private_key_pem=pem), "ada@acme.example", Salesforce().transport)
    assert wrong.value.code == "invalid_private_key"
    assert "RSA" in wrong.value.remedy


def test_an_answer_signed_with_another_secret_is_not_believed() -> None:
    forged = Salesforce(body=token_body(id=IDENTITY.replace("00558", "00559")))
    with pytest.raises(errors.SignatureMismatch):
        oauth.exchange(LOGIN, APP, BACK, "aPrx", "verifier", forged.transport)


def test_without_a_secret_there_is_nothing_to_verify() -> None:
    public = OAuthApp("3MVG9consumerKey")
    salesforce = Salesforce(body=token_body(signature="whatever"))
    assert oauth.exchange(LOGIN, public, BACK, "aPrx", "verifier", salesforce.transport).access_token
    assert "client_secret" not in salesforce.forms[0]


def test_a_refusal_says_whether_the_secret_was_wrong_or_missing() -> None:
    salesforce = Salesforce(400, {"error": "invalid_client", "error_description": "invalid client credentials"})
    for app, said in ((OAuthApp("3MVG9consumerKey"), "none was entered"), (APP, "refuses the consumer secret")):
        with pytest.raises(errors.WrongClientSecret) as refused:
            oauth.refresh(LOGIN, app, "5Aep861first", salesforce.transport)
        assert said in refused.value.meaning
        assert "consumer secret" in refused.value.remedy


@pytest.mark.parametrize(
    "instance", ["https://evil.example", "http://acme.my.salesforce.com", "https://127.0.0.1", "x"]
)
def test_an_answer_that_points_outside_salesforce_is_not_followed(instance: str) -> None:
    with pytest.raises(errors.HostRefused):
        oauth.exchange(LOGIN, APP, BACK, "c", "v", Salesforce(body=token_body(instance_url=instance)).transport)


@pytest.mark.parametrize(
    "body", [[], {}, {"access_token": "x"}, token_body(access_token=""), token_body(token_type="MAC"), "x", None]
)
def test_an_answer_that_is_no_token_is_refused(body: Any) -> None:
    answer = Salesforce(handler=lambda request: httpx2.Response(200, json=body))
    with pytest.raises(errors.BadAnswer):
        oauth.exchange(LOGIN, APP, BACK, "c", "v", answer.transport)


def test_an_html_page_instead_of_a_token_is_named() -> None:
    page = b"<html><head><title>Scheduled Maintenance</title></head>"
    salesforce = Salesforce(handler=lambda r: httpx2.Response(200, content=page, headers={"content-type": "text/html"}))
    with pytest.raises(errors.BadAnswer, match="Scheduled Maintenance"):
        oauth.exchange(LOGIN, APP, BACK, "c", "v", salesforce.transport)


def test_a_refusal_is_mapped_and_the_form_is_not_repeated_in_it() -> None:
    body = {"error": "invalid_grant", "error_description": "expired access/refresh token"}
    with pytest.raises(errors.InvalidGrant) as refused:
        oauth.refresh(LOGIN, APP, "5Aep861TSESvWeug", Salesforce(400, body).transport)
    assert "Reconnect" in refused.value.remedy
    assert "s3cret" not in str(refused.value)


def test_a_redirect_is_never_followed_with_secrets() -> None:
    salesforce = Salesforce(handler=lambda r: httpx2.Response(302, headers={"location": "https://evil.example/"}))
    with pytest.raises(errors.HostMoved):
        oauth.refresh(LOGIN, APP, "5Aep861", salesforce.transport)
    assert len(salesforce.urls) == 1


def test_network_trouble_is_passing() -> None:
    def broken(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("no route to host")

    with pytest.raises(errors.ConnectionBroken):
        oauth.refresh(LOGIN, APP, "5Aep861", Salesforce(handler=broken).transport)


def test_revoking_what_is_dead_already_is_no_error() -> None:
    salesforce = Salesforce(handler=lambda r: httpx2.Response(200))
    oauth.revoke(LOGIN, "5Aep861", salesforce.transport)
    assert salesforce.forms == [{"token": "5Aep861"}]
    oauth.revoke(LOGIN, "5Aep861", Salesforce(400, {"error": "invalid_token"}).transport)
    with pytest.raises(errors.LoginDenied):
        oauth.revoke(LOGIN, "5Aep861", Salesforce(400, {"error": "other"}).transport)
