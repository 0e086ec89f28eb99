"""The rows of the org's tables, as one transaction reads and writes them: what changes is noted for change events.

:class:`~salesforce_emulator.store.batch.Batch` answers these methods for many rows at once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

from salesforce_emulator.changes import Journal
from salesforce_emulator.schema import Field, Schema, SObject
from salesforce_emulator.schema.tables import next_number, put_next_number, reserve_ids

Values = dict[str, object]
MAX_HOLDERS = 20


def stored(sobject: SObject, row: Values) -> Values:
    """What of a row has a column."""
    columns = sobject.columns
    return {n: v for n, v in row.items() if n in columns}


@lru_cache(maxsize=256)
def select_sql(sobject: SObject, names: tuple[str, ...]) -> str:
    columns = ", ".join(f'"{n}"' for n in names)
    return f'SELECT {columns} FROM "{sobject.name}"'


@lru_cache(maxsize=4096)
def _insert_sql(sobject: SObject, names: tuple[str, ...]) -> str:
    columns = ", ".join(f'"{n}"' for n in names)
    return f'INSERT INTO "{sobject.name}" ({columns}) VALUES ({", ".join("?" for _ in names)})'


@lru_cache(maxsize=4096)
def _update_sql(sobject: SObject, names: tuple[str, ...]) -> str:
    assignments = ", ".join(f'"{n}" = ?' for n in names)
    return f'UPDATE "{sobject.name}" SET {assignments} WHERE "Id" = ?'


@dataclass
class Rows:
    """One transaction's view of the tables. ``now`` and ``user_id`` are the stamp of all that it writes."""

    _conn: sqlite3.Connection
    schema: Schema
    now: str
    user_id: str
    journal: Journal | None = None

    @property
    def conn(self) -> sqlite3.Connection:
        """The connection, for statements that write by themselves."""
        return self._conn

    def read(self, sql: str, parameters: Sequence[object] = ()) -> sqlite3.Cursor:
        """Run a SELECT, which sees all that was written before."""
        return self._conn.execute(sql, parameters)

    @contextmanager
    def row(self) -> Iterator[None]:
        """One record: what was written of it is taken back when it fails, its neighbours stay."""
        self._conn.execute("SAVEPOINT one_row")
        mark = self.journal.mark() if self.journal is not None else 0
        try:
            yield
        except BaseException:
            if self.journal is not None:
                self.journal.back_to(mark)
            self._conn.execute("ROLLBACK TO one_row")
            self._conn.execute("RELEASE one_row")
            raise
        self._conn.execute("RELEASE one_row")

    def fetch(self, sobject: str, record_id: str, columns: Sequence[str] = ()) -> Values | None:
        """The stored columns of a record, deleted or not: all of them, or those that are named."""
        found = self.schema[sobject]
        names = columns or found.stored_names
        row = self.read(f'{select_sql(found, tuple(names))} WHERE "Id" = ?', (record_id,)).fetchone()
        return dict(zip(names, row, strict=True)) if row else None

    def is_deleted(self, sobject: SObject, record_id: str) -> bool | None:
        """Whether a record is deleted; None where there is none."""
        gone = '"IsDeleted"' if sobject.deletes else "0"
        row = self.read(f'SELECT {gone} FROM "{sobject.name}" WHERE "Id" = ?', (record_id,)).fetchone()
        return bool(row[0]) if row else None

    def holders(self, sobject: SObject, field: Field, value: object) -> list[str]:
        """The ids of the records that are there and hold this value, twenty at most."""
        alive = ' AND "IsDeleted" = 0' if sobject.deletes else ""
        sql = f'SELECT "Id" FROM "{sobject.name}" WHERE "{field.name}" = ?{alive} ORDER BY rowid LIMIT {MAX_HOLDERS}'
        return [str(r[0]) for r in self.read(sql, (value,))]

    def _new_id(self, sobject: SObject) -> str:
        return reserve_ids(self._conn, sobject.name, 1, self.schema)[0]

    def _next_number(self, counter: str) -> int:
        """Count a counter up; the number it gives."""
        number = next_number(self._conn, counter)
        put_next_number(self._conn, counter, number + 1)
        return number

    def run(self, key: str, sql: str, parameters: Sequence[object]) -> None:
        """Run a statement that writes. ``key`` tells apart what it concerns."""
        self._conn.execute(sql, parameters)

    def _insert_row(self, sobject: SObject, row: Values) -> None:
        if self.journal is not None and sobject.name in self.journal.selected:
            self.journal.created(sobject.name, row)
        self.run(str(row["Id"]), _insert_sql(sobject, tuple(row)), tuple(row.values()))

    def _update_row(self, sobject: SObject, record_id: str, row: Values) -> None:
        if self.journal is not None and sobject.name in self.journal.selected:
            self._note_update(self.journal, sobject, record_id, row)
        self.run(record_id, _update_sql(sobject, tuple(row)), (*row.values(), record_id))

    def _delete_row(self, sobject: SObject, record_id: str) -> None:
        journal = self.journal
        # What leaves the recycle bin makes no event.
        if journal is not None and sobject.name in journal.selected and self.is_deleted(sobject, record_id) is False:
            journal.deleted(sobject.name, record_id)
        self.run(record_id, f'DELETE FROM "{sobject.name}" WHERE "Id" = ?', (record_id,))

    def _note_update(self, journal: Journal, sobject: SObject, record_id: str, row: Values) -> None:
        if "IsDeleted" not in row:
            told = journal.told(sobject.name, row)
            before = self._before(sobject, record_id, told)
            if before is not None:
                journal.updated(sobject.name, record_id, told, before, row)
        elif row["IsDeleted"]:
            journal.deleted(sobject.name, record_id)
        else:
            whole = self.fetch(sobject.name, record_id) or {}
            journal.undeleted(sobject.name, record_id, {**whole, **row})

    def _before(self, sobject: SObject, record_id: str, names: tuple[str, ...]) -> Values | None:
        """What these columns of a record hold before it is written."""
        return self.fetch(sobject.name, record_id, ("Id", *names))
