"""Imports of files as a worker's jobs: those of one kind of record follow one another."""

from __future__ import annotations

import procrastinate
from django.db import OperationalError, close_old_connections, transaction
from procrastinate.contrib.django import app

from abmatic.audiences.csv_import import verbs
from abmatic.audiences.csv_import.models import FileImport
from abmatic.audiences.csv_import.verbs import ImportHeld
from abmatic.identity.models import User

_ATTEMPTS = 5
_HELD_PAUSE = 10
_HELD_ATTEMPTS = 12


def check(file: FileImport) -> None:
    """Queues a check. Raises `ImportRefused`."""
    with transaction.atomic():
        verbs.start_check(file)
        _queue(file)


def start(file: FileImport, user: User | None) -> None:
    """Queues the import of what was checked. Raises `ImportRefused`."""
    with transaction.atomic():
        verbs.start_import(file, user)
        _queue(file)


def _queue(file: FileImport) -> None:
    work.configure(lock=f"file-import-{file.record}").defer(file_id=file.pk)


class _Again(procrastinate.BaseRetryStrategy):
    """A lost database, and an import that is held, make a job try again; everything else ends the import itself."""

    def get_retry_decision(
        self, *, exception: BaseException, job: procrastinate.jobs.Job
    ) -> procrastinate.RetryDecision | None:
        if isinstance(exception, ImportHeld) and job.attempts < _HELD_ATTEMPTS:
            return procrastinate.RetryDecision(retry_in={"seconds": _HELD_PAUSE})
        if isinstance(exception, OperationalError) and job.attempts + 1 < _ATTEMPTS:
            return procrastinate.RetryDecision(retry_in={"seconds": 2**job.attempts})
        return None


@app.task(name="audiences.file_import", queue="sync", retry=_Again())
def work(file_id: int) -> None:
    """Does what an import waits for."""
    close_old_connections()
    try:
        verbs.execute(file_id)
    except Exception as error:
        if not isinstance(error, OperationalError | ImportHeld):
            verbs.fail(
                file_id,
                f"This is a fault of Abmatic: {type(error).__name__}. What was written stays. Please report it with "
                "the worker's log.",
            )
        raise
