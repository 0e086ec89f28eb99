"""What is synchronised by itself: due objects start once, missed slots are made up for, orgs take turns."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
import time_machine
from django.db import connections
from django.utils import timezone
from procrastinate.contrib.django import app
from tests.sync.org import new_connection

from abmatic.sync import automatic, runs, ticking
from abmatic.sync.models import Connection, ObjectSetting, Run

pytestmark = pytest.mark.django_db(transaction=True)


def every(hours: int, connection: Connection, *sobjects: str, last: datetime | None = None) -> None:
    wanted = ObjectSetting.objects.filter(connection=connection)
    if sobjects:
        wanted = wanted.filter(sobject__in=sobjects)
    assert wanted.update(frequency=hours, last_started_at=last)


def end(*started: Run) -> None:
    Run.objects.filter(pk__in=[run.pk for run in started] or Run.objects.values("pk")).update(
        state=Run.State.SUCCEEDED, phase=Run.Phase.DONE
    )


def test_manual_only_means_that_nothing_starts() -> None:
    new_connection()
    assert automatic.tick() == []
    assert automatic.next_run_at(ObjectSetting.objects.all()[0], timezone.now()) is None


def test_what_is_due_starts_with_what_rides_with_it_and_then_waits_for_its_next_slot() -> None:
    connection = new_connection()
    every(6, connection, "Account")
    started = automatic.tick()
    assert [(run.sobject, run.trigger) for run in started] == [("User", "schedule"), ("Account", "schedule")]
    end()
    assert automatic.tick() == []
    setting = ObjectSetting.objects.get(connection=connection, sobject="Account")
    when = automatic.next_run_at(setting, timezone.now())
    assert when is not None
    assert timedelta(0) < when - timezone.now() <= timedelta(hours=6)
    with time_machine.travel(when - timedelta(seconds=5), tick=False):
        assert automatic.tick() == []
    with time_machine.travel(when + timedelta(seconds=5), tick=False):
        assert {run.sobject for run in automatic.tick()} == {"User", "Account"}


def test_days_without_a_worker_are_made_up_for_once() -> None:
    connection = new_connection()
    every(1, connection, "Lead", last=timezone.now() - timedelta(days=9))
    assert [run.sobject for run in automatic.tick()] == ["Lead"]
    end()
    assert automatic.tick() == []


def test_an_object_that_still_runs_is_left_alone_and_has_its_turn_afterwards() -> None:
    connection = new_connection()
    runs.start(connection, ["Lead"], trigger=Run.Trigger.MANUAL)
    every(1, connection, "Lead", last=timezone.now() - timedelta(hours=3))
    assert automatic.tick() == []
    assert Run.objects.count() == 1
    end()
    assert [run.sobject for run in automatic.tick()] == ["Lead"]


def test_a_sync_that_a_person_started_counts() -> None:
    connection = new_connection()
    every(24, connection, "Lead", last=timezone.now() - timedelta(days=3))
    end(*runs.start(connection, ["Lead"], trigger=Run.Trigger.MANUAL))
    assert automatic.tick() == []


def test_a_connection_that_needs_a_person_is_left_alone() -> None:
    connection = new_connection()
    every(1, connection)
    Connection.objects.update(status=Connection.Status.NEEDS_ATTENTION)
    assert automatic.tick() == []
    Connection.objects.update(status=Connection.Status.ACTIVE)
    assert automatic.tick()


def test_connections_take_turns_however_many_objects_each_has() -> None:
    first, second = new_connection(), new_connection("00D000000000002AAA", "Other")
    every(1, first, last=timezone.now() - timedelta(days=2))
    every(1, second, last=timezone.now() - timedelta(days=1))
    automatic.tick()
    order = list(Run.objects.order_by("id").values_list("connection__name", flat=True))
    # Users ride with accounts, statuses and members with campaigns, contact roles with opportunities.
    alone, two, three = (["Org"] * n + ["Other"] * n for n in (1, 2, 3))
    assert order == [*two, *alone, *alone, *three, *two]


def test_workers_that_look_at_the_same_time_start_nothing_twice() -> None:
    for number in (1, 2):
        every(1, new_connection(f"00D00000000000{number}AAA", f"Org {number}"))
    barrier = threading.Barrier(4)

    def look(_: int) -> None:
        try:
            barrier.wait()
            automatic.tick()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as workers:
        # Raises what any of them raised.
        list(workers.map(look, range(4)))
    assert set(Counter(Run.objects.values_list("connection_id", "sobject")).values()) == {1}
    assert Run.objects.count() == 2 * 9


def test_the_look_is_a_job_of_every_minute_that_the_workers_know() -> None:
    periodic = app.periodic_registry.periodic_tasks
    assert [task.cron for (name, _), task in periodic.items() if name == "sync.tick"] == ["* * * * *"]
    every(1, new_connection(), "Lead")
    ticking.tick.func(timestamp=0)
    assert Run.objects.get().trigger == Run.Trigger.SCHEDULE
