"""The preview of an import, made by a worker in the connection's turn. One whose worker died is made again."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import OperationalError, close_old_connections, connection
from procrastinate.contrib.django import app

from abmatic.postgres.retrying import LostDatabase
from abmatic.sync.importing.looking import look
from abmatic.sync.importing.reading import text
from abmatic.sync.importing.sources import NotImported
from abmatic.sync.models import CrmImport
from abmatic.sync.pull.plan import ObjectUnreadable

KEPT = timedelta(days=1)
_ATTEMPTS = 3
_LOOKING = (CrmImport.State.QUEUED, CrmImport.State.RUNNING)


def queue(wanted: CrmImport) -> None:
    """The job of its preview; it commits with the import."""
    find.configure(lock=f"connection-{wanted.connection_id}").defer(import_id=wanted.pk)


def execute(import_id: int) -> None:
    """Makes the preview, or does nothing where none is wanted. Raises OperationalError when the database is lost."""
    wanted = CrmImport.objects.select_related("connection").filter(pk=import_id).first()
    if wanted is None or not _note(wanted, state=CrmImport.State.RUNNING):
        return
    try:
        found = look(wanted)
    except (NotImported, ObjectUnreadable) as error:
        _note(wanted, state=CrmImport.State.FAILED, problem=str(error))
        return
    _note(wanted, state=CrmImport.State.READY, found=found)


def _note(wanted: CrmImport, **changes: object) -> bool:
    """False when it was given up."""
    return bool(CrmImport.objects.filter(pk=wanted.pk, state__in=_LOOKING).update(**changes))


def forget_old(now: datetime) -> None:
    """Removes imports that were never carried out, and of the others which records they were, after a day."""
    with connection.cursor() as cursor:
        cursor.execute(text("forget_records"), {"before": now - KEPT})
        cursor.execute(text("forget_imports"), {"before": now - KEPT})


@app.task(name="sync.crm_import", queue="sync", retry=LostDatabase(_ATTEMPTS))
def find(import_id: int) -> None:
    """Makes one preview."""
    close_old_connections()
    try:
        execute(import_id)
    except Exception as error:
        if not isinstance(error, OperationalError):
            CrmImport.objects.filter(pk=import_id, state__in=_LOOKING).update(
                state=CrmImport.State.FAILED,
                problem=f"This is a fault of Abmatic: {type(error).__name__}. Please report it with the worker's log.",
            )
        raise
