"""The job of an edit of many records. One that a worker dies over is gone on with where it stopped."""

from __future__ import annotations

from django.db import OperationalError, close_old_connections
from django.utils import timezone
from procrastinate.contrib.django import app

from abmatic.audiences.many import working
from abmatic.audiences.many.models import UNFINISHED, FieldEdit
from abmatic.postgres.retrying import LostDatabase

_ATTEMPTS = 5


@app.task(name="audiences.field_edit", queue="sync", retry=LostDatabase(_ATTEMPTS))
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
