"""Home: the checklist, the connections, the last runs."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from tests.web import org
from tests.web.conftest import SignedIn

from abmatic.identity.models import User
from abmatic.sync import automatic
from abmatic.sync.models import Connection, ObjectSetting

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


@pytest.mark.parametrize(
    ("frequency", "started", "again"),
    [
        (0, None, "No sync is scheduled: it is tried again with the next one"),
        (1, None, "It is tried again within a minute"),
        (1, timedelta(0), 'It is tried again <time datetime="{when}"'),
    ],
)
def test_what_passes_says_since_when_and_when_it_is_tried_again(
    admin: Client, frequency: int, started: timedelta | None, again: str
) -> None:
    since = datetime(2026, 3, 1, 14, 5, tzinfo=UTC)
    connection = org.connect(problem="unreachable", problem_since=since)
    setting = ObjectSetting.objects.get(connection=connection, sobject="Account")
    setting.frequency = frequency
    setting.last_started_at = None if started is None else timezone.now() - started
    setting.save()
    when = automatic.next_run_at(setting, timezone.now())
    page = admin.get("/").text
    assert f'since <time datetime="{since.isoformat()}"' in page
    assert "1 Mar 2026, 14:05 UTC" in page
    assert again.format(when=when.isoformat() if when else "") in page


def test_calls_that_are_used_up_are_looked_for_again(admin: Client) -> None:
    again = timezone.now() + timedelta(minutes=20)
    org.connect(problem="limit_reached", problem_since=timezone.now(), api_recheck_at=again)
    assert f'It is tried again <time datetime="{again.isoformat()}"' in admin.get("/").text


@pytest.mark.parametrize(("problem", "said"), [("invalid_grant", "Invalid Grant"), ("unreachable", "be reached")])
def test_what_needs_a_person_is_not_said_to_be_tried_again(admin: Client, problem: str, said: str) -> None:
    org.connect(status="needs_attention", problem=problem, problem_since=timezone.now())
    page = admin.get("/").text
    assert f"{said} since <time" in page
    assert "tried again" not in page


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
