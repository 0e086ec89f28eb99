"""The door: taking a file in, choosing what its columns are, checking it, importing it, cancelling.

Pages and commands call these; what can be large is a worker's (see `executing`). States move by conditional updates, so
that two people who press at once don't both succeed. Every choice and every check that begins is a new revision: what
somebody saw, or a worker still counts, of an earlier one is not taken for this one's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from abmatic.audiences import collections
from abmatic.audiences.collections import LONGEST_NAME, CollectionRefused
from abmatic.audiences.csv_import import dialect, staging, storage
from abmatic.audiences.csv_import.dialect import DELIMITERS, ENCODINGS, Dialect
from abmatic.audiences.csv_import.guessing import guessed
from abmatic.audiences.csv_import.mapping import Mapping, mapped_columns, mapping_of
from abmatic.audiences.csv_import.models import FileImport
from abmatic.audiences.csv_import.reading import Rows
from abmatic.audiences.csv_import.references import importable
from abmatic.audiences.csv_import.refusals import FileRefused, ImportRefused, MappingRefused
from abmatic.audiences.models import Collection
from abmatic.changes.models import Cause
from abmatic.identity.models import User
from abmatic.postgres import sessions

_State = FileImport.State
_CHOOSING = (_State.MAPPING, _State.CHECKED)
SAMPLE_ROWS = 5
_SAMPLE_CELL = 120
# So many rows tell, while columns are being chosen, what doesn't fit.
LOOKED_AT = 1_000


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
    missing_account: str = FileImport.MissingAccount.LEAVE


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
        file.columns = guessed(file.record, rows.header, importable(file.record))
    if is_new:
        # Where cells are parted by semicolons, numbers have commas.
        file.decimal_comma = written.delimiter == ";"
    file.encoding, file.delimiter, file.header = written.encoding, written.delimiter, rows.header
    file.sample = [[_shown(cell) for cell in row.cells] for row in first]
    _keep(file, (_State.UPLOADING,) if is_new else _CHOOSING, "columns", "decimal_comma", "encoding", "delimiter",
          "header", "sample")  # fmt: skip
    return file


def _shown(cell: str) -> str:
    """As the database can store it."""
    plain = cell.replace("\x00", "").encode("utf-8", "replace").decode()
    return plain if len(plain) <= _SAMPLE_CELL else plain[:_SAMPLE_CELL] + "…"


def read_as(file: FileImport, encoding: str, delimiter: str) -> None:
    """Reads it again, as a person says it is written. Raises `ImportRefused`."""
    if encoding not in ENCODINGS or delimiter not in DELIMITERS:
        raise ImportRefused("Choose an encoding and a separator of the list.")
    _require_choosing(file)
    look_at(file, Dialect(encoding, delimiter))


def choose(file: FileImport, choices: Choices) -> None:
    """Keeps what was chosen. Raises `ImportRefused` where it can't be used; nothing is kept then."""
    _require_choosing(file)
    if len(choices.columns) != len(file.header):
        raise MappingRefused("The file has other columns. Open the page again.")
    if choices.duplicates not in FileImport.Duplicates.values:
        raise MappingRefused("Choose what happens to records that are here already.")
    if choices.missing_account not in FileImport.MissingAccount.values:
        raise MappingRefused("Choose what happens where no account is found.")
    file.columns = [name or None for name in choices.columns]
    file.duplicates = choices.duplicates
    file.takes_keyless = choices.takes_keyless
    file.missing_account = choices.missing_account
    file.decimal_comma, file.day_first = choices.decimal_comma, choices.day_first
    file.collection, file.collection_name = _collection(file, choices)
    mapping_of(file)
    _keep(file, _CHOOSING, "columns", "duplicates", "takes_keyless", "missing_account", "decimal_comma", "day_first",
          "collection", "collection_name")  # fmt: skip


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
    mapped, _, _ = mapped_columns(file.record, file.header, choices.columns)
    if not mapped:
        return {}
    mapping = Mapping(
        file.record, mapped, FileImport.Duplicates.SKIP, takes_keyless=True,
        decimal_comma=choices.decimal_comma, day_first=choices.day_first,
    )  # fmt: skip
    with sessions.session("look at a file", sessions.IMPORT_SETTINGS) as session:
        staged = staging.stage(session, Rows(file, dialect.of(file)), mapping, lambda _: None, most=LOOKED_AT)
    return {mapped[at].place: many for at, many in staged.unfit.items()}


def start_check(file: FileImport) -> None:
    """Marks it to be checked. Raises `ImportRefused`. The caller queues the work."""
    mapping_of(file)
    _move(
        file, _CHOOSING, file.revision, state=_State.CHECKING, revision=file.revision + 1, bytes_read=0, rows=None,
        found=None, problem="",
    )  # fmt: skip


def start_import(file: FileImport, user: User | None, revision: int | None = None) -> None:
    """Marks a checked one to be imported, and makes its collection. Raises `ImportRefused`. The caller queues.

    ``revision``: of the preview that the person saw; unless said, the one that the caller read.
    """
    with transaction.atomic():
        made = None
        if file.collection_name:
            try:
                made = collections.create(file.record, file.collection_name, kind=Collection.Kind.IMPORT)
            except CollectionRefused as refused:
                raise ImportRefused(str(refused)) from refused
        cause = Cause.objects.create(
            kind=Cause.Kind.IMPORT, user=user, api_key=file.api_key if user is None else None, note=file.file_name
        )
        _move(
            file, (_State.CHECKED,), file.revision if revision is None else revision, state=_State.IMPORTING,
            bytes_read=0, done=0, counts={}, problem="", cause=cause, started_at=timezone.now(),
            collection=made or file.collection, collection_name=str(made or file.collection or ""),
        )  # fmt: skip


def resume(file: FileImport) -> None:
    """Has one that failed go on after the last chunk it wrote. Raises `ImportRefused`. The caller queues."""
    if file.removed_at is not None or file.cause_id is None:
        raise ImportRefused(f"{file} can't go on: the file is not here any more. Give it again.")
    mapping_of(file)
    # When it began counts for `keeping`: it gets its whole time again.
    _move(
        file, (_State.FAILED,), file.revision, state=_State.IMPORTING, bytes_read=0, problem="",
        started_at=timezone.now(), finished_at=None,
    )  # fmt: skip


def cancel(file: FileImport) -> bool:
    """Stops it. What an import has written by then stays. False when it is over already."""
    if FileImport.objects.filter(pk=file.pk, state=_State.CHECKING).update(state=_State.MAPPING):
        return True
    unfinished = [_State.UPLOADING, _State.MAPPING, _State.CHECKED, _State.IMPORTING]
    return bool(
        FileImport.objects.filter(pk=file.pk, state__in=unfinished).update(
            # What was previewed holds values of people, and nobody looks at it again.
            state=_State.CANCELLED, finished_at=timezone.now(), found=None,
        )
    )  # fmt: skip


def fail(file_id: int, problem: str) -> None:
    """Ends what can't go on."""
    FileImport.objects.filter(pk=file_id, state=_State.CHECKING).update(state=_State.MAPPING, problem=problem)
    FileImport.objects.filter(pk=file_id, state=_State.IMPORTING).update(
        state=_State.FAILED, problem=problem, finished_at=timezone.now()
    )


def _require_choosing(file: FileImport) -> None:
    if file.state == _State.CHECKING:
        raise ImportRefused(_already(file))
    if file.state not in _CHOOSING:
        raise ImportRefused(f"{file} is {file.get_state_display().lower()}: nothing about it can be chosen now.")


def _already(file: FileImport) -> str:
    if file.state == _State.CHECKING:
        return f"The preview of {file} is already being made."
    return f"{file} is {file.get_state_display().lower()} already. Open its page again."


def _keep(file: FileImport, states: Sequence[str], *names: str) -> None:
    """Writes what was chosen, these fields alone. What was previewed of other choices is gone."""
    changes = {name: getattr(file, name) for name in names}
    _move(file, states, file.revision, state=_State.MAPPING, revision=file.revision + 1, found=None, problem="",
          **changes)  # fmt: skip


def _move(file: FileImport, states: Sequence[str], seen: int, **changes: object) -> None:
    """``seen``: the revision that whoever wants it knows of."""
    known = FileImport.objects.filter(pk=file.pk, state__in=states, revision=seen, removed_at=None)
    moved = known.update(**changes)
    file.refresh_from_db()
    if not moved and file.state in states:
        raise ImportRefused(
            f"What was chosen for {file} changed since you saw it. Look at it as it is now, then press again."
        )
    if not moved:
        raise ImportRefused(_already(file))
