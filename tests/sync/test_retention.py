"""What is old goes, and nothing that is still needed, however old it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from tests.web import org

from abmatic.changes.models import Cause, Change
from abmatic.postgres import sessions
from abmatic.postgres.locks import held
from abmatic.sync import retention, runs, undo
from abmatic.sync.models import Batch, Connection, FieldMapping, Finding, Issue, ObjectSetting, Run, Write

pytestmark = pytest.mark.django_db(transaction=True)

LONG_AGO = timedelta(days=120)
VERY_LONG_AGO = timedelta(days=500)


@pytest.fixture
def connection() -> Connection:
    connection = org.connect()
    ObjectSetting.objects.update(compared={}, policy="salesforce")
    return connection


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than one transaction for what there is in these tests."""
    monkeypatch.setattr(retention, "ROWS", 2)
    monkeypatch.setattr(retention, "_RUNS", 2)


def ran(connection: Connection, ago: timedelta, sobject: str = "Account", **changed: Any) -> Run:
    """A run that ended so long ago, with entries, writes and a batch."""
    run = org.run(connection, sobject, finished_at=timezone.now() - ago, **changed)
    org.found(run, "no_website", 3)
    batch = Batch.objects.create(
        run=run, connection=connection, sobject=sobject, operation="update", state="done", since=timezone.now()
    )
    Write.objects.bulk_create(
        Write(
            run=run,
            connection=connection,
            sobject=sobject,
            local_id=n,
            operation="update",
            state="written",
            batch=batch,
        )
        for n in range(3)
    )
    return run


def changed(ago: timedelta, many: int = 1, cause: Cause | None = None) -> list[Change]:
    cause = cause or Cause.objects.create(kind="import")
    made = Change.objects.bulk_create(
        Change(record="account", record_id=n, field="name", cause=cause) for n in range(many)
    )
    Change.objects.filter(pk__in=[one.pk for one in made]).update(at=timezone.now() - ago)
    return made


def details(run: Run) -> tuple[int, int, int]:
    found = (model.objects.filter(run=run).count() for model in (Finding, Write, Batch))
    return tuple(found)  # type: ignore[return-value]


def test_details_of_old_runs_go_and_their_counts_stay(connection: Connection) -> None:
    old, new = [ran(connection, LONG_AGO) for _ in range(3)], ran(connection, timedelta(days=80))
    removed = retention.remove_old()
    assert (removed.findings, removed.writes, removed.batches, removed.runs) == (9, 9, 3, 0)
    assert [details(run) for run in old] == [(0, 0, 0)] * 3
    assert details(new) == (3, 3, 1)
    for run in Run.objects.all():
        assert (run.trimmed_at is None) == (run.pk == new.pk)
        assert run.counts["reasons"] == {"no_website": 3}
    assert not retention.remove_old()


def test_a_trimmed_run_can_not_be_undone(connection: Connection) -> None:
    run = ran(connection, LONG_AGO)
    retention.remove_old()
    run.refresh_from_db()
    with pytest.raises(undo.NotUndone, match="is not known any more"):
        runs.undo(run)
    # Somebody who looked a moment before finds it out as well.
    run.trimmed_at = None
    with pytest.raises(undo.NotUndone):
        runs.undo(run)


@pytest.mark.parametrize("why", ["undone now", "batch without an answer", "write under way", "not over"])
def test_runs_that_are_needed_keep_their_details(connection: Connection, why: str) -> None:
    run = ran(connection, LONG_AGO)
    match why:
        case "undone now":
            org.run(connection, state="queued", trigger="undo", undoes=run, finished_at=None)
        case "batch without an answer":
            Batch.objects.update(state="unknown")
        case "write under way":
            Write.objects.filter(pk=Write.objects.first().pk).update(state="sent")  # type: ignore[union-attr]
        case "not over":
            Run.objects.filter(pk=run.pk).update(state="running", finished_at=None, queued_at=run.finished_at)
    assert not retention.remove_old()
    assert details(run) == (3, 3, 1)


def test_whoever_was_killed_is_made_up_for(connection: Connection) -> None:
    run = ran(connection, LONG_AGO)
    Run.objects.update(trimmed_at=timezone.now())
    assert retention.remove_old().findings == 3
    assert details(run) == (0, 0, 0)


def test_old_changes_go_in_order(connection: Connection) -> None:
    changed(VERY_LONG_AGO, 7)
    new = changed(LONG_AGO, 3)
    assert retention.remove_old().changes == 7
    assert list(Change.objects.order_by("pk")) == new


def push(sobject: str = "Account", **values: Any) -> ObjectSetting:
    ObjectSetting.objects.filter(sobject=sobject).update(update_in_salesforce=True, **values)
    return ObjectSetting.objects.get(sobject=sobject)


def tx_of(change: Change) -> int:
    from django.db import connection as database

    with database.cursor() as cursor:
        cursor.execute("SELECT tx FROM change WHERE id = %s", (change.pk,))
        return int(cursor.fetchone()[0])


def test_what_a_push_has_not_read_stays(connection: Connection) -> None:
    (read,) = changed(VERY_LONG_AGO)
    (unread,) = changed(VERY_LONG_AGO)
    push(compared={"settings": "x", "seen": tx_of(unread)})
    assert retention.remove_old().changes == 1
    assert Change.objects.get() == unread
    assert read.pk != unread.pk
    push(compared={"settings": "x", "seen": tx_of(unread) + 1})
    assert retention.remove_old().changes == 1


@pytest.mark.parametrize("why", ["nothing is written", "disabled"])
def test_an_object_that_is_not_pushed_holds_nothing_back_and_compares_all_when_it_is(
    connection: Connection, why: str
) -> None:
    (unread,) = changed(VERY_LONG_AGO)
    setting = push(compared={"settings": "x", "seen": tx_of(unread)})
    if why == "disabled":
        Connection.objects.update(status="inactive")
    else:
        ObjectSetting.objects.update(update_in_salesforce=False)
    assert retention.remove_old().changes == 1
    setting.refresh_from_db()
    assert setting.compared == {}


def test_what_the_policy_may_ask_for_since_the_last_pull_stays(connection: Connection) -> None:
    pulled = timezone.now() - VERY_LONG_AGO
    changed(VERY_LONG_AGO + timedelta(days=1))
    (since,) = changed(VERY_LONG_AGO - timedelta(days=1))
    setting = push(compared={}, cursor=pulled, policy="recent")
    FieldMapping.objects.filter(setting=setting, sf_field="Industry").update(to_salesforce="overwrite")
    assert retention.remove_old().changes == 1
    assert Change.objects.get() == since
    # One side leads everywhere: nobody asks for the time of a change.
    FieldMapping.objects.update(to_salesforce="fill")
    assert retention.remove_old().changes == 1


def test_settled_issues_go_and_open_ones_stay(connection: Connection) -> None:
    for n, is_open in enumerate((True, False, False, False)):
        Issue.objects.create(connection=connection, sobject="Account", local_id=n, code="X", is_open=is_open)
    Issue.objects.update(last_at=timezone.now() - VERY_LONG_AGO)
    assert retention.remove_old().issues == 3
    assert Issue.objects.get().is_open


def test_runs_go_last_but_the_newest_twenty_of_each_object(connection: Connection) -> None:
    old = [ran(connection, VERY_LONG_AGO) for _ in range(23)]
    lead = ran(connection, VERY_LONG_AGO, "Lead")
    undoing = org.run(connection, undoes=old[0])
    issue = Issue.objects.create(connection=connection, sobject="Account", local_id=1, code="X", run=old[0])
    assert retention.remove_old().runs == 4
    assert set(Run.objects.values_list("pk", flat=True)) == {lead.pk, undoing.pk, *(run.pk for run in old[4:])}
    undoing.refresh_from_db()
    issue.refresh_from_db()
    assert (undoing.undoes_id, issue.run_id) == (None, None)


def test_for_ever(connection: Connection, settings: Any) -> None:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, keep_details_days=None, keep_changes_days=None)
    ran(connection, VERY_LONG_AGO)
    changed(VERY_LONG_AGO)
    assert not retention.remove_old()


def test_one_process_at_a_time(connection: Connection) -> None:
    ran(connection, LONG_AGO)
    with sessions.session("another") as session, held(session, "retention"):
        assert not retention.remove_old()
    assert retention.remove_old()


def test_no_transaction_is_long(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    ran(connection, LONG_AGO)
    changed(VERY_LONG_AGO, 9)
    most: list[int] = []
    execute = retention._Removing._some

    def counted(self: Any, name: Any, **parameters: Any) -> int:
        done = execute(self, name, **parameters)
        most.append(done)
        return done

    monkeypatch.setattr(retention._Removing, "_some", counted)
    retention.remove_old()
    assert sum(most) > 10
    assert max(most) <= 2


def test_sizes(connection: Connection) -> None:
    found = retention.sizes()
    assert found.database > found.records + found.changes + found.details
    assert min(found.records, found.changes, found.details) > 0


def test_the_task_is_what_the_workers_do(connection: Connection) -> None:
    from abmatic.sync.ticking import remove_old

    run = ran(connection, LONG_AGO)
    remove_old(timestamp=int(datetime.now().timestamp()))  # noqa: DTZ005
    assert details(run) == (0, 0, 0)
