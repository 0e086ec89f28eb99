"""What makes a job try again: a database that was lost. Everything else is the job's own end, and said there."""

from __future__ import annotations

import procrastinate
from django.db import OperationalError
from procrastinate.jobs import Job


class LostDatabase(procrastinate.BaseRetryStrategy):
    """After one second, two, four, …, until there were so many attempts."""

    def __init__(self, attempts: int) -> None:
        self._attempts = attempts

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> procrastinate.RetryDecision | None:
        if isinstance(exception, OperationalError) and job.attempts + 1 < self._attempts:
            return procrastinate.RetryDecision(retry_in={"seconds": 2**job.attempts})
        return None
