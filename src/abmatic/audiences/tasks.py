"""Jobs of the audiences. Thin: each names what it runs."""

from __future__ import annotations

from contextlib import suppress

from django.db import close_old_connections
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from abmatic.audiences import list_indexes, refreshing
from abmatic.audiences.csv_import import keeping


@app.periodic(cron="* * * * *")
@app.task(name="audiences.refresh", queue="sync", queueing_lock="audiences.refresh", lock="audiences.refresh")
def refresh(timestamp: int) -> None:
    """Refreshes the dynamic collections that are due. ``timestamp`` is the minute it was queued for."""
    close_old_connections()
    refreshing.refresh_due()


@app.periodic(cron="37 * * * *")
@app.task(name="audiences.remove_files", queue="sync", queueing_lock="audiences.remove_files")
def remove_files(timestamp: int) -> None:
    """Removes files of imports that are old. Hourly, for machines that are not on at night."""
    close_old_connections()
    keeping.remove_old()


# While so many rows were written within a minute, an import goes on, which indexes would slow.
_BUSY = 5_000


@app.periodic(cron="*/10 * * * *")
@app.task(name="audiences.index_lists", queue="sync", queueing_lock="audiences.index_lists")
def index_lists(timestamp: int) -> None:
    """Looks whether large lists lack indexes, and has them built when nobody writes by the thousand."""
    close_old_connections()
    if list_indexes.is_any_missing():
        _build_later(list_indexes.writes())


@app.task(name="audiences.build_indexes", queue="sync", lock="audiences.build_indexes")
def build_indexes(writes: int) -> None:
    """Builds what lists lack. ``writes``: how many rows had been written a minute ago."""
    close_old_connections()
    now = list_indexes.writes()
    if 0 <= now - writes < _BUSY:
        list_indexes.build()
    else:
        _build_later(now)


def _build_later(writes: int) -> None:
    later = build_indexes.configure(schedule_in={"minutes": 1}, queueing_lock="audiences.build_indexes")
    with suppress(AlreadyEnqueued):
        later.defer(writes=writes)
