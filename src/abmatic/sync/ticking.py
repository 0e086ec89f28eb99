"""The job that looks every minute what starts by itself. However many workers there are, each minute has one.

Not among the other tasks, because starting a run is what queues one of those.
"""

from __future__ import annotations

from django.db import close_old_connections
from procrastinate.contrib.django import app

from abmatic.sync import automatic


@app.periodic(cron="* * * * *")
@app.task(name="sync.tick", queue="sync", queueing_lock="sync.tick")
def tick(timestamp: int) -> None:
    """Starts what is due. ``timestamp`` is the minute it was queued for."""
    close_old_connections()
    automatic.tick()
