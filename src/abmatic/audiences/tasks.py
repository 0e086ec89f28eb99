"""Jobs of the audiences. Thin: each names what it runs."""

from __future__ import annotations

from django.db import close_old_connections
from procrastinate.contrib.django import app

from abmatic.audiences import refreshing
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
