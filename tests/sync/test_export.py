"""Exports: RFC 4180, in flat memory, and harmless to a spreadsheet whatever the records hold."""

from __future__ import annotations

import csv
import io
import tracemalloc
from typing import Any

import pytest
from django.db import connection as database
from tests.web import org

from abmatic.audiences.formulas import FORMULA_STARTS
from abmatic.changes.models import Cause, Change
from abmatic.identity.models import User
from abmatic.sync import activity, export, history, issues
from abmatic.sync.models import Connection, Issue, Run, Write

pytestmark = pytest.mark.django_db(transaction=True)

FORMULAS = ["=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠1"]
HARMLESS = ["a=1", "1-1", "-5", "-5.25", "Acme, Inc.", 'the "best"', "two\nlines", "Ünïcödé 漢字", "'quoted", " =1"]


@pytest.fixture
def connection() -> Connection:
    return org.connect()


def text(made: export.Export, *, with_mark: bool = False) -> str:
    return b"".join(made.stream(with_mark=with_mark)).decode()


def rows(made: export.Export) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text(made), newline="")))


def test_the_file_is_as_rfc_4180_says(connection: Connection) -> None:
    run = org.run(connection, outcome='He said "no",\nthen left.')
    content = text(export.runs())
    assert content.endswith("\r\n")
    header, body = content.split("\r\n", 1)
    assert header.startswith("Run,Connection,Object,Trigger")
    assert '"He said ""no"",\nthen left."' in body
    assert content.count("\r\n") == 2
    (row,) = csv.DictReader(io.StringIO(content, newline=""))
    assert row["Run"] == str(run.pk)
    assert row["Outcome"] == 'He said "no",\nthen left.'
    assert (row["Read"], row["Created"], row["Linked"], row["Seconds"]) == ("10", "8", "", "10.0")
    assert row["Queued at"].endswith("Z")


def test_a_mark_says_utf_8_only_where_it_is_asked_for(connection: Connection) -> None:
    org.run(connection)
    assert text(export.runs(), with_mark=True) == "\ufeff" + text(export.runs())


@pytest.mark.parametrize("value", FORMULAS)
def test_no_text_is_a_formula(value: str, connection: Connection) -> None:
    run = org.run(connection)
    account = org.account(value)
    org.change(account, "name", value, {"nested": value}, cause=org.person(User.objects.create_user("a@b.example")))
    org.found(run, "value_unreadable", 1, field=value, value=value)
    Issue.objects.create(
        connection=connection, sobject="Account", local_id=account.pk, code=value, message=value, fields=[value]
    )
    for made in (
        export.changes(history.Filter()), export.findings(run), export.open_issues(issues.Filter()),
    ):  # fmt: skip
        for row in rows(made):
            assert not [cell for cell in row.values() if cell.startswith(tuple(FORMULA_STARTS))], row
    (change,) = rows(export.changes(history.Filter()))
    assert (change["Before"], change["Name"]) == ("'" + value, "'" + value)
    (issue,) = rows(export.open_issues(issues.Filter()))
    assert (issue["Message"], issue["Code"], issue["Fields"]) == ("'" + value,) * 3


def test_everything_else_stays_as_it_is(connection: Connection) -> None:
    account = org.account()
    cause = Cause.objects.create(kind="import", note="a file")
    for value in [*HARMLESS, -5, 1.5, True, None, ""]:
        org.change(account, "name", None, value, cause=cause)
    found = [row["After"] for row in rows(export.changes(history.Filter()))]
    assert found == [*HARMLESS, "-5", "1.5", "true", "", ""]
    # A value that is there and empty is another thing than none.
    assert ',"",import' in text(export.changes(history.Filter()))


def test_what_a_run_did_on_both_sides(connection: Connection) -> None:
    run = org.run(connection)
    made = org.account("New Ltd", cause=run.cause)
    org.link(connection, made, "001NEW")
    changed = org.account("Old Ltd")
    assert run.cause is not None
    org.change(changed, "city", "Graz", "Linz", cause=run.cause)
    org.change(changed, "city", "Linz", "Wels", cause=org.person(User.objects.create_user("a@b.example")))
    values: dict[str, Any] = {"run": run, "connection": connection, "sobject": "Account", "local_id": changed.pk}
    Write.objects.create(
        **values, sf_id="001OLD", operation="update", state="written", before={"Industry": None},
        sent={"Industry": "Energy", "BillingCity": None},
    )  # fmt: skip
    Write.objects.create(**values, operation="create", state="refused", sent={"Name": "x"}, code="BAD", message="No.")
    told = [
        tuple(
            row[title]
            for title in ("Side", "Action", "Abmatic id", "Name", "Salesforce Id", "Field", "Before", "After")
        )
        for row in rows(export.records(run))
    ]
    old = (str(changed.pk), "Old Ltd")
    assert told == [
        ("Abmatic", "created", str(made.pk), "New Ltd", "001NEW", "", "", ""),
        ("Abmatic", "changed", *old, "", "city", "Graz", "Linz"),
        ("Salesforce", "updated", *old, "001OLD", "BillingCity", "", ""),
        ("Salesforce", "updated", *old, "001OLD", "Industry", "", "Energy"),
        ("Salesforce", "refused", *old, "", "Name", "", "x"),
    ]
    assert not export.has_records(org.run(connection, "User"))


@pytest.mark.parametrize("sobject", ["Account", "Contact", "Lead", "Opportunity"])
def test_each_object_has_its_records(sobject: str, connection: Connection) -> None:
    run = org.run(connection, sobject)
    assert export.has_records(run)
    assert rows(export.records(run)) == []


def test_filters(connection: Connection) -> None:
    other = org.connect()
    first, failed = org.run(connection), org.run(other, "Lead", state=Run.State.FAILED)
    assert [row["Run"] for row in rows(export.runs(activity.Filter(connection)))] == [str(first.pk)]
    assert [row["Run"] for row in rows(export.runs(activity.Filter(sobject="Lead")))] == [str(failed.pk)]
    assert [row["Run"] for row in rows(export.runs(activity.Filter(state="failed")))] == [str(failed.pk)]
    assert rows(export.runs(activity.Filter(since=first.queued_at))) == rows(export.runs())
    account, another = org.account("One"), org.account("Two")
    for record, cause in ((account, first.cause), (another, failed.cause)):
        assert cause is not None
        org.change(record, "city", None, "Graz", cause=cause)
    one = history.Found("account", account.pk, "One")
    assert [row["Name"] for row in rows(export.changes(history.Filter(of=one)))] == ["One"]
    assert [row["Name"] for row in rows(export.changes(history.Filter(run_id=failed.pk)))] == ["Two"]
    for code in ("A", "B"):
        Issue.objects.create(connection=connection, sobject="Account", local_id=account.pk, code=code, field=code)
    Issue.objects.create(connection=connection, sobject="Account", local_id=another.pk, code="A", is_open=False)
    assert [row["Code"] for row in rows(export.open_issues(issues.Filter(code="B")))] == ["B"]
    assert len(rows(export.open_issues(issues.Filter(connection)))) == 2
    assert rows(export.open_issues(issues.Filter(sobject="Lead"))) == []


def test_many_rows_come_in_pieces_and_take_little_memory(connection: Connection) -> None:
    cause = Cause.objects.create(kind="import")
    with database.cursor() as cursor:
        cursor.execute(
            "INSERT INTO change (record, record_id, field, before, after, cause_id, at) "
            "SELECT 'account', n, 'name', to_jsonb(repeat('b', 200)), to_jsonb(repeat('a', 200)), %s, now() "
            "FROM generate_series(1, 20000) AS n",
            (cause.pk,),
        )
    tracemalloc.start()
    try:
        sizes = [len(piece) for piece in export.changes(history.Filter()).stream()]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sum(sizes) > 8_000_000
    assert max(sizes) < 70_000
    assert peak < 2_000_000
    assert Change.objects.count() == 20_000


def test_who_stops_reading_ends_the_statement(connection: Connection) -> None:
    cause = Cause.objects.create(kind="import")
    Change.objects.bulk_create(
        Change(record="account", record_id=n, field="name", after="a" * 1000, cause=cause) for n in range(1000)
    )
    reading = export.changes(history.Filter()).stream()
    next(reading)
    reading.close()
    with database.cursor() as cursor:
        for _ in range(200):
            # A server takes a moment to notice that its client has gone.
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'abmatic: export%' "
                "AND datname = current_database()"
            )
            if cursor.fetchone() == (0,):
                return
            cursor.execute("SELECT pg_sleep(0.05)")
    pytest.fail("the statement still runs")
