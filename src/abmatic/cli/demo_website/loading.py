"""Puts the year of visits into the store of web events, and has the ordinary jobs make of it what they make of visits.

The events go through `tracking.store`, as the collector's do; sessions, people, touches and credits are made by the
worker. Loaded again for the same day it changes nothing, because the events have the same ids.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any, LiteralString

from django.db import connection
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.tasks import Task

from abmatic.attribution import tasks as attribution
from abmatic.cli.demo_website.arrivals import Campaign
from abmatic.cli.demo_website.dice import Dice
from abmatic.cli.demo_website.networks import STRANGERS, Company
from abmatic.cli.demo_website.visits import events_of
from abmatic.cli.demo_website.year import DAYS, Deal, Person, World, visits
from abmatic.engagement import tasks as engagement
from abmatic.postgres.sql import block
from abmatic.tracking import store
from abmatic.tracking.events import WebEvent

# Jobs that make something of visits, in their order.
_JOBS: tuple[Task[Any, Any, Any], ...] = (engagement.follow, attribution.refresh)
# People who read the mail: one in so many of those who have an address.
_ONE_READER_IN = 5


def load(site_id: int, website: str, until: datetime, seed: int) -> int:
    """Appends the year that ends at a moment. Answers how many events were new."""
    with _without_collecting():
        return store.append(events(read_world(until), site_id, website, seed)).number


def events(world: World, site_id: int, website: str, seed: int) -> list[WebEvent]:
    """Every event of the year, in the order of its time."""
    dice = Dice(f"{seed}/events")
    found = [event for visit in visits(world, seed) for event in events_of(visit, site_id, website, dice)]
    return sorted((event for event in found if event.occurred_at < world.until), key=lambda event: event.id)


def read_world(until: datetime) -> World:
    """What the year follows from, as it is in the database."""
    people = {
        number: Person(number, email, first, last, company) for number, email, first, last, company in _ask("people")
    }
    since = until.date() - timedelta(days=DAYS)
    deals = [
        Deal(outcome, opened_at, closed_on, tuple(people[each] for each in ids))
        for outcome, opened_at, closed_on, ids in _ask("deals", {"since": since})
    ]
    campaigns = [Campaign(*row) for row in _ask("campaigns")]
    readers = [each for each in people.values() if each.email][::_ONE_READER_IN]
    return World(until, campaigns, deals, readers, read_companies())


def read_companies() -> list[Company]:
    """Who is recognised by the network: some companies of the org that have a deal, and some that aren't in it."""
    return [*(Company(*row) for row in _ask("companies")), *STRANGERS]


def work_through(sleep: Callable[[float], None], patience: float) -> bool:
    """Has the worker do its minute's work now, and waits for it. Answers whether it was done in so many seconds."""
    deadline = time.monotonic() + patience
    for job in _JOBS:
        # One that waits already will do: it hasn't read anything yet.
        with suppress(AlreadyEnqueued):
            job.defer(timestamp=int(time.time()))
        while ProcrastinateJob.objects.filter(task_name=job.name, status__in=["todo", "doing"]).exists():
            if time.monotonic() > deadline:
                return False
            sleep(0.2)
    return True


def _ask(name: LiteralString, parameters: dict[str, Any] | None = None) -> Iterator[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(block("abmatic.cli.demo_website", "inputs.sql", name), parameters)
        return iter(cursor.fetchall())


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Events hold no cycles; looking for some among so many took as long as making them."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
