"""The page of permission checks never shows as new what is long past, and is asked anew by itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from tests.web import org as made
from tests.web.conftest import SignedIn
from tests.web.emulated import APP, EmulatedOrg, environment_with, running_org

from abmatic.identity.models import User
from abmatic.sync import connect, rechecking
from abmatic.sync.models import Connection

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
FINE = [{"name": "Edition", "state": "ok", "detail": "", "remedy": ""}]
LOST = [{"name": connect.LOST, "state": "failed", "detail": "nobody answers", "remedy": "Wait."}]


@pytest.fixture
def salesforce(tmp_path: Path, settings: Any) -> Iterator[EmulatedOrg]:
    """An org that this program may connect to."""
    with running_org(tmp_path) as org:
        settings.ENVIRONMENT = environment_with(org)
        yield org


@pytest.fixture
def connected(salesforce: EmulatedOrg) -> Connection:
    return connect.connect_headless(
        salesforce.url, "client-credentials", APP["client_id"], client_secret=APP["client_secret"]
    )


@pytest.mark.parametrize(
    ("checks", "minutes", "seen_minutes", "is_due"),
    [
        (FINE, 1, 0, False), (FINE, 14, 0, False), (FINE, 16, 99, True), (LOST, 0.5, 9, False), (LOST, 2, 9, True),
        (LOST, 0.5, 0.1, True),
    ],
)  # fmt: skip
def test_when_it_is_due(checks: Any, minutes: float, seen_minutes: float, is_due: bool) -> None:
    now = timezone.now()
    connection = made.connect(
        checks=checks, checked_at=now - timedelta(minutes=minutes), api_seen_at=now - timedelta(minutes=seen_minutes)
    )
    assert rechecking.is_due(connection, now) is is_due
    connection.status = Connection.Status.INACTIVE
    assert not rechecking.is_due(connection, now)


def test_a_failure_that_is_over_is_said_to_be_old_and_asked_anew(admin: Client, connected: Connection) -> None:
    Connection.objects.update(
        checks=LOST, checked_at=timezone.now() - timedelta(days=1), problem="unreachable", api_seen_at=timezone.now()
    )
    address, check = (reverse(name, args=[connected.pk]) for name in ("connected", "check"))
    page = admin.get(address).text
    assert f'hx-post="{check}" hx-trigger="load"' in page
    assert "Salesforce has answered since" in page
    part = admin.post(check, headers=HTMX).text
    assert "<html" not in part
    assert "nobody answers" not in part
    assert "hx-trigger" not in part, "asked once"
    assert "Edition" in part
    connected.refresh_from_db()
    assert connected.problem == ""
    assert "hx-trigger" not in admin.get(address).text.split('id="checked"')[1].split(">")[0]


def test_while_it_is_still_so_the_page_says_when_that_was_found(
    admin: Client, connected: Connection, salesforce: EmulatedOrg
) -> None:
    salesforce.fault("/services/", action="status", status=503)
    part = admin.post(reverse("check", args=[connected.pk]), headers=HTMX).text
    assert "The last check found this" in part
    assert "Checked <time" in part
    assert "Check again" in part
    assert connected.status == Connection.Status.ACTIVE


@pytest.mark.parametrize("person", ["vera", "oscar"])
def test_others_neither_see_nor_ask(person: str, signed_in: SignedIn, request: pytest.FixtureRequest) -> None:
    user: User = request.getfixturevalue(person)
    connection = made.connect()
    for answer in (
        signed_in(user).get(reverse("connected", args=[connection.pk])),
        signed_in(user).post(reverse("check", args=[connection.pk]), headers=HTMX),
    ):
        assert answer.status_code == 403
