"""The timeline of a record: everything that happened to it, narrowed to one kind, page by page, from indexes alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests.web import eventful, org
from tests.web.conftest import SignedIn
from tests.web.test_record_refused import text

from abmatic.identity.models import User
from abmatic.sync import export, history, timeline
from abmatic.sync.models import Connection, Finding, Issue, Write

Queries = Callable[[int], AbstractContextManager[object]]

pytestmark = pytest.mark.django_db


def titles(page: str) -> list[str]:
    return [text(each) for each in re.findall(r'<div class="event-body">\s*<p><strong>(.*?)</strong>', page)]


ALL = [
    "Not written to Salesforce: The text is too long (BillingCity)",
    "Refused by Salesforce: A validation rule says no",
    "Put back here by an undo of run {both}, started by Alice Adler",
    "Put back in Salesforce by an undo of run {push}, started by Alice Adler",
    "Changed on both sides: BillingCity",
    "Changed",
    "Written to Salesforce",
    "Changed",
    "Linked with Account 0015800000000002AAA, as a duplicate",
    "Linked with Account 0015800000000001AAA",
    "Created",
]


def test_everything_is_there_in_order_and_leads_to_its_run(
    vera: User, alice: User, signed_in: SignedIn, connection: Connection
) -> None:
    account = eventful.eventful(connection, alice)
    page = signed_in(vera).get(f"/accounts/{account.pk}/timeline/").text
    push = Write.objects.filter(local_id=account.pk).earliest("pk").run_id
    conflict = Finding.objects.filter(reason="conflict").earliest("pk")
    assert titles(page) == [each.format(push=push, both=conflict.run_id) for each in ALL]
    said = text(page)
    for words in (
        "Salesforce: Berlin · Abmatic: Bonn · Salesforce’s value stays (Most recent change)",
        "An account with 10,000 employees or more needs an Account Site.", "Settled since.",
        "Change the value here so that it keeps the rule",
    ):  # fmt: skip
        assert words in said, words
    assert "Elsewhere" not in said
    assert "A member’s" not in said
    for run in {push, conflict.run_id, *Issue.objects.values_list("run_id", flat=True)}:
        assert f'href="/runs/{run}/"' in page


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("changes", [5, 7, 10]),
        ("pushes", [6]),
        ("refusals", [0, 1]),
        ("conflicts", [4]),
        ("undos", [2, 3]),
        ("links", [8, 9]),
        ("nonsense", range(11)),
    ],
)
def test_narrowed_to_a_kind(
    admin: Client, alice: User, connection: Connection, kind: str, found: list[int]
) -> None:  # fmt: skip
    account = eventful.eventful(connection, alice)
    page = admin.get(f"/accounts/{account.pk}/timeline/?kind={kind}").text
    began = [re.sub(r"\{.*", "", ALL[number]) for number in found]
    assert [title[: len(start)] for title, start in zip(titles(page), began, strict=True)] == began
    here = re.search(r'href="([^"]*)" aria-current="page">(\w+)</a>', page[page.index("timeline-kinds") :])
    assert here
    assert here[2] == {"nonsense": "All"}.get(kind, kind.capitalize())


def test_a_kind_of_which_there_is_nothing(admin: Client, connection: Connection) -> None:
    page = admin.get(f"/accounts/{org.account('Acme').pk}/timeline/?kind=conflicts").text
    assert "Nothing of the kind happened to this record" in page


@pytest.mark.parametrize("size", [1, 2, 3, 50])
@pytest.mark.parametrize("kind", ["", "undos", "links"])
def test_page_by_page_nothing_is_lost_and_nothing_told_twice(
    admin: Client, alice: User, connection: Connection, monkeypatch: pytest.MonkeyPatch, size: int, kind: str
) -> None:
    account = eventful.eventful(connection, alice)
    address = f"/accounts/{account.pk}/timeline/"
    whole = titles(admin.get(f"{address}?kind={kind}").text)
    monkeypatch.setattr(timeline, "PAGE", size)
    page = admin.get(f"{address}?kind={kind}").text
    told = titles(page)
    while following := re.search(r'hx-get="(\?[^"]*)"', page[page.index("event") :]):
        page = admin.get(address + following[1].replace("&amp;", "&"), headers={"HX-Request": "true"}).text
        told += titles(page)
        assert len(told) <= len(whole)
    assert told == whole


@pytest.mark.parametrize("after", ["x", "c", "c99999999999999999999", "'; DROP", "c1w1f1i1l1", "%00"])
def test_no_cursor_breaks_it(admin: Client, alice: User, connection: Connection, after: str) -> None:
    account = eventful.eventful(connection, alice)
    assert admin.get(f"/accounts/{account.pk}/timeline/", {"after": after}).status_code == 200


@pytest.mark.parametrize("many", [1, 120])
def test_a_long_history_costs_no_more_queries(
    admin: Client, alice: User, connection: Connection, django_assert_max_num_queries: Queries, many: int
) -> None:
    account = eventful.eventful(connection, alice)
    for number in range(many):
        run = eventful.ran(connection, number)
        eventful.wrote(account, run, number, {}, {"Name": number})
        eventful.changed(account, run, number, "city", number, number + 1)
        Finding.objects.create(run=run, reason="conflict", sf_id=eventful.SF_ID, local_id=account.pk, field="Name")
    for query in ("", "?kind=undos", "?kind=changes"):
        with django_assert_max_num_queries(18):
            assert admin.get(f"/accounts/{account.pk}/timeline/{query}").status_code == 200


def test_each_table_is_read_by_an_index(admin: Client, alice: User, connection: Connection) -> None:
    """As with a million records: where Postgres is not to read a table as a whole, it needs not."""
    account = eventful.eventful(connection, alice)
    with CaptureQueriesContext(database) as asked:
        admin.get(f"/accounts/{account.pk}/timeline/")
    tables = ("change", "salesforce_write", "finding", "issue", "mirror_account")
    seen = set()
    with database.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for query in asked.captured_queries:
            for table in tables:
                if f'FROM "{table}"' in query["sql"]:
                    cursor.execute(f"EXPLAIN {query['sql']}")
                    plan = "\n".join(row[0] for row in cursor.fetchall())
                    assert f"Seq Scan on {table}" not in plan, plan
                    seen.add(table)
    assert seen == set(tables)


def test_the_export_of_changes_says_who_won(alice: User, connection: Connection) -> None:
    account = eventful.eventful(connection, alice)
    found = history.Found("account", account.pk, "")
    with database.cursor() as cursor:
        # The file is read by a session of its own in production; here in the transaction of the test.
        cursor.execute(export.changes(history.Filter(of=found)).rows)
        names = [column.name for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    told = {row["field"]: row["conflict"] for row in rows}
    assert told == {
        "industry": None,
        "city": "Salesforce: Berlin · Abmatic: Bonn · Salesforce’s value stays (Most recent change)",
        "country": None,
    }
