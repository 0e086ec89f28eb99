"""What a worker does with an import: a check or the import itself, both of which read the whole file.

Both may be killed at any moment, and be overtaken: what is written down of them counts only while the import is in the
state and the revision that this execution began with.
"""

from __future__ import annotations

from dataclasses import asdict

import django.db
import psycopg
from django.utils import timezone

from abmatic.audiences.csv_import import checking, dialect, naming, staging
from abmatic.audiences.csv_import.applying import Applying, Cancelled, Counts
from abmatic.audiences.csv_import.cells import Session
from abmatic.audiences.csv_import.mapping import Mapping, mapping_of
from abmatic.audiences.csv_import.models import FileImport
from abmatic.audiences.csv_import.reading import Rows
from abmatic.audiences.csv_import.refusals import ImportRefused
from abmatic.postgres import sessions
from abmatic.postgres.locks import LockBusy, held

_State = FileImport.State


class ImportHeld(Exception):
    """Another worker has the import, or one that died a moment ago and still seems to."""


def execute(file_id: int) -> None:
    """Checks or imports, whichever it waits for; nothing where it waits for nothing. Raises `ImportHeld`.

    Killed anywhere, the next call does it again: a check from the beginning, an import after its last chunk. Raises
    django.db.OperationalError when the database is lost or can't do its work, in whichever session that showed.
    """
    try:
        file = FileImport.objects.filter(pk=file_id).first()
        if file is None or not file.is_at_work:
            return
        with (
            sessions.session("import of a file", {**sessions.IMPORT_SETTINGS, **sessions.LOCK_SETTINGS}) as session,
            held(session, "file-import", file.pk),
        ):
            file.refresh_from_db()
            if file.is_at_work:
                _work(session, file)
    except LockBusy as busy:
        raise ImportHeld(f"Import {file_id} is held by another worker.") from busy
    except (psycopg.OperationalError, psycopg.InterfaceError, django.db.InterfaceError) as error:
        raise django.db.OperationalError(str(error)) from error


def _work(session: Session, file: FileImport) -> None:
    is_check = file.state == _State.CHECKING
    try:
        mapping = mapping_of(file)
        rows = Rows(file, dialect.of(file))

        def progress(staged: staging.Staged) -> None:
            if not _note(file, bytes_read=rows.bytes_read):
                raise Cancelled

        staged = staging.stage(session, rows, mapping, progress)
        if is_check:
            _finish_check(session, file, mapping, staged)
        else:
            _import(session, file, mapping, staged)
    except Cancelled:
        return
    except ImportRefused as refused:
        if is_check:
            _note(file, state=_State.MAPPING, problem=str(refused))
        else:
            _note(file, state=_State.FAILED, problem=str(refused), finished_at=timezone.now())


def _finish_check(session: Session, file: FileImport, mapping: Mapping, staged: staging.Staged) -> None:
    found = checking.check(session, mapping, staged)
    if not _note(file, rows=staged.rows):
        raise Cancelled
    staging.keep_rejected(session, file.pk)
    naming.keep_unlinked(session, mapping, file.pk)
    session.commit()
    _note(file, state=_State.CHECKED, found=asdict(found), rows=staged.rows)


def _import(session: Session, file: FileImport, mapping: Mapping, staged: staging.Staged) -> None:
    if not file.counts:
        counts = Counts()
        counts.rejected, counts.repeated = checking.rejected(session)
        file.counts = asdict(counts)
        staging.keep_rejected(session, file.pk)
        session.commit()
    else:
        staging.take_rejected(session, file.pk)
    if not _note(file, rows=staged.rows):
        raise Cancelled
    Applying(session, file, mapping).apply(staged.rows)
    _note(file, state=_State.DONE, counts=file.counts, finished_at=timezone.now())


def _note(file: FileImport, **changes: object) -> bool:
    """False when it was cancelled or chosen anew meanwhile, or is gone."""
    known = FileImport.objects.filter(pk=file.pk, state=file.state, revision=file.revision)
    return bool(known.update(**changes))
