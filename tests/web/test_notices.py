"""Notifications on the pages: the count in the top bar, the list, the test mail; and Home's issues."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.core import mail as outbox
from django.test import Client
from django.urls import reverse
from tests.web import org
from tests.web.conftest import SignedIn

from abmatic.config.services import mail_server
from abmatic.identity import notices
from abmatic.identity.models import Notice, User
from abmatic.sync.models import Issue

pytestmark = pytest.mark.django_db


def tell(number: int) -> None:
    notices.tell(Notice.Kind.SYNC, f"key {number}", f"Sync <{number}> fails", "It broke.", "/runs/1/")


def test_what_is_new_is_counted_until_it_is_looked_at(vera: User, oscar: User, signed_in: SignedIn) -> None:
    tell(1)
    tell(2)
    browser = signed_in(vera)
    assert "Notifications, 2 new" in browser.get(reverse("bell")).text
    page = browser.get(reverse("notifications")).text
    assert "Sync &lt;2&gt; fails" in page
    assert page.count(">New<") == 2
    assert "new" not in browser.get(reverse("bell")).text
    assert ">New<" not in browser.get(reverse("notifications")).text
    assert "2 new" in signed_in(oscar).get(reverse("bell")).text


def test_older_ones_are_on_the_next_page(admin: Client) -> None:
    for number in range(55):
        tell(number)
    first = admin.get(reverse("notifications")).text
    assert first.count("It broke.") == 50
    older = Notice.objects.order_by("-id")[49].pk
    assert admin.get(f"/notifications/?before={older}").text.count("It broke.") == 5


def test_the_test_mail(admin: Client, settings: Any) -> None:
    assert "No mail server is set" in admin.post(reverse("test-mail"), follow=True).text
    server = mail_server("smtp://mail.example.com", "abmatic@example.com")
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, mail=server)
    assert "A mail is on its way" in admin.post(reverse("test-mail"), follow=True).text
    assert [each.to for each in outbox.outbox] == [["alice@example.com"]]


def test_home_says_what_needs_a_person(admin: Client) -> None:
    connection = org.connect()
    assert "Needs a person" not in admin.get("/").text
    for number in range(2):
        Issue.objects.create(connection=connection, sobject="Account", code="X", message="No.", local_id=number)
    page = admin.get("/").text
    assert "2 open issues" in page
    assert reverse("issues", args=[connection.pk]) in page
