"""A connection's tab Visits: what becomes of visits as tasks in Salesforce."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from tests.web.conftest import SignedIn

from abmatic.identity.models import User
from abmatic.sync import settings_history
from abmatic.sync.models import Connection, VisitTask

pytestmark = pytest.mark.django_db


def address(connection: Connection) -> str:
    return reverse("connection-visits", args=[connection.pk])


def test_it_tells_what_became_of_the_visits_of_the_last_days(admin: Client, connection: Connection) -> None:
    today = timezone.now().date()
    for number, (state, days, problem) in enumerate(
        [
            ("written", 0, ""), ("written", 0, ""), ("planned", 0, "UNABLE_TO_LOCK_ROW: <b>busy</b>"), ("sent", 1, ""),
            ("refused", 1, "No rights"), ("left_out", 0, ""), ("left_out", 0, ""), ("written", 8, ""),
        ]
    ):  # fmt: skip
        VisitTask.objects.create(
            connection=connection, session_id=number, who="003000000000001AAA", state=state,
            day=today - timedelta(days=days), problem=problem,
        )  # fmt: skip
    page = admin.get(address(connection)).text
    assert "2 visits left out: more than 1,000 visits of a day" in page
    assert "5 tasks a day for one person; more visits of theirs are not counted here" in page
    assert "UNABLE_TO_LOCK_ROW: &lt;b&gt;busy&lt;/b&gt;" in page
    rows = [row.split("</tr>")[0] for row in page.split("<tbody>")[1].split("<tr>")[1:]]
    numbers = [[cell.split("<")[0] for cell in row.split('class="num">')[1:]] for row in rows]
    assert numbers == [["2", "1", "0", "2"], ["0", "1", "1", "0"], *[["0"] * 4] * 5]


def test_without_any_it_says_so(admin: Client, connection: Connection) -> None:
    assert "Nothing was written in the last seven days" in admin.get(address(connection)).text
    Connection.objects.update(writes_visits=True)
    assert "No visit of a contact or lead of this org" in admin.get(address(connection)).text


def test_an_administrator_switches_it_on_and_off(admin: Client, alice: User, connection: Connection) -> None:
    to = reverse("connection-visits-switch", args=[connection.pk])
    page = admin.get(address(connection)).text
    assert ">Off<" in page
    assert "Visits of the last seven days are written as well" in page
    page = admin.post(to, {"writes_visits": "1"}, follow=True).text
    assert ">On<" in page
    assert "Visits are written to Salesforce from now on" in page
    assert Connection.objects.get().writes_visits
    # Whoever comes second with the same changes nothing.
    assert "it was so already" in admin.post(to, {"writes_visits": "1"}, follow=True).text
    assert "No more visits are written" in admin.post(to, follow=True).text
    assert not Connection.objects.get().writes_visits
    off, on = settings_history.latest(connection, "", 5)
    assert (on.user, on.differences) == (
        alice, [{"kind": "changed", "what": "writes_visits", "before": False, "after": True}],
    )  # fmt: skip
    assert off.differences[0]["after"] is False
    log = admin.get(reverse("audit")).text
    assert "Write visits as completed tasks" in log


def test_others_see_that_an_administrator_can(connection: Connection, oscar: User, signed_in: SignedIn) -> None:
    page = signed_in(oscar).get(address(connection)).text
    assert "An administrator can change this." in page
    assert "visits/switch/" not in page


@pytest.mark.parametrize(
    ("status", "words"), [("inactive", "until it is reconnected"), ("needs_attention", "until that is mended")]
)
def test_a_connection_that_writes_nothing_says_why(
    admin: Client, connection: Connection, status: str, words: str
) -> None:
    Connection.objects.update(status=status, writes_visits=True)
    assert words in admin.get(address(connection)).text
