"""Imports of files as a worker's jobs: those of one kind of record follow one another."""

from __future__ import annotations

import procrastinate
from django.db import InterfaceError, OperationalError, close_old_connections, transaction
from procrastinate.contrib.django import app

from abmatic.audiences.csv_import import executing, verbs
from abmatic.audiences.csv_import.executing import ImportHeld
from abmatic.audiences.csv_import.models import FileImport
from abmatic.identity.models import User

_ATTEMPTS = 5
# Seconds. The lock of a worker whose machine died is free within a minute; one that lives ends its import itself.
_HELD_PAUSE = 10
_LONGEST_PAUSE = 60


class ImportLeft(Exception):
    """The database stayed away until the last attempt, and the import couldn't even be called failed."""


def check(file: FileImport) -> None:
    """Queues a check. Raises `ImportRefused`."""
    with transaction.atomic():
        verbs.start_check(file)
        _queue(file)


def start(file: FileImport, user: User | None, revision: int | None = None) -> None:
    """Queues the import of what was checked, as that revision shows it. Raises `ImportRefused`."""
    with transaction.atomic():
        verbs.start_import(file, user, revision)
        _queue(file)


def resume(file: FileImport) -> None:
    """Queues what is left of an import that failed. Raises `ImportRefused`."""
    with transaction.atomic():
        verbs.resume(file)
        _queue(file)


def _queue(file: FileImport) -> None:
    _work.configure(lock=f"file-import-{file.record}").defer(file_id=file.pk)


class _Again(procrastinate.BaseRetryStrategy):
    """A lost database, and an import that is held, make a job try again; everything else ends the import itself."""

    def get_retry_decision(
        self, *, exception: BaseException, job: procrastinate.jobs.Job
    ) -> procrastinate.RetryDecision | None:
        if isinstance(exception, ImportHeld):
            return procrastinate.RetryDecision(
                retry_in={"seconds": min(_HELD_PAUSE * (job.attempts + 1), _LONGEST_PAUSE)}
            )
        if isinstance(exception, OperationalError) and job.attempts + 1 < _ATTEMPTS:
            return procrastinate.RetryDecision(retry_in={"seconds": 2**job.attempts})
        if isinstance(exception, ImportLeft):
            return procrastinate.RetryDecision(retry_in={"seconds": _LONGEST_PAUSE})
        return None


@app.task(name="audiences.file_import", queue="sync", pass_context=True, retry=_Again())
def _work(context: procrastinate.JobContext, file_id: int) -> None:
    work(file_id, is_last=context.job.attempts + 1 >= _ATTEMPTS)


def work(file_id: int, *, is_last: bool = False) -> None:
    """Does what an import waits for. ``is_last``: a database that is lost now won't be waited for again."""
    close_old_connections()
    try:
        executing.execute(file_id)
    except ImportHeld:
        raise
    except OperationalError as error:
        if is_last:
            _give_up(file_id, error)
        raise
    except Exception as error:
        verbs.fail(
            file_id,
            f"This is a fault of Abmatic: {type(error).__name__}. What was written stays. Please report it with "
            "the worker's log.",
        )
        raise


def _give_up(file_id: int, error: OperationalError) -> None:
    close_old_connections()
    said = " ".join(str(error).split())[:500]
    try:
        verbs.fail(
            file_id,
            f"The database couldn't do it, {_ATTEMPTS} times: {said}. What was written stays. Check the database "
            "(`abmatic doctor`), then start again: it goes on after what is written.",
        )
    except (OperationalError, InterfaceError) as still:
        raise ImportLeft(f"Import {file_id} goes on when the database is back.") from still
