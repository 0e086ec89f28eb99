"""Jobs of the campaigns. Thin: each names what it runs."""

from __future__ import annotations

from django.db import close_old_connections
from procrastinate.contrib.django import app

from abmatic.campaigns import following, joining, removing


@app.periodic(cron="* * * * *")
@app.task(name="campaigns.follow", queue="sync", queueing_lock="campaigns.follow", lock="campaigns.follow")
def follow(timestamp: int) -> None:
    """Puts in who is to join a campaign by himself. ``timestamp`` is the minute it was queued for."""
    close_old_connections()
    joining.follow_due()


@app.periodic(cron="* * * * *")
@app.task(name="campaigns.rules", queue="sync", queueing_lock="campaigns.rules", lock="campaigns.rules")
def follow_rules(timestamp: int) -> None:
    """Brings members further by what they did on the website. ``timestamp`` is the minute it was queued for."""
    close_old_connections()
    following.follow()


@app.periodic(cron="* * * * *")
@app.task(
    name="campaigns.delete_removed_rules", queue="sync", queueing_lock="campaigns.delete_removed_rules",
    lock="campaigns.delete_removed_rules",
)  # fmt: skip
def delete_removed_rules(timestamp: int) -> None:
    """Deletes rules that were removed, with what they counted. ``timestamp`` is the minute it was queued for."""
    close_old_connections()
    removing.delete_removed()
