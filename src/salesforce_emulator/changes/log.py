"""The change log: events of the last 72 hours, in the org's file.

A row holds what one transaction noted, written in the transaction itself.  Events are numbered in their order over all
objects, with gaps; a number is never given twice, so that a subscriber can go on after it.  As in a real org the
numbers move on by themselves: who is told the newest position an hour after the last event gets one of its own, which
is kept as long as an event.  Without that, whoever waited for days on a quiet org would hold an expired position.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from uuid import NAMESPACE_OID, uuid4, uuid5

from salesforce_emulator.changes.events import changes_of
from salesforce_emulator.changes.journal import Journal, Values
from salesforce_emulator.schema.tables import next_number, put_next_number

KEPT_HOURS = 72
_KEPT_MS = KEPT_HOURS * 3_600_000
_STALE_MS = 3_600_000
_COUNTER = "change"
_COMMIT_NUMBERS_FROM = 10_000_000_000_000

_TABLES = """
CREATE TABLE IF NOT EXISTS emulator_change (
    last INTEGER PRIMARY KEY, first INTEGER NOT NULL, committed INTEGER NOT NULL, user_id TEXT NOT NULL,
    origin TEXT NOT NULL, transaction_key TEXT NOT NULL, objects TEXT NOT NULL, notes TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS emulator_event_schema (id TEXT PRIMARY KEY, schema TEXT NOT NULL);
"""
_INSERT = "INSERT INTO emulator_change VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_AFTER = """
SELECT first, committed, user_id, origin, transaction_key, last, notes FROM emulator_change
WHERE last > ? AND committed > ? AND (? = '' OR instr(objects, ?)) ORDER BY last
"""
_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class ReplayIdTooOld(Exception):
    """The position was given out, and its event isn't kept any more."""


class ReplayIdUnknown(Exception):
    """Nobody has been given this position."""


@dataclass(frozen=True)
class ChangeEvent:
    """One event. ``values`` are columns as the table holds them; ``committed`` is in milliseconds."""

    number: int
    kind: str
    sobject: str
    record_ids: tuple[str, ...]
    values: Values
    user_id: str
    origin: str
    transaction_key: str
    sequence: int
    committed: int
    commit_number: int

    @property
    def id(self) -> str:
        """The same whenever the event is sent."""
        return str(uuid5(NAMESPACE_OID, f"{self.transaction_key} {self.sequence}"))


class ChangeLog:
    """Reads the log, and waits for what comes. Thread-safe."""

    def __init__(
        self,
        reading: Callable[[], AbstractContextManager[sqlite3.Connection]],
        writing: Callable[[], AbstractContextManager[sqlite3.Connection]],
        now: Callable[[], datetime],
    ) -> None:
        self._reading, self._writing, self._now = reading, writing, now
        self._news = threading.Condition()
        self._commits = 0
        with writing() as conn:
            for statement in _TABLES.split(";"):
                conn.execute(statement)

    def _milliseconds(self) -> int:
        return int(self._now().timestamp() * 1000)

    # -- writing

    def append(self, conn: sqlite3.Connection, journal: Journal) -> None:
        """Log what a transaction changed, as a part of it, and forget what has expired."""
        now = self._milliseconds()
        number = next_number(conn, _COUNTER)
        rows = []
        for notes in journal.transactions():
            objects = f" {' '.join(sorted({sobject for _, sobject, _, _ in notes}))} "
            text = _dumps(notes)
            last = number + len(notes) - 1
            rows.append((last, number, now, journal.user_id, journal.origin, str(uuid4()), objects, text))
            number = last + 1
        conn.executemany(_INSERT, rows)
        put_next_number(conn, _COUNTER, number)
        _expire(conn, now - _KEPT_MS)

    def committed(self) -> None:
        """Wake those who wait."""
        with self._news:
            self._commits += 1
            self._news.notify_all()

    # -- reading

    def after(self, number: int, limit: int, sobject: str = "") -> list[ChangeEvent]:
        """The first events after a position, of one object or all."""
        oldest = self._milliseconds() - _KEPT_MS
        found: list[ChangeEvent] = []
        with self._reading() as conn:
            rows = conn.execute(_AFTER, (number, oldest, sobject, f" {sobject} "))
            while len(found) < limit and (row := rows.fetchone()):
                found.extend(e for e in _events(row) if e.number > number and sobject in ("", e.sobject))
            rows.close()
        return found[:limit]

    def newest(self) -> int:
        """The position after which everything is still to come."""
        with self._reading() as conn:
            return next_number(conn, _COUNTER) - 1

    def oldest(self) -> int:
        """The position before everything that is kept."""
        with self._reading() as conn:
            row = conn.execute(
                "SELECT first FROM emulator_change WHERE committed > ? ORDER BY last LIMIT 1",
                (self._milliseconds() - _KEPT_MS,),
            ).fetchone()
        return self.newest() if row is None else int(row[0]) - 1

    def check(self, number: int) -> None:
        """See that one can go on after a position.

        :raises ReplayIdTooOld: its event has expired.
        :raises ReplayIdUnknown: it was never given out.
        """
        with self._reading() as conn:
            if not 0 < number < next_number(conn, _COUNTER):
                raise ReplayIdUnknown
            row = conn.execute(
                "SELECT first, committed FROM emulator_change WHERE last >= ? ORDER BY last LIMIT 1", (number,)
            ).fetchone()
        if row is None or row[0] > number or row[1] <= self._milliseconds() - _KEPT_MS:
            raise ReplayIdTooOld

    def fresh(self) -> int:
        """The newest position, one that will be kept for days."""
        now = self._milliseconds()
        with self._reading() as conn:
            row = conn.execute("SELECT last, committed FROM emulator_change ORDER BY last DESC LIMIT 1").fetchone()
        if row is not None and row[1] > now - _STALE_MS:
            return int(row[0])
        with self._writing() as conn:
            number = next_number(conn, _COUNTER)
            conn.execute(_INSERT, (number, number, now, "", "", "", "", "[]"))
            put_next_number(conn, _COUNTER, number + 1)
            _expire(conn, now - _KEPT_MS)
        return number

    # -- waiting

    @property
    def commits(self) -> int:
        """How many transactions have been logged; changes with every one."""
        return self._commits

    def wait(self, commits: int, seconds: float) -> None:
        """Wait until more has been logged than ``commits`` says, somebody calls :meth:`wake`, or time is up."""
        with self._news:
            if self._commits == commits:
                self._news.wait(seconds)

    def wake(self) -> None:
        with self._news:
            self._news.notify_all()

    # -- schemas that were given out

    def keep_schema(self, schema_id: str, schema: str) -> None:
        """Keep a schema by which events were sent: the object may have another by the time they are read."""
        if self.kept_schema(schema_id) is None:
            with self._writing() as conn:
                conn.execute("INSERT OR IGNORE INTO emulator_event_schema VALUES (?, ?)", (schema_id, schema))

    def kept_schema(self, schema_id: str) -> str | None:
        with self._reading() as conn:
            row = conn.execute("SELECT schema FROM emulator_event_schema WHERE id = ?", (schema_id,)).fetchone()
        return None if row is None else str(row[0])


def _expire(conn: sqlite3.Connection, until: int) -> None:
    row = conn.execute("SELECT committed FROM emulator_change ORDER BY last LIMIT 1").fetchone()
    if row is not None and row[0] <= until:
        conn.execute("DELETE FROM emulator_change WHERE committed <= ?", (until,))


def _events(row: tuple[int, int, str, str, str, int, str]) -> Iterator[ChangeEvent]:
    first, committed, user_id, origin, key, last, text = row
    for place, change in enumerate(changes_of(json.loads(text))):
        yield ChangeEvent(
            first + place,
            change.kind,
            change.sobject,
            tuple(change.record_ids),
            change.values,
            user_id,
            origin,
            key,
            place + 1,
            committed,
            _COMMIT_NUMBERS_FROM + last,
        )
