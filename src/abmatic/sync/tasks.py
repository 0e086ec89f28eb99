"""Jobs of the synchronisation. Thin: each names what it runs.

A connection's runs hold one lock, so they follow one another in the order they were queued, while other connections'
go on beside them. A worker that was killed leaves its job to the next one, which goes on from the checkpoint.
"""

from __future__ import annotations

import procrastinate
from django.db import OperationalError, close_old_connections
from procrastinate.contrib.django import app
from procrastinate.jobs import Job

from abmatic.sync.execute import abandon, execute

ATTEMPTS = 5
# Seconds. Whoever holds it is at work, or its machine is gone, which the database notices within a minute.
HELD_PAUSE = 10
LEFT_PAUSE = 60


class RunHeld(Exception):
    """The run's object is held: by another worker, by one that died and still seems to live, by somebody's preview.

    However long that takes, the job is tried again: a run without its job would wait for ever.
    """


class RunLeft(Exception):
    """The database stayed away until the last attempt, and the run couldn't even be called failed."""


class _Again(procrastinate.BaseRetryStrategy):
    """Only a lost database and a run that is held make a job try again; everything else ends the run itself.

    A retry is written into the database: while it is gone, the worker stops, and another one finds the job.
    """

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> procrastinate.RetryDecision | None:
        if isinstance(exception, RunHeld):
            return procrastinate.RetryDecision(retry_in={"seconds": HELD_PAUSE})
        if isinstance(exception, OperationalError) and job.attempts + 1 < ATTEMPTS:
            return procrastinate.RetryDecision(retry_in={"seconds": 2**job.attempts})
        if isinstance(exception, RunLeft):
            return procrastinate.RetryDecision(retry_in={"seconds": LEFT_PAUSE})
        return None


@app.task(name="sync.pull", queue="sync", pass_context=True, retry=_Again())
def pull(context: procrastinate.JobContext, run_id: int) -> None:
    """Executes one run."""
    # The thread's connection may be one that the last job lost.
    close_old_connections()
    try:
        is_done = execute(run_id)
    except OperationalError as error:
        if context.job.attempts + 1 >= ATTEMPTS:
            close_old_connections()
            if not abandon(run_id, error):
                raise RunLeft(f"Run {run_id} goes on when the database is back.") from error
        raise
    if not is_done:
        raise RunHeld(f"Run {run_id} is held by another worker.")
