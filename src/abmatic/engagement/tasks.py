"""Jobs of the engagement. Thin: each names what it runs."""

from __future__ import annotations

from django.db import close_old_connections
from procrastinate.contrib.django import app

from abmatic.engagement import identifying, sessions


@app.periodic(cron="* * * * *")
@app.task(name="engagement.follow", queue="sync", queueing_lock="engagement.follow", lock="engagement.follow")
def follow(timestamp: int) -> None:
    """Makes sessions of the web events that came, and finds out whose they are. ``timestamp``: the minute of it."""
    close_old_connections()
    sessions.make_sessions()
    identifying.identify()
