"""Jobs of the attribution. Thin: each names what it runs."""

from __future__ import annotations

from django.db import close_old_connections
from procrastinate.contrib.django import app

from abmatic.attribution import refreshing


@app.periodic(cron="* * * * *")
@app.task(name="attribution.refresh", queue="sync", queueing_lock="attribution.refresh", lock="attribution.refresh")
def refresh(timestamp: int) -> None:
    """Brings touches, paths and credits up to date. ``timestamp`` is the minute it was queued for."""
    close_old_connections()
    refreshing.refresh_due()
