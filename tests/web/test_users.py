"""Settings → Users: inviting, roles, and never locking everybody out."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse
from tests.web.conftest import PASSWORD

from abmatic.identity import people
from abmatic.identity.models import Role, User

pytestmark = pytest.mark.django_db


def link_in(page: str) -> str:
    found = re.search(r'value="http://127\.0\.0\.1:8000(/in/[^"]*)"', page)
    assert found
    return found[1]


def test_an_invited_person_gets_in_and_chooses_a_password(admin: Client) -> None:
    answer = admin.post(
        "/settings/users/", {"name": "Nina New", "email": "Nina@Example.com", "role": "operator"}, follow=True
    )
    link = link_in(answer.text)
    assert link not in admin.get("/settings/users/").text, "it is shown once"
    nina = User.objects.get(email="nina@example.com")
    assert nina.role == Role.OPERATOR
    browser = Client()
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    page = browser.get(link, **elsewhere)
    assert "This link signs you in once" in page.text
    assert "_auth_user_id" not in browser.session, "a preview of the link must not use it up"
    assert browser.post(link, **elsewhere).headers["Location"] == reverse("account_set_password")
    browser.post(reverse("account_set_password"), {"password1": PASSWORD, "password2": PASSWORD})
    nina.refresh_from_db()
    assert nina.check_password(PASSWORD)
    assert browser.get("/").status_code == 200
    assert browser.post(link, **elsewhere).headers["Location"] == "/", "used up, but nina is in already"
    assert Client().post(link, **elsewhere).status_code == 410


def test_one_user_an_address(admin: Client, vera: User) -> None:
    answer = admin.post("/settings/users/", {"name": "Vera", "email": "VERA@example.com", "role": "viewer"})
    assert "exists already" in answer.text
    assert User.objects.filter(email=vera.email).count() == 1


def test_another_role(admin: Client, vera: User) -> None:
    answer = admin.post(reverse("change-user", args=[vera.pk]), {"role": "operator"}, follow=True)
    assert "Vera Vogt is now Operator" in answer.text
    vera.refresh_from_db()
    assert vera.role == Role.OPERATOR
    admin.post(reverse("change-user", args=[vera.pk]), {"role": "emperor"})
    vera.refresh_from_db()
    assert vera.role == Role.OPERATOR


def test_switched_off_means_out_at_once(admin: Client, vera: User) -> None:
    browser = Client()
    browser.force_login(vera)
    admin.post(reverse("change-user", args=[vera.pk]), {"active": "0"})
    assert browser.get("/").headers["Location"].startswith("/user/sign-in/")
    assert admin.post(reverse("user-link", args=[vera.pk])).status_code == 404
    admin.post(reverse("change-user", args=[vera.pk]), {"active": "1"})
    assert browser.get("/").status_code == 200


@pytest.mark.parametrize("change", [{"role": "viewer"}, {"active": "0"}])
def test_the_last_administrator_stays(admin: Client, alice: User, change: dict[str, str]) -> None:
    answer = admin.post(reverse("change-user", args=[alice.pk]), change, follow=True)
    assert "last active administrator" in answer.text
    alice.refresh_from_db()
    assert alice.is_administrator
    assert alice.is_active


def test_with_a_second_one_the_first_may_go(alice: User, vera: User) -> None:
    people.change(vera, role=Role.ADMINISTRATOR)
    assert people.change(alice, role=Role.VIEWER).role == Role.VIEWER
    with pytest.raises(people.LastAdministrator):
        people.change(vera, is_active=False)
