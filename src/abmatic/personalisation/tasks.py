"""Jobs of the personalisation. Thin: each names what it runs."""

from __future__ import annotations

from django.conf import settings
from django.db import close_old_connections
from django.utils import timezone
from procrastinate.contrib.django import app

from abmatic.personalisation import following, people, removing


@app.periodic(cron="* * * * *")
@app.task(
    name="personalisation.follow", queue="sync", queueing_lock="personalisation.follow", lock="personalisation.follow"
)
def follow(timestamp: int) -> None:
    """Takes impressions and clicks from the web events that came. ``timestamp``: the minute of it."""
    close_old_connections()
    following.follow()


@app.periodic(cron="* * * * *")
@app.task(
    name="personalisation.delete_removed", queue="sync", queueing_lock="personalisation.delete_removed",
    lock="personalisation.delete_removed",
)  # fmt: skip
def delete_removed(timestamp: int) -> None:
    """Deletes experiences that were removed, with their results. ``timestamp``: the minute of it."""
    close_old_connections()
    removing.delete_removed()


@app.periodic(cron="57 * * * *")
@app.task(name="personalisation.forget_strangers", queue="sync", queueing_lock="personalisation.forget_strangers")
def forget_strangers(timestamp: int) -> None:
    """Erases what visitors were shown who are forgotten. ``timestamp``: the hour of it.

    Hourly, for machines that are not on at night.
    """
    close_old_connections()
    keep = settings.ENVIRONMENT.keep_events_months
    if keep is not None:
        people.forget_strangers(timezone.now(), keep)
