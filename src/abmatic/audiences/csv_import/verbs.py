"""The door: taking a file in, choosing what its columns are, checking it, importing it, cancelling.

Pages and commands call these; a worker calls `execute`. What can be large happens there: a check and an import read the
whole file, and both may be killed at any moment. States move by conditional updates, so that two people who press at
once don't both succeed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from django.db import transaction
from django.utils import timezone

from abmatic.audiences import collections
from abmatic.audiences.collections import LONGEST_NAME, CollectionRefused
from abmatic.audiences.csv_import import checking, dialect, staging, storage
from abmatic.audiences.csv_import.applying import Applying, Cancelled, Counts
from abmatic.audiences.csv_import.dialect import DELIMITERS, ENCODINGS, Dialect
from abmatic.audiences.csv_import.guessing import guessed
from abmatic.audiences.csv_import.mapping import Mapping, mapped_columns, mapping_of
from abmatic.audiences.csv_import.models import FileImport
from abmatic.audiences.csv_import.reading import Rows
from abmatic.audiences.csv_import.refusals import FileRefused, ImportRefused, MappingRefused
from abmatic.audiences.editing import editable
from abmatic.audiences.models import Collection
from abmatic.changes.models import Cause
from abmatic.identity.models import User
from abmatic.postgres import sessions
from abmatic.postgres.locks import LockBusy, held

_State = FileImport.State
SAMPLE_ROWS = 5
_SAMPLE_CELL = 120
# So many rows tell, while columns are being chosen, what doesn't fit.
LOOKED_AT = 1_000


class ImportHeld(Exception):
    """Another worker has the import, or one that died a moment ago and still seems to."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person chose. ``columns``: for each column of the file the name of a field, or None."""

    columns: Sequence[str | None]
    duplicates: str = FileImport.Duplicates.FILL
    takes_keyless: bool = False
    decimal_comma: bool = False
    day_first: bool = False
    # An existing collection, or the name of a new one.
    collection: int | None = None
    collection_name: str = ""


def take_in(record: str, name: str, pieces: Iterable[bytes], user: User | None = None) -> FileImport:
    """Keeps a file and looks at how it is written; its columns are guessed. Raises `FileRefused`."""
    return look_at(storage.keep(record, name, pieces, user))


def look_at(file: FileImport, written: Dialect | None = None) -> FileImport:
    """Reads the beginning of a kept file. Raises `FileRefused`, and forgets a new file that can't be read."""
    is_new = file.state == _State.UPLOADING
    try:
        written = written or dialect.found(file)
        rows = Rows(file, written)
        first = [row for row, _ in zip(rows, range(SAMPLE_ROWS), strict=False)]
        if not first:
            raise FileRefused(f"{file.file_name} has a heading and no row below it.")
    except FileRefused:
        if is_new:
            file.delete()
        raise
    if is_new or rows.header != file.header:
        file.columns = guessed(file.record, rows.header, editable(file.record))
    if is_new:
        # Where cells are parted by semicolons, numbers have commas.
        file.decimal_comma = written.delimiter == ";"
    file.encoding, file.delimiter, file.header = written.encoding, written.delimiter, rows.header
    file.sample = [[_shown(cell) for cell in row.cells] for row in first]
    file.state = _State.MAPPING
    file.save()
    return file


def _shown(cell: str) -> str:
    """As the database can store it."""
    plain = cell.replace("\x00", "").encode("utf-8", "replace").decode()
    return plain if len(plain) <= _SAMPLE_CELL else plain[:_SAMPLE_CELL] + "…"


def read_as(file: FileImport, encoding: str, delimiter: str) -> None:
    """Reads it again, as a person says it is written. Raises `ImportRefused`."""
    if encoding not in ENCODINGS or delimiter not in DELIMITERS:
        raise ImportRefused("Choose an encoding and a separator of the list.")
    _require(file, _State.MAPPING, _State.CHECKED)
    look_at(file, Dialect(encoding, delimiter))


def choose(file: FileImport, choices: Choices) -> None:
    """Keeps what was chosen. Raises `ImportRefused` where it can't be used; nothing is kept then."""
    _require(file, _State.MAPPING, _State.CHECKED)
    if len(choices.columns) != len(file.header):
        raise MappingRefused("The file has other columns. Open the page again.")
    if choices.duplicates not in FileImport.Duplicates.values:
        raise MappingRefused("Choose what happens to records that are here already.")
    file.columns = [name or None for name in choices.columns]
    file.duplicates = choices.duplicates
    file.takes_keyless = choices.takes_keyless
    file.decimal_comma, file.day_first = choices.decimal_comma, choices.day_first
    file.collection, file.collection_name = _collection(file, choices)
    mapping_of(file)
    file.state, file.found, file.problem = _State.MAPPING, None, ""
    file.save()


def _collection(file: FileImport, choices: Choices) -> tuple[Collection | None, str]:
    if name := " ".join(choices.collection_name.split()):
        if len(name) > LONGEST_NAME or not name.isprintable():
            raise MappingRefused(f"Give the collection a name of 1 to {LONGEST_NAME} characters.")
        if Collection.objects.filter(record=file.record, name__iexact=name).exists():
            raise MappingRefused(f"There is a collection “{name}” already: choose it, or give another name.")
        return None, name
    if choices.collection is None:
        return None, ""
    found = Collection.objects.filter(pk=choices.collection, record=file.record).first()
    if found is None:
        raise MappingRefused("The chosen collection is not there any more.")
    if found.kind == Collection.Kind.DYNAMIC:
        raise MappingRefused(f"The members of “{found}” follow its rule: choose another collection.")
    return found, ""


def unfit_at_first(file: FileImport, choices: Choices) -> dict[int, int]:
    """Of the first rows, in how many each column doesn't fit its field, by the column's place."""
    mapped = mapped_columns(file.record, file.header, choices.columns)
    if not mapped:
        return {}
    mapping = Mapping(
        file.record, mapped, FileImport.Duplicates.SKIP, takes_keyless=True,
        decimal_comma=choices.decimal_comma, day_first=choices.day_first,
    )  # fmt: skip
    with sessions.session("look at a file", sessions.IMPORT_SETTINGS) as session:
        staged = staging.stage(session, Rows(file, _dialect(file)), mapping, lambda _: None, most=LOOKED_AT)
    return {mapped[at].place: many for at, many in staged.unfit.items()}


def start_check(file: FileImport) -> None:
    """Marks it to be checked. Raises `ImportRefused`. The caller queues the work."""
    mapping_of(file)
    _move(
        file, (_State.MAPPING, _State.CHECKED), state=_State.CHECKING, bytes_read=0, rows=None, found=None, problem=""
    )


def start_import(file: FileImport, user: User | None) -> None:
    """Marks a checked one to be imported, and makes its collection. Raises `ImportRefused`. The caller queues."""
    with transaction.atomic():
        made = None
        if file.collection_name:
            try:
                made = collections.create(file.record, file.collection_name, kind=Collection.Kind.IMPORT)
            except CollectionRefused as refused:
                raise ImportRefused(str(refused)) from refused
        cause = Cause.objects.create(kind=Cause.Kind.IMPORT, user=user, note=file.file_name)
        _move(
            file, (_State.CHECKED,), state=_State.IMPORTING, bytes_read=0, done=0, counts={}, problem="", cause=cause,
            started_at=timezone.now(), collection=made or file.collection, collection_name="",
        )  # fmt: skip


def cancel(file: FileImport) -> bool:
    """Stops it. What an import has written by then stays. False when it is over already."""
    if FileImport.objects.filter(pk=file.pk, state=_State.CHECKING).update(state=_State.MAPPING):
        return True
    unfinished = [_State.UPLOADING, _State.MAPPING, _State.CHECKED, _State.IMPORTING]
    return bool(
        FileImport.objects.filter(pk=file.pk, state__in=unfinished).update(
            state=_State.CANCELLED, finished_at=timezone.now()
        )
    )


def execute(file_id: int) -> None:
    """Checks or imports, whichever it waits for; nothing where it waits for nothing. Raises `ImportHeld`.

    Killed anywhere, the next call does it again: a check from the beginning, an import after its last chunk.
    """
    file = FileImport.objects.filter(pk=file_id).first()
    if file is None or not file.is_at_work:
        return
    try:
        with (
            sessions.session("import of a file", sessions.IMPORT_SETTINGS) as session,
            held(session, "file-import", file.pk),
        ):
            file.refresh_from_db()
            if file.is_at_work:
                _work(session, file)
    except LockBusy as busy:
        raise ImportHeld(f"Import {file_id} is held by another worker.") from busy


def _work(session: staging.Session, file: FileImport) -> None:
    is_check = file.state == _State.CHECKING
    try:
        mapping = mapping_of(file)
        rows = Rows(file, _dialect(file))

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


def _finish_check(session: staging.Session, file: FileImport, mapping: Mapping, staged: staging.Staged) -> None:
    found = checking.check(session, mapping, staged)
    staging.keep_rejected(session, file.pk)
    session.commit()
    _note(file, state=_State.CHECKED, found=asdict(found), rows=staged.rows)


def _import(session: staging.Session, file: FileImport, mapping: Mapping, staged: staging.Staged) -> None:
    if not file.counts:
        counts = Counts()
        counts.rejected, counts.repeated = checking.rejected(session)
        file.counts = asdict(counts)
        staging.keep_rejected(session, file.pk)
        session.commit()
    if not _note(file, rows=staged.rows):
        raise Cancelled
    Applying(session, file, mapping).apply(staged.rows)
    _note(file, state=_State.DONE, counts=file.counts, finished_at=timezone.now())


def fail(file_id: int, problem: str) -> None:
    """Ends what can't go on."""
    FileImport.objects.filter(pk=file_id, state=_State.CHECKING).update(state=_State.MAPPING, problem=problem)
    FileImport.objects.filter(pk=file_id, state=_State.IMPORTING).update(
        state=_State.FAILED, problem=problem, finished_at=timezone.now()
    )


def _dialect(file: FileImport) -> Dialect:
    return Dialect(file.encoding, file.delimiter)


def _note(file: FileImport, **changes: object) -> bool:
    """False when it was cancelled meanwhile, or is gone."""
    return bool(FileImport.objects.filter(pk=file.pk, state=file.state).update(**changes))


def _require(file: FileImport, *states: str) -> None:
    if file.state not in states:
        raise ImportRefused(f"{file} is {file.get_state_display().lower()}: nothing about it can be chosen now.")


def _move(file: FileImport, states: Sequence[str], **changes: object) -> None:
    if not FileImport.objects.filter(pk=file.pk, state__in=states).update(**changes):
        file.refresh_from_db()
        raise ImportRefused(f"{file} is {file.get_state_display().lower()} already. Open its page again.")
    file.refresh_from_db()
