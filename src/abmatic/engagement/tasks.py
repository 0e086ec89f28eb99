"""Jobs of the engagement. Thin: each names what it runs."""

from __future__ import annotations

from django.db import close_old_connections
from procrastinate.contrib.django import app

from abmatic.engagement import sessions


@app.periodic(cron="* * * * *")
@app.task(name="engagement.follow", queue="sync", queueing_lock="engagement.follow", lock="engagement.follow")
def follow(timestamp: int) -> None:
    """Makes sessions of the web events that came. ``timestamp`` is the minute it was queued for."""
    close_old_connections()
    sessions.make_sessions()
