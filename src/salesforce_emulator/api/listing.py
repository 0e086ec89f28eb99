"""What a query found, listed as far as somebody has asked for it.

Of a million records most clients look at the first page, so listing them all before the first answer is mostly work
for nothing.  The rest comes from a statement that is left under way: SQLite lets it see the org as it was when the
query began, whoever writes meanwhile, so no record comes twice or is left out.  What that state needs of the log of
writes is kept for as long, which is why a listing is brought to its end once somebody writes
(:class:`~salesforce_emulator.api.cursors.Cursors`).
"""

from __future__ import annotations

import sqlite3
import threading
from array import array
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from salesforce_emulator.soql import Plan

_CHUNK = 5_000
_FOUND_AT_ONCE = 50_000


class Listing:
    """The row numbers of what a query found, in its order. Thread-safe.

    :param source: the statement that lists them; None: ``rows`` are all there are.
    :param held: what has to stay open for as long as the statement is under way.
    """

    def __init__(
        self, total: int, rows: array[int], source: sqlite3.Cursor | None = None, held: ExitStack | None = None
    ) -> None:
        self.total = total
        self._rows = rows
        self._source = source
        self._held = held
        self._closed = False
        self._lock = threading.Lock()

    @property
    def is_whole(self) -> bool:
        return self._source is None

    def part(self, start: int, count: int) -> array[int] | None:
        """So many row numbers from a place on; None where the listing was closed before it got there."""
        self._list(min(start + count, self.total))
        found = self._rows[start : start + count]
        return None if self._closed and start + len(found) < min(start + count, self.total) else found

    def complete(self) -> None:
        """List the rest; a piece at a time, so that who asks for a page needn't wait for all."""
        while not self.is_whole and not self._closed:
            self._list(min(len(self._rows) + _CHUNK, self.total))

    def _list(self, upto: int) -> None:
        with self._lock:
            while self._source is not None and not self._closed and len(self._rows) < upto:
                chunk = self._source.fetchmany(min(_CHUNK, upto - len(self._rows)))
                self._rows.extend(row[0] for row in chunk)
                if not chunk or len(self._rows) >= self.total:
                    self._let_go()
        self._close_if_asked()

    def _close_if_asked(self) -> None:
        if self._closed:
            self.close()

    def _let_go(self) -> None:
        if self._source is not None:
            self._source.close()
            self._source = None
        if self._held is not None:
            self._held.close()
            self._held = None

    def close(self) -> None:
        """End the statement, now or, where somebody is using it, as soon as he is done."""
        self._closed = True
        if self._lock.acquire(blocking=False):
            try:
                self._let_go()
            finally:
                self._lock.release()


@contextmanager
def one_state(conn: sqlite3.Connection) -> Iterator[bool]:
    """See one and the same state of the org until the end; whether nobody else holds the connection to one."""
    if conn.in_transaction:  # a transaction of this thread's, or a state that lags behind
        yield False
        return
    conn.execute("BEGIN")
    try:
        yield True
    finally:
        conn.rollback()  # nothing was written; where SQLite itself has ended it, nothing happens


def begin(conn: sqlite3.Connection, plan: Plan) -> tuple[int, array[int], sqlite3.Cursor | None]:
    """How many records a query finds, the row numbers of the first, and the statement that lists the others."""
    source = conn.execute(_row_numbers(plan), plan.params)
    rows = array("q")
    if plan.where_sql and not plan.order_sql:  # to find is most of the work: listing comes with it, counting would not
        rows.extend(row[0] for row in source.fetchmany(_FOUND_AT_ONCE))
        if len(rows) < _FOUND_AT_ONCE:
            source.close()
            return len(rows), rows, None
    found = replace(plan, order_sql="").sql(["1"], narrow=True)
    total = int(conn.execute(f"SELECT count(*) FROM ({found})", plan.params).fetchone()[0])
    return total, rows, source


def _row_numbers(plan: Plan) -> str:
    """The SELECT of the row numbers, in the order in which the plan's own SELECT gives the records."""
    number = f"{plan.alias}.rowid"
    if plan.order_sql:
        return plan.sql([number], narrow=True)
    # Without ORDER BY it is the order of the index that SQLite chooses, and it chooses by the columns that are
    # mentioned.  None of them is looked at: there is no row without a number.
    mentioned = " ".join(f"WHEN {column} THEN 0" for column in plan.columns)
    return plan.sql([f"CASE WHEN {number} IS NOT NULL THEN {number} {mentioned} END"])
