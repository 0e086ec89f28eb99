"""Home: the checklist, the connections, the last runs."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse
from tests.web import org
from tests.web.conftest import SignedIn

from abmatic.identity.models import User
from abmatic.sync.models import Connection

pytestmark = pytest.mark.django_db


def steps(page: str) -> dict[str, str]:
    """The checklist: each step and whether it is done, now or later."""
    return {
        title: state for state, title in re.findall(r'todo-step is-(\w+)">.*?<strong>([^<]*)</strong>', page, re.DOTALL)
    }


def test_the_checklist_walks_along(admin: Client) -> None:
    assert steps(admin.get("/").text) == {
        "Create the administrator": "done",
        "Connect Salesforce": "now",
        "Review settings": "later",
        "First import": "later",
        "Look at accounts": "later",
    }
    connection = org.connect()
    assert steps(admin.get("/").text)["Review settings"] == "now"
    admin.get(reverse("connection", args=[connection.pk]))
    assert steps(admin.get("/").text)["First import"] == "now"
    run = org.run(connection)
    org.account("Acme", cause=run.cause)
    assert steps(admin.get("/").text)["Look at accounts"] == "now"
    admin.get("/accounts/")
    assert steps(admin.get("/").text) == {}, "what is done needs no list"


def test_a_viewer_is_not_told_to_do_what_only_others_may(vera: User, signed_in: SignedIn) -> None:
    page = signed_in(vera).get("/").text
    assert steps(page) == {}
    assert "No CRM is connected" in page


def test_connections_and_what_is_wrong_with_them(admin: Client) -> None:
    org.connect(
        org_name="Broken & Co", status="needs_attention", problem="invalid_grant", api_used=90_000, api_allowed=100_000
    )
    page = admin.get("/").text
    for words in ("Broken &amp; Co", "Needs attention", "Invalid Grant", "Reconnect", "90,000 of 100,000", "90 %"):
        assert words in page


def test_last_runs_lead_to_their_pages(admin: Client, connection: Connection) -> None:
    runs = [org.run(connection) for _ in range(10)]
    page = admin.get("/").text
    assert f"/runs/{runs[-1].pk}/" in page
    assert f'href="/runs/{runs[0].pk}/"' not in page


def test_numbers_lead_to_their_records(admin: Client) -> None:
    first, *_ = org.accounts(3)
    org.contact("Smith")
    for name in ("Renewal", "New business"):
        org.opportunity(first, name)
    page = admin.get("/").text
    for place, number in (("accounts", 3), ("contacts", 1), ("opportunities", 2)):
        assert f'<a href="/{place}/">{number}</a>' in page


def test_on_a_telephone_a_run_shows_its_figures_under_its_name(admin: Client, connection: Connection) -> None:
    org.run(connection, counts={"read": 12_000, "created": 8, "unchanged": 11_992})
    org.running(connection, counts={})
    page = admin.get("/").text
    assert re.findall(r'class="under">([^<]* read[^<]*)<', page) == ["12,000 read, 8 created"]
