"""Jobs of the tracking. Thin: each names what it runs."""

from __future__ import annotations

from django.conf import settings
from django.db import close_old_connections
from django.utils import timezone
from procrastinate.contrib.django import app

from abmatic.tracking import partitions, salts


@app.periodic(cron="41 * * * *")
@app.task(name="tracking.keep_months", queue="sync", queueing_lock="tracking.keep_months")
def keep_months(timestamp: int) -> None:
    """Makes the coming months of the events, drops those past retention, and what salts are left of days gone by.

    Hourly, for machines that are not on at night.
    """
    close_old_connections()
    now = timezone.now()
    salts.destroy_old(now.date())
    partitions.make_ahead(now)
    keep = settings.ENVIRONMENT.keep_events_months
    if keep is not None:
        partitions.drop_old(now, keep)
