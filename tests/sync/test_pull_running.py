"""A run under way: cancelled, executed twice, started twice."""

from __future__ import annotations

import threading

import pytest
from django.db import OperationalError, connection, connections
from tests.sync.invariants import assert_adds_up
from tests.sync.live import Live, Orgs

from abmatic.sync import runs
from abmatic.sync.execute import execute
from abmatic.sync.models import MirrorAccount, ObjectSetting, Run
from abmatic.sync.pull.chunk import Counts

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def live(orgs: Orgs) -> Live:
    orgs.page_records(40)
    orgs.allow(rest_limit=30)
    return orgs.generated(150)


def account_run(live: Live) -> Run:
    user, account = live.start("Account")
    execute(user.pk)
    return account


@pytest.mark.parametrize("where", ["/jobs/query$", "/resultPages", r"/results$", r"/results\?.*locator", r"/queryAll"])
def test_cancelled_while_it_works(live: Live, where: str) -> None:
    run = account_run(live)
    live.at_call(where, lambda: runs.cancel(run))
    execute(run.pk)
    run.refresh_from_db()
    assert (run.state, run.phase) == (Run.State.CANCELLED, Run.Phase.DONE)
    assert run.outcome.startswith("Cancelled")
    assert run.counts["read"] == run.processed == MirrorAccount.objects.count()
    assert_adds_up(Counts.from_json(run.counts), run)
    assert ObjectSetting.objects.get(sobject="Account").cursor is None
    # What was read is kept, and the next import completes it.
    again = live.sync_well("Account")["Account"]
    assert again.counts["read"] == MirrorAccount.objects.count() == live.number('SELECT count(*) FROM "Account"')
    assert again.counts["created"] + run.counts["created"] + again.counts["linked"] == (
        MirrorAccount.objects.filter(role=1).count()
    )


def test_cancelled_before_it_begins(live: Live) -> None:
    run = account_run(live)
    assert runs.cancel(run)
    calls = live.org.counted_calls()
    execute(run.pk)
    assert live.org.counted_calls() == calls
    assert not runs.cancel(run)


def test_two_workers_with_one_run_execute_it_once(live: Live) -> None:
    run = account_run(live)
    entered = threading.Event()

    def second() -> None:
        execute(run.pk)
        entered.set()
        connections.close_all()

    def meet() -> None:
        worker = threading.Thread(target=second)
        worker.start()
        worker.join(20)

    live.at_call("/results", meet)
    execute(run.pk)
    assert entered.is_set()
    run.refresh_from_db()
    assert (run.state, run.attempts) == (Run.State.SUCCEEDED, 1)
    assert run.counts["read"] == live.number('SELECT count(*) FROM "Account"')
    assert sum(1 for call in live.org.calls() if call["method"] == "POST" and "/jobs/query" in str(call["path"])) == 1


def test_a_worker_that_lost_its_lock_leaves_the_run_to_the_one_that_took_it(live: Live) -> None:
    """As after a machine's sleep: the server has dropped the lock's session, and another worker was given the job."""
    run = account_run(live)

    def other() -> None:
        execute(run.pk)
        connections.close_all()

    def take_over() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = %s AND datname = current_database()",
                [f"abmatic: run {run.pk}"],
            )
        connections.close_all()
        worker = threading.Thread(target=other)
        worker.start()
        worker.join(30)

    live.at_call(r"/results\?.*locator", take_over, after=1)
    with pytest.raises(OperationalError):
        execute(run.pk)
    run.refresh_from_db()
    assert (run.state, run.attempts) == (Run.State.SUCCEEDED, 2)
    assert run.counts["read"] == run.processed == live.number('SELECT count(*) FROM "Account"')
    assert_adds_up(Counts.from_json(run.counts), run)


def test_a_second_start_is_refused_while_one_is_queued(live: Live) -> None:
    live.start("Account")
    with pytest.raises(runs.AlreadyRunning):
        live.start("Account")
    with pytest.raises(runs.AlreadyRunning):
        live.start()
    assert Run.objects.count() == 2
    with pytest.raises(runs.UnknownObject):
        live.start("Case")


def test_progress_is_told_while_it_runs(live: Live) -> None:
    run = account_run(live)
    seen = []

    def look() -> None:
        found = Run.objects.get(pk=run.pk)
        seen.append((found.phase, found.expected, runs.progress(found).fraction))
        connections.close_all()

    live.at_call(r"/results\?.*locator", look, after=2)
    execute(run.pk)
    [(phase, expected, fraction)] = seen
    assert (phase, expected) == (Run.Phase.READING, live.number('SELECT count(*) FROM "Account"'))
    assert fraction is None or 0 <= fraction < 1


def test_mappings_changed_while_a_run_was_interrupted(live: Live) -> None:
    """The job that Salesforce prepared asks for other fields: the run reads its window anew with the new ones."""
    run = account_run(live)
    setting = ObjectSetting.objects.get(sobject="Account")
    Run.objects.filter(pk=run.pk).update(
        checkpoint={
            "upper": "2100-01-01T00:00:00+00:00",
            "job": "750000000000001AAA",
            "query": "SELECT Id FROM Account",
            "page_records": 40,
            "next_page": 1,
        }
    )
    execute(run.pk)
    run.refresh_from_db()
    assert run.state == Run.State.SUCCEEDED
    assert run.counts["read"] == live.number('SELECT count(*) FROM "Account"')
    setting.refresh_from_db()
    assert setting.mirrored["Account"]["filled"]
