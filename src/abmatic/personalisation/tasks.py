"""Jobs of the personalisation. Thin: each names what it runs."""

from __future__ import annotations

from django.db import close_old_connections
from procrastinate.contrib.django import app

from abmatic.personalisation import following


@app.periodic(cron="* * * * *")
@app.task(
    name="personalisation.follow", queue="sync", queueing_lock="personalisation.follow", lock="personalisation.follow"
)
def follow(timestamp: int) -> None:
    """Takes impressions and clicks from the web events that came. ``timestamp``: the minute of it."""
    close_old_connections()
    following.follow()
