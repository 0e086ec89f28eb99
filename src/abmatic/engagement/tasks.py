"""Jobs of the engagement. Thin: each names what it runs."""

from __future__ import annotations

from django.conf import settings
from django.db import close_old_connections
from django.utils import timezone
from procrastinate.contrib.django import app

from abmatic.engagement import identifying, retention, revealing, scoring, sessions


@app.periodic(cron="* * * * *")
@app.task(name="engagement.follow", queue="sync", queueing_lock="engagement.follow", lock="engagement.follow")
def follow(timestamp: int) -> None:
    """Makes sessions of the web events that came, finds out whose they are, and scores them. ``timestamp``: when."""
    close_old_connections()
    sessions.make_sessions()
    identifying.identify()
    revealing.reveal()
    scoring.refresh()


@app.periodic(cron="7 * * * *")
@app.task(name="engagement.fade", queue="sync", queueing_lock="engagement.fade", lock="engagement.follow")
def fade(timestamp: int) -> None:
    """Lets scores fade, follows people and accounts that have become others, and forgets strangers who are long gone.

    ``timestamp``: the hour of it.
    """
    close_old_connections()
    identifying.follow_records()
    revealing.look_again()
    scoring.refresh()
    scoring.fade()
    keep = settings.ENVIRONMENT.keep_events_months
    if keep is not None:
        retention.forget_strangers(timezone.now(), keep)
