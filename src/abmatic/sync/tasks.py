"""Jobs of the synchronisation. Thin: each names what it runs.

A connection's runs hold one lock, so they follow one another in the order they were queued, while other connections'
go on beside them. A worker that was killed leaves its job to the next one, which goes on from the checkpoint.
"""

from __future__ import annotations

import procrastinate
from django.db import OperationalError
from procrastinate.contrib.django import app

from abmatic.sync.pull.execute import abandon, execute

ATTEMPTS = 5


@app.task(
    name="sync.pull",
    queue="sync",
    pass_context=True,
    retry=procrastinate.RetryStrategy(max_attempts=ATTEMPTS, exponential_wait=2),
)
def pull(context: procrastinate.JobContext, run_id: int) -> None:
    """Executes one run. Only the loss of the database makes the job try again; everything else ends the run."""
    try:
        execute(run_id)
    except OperationalError as error:
        if context.job.attempts + 1 >= ATTEMPTS:
            abandon(run_id, error)
        raise
