"""Previews made by a worker: asked for, watched, cancelled, forgotten after a day.

They wait their turn among the connection's runs. One that a worker died over is made again from the beginning: nothing
of it was committed.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import OperationalError, close_old_connections, transaction
from django.utils import timezone
from procrastinate.contrib.django import app

from abmatic.identity.models import User
from abmatic.postgres.retrying import LostDatabase
from abmatic.sync.models import Connection, PreviewJob
from abmatic.sync.objects import configurable
from abmatic.sync.preview.found import NotPreviewed, Preview
from abmatic.sync.preview.looking import preview
from abmatic.sync.pull.plan import ObjectUnreadable

KEPT = timedelta(days=1)
_ATTEMPTS = 3
_UNFINISHED = (PreviewJob.State.QUEUED, PreviewJob.State.RUNNING)


class _Cancelled(Exception):
    """Somebody cancelled it."""


def start(
    connection: Connection, sobject: str, *, full: bool = False, direction: str = "both", user: User | None = None
) -> PreviewJob:
    """Queues a preview of all that a run would read; answers one of the same kind that is under way already.

    Raises `NotPreviewed` where the object isn't synchronised or the connection isn't active.
    """
    if sobject not in [spec.name for spec in configurable()]:
        raise NotPreviewed(f"{sobject} is not an object that is synchronised.")
    if connection.status != Connection.Status.ACTIVE:
        raise NotPreviewed(
            f"The connection to {connection} is {connection.get_status_display().lower()}. "
            f"{'Reconnect it' if connection.wants_reconnect else 'Check it again'} under Settings, Integrations."
        )
    with transaction.atomic():
        # Whoever asks second waits, and finds the first one's.
        Connection.objects.select_for_update().get(pk=connection.pk)
        alike = PreviewJob.objects.filter(
            connection=connection, sobject=sobject, is_full=full, direction=direction, state__in=_UNFINISHED
        ).first()
        if alike is not None:
            return alike
        job = PreviewJob.objects.create(
            connection=connection, sobject=sobject, is_full=full, direction=direction, asked_by=user
        )
        make.configure(lock=f"connection-{connection.pk}").defer(job_id=job.pk)
    return job


def cancel(job: PreviewJob) -> bool:
    """Stops it where its next chunk ends. False when it is over already."""
    return bool(
        PreviewJob.objects.filter(pk=job.pk, state__in=_UNFINISHED).update(
            state=PreviewJob.State.CANCELLED, finished_at=timezone.now()
        )
    )


def execute(job_id: int) -> None:
    """Makes the preview, or does nothing where it is over. Raises OperationalError when the database is lost."""
    PreviewJob.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
    job = PreviewJob.objects.select_related("connection").filter(pk=job_id).first()
    if job is None or not _note(job, state=PreviewJob.State.RUNNING):
        return

    def progress(found: Preview) -> None:
        if not _note(job, records=found.records or None, looked_at=found.looked_at):
            raise _Cancelled

    try:
        found = preview(
            job.connection, job.sobject, full=job.is_full, direction=job.direction, whole=True, progress=progress
        )
    except _Cancelled:
        return
    except (NotPreviewed, ObjectUnreadable) as error:
        _note(job, state=PreviewJob.State.FAILED, problem=str(error), finished_at=timezone.now())
        return
    _note(
        job,
        state=PreviewJob.State.DONE,
        records=found.records,
        looked_at=found.looked_at,
        found=found.as_json(),
        finished_at=timezone.now(),
    )


def _note(job: PreviewJob, **changes: object) -> bool:
    """False when it is over, or gone with its connection."""
    return bool(PreviewJob.objects.filter(pk=job.pk, state__in=_UNFINISHED).update(**changes))


@app.task(name="sync.preview", queue="sync", retry=LostDatabase(_ATTEMPTS))
def make(job_id: int) -> None:
    """Makes one preview."""
    close_old_connections()
    try:
        execute(job_id)
    except Exception as error:
        if not isinstance(error, OperationalError):
            PreviewJob.objects.filter(pk=job_id, state__in=_UNFINISHED).update(
                state=PreviewJob.State.FAILED,
                problem=f"This is a fault of Abmatic: {type(error).__name__}. Please report it with the worker's log.",
                finished_at=timezone.now(),
            )
        raise
