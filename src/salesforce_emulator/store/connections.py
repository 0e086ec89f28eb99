"""Connections to an org's file, and its clock: what every reader and writer needs.

Readers take a connection each from a pool and see the last commit (WAL); one writer at a time goes through
:meth:`Connections.writing`.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from salesforce_emulator.changes import ChangeLog, Journal
from salesforce_emulator.clock import OrgClock
from salesforce_emulator.formula.columns import FUNCTION, FormulaFields
from salesforce_emulator.schema import Schema
from salesforce_emulator.soql.conditions import fold
from salesforce_emulator.soql.shown import local
from salesforce_emulator.store import matching
from salesforce_emulator.store.conditions import NORMAL, Conditions
from salesforce_emulator.store.lag import Lag
from salesforce_emulator.store.settings import put_setting, setting

_CACHE_KIB = 32 * 1024


class Connections:
    """The connections of one org. Thread-safe.

    :param path: the org's file.
    :param clock: the org's.
    """

    schema: Schema
    changes: ChangeLog

    def __init__(self, path: Path, clock: OrgClock) -> None:
        self.path = path
        self.clock = clock
        self.formulas = FormulaFields(self.now)
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._thread = threading.local()
        self._closed = False
        self.lag = Lag(self.connect, lambda: self.clock())
        self.after_write: Callable[[], object] = lambda: None
        """Called once something may have been written."""
        self._captured: frozenset[str] = frozenset()

    def connect(self) -> sqlite3.Connection:
        """A connection of one's own; the caller closes it."""
        conn = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None, timeout=60)
        conn.execute("PRAGMA journal_mode = WAL")
        conn.execute("PRAGMA synchronous = OFF")  # an emulated org may lose its last second with the machine
        conn.execute("PRAGMA wal_autocheckpoint = 16000")
        conn.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self.add_functions(conn)
        return conn

    def add_functions(self, conn: sqlite3.Connection) -> None:
        """Teach a connection what the emulator's SQL calls."""
        conn.create_function("soql_fold", 1, fold, deterministic=True)
        conn.create_function("soql_local", 2, local, deterministic=True)
        conn.create_function(matching.FUNCTION, 2, matching.match_key, deterministic=True)
        conn.create_function(FUNCTION, -1, self.formulas.evaluate)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Borrow a connection, for reading. Inside a transaction of this thread: the transaction's own."""
        own: sqlite3.Connection | None = getattr(self._thread, "writer", None)
        if own is not None:
            yield own
            return
        with self._lock:
            conn = self._idle.pop() if self._idle else None
        conn = conn or self.connect()
        try:
            yield conn
        finally:
            with self._lock:
                if not self._closed:
                    self._idle.append(conn)
            if self._closed:
                conn.close()

    @contextmanager
    def querying(self) -> Iterator[sqlite3.Connection]:
        """Borrow a connection for a query: where queries lag, it shows the org as it was."""
        behind = self.conditions.behind
        if not behind or getattr(self._thread, "writer", None) is not None:
            with self.reading() as conn:
                yield conn
            return
        with self.lag.reading(behind) as earlier, self.reading() as conn:
            yield conn if earlier is None else earlier

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The one writer's transaction: committed at the end, rolled back on an exception.

        Inside another of the same thread it is a part of that one, which can be rolled back alone.
        """
        outer: sqlite3.Connection | None = getattr(self._thread, "writer", None)
        if outer is not None:
            with self._undoable(), _transaction(outer, "SAVEPOINT part", "RELEASE part", "ROLLBACK TO part"):
                yield outer
            return
        with self._write_lock, self.reading() as conn:
            self.lag.before_write()
            journal = Journal.of(self.schema, self._captured) if self._captured else None
            self._thread.writer, self._thread.journal = conn, journal
            try:
                with _transaction(conn, "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"):
                    yield conn
                    if journal:
                        self.changes.append(conn, journal)
            finally:
                self._thread.writer = self._thread.journal = None
        if journal:
            self.changes.committed()
        self.after_write()

    @contextmanager
    def _undoable(self) -> Iterator[None]:
        """A part of a transaction: what it noted is forgotten when it fails."""
        journal: Journal | None = self._thread.journal
        mark = journal.mark() if journal is not None else 0
        try:
            yield
        except BaseException:
            if journal is not None:
                journal.back_to(mark)
            raise

    def close(self) -> None:
        """Close what is open."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        self.lag.close()
        for conn in idle:
            conn.close()

    # -- clock and settings

    def now(self) -> datetime:
        """The org's time, in whole seconds, as Salesforce stamps records."""
        return (self.clock() + timedelta(seconds=self.conditions.skew)).astimezone(UTC).replace(microsecond=0)

    def set_clock(
        self,
        *,
        to: datetime | None = None,
        by: float = 0.0,
        rate: float | None = None,
        runs: bool | None = None,
        forced: bool = False,
    ) -> None:
        """Change the clock, as :meth:`OrgClock.change` does, and keep it so with the file."""
        reading = self.clock.change(to=to, by=by, rate=rate, runs=runs, forced=forced)
        self.put_setting("clock", json.dumps(reading.to_json()))

    @property
    def conditions(self) -> Conditions:
        """Under which this thread works."""
        found: Conditions = getattr(self._thread, "conditions", NORMAL)
        return found

    @conditions.setter
    def conditions(self, conditions: Conditions) -> None:
        self._thread.conditions = conditions

    def setting(self, name: str) -> str | None:
        with self.reading() as conn:
            return setting(conn, name)

    def put_setting(self, name: str, value: str) -> None:
        with self.writing() as conn:
            put_setting(conn, name, value)


@contextmanager
def _transaction(conn: sqlite3.Connection, begin: str, end: str, undo: str) -> Iterator[None]:
    conn.execute(begin)
    try:
        yield
    except BaseException:
        conn.execute(undo)
        if undo != "ROLLBACK":
            conn.execute(end)
        raise
    conn.execute(end)
