"""What goes wrong has a page in the product's look that says what to do."""

from __future__ import annotations

import pytest
from django.test import Client, RequestFactory
from django.urls import reverse
from tests.web.conftest import PASSWORD, SignedIn

from abmatic.identity.models import User
from abmatic.web import errors, home

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "address", ["/nowhere/", "/accounts/999999999/", "/runs/999999999/", "/accounts/99999999999999999999999/"]
)
def test_not_found(admin: Client, address: str) -> None:
    answer = admin.get(address)
    assert answer.status_code == 404
    assert "There is no such page" in answer.text


def test_not_found_for_strangers(client: Client, alice: User) -> None:
    assert client.get("/nowhere/").status_code == 404


def test_not_allowed_names_the_role(vera: User, signed_in: SignedIn) -> None:
    answer = signed_in(vera).get(reverse("authorize"))
    assert answer.status_code == 403
    assert "This needs the role Administrator; yours is Viewer" in answer.text


def test_an_expired_form_changes_nothing_and_says_so(alice: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    answer = browser.post(reverse("account_login"), {"login": alice.email, "password": PASSWORD})
    assert answer.status_code == 403
    assert "This form has expired" in answer.text


def test_our_fault_needs_no_database(
    admin: Client, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: object
) -> None:
    def broken(request: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(home, "whole_table", broken)
    monkeypatch.setattr(home.Account.objects, "exists", lambda: True)
    admin.raise_request_exception = False
    answer = admin.get("/")
    assert answer.status_code == 500
    assert "Something broke on our side" in answer.text
    assert "secret detail" not in answer.text


@pytest.mark.django_db(databases=[])
def test_the_page_of_our_fault_asks_nothing_of_the_database() -> None:
    assert errors.our_fault(RequestFactory().get("/")).status_code == 500


def test_an_unknown_host_is_told_which_setting_to_change(client: Client) -> None:
    answer = client.get("/", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert "ABMATIC_ALLOWED_HOSTS" in answer.text


def test_too_many_attempts(client: Client, alice: User) -> None:
    for _ in range(31):
        answer = client.post(reverse("account_login"), {"login": "nobody@example.com", "password": "wrong wrong"})
    assert answer.status_code == 429
    assert "Too many attempts" in answer.text
