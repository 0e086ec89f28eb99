"""Signing in: the web server flow as a person and a browser do it, and the flows without one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from tests.salesforce_emulator.client import Api, OpenApi

from salesforce_emulator import App, OrgStore, Settings
from salesforce_emulator.schema import BASE
from salesforce_emulator.testing import RunningOrg

CALLBACK = "http://localhost:9/salesforce/callback"
ADMIN = "admin@emulator.example"


class Browser:
    """A person's browser: keeps cookies, follows nothing by itself."""

    def __init__(self, org: RunningOrg) -> None:
        self.org = org
        self.http = httpx2.Client(base_url=org.url)
        self.verifier = secrets.token_urlsafe(48)
        self.state = secrets.token_urlsafe(8)

    def begin(self, **changes: str) -> httpx2.Response:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self.org.client_id,
            "redirect_uri": CALLBACK,
            "state": self.state,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **changes,
        }
        return self.http.get("/services/oauth2/authorize", params=asked)

    def fill(self, page: httpx2.Response, path: str, **typed: str) -> httpx2.Response:
        """Send the page's form, with what is typed, and go where it leads within the org."""
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
        answer = self.http.post(path, data={**hidden, **typed})
        target = answer.headers.get("Location", "")
        return self.http.get(target) if target.startswith("/") else answer

    def log_in(self, page: httpx2.Response, username: str = ADMIN, password: str | None = None) -> httpx2.Response:
        return self.fill(page, "/login", username=username, pw=password or self.org.password)

    def answer(self, page: httpx2.Response, choice: str) -> dict[str, str]:
        """Press Allow or Deny; what the callback is told."""
        sent = self.fill(page, "/services/oauth2/consent", answer=choice)
        target = urlsplit(sent.headers["Location"])
        assert target.geturl().startswith(CALLBACK)
        return {k: v[0] for k, v in parse_qs(target.query).items()}

    def code(self, **changes: str) -> str:
        return self.answer(self.log_in(self.begin(**changes)), "allow")["code"]

    def token(self, **form: str) -> httpx2.Response:
        whole = {"client_id": self.org.client_id, "client_secret": self.org.client_secret, **form}
        return self.http.post("/services/oauth2/token", data=whole)

    def exchange(self, code: str, **form: str) -> httpx2.Response:
        sent = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, **form}
        return self.token(**{"code_verifier": self.verifier, **sent})


@pytest.fixture
def browser(api: Api) -> Browser:
    return Browser(api.org)


def refused(answer: httpx2.Response) -> tuple[int, str, str]:
    return answer.status_code, answer.json()["error"], answer.json()["error_description"]


def test_the_consent_page_names_the_three_permissions(browser: Browser) -> None:
    """ "Access basic information", "Access and manage data", "Perform requests at any time"."""
    page = browser.log_in(browser.begin())
    asked = re.findall(r"<li>(.*?)</li>", page.text)
    assert asked == ["Access basic information", "Access and manage data", "Perform requests at any time"]
    assert ">Allow<" in page.text
    assert ">Deny<" in page.text


def test_allow_leads_to_tokens_that_work(browser: Browser) -> None:
    told = browser.answer(browser.log_in(browser.begin()), "allow")
    assert told["state"] == browser.state
    body = browser.exchange(told["code"]).json()
    assert set(body) == {
        "access_token", "refresh_token", "signature", "scope", "instance_url", "id", "token_type", "issued_at",
    }  # fmt: skip
    assert body["token_type"] == "Bearer"
    assert body["instance_url"] == browser.org.url
    assert body["id"] == f"{browser.org.url}/id/{BASE.organization}/{BASE.administrator}"
    bearer = {"Authorization": f"Bearer {body['access_token']}"}
    assert browser.http.get("/services/data/v60.0/limits", headers=bearer).status_code == 200
    who = browser.http.get("/services/oauth2/userinfo", headers=bearer).json()
    assert (who["user_id"], who["organization_id"]) == (BASE.administrator, BASE.organization)
    assert browser.http.get(body["id"], headers=bearer).json()["username"] == ADMIN


def test_the_token_is_signed(browser: Browser) -> None:
    """ "issued_at (milliseconds, a string) … signature = base64(HMAC-SHA256(client secret, id + issued_at))"."""
    body = browser.exchange(browser.code()).json()
    assert isinstance(body["issued_at"], str)
    assert abs(int(body["issued_at"]) / 1000 - time.time()) < 60
    signed = hmac.new(browser.org.client_secret.encode(), (body["id"] + body["issued_at"]).encode(), hashlib.sha256)
    assert body["signature"] == base64.b64encode(signed.digest()).decode()


def test_deny_says_so(browser: Browser) -> None:
    told = browser.answer(browser.log_in(browser.begin()), "deny")
    assert told == {
        "error": "access_denied",
        "error_description": "end-user denied authorization",
        "state": browser.state,
    }


def test_a_wrong_password_stays_on_the_login_page(browser: Browser) -> None:
    page = browser.log_in(browser.begin(), password="wrong")
    assert "Please check your username and password" in page.text
    assert "Allow" not in page.text
    assert "Allow Access?" in browser.log_in(page).text


def test_a_code_is_good_once(browser: Browser) -> None:
    code = browser.code()
    assert browser.exchange(code).status_code == 200
    assert refused(browser.exchange(code)) == (400, "invalid_grant", "expired authorization code")


def test_a_code_expires(open_api: OpenApi) -> None:
    browser = Browser(open_api(settings=Settings(code_seconds=-1)).org)
    assert refused(browser.exchange(browser.code())) == (400, "invalid_grant", "expired authorization code")


def test_a_code_needs_its_verifier_and_its_callback(browser: Browser) -> None:
    wrong = browser.exchange(browser.code(), code_verifier="another")
    assert refused(wrong) == (400, "invalid_grant", "invalid code verifier")
    elsewhere = browser.exchange(browser.code(), redirect_uri="http://localhost:9/other")
    assert refused(elsewhere)[1] == "redirect_uri_mismatch"


def test_unknown_clients_and_wrong_secrets(browser: Browser) -> None:
    """ "invalid_client_id ("client identifier invalid"), invalid_client"."""
    assert "client identifier invalid" in browser.begin(client_id="nobody").text
    unknown = browser.token(grant_type="client_credentials", client_id="nobody")
    assert refused(unknown) == (400, "invalid_client_id", "client identifier invalid")
    assert refused(browser.token(grant_type="client_credentials", client_secret="wrong"))[1] == "invalid_client"


NO_SECRET = (400, "invalid_client", "invalid client credentials")


def test_a_new_app_requires_its_secret_of_both_flows(browser: Browser) -> None:
    """ "Require Secret for Web Server Flow" and "Require Secret for Refresh Token Flow" are ticked."""
    assert refused(browser.exchange(browser.code(), client_secret="")) == NO_SECRET
    token = browser.exchange(browser.code()).json()["refresh_token"]
    assert refused(browser.token(grant_type="refresh_token", refresh_token=token, client_secret="")) == NO_SECRET


def test_each_flow_can_go_without_the_secret(open_api: OpenApi) -> None:
    lax_web = App("id-1", "secret-1", secret_for_web_server_flow=False)
    lax_refresh = App("id-1", "secret-1", secret_for_refresh=False)
    browser = Browser(open_api(apps=[lax_web], user_id=BASE.administrator).org)
    code = browser.code()
    assert refused(browser.exchange(code, client_secret="wrong")) == NO_SECRET, "a wrong one is no better than none"
    token = browser.exchange(code, client_secret="").json()["refresh_token"]
    assert refused(browser.token(grant_type="refresh_token", refresh_token=token, client_secret="")) == NO_SECRET
    browser = Browser(open_api(apps=[lax_refresh], user_id=BASE.administrator).org)
    assert refused(browser.exchange(browser.code(), client_secret="")) == NO_SECRET
    token = browser.exchange(browser.code()).json()["refresh_token"]
    assert browser.token(grant_type="refresh_token", refresh_token=token, client_secret="").status_code == 200


def test_only_registered_callbacks(open_api: OpenApi) -> None:
    app = App("id-1", "secret-1", callback_urls=(CALLBACK,))
    browser = Browser(open_api(apps=[app], user_id=BASE.administrator).org)
    assert "redirect_uri must match configuration" in browser.begin(redirect_uri="https://evil.example/").text
    assert "Log In" in browser.begin().text


def test_refresh_and_revoke(browser: Browser) -> None:
    """ "expired access/refresh token"."""
    first = browser.exchange(browser.code()).json()
    again = browser.token(grant_type="refresh_token", refresh_token=first["refresh_token"]).json()
    assert again["access_token"] != first["access_token"]
    assert "refresh_token" not in again
    assert browser.http.post("/services/oauth2/revoke", data={"token": first["refresh_token"]}).status_code == 200
    gone = browser.token(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert refused(gone) == (400, "invalid_grant", "expired access/refresh token")
    bearer = {"Authorization": f"Bearer {again['access_token']}"}
    assert browser.http.get("/services/data/v60.0/limits", headers=bearer).status_code == 401
    assert browser.http.post("/services/oauth2/revoke", data={"token": "nonsense"}).status_code == 400


def test_refresh_tokens_rotate_where_asked(open_api: OpenApi) -> None:
    """ "refresh-token rotation may be on, so a refresh can return a new refresh token"."""
    browser = Browser(open_api(settings=Settings(rotate_refresh_tokens=True)).org)
    old = browser.exchange(browser.code()).json()["refresh_token"]
    new = browser.token(grant_type="refresh_token", refresh_token=old).json()["refresh_token"]
    assert new != old
    assert refused(browser.token(grant_type="refresh_token", refresh_token=old))[1] == "invalid_grant"
    assert browser.token(grant_type="refresh_token", refresh_token=new).status_code == 200


def test_no_refresh_token_without_its_scope(browser: Browser) -> None:
    body = browser.exchange(browser.code(scope="id api")).json()
    assert body["scope"] == "id api"
    assert "refresh_token" not in body


def test_a_token_without_the_api_scope(browser: Browser) -> None:
    body = browser.exchange(browser.code(scope="id profile")).json()
    bearer = {"Authorization": f"Bearer {body['access_token']}"}
    assert browser.http.get("/services/oauth2/userinfo", headers=bearer).status_code == 200
    assert browser.http.get("/services/data/v60.0/limits", headers=bearer).status_code == 401


def test_an_unknown_grant(browser: Browser) -> None:
    assert refused(browser.token(grant_type="assertion"))[1] == "unsupported_grant_type"


def test_the_device_flow(browser: Browser) -> None:
    """ "invalid_grant device flow is not enabled for the app"."""
    off = (400, "invalid_grant", "device flow is not enabled for the app")
    assert refused(browser.token(response_type="device_code", scope="api")) == off
    assert refused(browser.token(grant_type="urn:ietf:params:oauth:grant-type:device_code", code="x")) == off
    assert refused(browser.token(response_type="device_code", client_id="nobody"))[1] == "invalid_client_id"


@pytest.mark.parametrize(("scope", "status"), [("api", 200), ("full", 200), ("web", 401), ("chatter_api", 401)])
def test_which_scopes_open_the_api(api: Api, scope: str, status: int) -> None:
    token = api.org.access_token(scope=scope)
    assert api.get("limits", headers={"Authorization": f"Bearer {token}"}).status_code == status


def test_where_to_find_what(browser: Browser) -> None:
    found = browser.http.get("/.well-known/openid-configuration").json()
    assert (found["issuer"], found["code_challenge_methods_supported"]) == (browser.org.url, ["S256"])
    for name in ("authorization", "token", "revocation", "userinfo", "introspection"):
        where = found[f"{name}_endpoint"]
        assert where.startswith(f"{browser.org.url}/services/oauth2/")
        assert browser.http.post(where).status_code != 404 or name == "authorization"
    assert browser.http.get("/services/oauth2/singleaccess").status_code == 404


def introspected(browser: Browser, token: str, **form: str) -> dict[str, object]:
    keys = {"client_id": browser.org.client_id, "client_secret": browser.org.client_secret}
    answer = browser.http.post("/services/oauth2/introspect", data={"token": token, **keys, **form})
    assert answer.status_code == 200, answer.text
    body: dict[str, object] = answer.json()
    return body


def test_what_a_token_is_worth(open_api: OpenApi) -> None:
    """ "active, scope, client_id, username, sub, token_type, exp, iat, nbf"."""
    moment = datetime(2026, 11, 20, 12, tzinfo=UTC)
    apps = [App("id-1", "secret-1"), App("id-2", "secret-2")]
    api = open_api(store=OrgStore(clock=lambda: moment), apps=apps, user_id=BASE.administrator)
    browser = Browser(api.org)
    body = browser.exchange(browser.code()).json()
    now = int(moment.timestamp())
    assert introspected(browser, body["access_token"]) == {
        "active": True,
        "scope": "id profile email api refresh_token",
        "client_id": "id-1",
        "username": ADMIN,
        "sub": body["id"],
        "token_type": "access_token",
        "exp": now + 7200,
        "iat": now,
        "nbf": now,
    }
    refresh = introspected(browser, body["refresh_token"])
    assert (refresh["active"], refresh["token_type"], "exp" in refresh) == (True, "refresh_token", False)
    theirs = introspected(browser, body["access_token"], client_id="id-2", client_secret="secret-2")
    assert theirs == {"active": False}, "another app learns nothing"
    assert introspected(browser, "nonsense") == {"active": False}
    wrong = browser.http.post("/services/oauth2/introspect", data={"client_id": "id-1", "client_secret": "x"})
    assert refused(wrong)[1] == "invalid_client"
    moment += timedelta(hours=1, minutes=59)
    assert introspected(browser, body["access_token"])["active"], "asking doesn't prolong it"
    moment += timedelta(minutes=2)
    assert introspected(browser, body["access_token"]) == {"active": False}


def test_a_session_in_use_lives_on(open_api: OpenApi) -> None:
    """Used in the second half of its time, a session gets its whole time anew; the file knows it too."""
    moment = datetime(2026, 11, 20, 12, tzinfo=UTC)
    api = open_api(store=OrgStore(clock=lambda: moment), settings=Settings(session_seconds=7200))

    def after(minutes: int) -> int:
        nonlocal moment
        moment += timedelta(minutes=minutes)
        return api.get("limits").status_code

    assert after(59) == 200  # the first half: until 14:00 as before
    assert after(59) == 200  # the second: until 15:58
    assert after(119) == 200
    assert after(119) == 200
    assert after(121) == 401


def test_the_security_token_follows_the_password(open_api: OpenApi) -> None:
    browser = Browser(open_api(settings=Settings(password_flow=True, security_token="tok3n")).org)
    typed = {"grant_type": "password", "username": ADMIN}
    assert browser.token(**typed, password=f"{browser.org.password}tok3n").status_code == 200
    assert refused(browser.token(**typed, password=browser.org.password))[1] == "invalid_grant"


def test_client_credentials_and_password(browser: Browser, open_api: OpenApi) -> None:
    body = browser.token(grant_type="client_credentials").json()
    assert body["id"].endswith(BASE.integration)
    assert "refresh_token" not in body
    typed = {"grant_type": "password", "username": ADMIN, "password": browser.org.password}
    assert refused(browser.token(**typed)) == (400, "invalid_grant", "authentication failure")
    allowing = Browser(open_api(settings=Settings(password_flow=True)).org)
    assert allowing.token(**typed).status_code == 200
    assert refused(allowing.token(**{**typed, "password": "x"})) == (400, "invalid_grant", "authentication failure")


def test_an_inactive_user(browser: Browser) -> None:
    refresh = browser.exchange(browser.code()).json()["refresh_token"]
    with browser.org.store.session() as session:
        session.update("User", BASE.administrator, {"IsActive": False})
    assert refused(browser.token(grant_type="refresh_token", refresh_token=refresh))[1] == "inactive_user"


class Signer:
    """A server that signs assertions with its own key."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.pem = (
            self.key.public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            .decode()
        )

    def assertion(self, **claims: object) -> str:
        parts = [{"alg": "RS256"}, claims]
        text = ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in parts)
        signature = self.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def test_jwt_bearer(open_api: OpenApi) -> None:
    signer, stranger = Signer(), Signer()
    app = App("id-1", "secret-1", certificate=signer.pem)
    browser = Browser(open_api(apps=[app], user_id=BASE.administrator).org)
    claims = {"iss": "id-1", "sub": ADMIN, "aud": "https://login.salesforce.com", "exp": int(time.time()) + 120}

    def ask(assertion: str) -> httpx2.Response:
        grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
        return browser.http.post("/services/oauth2/token", data={"grant_type": grant, "assertion": assertion})

    body = ask(signer.assertion(**claims)).json()
    assert body["id"].endswith(BASE.administrator)
    assert "refresh_token" not in body
    assert refused(ask(stranger.assertion(**claims)))[1:] == ("invalid_grant", "invalid assertion")
    assert refused(ask("a.b"))[1] == "invalid_grant"
    assert refused(ask(signer.assertion(**{**claims, "aud": "https://evil.example"})))[2] == "audience is invalid"
    assert refused(ask(signer.assertion(**{**claims, "exp": 1})))[1] == "invalid_grant"
    assert refused(ask(signer.assertion(**{**claims, "sub": "nobody@x.example"})))[1:] == (
        "invalid_app_access",
        "user is not admin approved to access this app",
    )


def test_an_expired_session(open_api: OpenApi) -> None:
    """ "401 on any call: INVALID_SESSION_ID "Session expired or invalid", header WWW-Authenticate: Token"."""
    answer = open_api(settings=Settings(session_seconds=-1)).get("limits")
    assert answer.status_code == 401
    assert answer.json() == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
    assert answer.headers["WWW-Authenticate"] == "Token"


def test_tokens_outlive_a_restart(open_api: OpenApi, tmp_path: object) -> None:
    file = f"{tmp_path}/org.sqlite3"
    first = open_api(store=OrgStore(file))
    bearer = first.http.headers["Authorization"]
    second = open_api(store=OrgStore(file))
    second.http.headers["Authorization"] = bearer
    assert second.get("limits").status_code == 200
