"""A connection's tab Visits: what becomes of visits as tasks in Salesforce."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

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
    assert "UNABLE_TO_LOCK_ROW: &lt;b&gt;busy&lt;/b&gt;" in page
    rows = [row.split("</tr>")[0] for row in page.split("<tbody>")[1].split("<tr>")[1:]]
    numbers = [[cell.split("<")[0] for cell in row.split('class="num">')[1:]] for row in rows]
    assert numbers == [["2", "1", "0", "2"], ["0", "1", "1", "0"], *[["0"] * 4] * 5]


def test_without_any_it_says_so(admin: Client, connection: Connection) -> None:
    assert "Nothing was written in the last seven days" in admin.get(address(connection)).text
    Connection.objects.update(writes_visits=True)
    assert "No visit of a contact or lead of this org" in admin.get(address(connection)).text
