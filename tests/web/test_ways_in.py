"""Getting in: the first administrator, passwords, one-time links, and staying out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

import pytest
from django.test import Client
from django.urls import reverse
from tests.web.conftest import PASSWORD

from abmatic.identity import links, setup
from abmatic.identity.models import Role, User

FORM = {"name": "Alice Adler", "email": "Alice@Example.com", "password": PASSWORD}

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("address", ["/", "/accounts/", "/user/sign-in/", "/settings/integrations/"])
def test_without_any_user_every_page_leads_to_setup(client: Client, address: str) -> None:
    assert client.get(address).headers["Location"] == "/setup/"


def test_setup_makes_an_administrator_and_signs_them_in(client: Client) -> None:
    answer = client.post("/setup/", FORM, follow=True)
    user = User.objects.get()
    assert (user.email, user.name, user.role) == ("alice@example.com", "Alice Adler", Role.ADMINISTRATOR)
    assert answer.redirect_chain == [("/", 302)]
    assert "Getting started" in answer.text


def test_a_second_setup_is_refused(client: Client, alice: User) -> None:
    assert client.get("/setup/").headers["Location"] == "/"
    client.post("/setup/", {**FORM, "email": "mallory@example.com"})
    assert User.objects.get() == alice


@pytest.mark.parametrize("password", ["short", "1234567890", "alice@example.com", ""])
def test_setup_refuses_weak_passwords_and_says_why(client: Client, password: str) -> None:
    answer = client.post("/setup/", {**FORM, "password": password})
    assert answer.context["form"].errors["password"]
    assert not User.objects.exists()


class TestSetupFromElsewhere:
    """From another machine setup asks for the code that the program printed."""

    elsewhere: ClassVar = {"REMOTE_ADDR": "192.0.2.7"}

    def test_asks_for_the_code(self, client: Client) -> None:
        answer = client.get("/setup/", **self.elsewhere)
        assert "Enter the setup code" in answer.text
        assert 'name="password"' not in answer.text

    def test_the_form_alone_makes_nobody_administrator(self, client: Client) -> None:
        client.post("/setup/", FORM, **self.elsewhere)
        assert not User.objects.exists()

    def test_a_wrong_code_is_refused(self, client: Client) -> None:
        answer = client.get("/setup/?code=wrong", **self.elsewhere)
        assert answer.status_code == 403
        assert "not the setup code" in answer.text

    def test_the_printed_link_opens_the_form(self, client: Client) -> None:
        answer = client.get(f"/setup/?code={setup.setup_code()}", **self.elsewhere)
        assert "Create the administrator" in answer.text
        client.post("/setup/", {**FORM, "code": setup.setup_code()}, **self.elsewhere)
        assert User.objects.get().role == Role.ADMINISTRATOR

    def test_a_typed_code_leads_to_the_form_without_complaints(self, client: Client) -> None:
        answer = client.post("/setup/", {"code": setup.setup_code().upper()}, **self.elsewhere)
        assert "Create the administrator" in answer.text
        assert "field-errors" not in answer.text

    def test_a_proxy_that_does_not_say_so_makes_nobody_local(self, client: Client, settings: Any) -> None:
        """nginx with a bare proxy_pass: its own address, its own Host, and no header."""
        settings.BASE_URL = "https://abmatic.example.com"
        answer = client.get("/setup/", headers={"Host": "127.0.0.1:8000"})
        assert "Enter the setup code" in answer.text
        client.post("/setup/", FORM, headers={"Host": "127.0.0.1:8000"})
        assert not User.objects.exists()

    def test_a_proxy_on_this_machine_does_not_make_everybody_local(self, client: Client) -> None:
        answer = client.get("/setup/", headers={"X-Forwarded-For": "192.0.2.7"})
        assert "Enter the setup code" in answer.text


def test_sign_in_leads_back_to_the_page_that_was_asked(client: Client, alice: User) -> None:
    wanted = "/accounts/?sort=-revenue"
    form = client.get(wanted, follow=True)
    assert form.redirect_chain[0][0].startswith("/user/sign-in/?next=")
    answer = client.post("/user/sign-in/", {"login": "ALICE@example.com", "password": PASSWORD, "next": wanted})
    assert answer.headers["Location"] == wanted


def test_sign_in_never_leads_to_another_site(client: Client, alice: User) -> None:
    answer = client.post(
        "/user/sign-in/", {"login": alice.email, "password": PASSWORD, "next": "https://evil.example/"}
    )
    assert answer.headers["Location"] == "/"


def test_a_wrong_password_is_refused_without_saying_whether_the_user_exists(client: Client, alice: User) -> None:
    def said(email: str) -> list[str]:
        answer = client.post("/user/sign-in/", {"login": email, "password": "wrong wrong wrong"})
        assert answer.status_code == 200
        return [str(error) for error in answer.context["form"].non_field_errors()]

    assert said(alice.email) == said("nobody@example.com") != []


def test_guessing_is_stopped(client: Client, alice: User) -> None:
    for _ in range(5):
        client.post("/user/sign-in/", {"login": alice.email, "password": "wrong wrong wrong"})
    client.post("/user/sign-in/", {"login": alice.email, "password": PASSWORD})
    assert "_auth_user_id" not in client.session


def test_an_inactive_user_stays_out(client: Client, vera: User) -> None:
    vera.is_active = False
    vera.save()
    client.post("/user/sign-in/", {"login": vera.email, "password": PASSWORD})
    assert "_auth_user_id" not in client.session


def test_sign_out(admin: Client) -> None:
    admin.post(reverse("account_logout"))
    assert admin.get("/").headers["Location"].startswith("/user/sign-in/")


def test_a_link_elsewhere_cannot_sign_anybody_out(admin: Client) -> None:
    admin.get(reverse("account_logout"))
    assert admin.get("/").status_code == 200


def test_nobody_can_sign_up(client: Client, alice: User) -> None:
    assert client.get("/user/signup/").status_code == 404
    assert "sign up" not in client.get("/user/sign-in/").text.lower()


def test_change_password(client: Client, alice: User) -> None:
    client.force_login(alice)
    new = "another harbour, later at night"
    answer = client.post(
        reverse("account_change_password"), {"oldpassword": PASSWORD, "password1": new, "password2": new}, follow=True
    )
    assert answer.status_code == 200
    alice.refresh_from_db()
    assert alice.check_password(new)
    assert "_auth_user_id" in client.session, "who changes their password stays signed in"


class TestOneTimeLink:
    def test_signs_in_once(self, client: Client, alice: User) -> None:
        token = links.issue(alice)
        assert client.get(f"/in/{token}/").headers["Location"] == "/"
        assert client.get("/").status_code == 200
        stranger = Client()
        answer = stranger.get(f"/in/{token}/")
        assert answer.status_code == 410
        assert "no longer works" in answer.text
        assert "_auth_user_id" not in stranger.session

    def test_opened_again_in_the_same_browser_leads_home(self, client: Client, alice: User) -> None:
        token = links.issue(alice)
        client.get(f"/in/{token}/")
        assert client.get(f"/in/{token}/").headers["Location"] == "/"

    def test_expires(self, client: Client, alice: User) -> None:
        token = links.issue(alice, lifetime=timedelta(seconds=-1))
        assert client.get(f"/in/{token}/").status_code == 410

    def test_looking_ahead_does_not_use_it_up(self, client: Client, alice: User) -> None:
        token = links.issue(alice)
        client.head(f"/in/{token}/")
        client.get(f"/in/{token}/", headers={"Sec-Purpose": "prefetch;prerender"})
        assert client.get(f"/in/{token}/").headers["Location"] == "/"


def test_health_answers_strangers(client: Client) -> None:
    assert client.get("/health/").content == b"ok\n"


def test_a_part_of_a_page_asked_after_signing_out_sends_the_whole_page_to_sign_in(client: Client, alice: User) -> None:
    answer = client.get("/syncs/", headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/accounts/?q=a"})
    assert answer.headers["HX-Redirect"] == "/user/sign-in/?next=/accounts/%3Fq%3Da"
