"""What starts by itself keeps to its share of the org's API calls, waits, and goes on by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from tests.sync.invariants import assert_adds_up
from tests.sync.live import Live, Orgs

from abmatic.audiences.models import Account
from abmatic.sync import automatic, budget, runs
from abmatic.sync.execute import execute
from abmatic.sync.models import Connection, ConnectionProblem, FieldMapping, ObjectSetting, Run, Write
from abmatic.sync.pull.chunk import Counts

pytestmark = pytest.mark.django_db(transaction=True)


@given(st.lists(st.timedeltas(timedelta(0), timedelta(days=30)), min_size=2))
def test_looks_grow_apart_between_five_minutes_and_an_hour(waited: list[timedelta]) -> None:
    pauses = [budget.pause(each) for each in sorted(waited)]
    assert pauses == sorted(pauses)
    assert timedelta(minutes=5) <= pauses[0]
    assert pauses[-1] <= timedelta(hours=1)


@pytest.mark.parametrize(
    ("used", "allowed", "ceiling", "over"),
    [(79, 100, 80, False), (80, 100, 80, True), (100, 100, 100, True), (99, 100, 100, False), (None, None, 80, False)],
)
def test_the_ceiling_is_a_share_of_the_allowance(used: Any, allowed: Any, ceiling: int, over: bool) -> None:
    assert budget.is_over(used, allowed, ceiling) is over


def test_the_forecast_is_what_the_last_syncs_cost() -> None:
    assert budget.calls_a_day([[2, 4], [1]], 6) == (3 + 1) * 4
    assert budget.calls_a_day([[3], []], 24) == 3
    assert budget.calls_a_day([[], []], 1) is None
    assert budget.calls_a_day([[3]], 0) is None
    assert budget.calls_a_day([[1] * budget.RECENT + [1_000]], 24) == 1


def scheduled(*sobjects: str) -> None:
    ObjectSetting.objects.filter(sobject__in=sobjects).update(frequency=1, last_started_at=None)


def used(live: Live, percent: int, allowance: int = 1_000) -> None:
    live.org.emulator.usage.set(allowance=allowance, used=allowance * percent // 100)


def seen(live: Live) -> Connection:
    live.connection.refresh_from_db()
    return live.connection


def time_to_look() -> None:
    Connection.objects.update(api_recheck_at=timezone.now() - timedelta(seconds=1))


def perform(started: list[Run]) -> dict[str, Run]:
    for run in started:
        execute(run.pk)
        run.refresh_from_db()
    return {run.sobject: run for run in started}


def test_above_the_ceiling_nothing_starts_by_itself_and_a_person_goes_on(orgs: Orgs) -> None:
    live = orgs.sample()
    used(live, 80)
    live.sync_well("Account")
    scheduled("Lead")
    before = live.org.emulator.usage.used
    assert automatic.tick() == []
    assert automatic.tick() == []
    assert live.org.emulator.usage.used == before
    assert seen(live).api_waiting_since is not None
    assert live.sync_well("Lead")["Lead"].counts["created"] > 0


def test_it_looks_with_one_call_and_starts_when_calls_are_back(orgs: Orgs) -> None:
    live = orgs.sample()
    used(live, 80)
    live.sync_well("Account")
    scheduled("Lead")
    automatic.tick()
    time_to_look()
    before = live.org.emulator.usage.used
    assert automatic.tick() == []
    assert live.org.emulator.usage.used == before + 1
    assert seen(live).api_recheck_at is not None
    used(live, 10)
    time_to_look()
    done = perform(automatic.tick())
    assert done["Lead"].state == Run.State.SUCCEEDED
    assert (seen(live).api_waiting_since, live.connection.api_recheck_at) == (None, None)


def test_the_ceiling_is_the_connections_own(orgs: Orgs) -> None:
    live = orgs.sample()
    used(live, 85)
    live.sync_well("Account")
    scheduled("Lead")
    assert automatic.tick() == []
    Connection.objects.update(api_ceiling=90)
    assert automatic.tick() != []


def test_a_run_under_way_stops_at_a_chunk_and_goes_on_where_it_was(orgs: Orgs) -> None:
    live = orgs.generated(600)
    orgs.page_records(100)
    orgs.allow(rest_limit=50)
    scheduled("Account")
    live.org.emulator.usage.set(allowance=1_000, used=790)
    started = automatic.tick()
    # Among the first pages of the accounts the ceiling is reached.
    live.at_call(r"/results", lambda: used(live, 81), after=1)
    (paused,) = [run for run in perform(started).values() if run.sobject == "Account"]
    assert (paused.state, paused.phase) == (Run.State.QUEUED, Run.Phase.PAUSED)
    assert 0 < paused.processed < 600
    assert "goes on by itself" in paused.outcome
    so_far = Account.objects.count()
    assert so_far > 0
    time_to_look()
    assert automatic.tick() == []
    used(live, 10)
    time_to_look()
    again = automatic.tick()
    assert paused in again
    done = perform(again)["Account"]
    assert (done.pk, done.state, done.counts["read"]) == (paused.pk, Run.State.SUCCEEDED, 600)
    assert_adds_up(Counts.from_json(done.counts), done)
    assert done.counts["created"] == Account.objects.count()
    assert not Run.objects.filter(phase=Run.Phase.PAUSED).exists()


def test_used_up_calls_need_nobody(orgs: Orgs) -> None:
    live = orgs.sample()
    scheduled("Account", "Lead")
    started = automatic.tick()
    live.org.emulator.usage.set(allowance=live.org.emulator.usage.used)
    perform(started)
    assert set(Run.objects.values_list("phase", flat=True)) == {Run.Phase.PAUSED}
    assert (seen(live).status, live.connection.problem) == (Connection.Status.ACTIVE, ConnectionProblem.LIMIT_REACHED)
    time_to_look()
    assert automatic.tick() == []
    live.org.emulator.usage.set(allowance=10_000)
    time_to_look()
    done = perform(automatic.tick())
    assert {name: run.state for name, run in done.items()} == dict.fromkeys(("User", "Account", "Lead"), "succeeded")
    assert seen(live).problem == ConnectionProblem.NONE


def test_whoever_starts_a_waiting_run_by_hand_goes_on_knowingly(orgs: Orgs) -> None:
    live = orgs.sample()
    live.sync_well("Lead")
    used(live, 90)
    live.sync_well("Account")
    scheduled("Lead")
    (waiting,) = runs.start(live.connection, ["Lead"], trigger=Run.Trigger.SCHEDULE)
    before = live.org.emulator.usage.used
    assert perform([waiting])["Lead"].phase == Run.Phase.PAUSED
    assert live.org.emulator.usage.used == before
    (mine,) = runs.start(live.connection, ["Lead"], trigger=Run.Trigger.MANUAL)
    assert (mine.pk, mine.trigger) == (waiting.pk, Run.Trigger.MANUAL)
    assert perform([mine])["Lead"].state == Run.State.SUCCEEDED


def test_a_run_that_waits_can_be_cancelled(orgs: Orgs) -> None:
    live = orgs.sample()
    used(live, 90)
    live.sync_well("Account")
    (waiting,) = runs.start(live.connection, ["Lead"], trigger=Run.Trigger.SCHEDULE)
    perform([waiting])
    assert runs.cancel(waiting)
    used(live, 10)
    time_to_look()
    assert automatic.tick() == []
    waiting.refresh_from_db()
    assert waiting.state == Run.State.CANCELLED


def test_writing_stops_between_two_batches_and_goes_on(orgs: Orgs) -> None:
    live = orgs.generated(450)
    live.sync_well("Account")
    ObjectSetting.objects.filter(sobject="Account").update(update_in_salesforce=True)
    FieldMapping.objects.filter(setting__sobject="Account", sf_field="BillingCity").update(
        to_abmatic="none", to_salesforce="overwrite"
    )
    accounts = Account.objects.update(city="Here")
    used(live, 10)
    (run,) = [
        each for each in runs.start(live.connection, ["Account"], trigger="schedule") if each.sobject == "Account"
    ]
    live.at_call(r"/composite/sobjects", lambda: used(live, 81), after=0)
    perform([run])
    assert run.phase == Run.Phase.PAUSED
    assert Write.objects.filter(state=Write.State.WRITTEN).count() == 200
    assert not Write.objects.filter(state__in=[Write.State.PLANNED, Write.State.SENT]).exists()
    used(live, 10)
    time_to_look()
    assert perform(automatic.tick())["Account"].state == Run.State.SUCCEEDED
    assert live.number('SELECT count(*) FROM "Account" WHERE "BillingCity" = ?', "Here") == accounts
    assert Write.objects.filter(state=Write.State.WRITTEN).count() == accounts
