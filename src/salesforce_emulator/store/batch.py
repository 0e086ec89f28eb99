"""Writing many rows: what they need is read beforehand, what they write is kept and written together.

The rules are the session's own.  This one answers their questions from what it has read, keeps that up to date with
every write, and hands the writes to SQLite by the thousand.  A question it can't answer makes it write first and ask
the tables; so does whoever uses the connection directly, after which nothing read beforehand is believed any more.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from salesforce_emulator import ids
from salesforce_emulator.schema import Field, Schema, SObject
from salesforce_emulator.schema.tables import next_number, put_next_number
from salesforce_emulator.store.rows import MAX_HOLDERS, Values, select_sql
from salesforce_emulator.store.session import Session

if TYPE_CHECKING:
    from salesforce_emulator.store.guard import Guard

_Key = tuple[str, str]
"""The names of an object and a field."""


class Batch(Session):
    """A session for the rows of a file. It writes when it has to, at :meth:`finish` at the latest."""

    def __init__(
        self,
        conn: sqlite3.Connection,
        schema: Schema,
        now: str,
        user_id: str,
        guard: Guard | None = None,
    ) -> None:
        super().__init__(conn, schema, now, user_id, from_csv=True, guard=guard)
        self._pending: dict[str, list[Sequence[object]]] = {}
        """Statements to be run, with the parameters of each time. They concern different records."""
        self._pending_keys: set[str] = set()
        self._own: list[str] = []
        """The pending statements of the row under way, in order: of each, the last parameters are the row's."""
        self._in_row = False
        self._savepoint = False
        """Whether something of the row under way is in the tables already."""
        self._numbers: dict[str, int] = {}
        """The next record number by key prefix, the next auto-number by object and field."""
        self._numbers_before: dict[str, int] = {}
        """The same, before the row under way."""
        self._forget()

    def _forget(self) -> None:
        self._records: dict[str, Values] = {}
        self._columns: dict[str, set[str]] = defaultdict(set)
        """By object, the columns that its records were read with."""
        self._deleted: dict[str, bool | None] = {}
        self._holders: dict[_Key, dict[object, list[str]]] = defaultdict(dict)
        """The records that are there, by a value that they hold. A value that isn't listed is unknown."""
        self._listed: dict[tuple[str, str], object] = {}
        """By record and field, the value that holders lists it under."""

    # -- reading beforehand

    def expect(self, sobject: SObject, record_ids: Iterable[str], columns: Iterable[str] = ()) -> None:
        """Read the records that will be written. ``columns`` will be changed."""
        names = self.looked_at(sobject)
        if self.journal is not None and sobject.name in self.journal.selected:
            written = dict.fromkeys((*columns, "LastModifiedDate", "LastModifiedById"))
            names = tuple(dict.fromkeys((*names, *self.journal.told(sobject.name, written))))
        for row in self._among(f'{select_sql(sobject, names)} WHERE "Id" IN', sorted(record_ids)):
            self._records[str(row[0])] = dict(zip(names, row, strict=True))
        self._columns[sobject.name].update(names)

    def expect_references(self, target: SObject, record_ids: Iterable[str]) -> None:
        """Read which of these records are there."""
        wanted = sorted(record_ids)
        select = f'SELECT "Id" FROM "{target.name}" WHERE "Id" IN'
        # Most are there, which an index alone tells; the rest is looked for in the table.
        alive = ' AND "IsDeleted" = 0' if target.deletes else ""
        self._deleted.update((row[0], False) for row in self._among(select, wanted, alive))
        rest = [record_id for record_id in wanted if record_id not in self._deleted]
        self._deleted.update(dict.fromkeys(rest))
        self._deleted.update((row[0], True) for row in self._among(select, rest))

    def expect_values(self, sobject: SObject, field: Field, values: Iterable[object]) -> list[str]:
        """Read which records hold these values of a unique field or an external id; their ids."""
        wanted = list(values)
        lists = self._holders[sobject.name, field.name]
        lists.update((_folded(field, value), []) for value in wanted)
        alive = ' AND "IsDeleted" = 0' if sobject.deletes else ""
        select = f'SELECT "Id", "{field.name}" FROM "{sobject.name}" WHERE "{field.name}" IN'
        found = []
        for record_id, value in self._among(select, wanted, f"{alive} ORDER BY rowid"):
            lists[_folded(field, value)].append(str(record_id))
            self._listed[str(record_id), field.name] = _folded(field, value)
            found.append(str(record_id))
        return found

    def _among(self, select: str, values: Iterable[object], rest: str = "") -> sqlite3.Cursor:
        return self.read(f"{select} (SELECT value FROM json_each(?)){rest}", (json.dumps(list(values)),))

    # -- tables: what is asked

    @property
    def conn(self) -> sqlite3.Connection:
        self._write()
        if self._in_row:
            self._save()
        self._forget()
        return self._conn

    def read(self, sql: str, parameters: Sequence[object] = ()) -> sqlite3.Cursor:
        self._write()
        return super().read(sql, parameters)

    def fetch(self, sobject: str, record_id: str, columns: Sequence[str] = ()) -> Values | None:
        known = self._records.get(record_id)
        if known is None or not columns:
            return super().fetch(sobject, record_id, columns)
        return known

    def _before(self, sobject: SObject, record_id: str, names: tuple[str, ...]) -> Values | None:
        known = self._records.get(record_id)
        if known is None:
            return super()._before(sobject, record_id, names)
        if not self._columns[sobject.name].issuperset(names):
            self._read_more(sobject, names)
        return known

    def _read_more(self, sobject: SObject, names: Iterable[str]) -> None:
        """Read more columns of the records that will be written: most of them will be written as this one is."""
        read = self._columns[sobject.name]
        missing = [name for name in names if name not in read]
        own = [record_id for record_id in self._records if record_id.startswith(sobject.prefix)]
        for record_id, *values in self._among(f'{select_sql(sobject, ("Id", *missing))} WHERE "Id" IN', own):
            self._records[record_id].update(zip(missing, values, strict=True))
        read.update(missing)

    def is_deleted(self, sobject: SObject, record_id: str) -> bool | None:
        if record_id in self._deleted:
            return self._deleted[record_id]
        return super().is_deleted(sobject, record_id)

    def holders(self, sobject: SObject, field: Field, value: object) -> list[str]:
        known = self._holders[sobject.name, field.name].get(_folded(field, value))
        return super().holders(sobject, field, value) if known is None else known[:MAX_HOLDERS]

    # -- tables: what is written

    def _new_id(self, sobject: SObject) -> str:
        return ids.make(sobject.prefix, self._next_number(sobject.prefix))

    def _next_number(self, counter: str) -> int:
        number = self._numbers.get(counter) or next_number(self._conn, counter)
        self._numbers[counter] = number + 1
        return number

    def _insert_row(self, sobject: SObject, row: Values) -> None:
        super()._insert_row(sobject, row)
        record_id = str(row["Id"])
        self._deleted[record_id] = False
        self._list(sobject, record_id, row)

    def _update_row(self, sobject: SObject, record_id: str, row: Values) -> None:
        super()._update_row(sobject, record_id, row)
        known = self._records.get(record_id)
        if known is not None:
            known.update(row)
        if "IsDeleted" in row:
            self._deleted[record_id] = bool(row["IsDeleted"])
            self._holders.clear()  # who counts as a holder depends on it
        self._list(sobject, record_id, row)

    def _delete_row(self, sobject: SObject, record_id: str) -> None:
        super()._delete_row(sobject, record_id)
        self._forget()

    def _list(self, sobject: SObject, record_id: str, row: Values) -> None:
        """Keep the lists of holders right."""
        for (name, field), lists in self._holders.items():
            if name != sobject.name or field not in row:
                continue
            before = lists.get(self._listed.pop((record_id, field), None))
            if before is not None and record_id in before:
                before.remove(record_id)
            value = _folded(sobject[field], row[field])
            if value in lists:
                lists[value].append(record_id)
                self._listed[record_id, field] = value

    def run(self, key: str, sql: str, parameters: Sequence[object]) -> None:
        if key in self._pending_keys:
            self._write()
        self._pending_keys.add(key)
        self._pending.setdefault(sql, []).append(parameters)
        if self._in_row:
            self._own.append(sql)

    def _write(self) -> None:
        """Run what is pending: what earlier rows wrote for good, what the row under way wrote until it fails."""
        if not self._pending_keys:
            return
        own = [(sql, self._pending[sql].pop()) for sql in reversed(self._own)]
        for sql, parameters in self._pending.items():
            self._conn.executemany(sql, parameters)
        self._pending, self._pending_keys, self._own = {}, set(), []
        self._put_numbers(self._numbers_before if own else self._numbers)
        if own:
            self._save()
            self._put_numbers(self._numbers)
        for sql, one in reversed(own):
            self._conn.execute(sql, one)

    def _put_numbers(self, numbers: dict[str, int]) -> None:
        for prefix, number in numbers.items():
            put_next_number(self._conn, prefix, number)

    def _save(self) -> None:
        if not self._savepoint:
            self._conn.execute("SAVEPOINT one_row")
            self._savepoint = True

    @contextmanager
    def row(self) -> Iterator[None]:
        self._in_row, self._own, self._numbers_before = True, [], dict(self._numbers)
        mark = self.journal.next_row() if self.journal is not None else 0
        try:
            yield
        except BaseException:
            if self.journal is not None:
                self.journal.back_to(mark)
            self._take_back()
            raise
        finally:
            self._in_row, self._own = False, []
            if self._savepoint:
                self._conn.execute("RELEASE one_row")
                self._savepoint = False

    def _take_back(self) -> None:
        if self._own or self._savepoint:
            self._forget()
        for sql in reversed(self._own):
            self._pending[sql].pop()
        if self._savepoint:
            self._conn.execute("ROLLBACK TO one_row")
        self._numbers = self._numbers_before

    def finish(self) -> None:
        """Write what is left."""
        self._write()


def _folded(field: Field, value: object) -> object:
    """What values that the tables take for equal have in common: theirs is the case of ASCII letters alone."""
    if field.case_sensitive:
        return value
    return value.encode().lower() if isinstance(value, str) else value
