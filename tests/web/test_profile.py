"""A person's own page: what they say, how numbers and times come then, and where they are signed in."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.core import mail as outbox
from django.test import Client
from django.urls import reverse
from tests.web import org
from tests.web.conftest import PASSWORD, SignedIn

from abmatic.config.services import mail_server
from abmatic.identity import mail
from abmatic.identity.models import AuditEntry, User

pytestmark = pytest.mark.django_db


def sign_in(user: User, agent: str) -> Client:
    browser = Client(headers={"User-Agent": agent})
    browser.post(reverse("account_login"), {"login": user.email, "password": PASSWORD})
    return browser


def test_what_somebody_says_is_kept(vera: User, signed_in: SignedIn) -> None:
    browser = signed_in(vera)
    said = {"name": "Vera V.", "time_zone": "Europe/Berlin", "locale": "de-DE", "theme": "dark", "mails_notices": "yes"}
    assert browser.post(reverse("profile"), said).status_code == 302
    vera.refresh_from_db()
    assert {name: getattr(vera, name) for name in said} == {**said, "mails_notices": True}
    page = browser.get(reverse("profile")).text
    assert 'data-theme="dark" data-zone="Europe/Berlin" data-locale="de-DE"' in page
    assert "Select a valid choice" in browser.post(reverse("profile"), {**said, "time_zone": "Mars/Olympus"}).text
    assert vera.email in page, "the address is the administrators' matter"


def test_numbers_come_as_the_person_has_them(vera: User, signed_in: SignedIn) -> None:
    run = org.run(org.connect(), counts={"read": 1_234_567})
    browser = signed_in(vera)
    address = reverse("run", args=[run.pk])
    assert "1,234,567" in browser.get(address).text
    User.objects.filter(pk=vera.pk).update(locale="de-DE", time_zone="No/Where")
    assert "1.234.567" in browser.get(address).text
    User.objects.filter(pk=vera.pk).update(locale="")
    assert "1,234,567" in browser.get(address).text, "nobody else's locale stays behind"


def test_sessions_are_listed_and_ended(vera: User, oscar: User) -> None:
    here, there, other = sign_in(vera, "Here/1"), sign_in(vera, "There/2"), sign_in(oscar, "Other/3")
    page = here.get(reverse("profile")).text
    assert ("Here/1" in page, "There/2" in page, "Other/3" in page) == (True, True, False)
    foreign = UserSession.objects.get(user=oscar)
    here.post(reverse("end-session", args=[foreign.pk]))
    assert other.get("/").status_code == 200, "somebody else's is none of hers"
    here.post(reverse("end-session", args=[UserSession.objects.get(user_agent="There/2").pk]))
    assert there.get("/").headers["Location"].startswith("/user/sign-in/")
    third = sign_in(vera, "Third/4")
    here.post(reverse("end-other-sessions"))
    assert third.get("/").status_code == 302
    assert here.get("/").status_code == 200


def test_a_changed_password_is_written_down_and_ends_the_other_sessions(vera: User) -> None:
    here, there = sign_in(vera, "Here/1"), sign_in(vera, "There/2")
    new = "another harbour at dusk"
    here.post(reverse("account_change_password"), {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert here.get("/").status_code == 200
    assert there.get("/").status_code == 302
    assert AuditEntry.objects.latest("id").act == "password changed"


class TestInvitationsByMail:
    @pytest.fixture(autouse=True)
    def server(self, settings: Any) -> None:
        from dataclasses import replace

        server = mail_server("smtp://mail.example.com", "abmatic@example.com")
        settings.ENVIRONMENT = replace(settings.ENVIRONMENT, mail=server)

    def test_the_link_is_mailed(self, admin: Client) -> None:
        nina = {"name": "Nina", "email": "nina@example.com", "role": "viewer"}
        page = admin.post(reverse("users"), nina, follow=True).text
        [sent] = outbox.outbox
        assert sent.to == ["nina@example.com"]
        assert "/in/" in str(sent.body)
        assert "Alice Adler sends you a link" in str(sent.body)
        assert "It was sent to nina@example.com" in page

    def test_a_server_that_doesn_t_answer_costs_nothing(self, admin: Client, settings: Any) -> None:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
        nina = {"name": "Nina", "email": "nina@example.com", "role": "viewer"}
        page = admin.post(reverse("users"), nina, follow=True).text
        assert "It couldn’t be mailed" in page
        assert 'aria-label="Sign-in link"' in page
        with pytest.raises(mail.MailFailed, match="can't be used"):
            mail.send("nina@example.com", "a\nb", "text")
