"""Signing in by the company's identity provider, over real HTTP: who gets in, who doesn't, and as what."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from tests.web.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider

from abmatic.config import services
from abmatic.identity import people, second_factor
from abmatic.identity.models import AuditEntry, User

pytestmark = pytest.mark.django_db

HOME = {"HTTP_HOST": "127.0.0.1:8000"}


@pytest.fixture
def provider(settings: Any) -> Iterator[IdentityProvider]:
    made = IdentityProvider()
    use(settings, made)
    yield made
    made.close()


def use(settings: Any, provider: IdentityProvider, **more: Any) -> None:
    ours = services.IdentityProvider(provider.url, CLIENT_ID, CLIENT_SECRET, name="Example Login", **more)
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, identity_provider=ours)
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [ours.as_app()]}}


def come(browser: Client, start: str = "/user/single-sign-on/") -> Any:
    """Follows the way to the provider and back; answers what the callback says."""
    away = urlsplit(browser.get(start, **HOME).headers["Location"])
    there = http.client.HTTPConnection(away.netloc, timeout=10)
    there.request("GET", f"{away.path}?{away.query}")
    back = urlsplit(there.getresponse().headers["Location"])
    assert back.path == "/user/single-sign-on/callback/"
    return browser.get(f"{back.path}?{back.query}", **HOME)


def said(email: str, **more: Any) -> dict[str, Any]:
    return {"sub": f"id of {email}", "email": email, "email_verified": True, "name": "Vera V.", **more}


def test_somebody_invited_gets_in_and_stays_who_they_are(provider: IdentityProvider, vera: User) -> None:
    provider.person = said("Vera@Example.com")
    browser = Client()
    assert "Sign in with Example Login" in browser.get("/user/sign-in/", **HOME).text
    assert come(browser, "/user/single-sign-on/?next=/accounts/").headers["Location"] == "/accounts/"
    assert browser.get("/accounts/", **HOME).status_code == 200
    assert [each.act for each in AuditEntry.objects.all()] == ["linked with Example Login"]
    provider.person = said("new-name@example.com", sub="id of Vera@Example.com")
    again = Client()
    come(again)
    assert int(again.session["_auth_user_id"]) == vera.pk, "known by the provider's id from now on"
    assert User.objects.count() == 1


def test_who_was_not_invited_stays_out(provider: IdentityProvider, alice: User) -> None:
    provider.person = said("mallory@example.com")
    browser = Client()
    answer = come(browser)
    assert answer.status_code == 403
    assert "mallory@example.com was not invited" in answer.text
    assert "_auth_user_id" not in browser.session
    assert not User.objects.filter(email="mallory@example.com").exists()


def test_people_of_a_domain_that_is_let_in(settings: Any, provider: IdentityProvider, alice: User) -> None:
    use(settings, provider, domains=("example.com",), role="operator")
    provider.person = said("nina@example.com")
    come(Client())
    nina = User.objects.get(email="nina@example.com")
    assert (nina.role, nina.name, nina.has_usable_password()) == ("operator", "Vera V.", False)
    assert AuditEntry.objects.filter(act="user added", by="Example Login (nina@example.com)").exists()
    provider.person = said("nina@example.com.evil.test", sub="another")
    assert come(Client()).status_code == 403
    provider.person = said("nina@sub.example.com", sub="a third")
    assert come(Client()).status_code == 403


@pytest.mark.parametrize("verified", [False, "false", None])
def test_an_address_that_nobody_verified_is_nobody_s(
    settings: Any, provider: IdentityProvider, alice: User, verified: object
) -> None:
    use(settings, provider, trusts_email=True)
    provider.person = said("alice@example.com", email_verified=verified)
    assert come(Client()).status_code == 403


def test_a_provider_that_says_nothing_is_trusted_only_where_told(
    settings: Any, provider: IdentityProvider, vera: User
) -> None:
    provider.person = {"sub": "1", "email": "vera@example.com"}
    answer = come(Client())
    assert (answer.status_code, "ABMATIC_OIDC_TRUST_EMAIL" in answer.text) == (403, True)
    use(settings, provider, trusts_email=True)
    assert come(Client()).headers["Location"] == "/"


def test_somebody_switched_off_stays_out(provider: IdentityProvider, vera: User, alice: User) -> None:
    people.change(vera, is_active=False)
    provider.person = said("vera@example.com")
    browser = Client()
    come(browser)
    assert "_auth_user_id" not in browser.session


def test_the_provider_s_no(provider: IdentityProvider, vera: User) -> None:
    provider.says_no = True
    browser = Client()
    answer = come(browser)
    assert "cancelled" in browser.get(answer.headers["Location"], **HOME).text


def test_a_token_for_somebody_else_s_program(provider: IdentityProvider, vera: User) -> None:
    provider.audience = "another program"
    provider.person = said("vera@example.com")
    browser = Client()
    assert "Single sign-on failed" in come(browser).text
    assert "_auth_user_id" not in browser.session


def test_an_answer_that_this_browser_did_not_ask_for(provider: IdentityProvider, vera: User) -> None:
    answer = Client().get("/user/single-sign-on/callback/?code=x&state=y", **HOME)
    assert "Single sign-on failed" in answer.text


def test_a_provider_that_is_down(provider: IdentityProvider, vera: User) -> None:
    provider.close()
    assert "can’t be reached" in Client().get("/user/single-sign-on/", **HOME).text


def test_other_sites_and_other_names_of_ours_start_nothing(provider: IdentityProvider, vera: User) -> None:
    elsewhere = Client().get("/user/single-sign-on/", headers={"Sec-Fetch-Site": "cross-site"}, **HOME)
    assert elsewhere.headers["Location"] == "/user/sign-in/"
    named = Client().get("/user/single-sign-on/?next=/", headers={"Host": "localhost:8000"})
    assert named.headers["Location"] == "http://127.0.0.1:8000/user/single-sign-on/?next=/"


def test_without_a_provider_there_is_no_button(vera: User) -> None:
    assert "single-sign-on" not in Client().get("/user/sign-in/").text
    assert Client().get("/user/single-sign-on/").headers["Location"] == "/user/sign-in/"


def test_second_factors_are_the_provider_s_matter(provider: IdentityProvider, vera: User) -> None:
    second_factor.require(True)
    provider.person = said("vera@example.com")
    browser = Client()
    come(browser)
    assert browser.get("/accounts/", **HOME).status_code == 200
