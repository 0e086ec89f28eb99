"""Files that are given, and what becomes of them, in a line each."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection

from abmatic.audiences.csv_import import executing, verbs
from abmatic.audiences.csv_import.models import FileImport, RejectedRow
from abmatic.audiences.csv_import.verbs import Choices
from abmatic.audiences.models import CollectionMember
from abmatic.changes.models import Change


def written(rows: Iterable[Sequence[str]], encoding: str = "utf-8", **how: Any) -> bytes:
    """A file as a program writes it."""
    buffer = io.StringIO(newline="")
    csv.writer(buffer, **how).writerows(rows)
    return buffer.getvalue().encode(encoding)


def given(record: str, content: bytes, name: str = "people.csv") -> FileImport:
    """A file that was taken in."""
    return verbs.take_in(record, name, [content[at : at + 1000] for at in range(0, len(content), 1000)])


def chosen(file: FileImport, columns: Sequence[str | None] | None = None, **how: Any) -> FileImport:
    """A file with its choices, as guessed unless said."""
    how.setdefault("decimal_comma", file.decimal_comma)
    verbs.choose(file, Choices(file.columns if columns is None else columns, **how))
    return file


def checked(record: str, content: bytes, columns: Sequence[str | None] | None = None, **how: Any) -> FileImport:
    """A file that was mapped and checked."""
    file = chosen(given(record, content), columns, **how)
    verbs.start_check(file)
    executing.execute(file.pk)
    file.refresh_from_db()
    return file


def imported(record: str, content: bytes, columns: Sequence[str | None] | None = None, **how: Any) -> FileImport:
    """A file that was imported."""
    file = checked(record, content, columns, **how)
    assert file.state == "checked", file.problem
    verbs.start_import(file, None)
    executing.execute(file.pk)
    file.refresh_from_db()
    return file


def reasons(file: FileImport) -> dict[int, str]:
    """Why rows were rejected, by their line."""
    return {row.line: row.reason for row in RejectedRow.objects.filter(file=file).order_by("number")}


def changes() -> list[tuple[int, str, Any, Any]]:
    """The change log."""
    return list(Change.objects.order_by("id").values_list("record_id", "field", "before", "after"))


def members(collection_id: int | None) -> list[int]:
    """Who is in a collection."""
    found = CollectionMember.objects.filter(collection=collection_id).values_list("record_id", flat=True)
    return sorted(found)


def rows_of(table: str, columns: str) -> list[tuple[Any, ...]]:
    """What a table holds, in the order of its ids."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {table} ORDER BY id")
        return list(cursor.fetchall())
