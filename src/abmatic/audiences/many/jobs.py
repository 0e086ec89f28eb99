"""The job of an edit of many records. One that a worker dies over is gone on with where it stopped."""

from __future__ import annotations

import procrastinate
from django.db import OperationalError, close_old_connections
from django.utils import timezone
from procrastinate.contrib.django import app

from abmatic.audiences.many import working
from abmatic.audiences.many.models import UNFINISHED, FieldEdit

_ATTEMPTS = 5


class _Again(procrastinate.BaseRetryStrategy):
    """A lost database makes a job try again; what is committed isn't done twice."""

    def get_retry_decision(
        self, *, exception: BaseException, job: procrastinate.jobs.Job
    ) -> procrastinate.RetryDecision | None:
        if isinstance(exception, OperationalError) and job.attempts + 1 < _ATTEMPTS:
            return procrastinate.RetryDecision(retry_in={"seconds": 2**job.attempts})
        return None


@app.task(name="audiences.field_edit", queue="sync", retry=_Again())
def work(edit_id: int) -> None:
    """Does one edit."""
    close_old_connections()
    try:
        working.execute(edit_id)
    except Exception as error:
        if not isinstance(error, OperationalError):
            FieldEdit.objects.filter(pk=edit_id, state__in=UNFINISHED).update(
                state=FieldEdit.State.FAILED,
                problem=f"This is a fault of Abmatic: {type(error).__name__}. Please report it with the worker's log.",
                finished_at=timezone.now(),
            )
        raise
