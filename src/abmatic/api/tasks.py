"""Jobs of the API."""

from __future__ import annotations

from django.db import close_old_connections
from procrastinate.contrib.django import app

from abmatic.api.writing import forget_answers


@app.periodic(cron="23 * * * *")
@app.task(name="api.forget_answers", queue="api", queueing_lock="api.forget_answers")
def forget(timestamp: int) -> None:
    """Removes kept answers that are older than a day."""
    close_old_connections()
    forget_answers()
