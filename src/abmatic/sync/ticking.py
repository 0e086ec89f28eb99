"""The jobs that go by the clock: what starts by itself, every minute; what is old, every hour. However many workers
there are, each minute and each hour has one.

Not among the other tasks, because starting a run is what queues one of those.
"""

from __future__ import annotations

from django.db import close_old_connections
from django.utils import timezone
from procrastinate.contrib.django import app

from abmatic.sync import automatic, retention, visit_tasks
from abmatic.sync.importing import jobs as importing
from abmatic.sync.selected import jobs as selected


@app.periodic(cron="* * * * *")
@app.task(name="sync.tick", queue="sync", queueing_lock="sync.tick")
def tick(timestamp: int) -> None:
    """Starts what is due. ``timestamp`` is the minute it was queued for."""
    close_old_connections()
    automatic.tick()


@app.periodic(cron="*/5 * * * *")
@app.task(name="sync.write_visits", queue="sync", queueing_lock="sync.write_visits", lock="sync.write_visits")
def write_visits(timestamp: int) -> None:
    """Writes visits as tasks, where that is wanted. ``timestamp`` is the minute it was queued for."""
    close_old_connections()
    visit_tasks.write_due()


@app.periodic(cron="17 * * * *")
@app.task(name="sync.remove_old", queue="sync", queueing_lock="sync.remove_old")
def remove_old(timestamp: int) -> None:
    """Removes what is older than the settings want it kept. Hourly, for machines that are not on at night."""
    close_old_connections()
    retention.remove_old()
    selected.forget_old(timezone.now())
    importing.forget_old(timezone.now())
