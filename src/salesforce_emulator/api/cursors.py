"""Query cursors: the ids a query found, kept while a client pages through them.

A cursor keeps row numbers (eight bytes a record), not records: a page shows the records as they are when it
is fetched, as in a real org.  A cursor belongs to the session that opened it.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
from array import array
from collections import OrderedDict
from dataclasses import dataclass

from salesforce_emulator.ids import DIGITS
from salesforce_emulator.soql import Plan

MAX_OPEN = 10
"""Open cursors of one user; the oldest gives way."""
MAX_CHILDREN = 10_000
"""The same for cursors on the child records of one parent, of which a single page may need many."""


@dataclass(frozen=True)
class Cursor:
    """One query under way. ``rows`` are the found records' row numbers, in the query's order."""

    locator: str
    session_key: str
    plan: Plan
    rows: array[int]
    batch: int

    def page(self, conn: sqlite3.Connection, start: int) -> list[tuple[object, ...]]:
        """The rows of the page that begins at ``start``, in order."""
        wanted = self.rows[start : start + self.batch]
        plan = self.plan
        key = f"{plan.alias}.rowid"
        marks = ",".join(map(str, wanted))
        sql = f"SELECT {key}, {', '.join(plan.columns)} FROM {plan.from_sql} WHERE {key} IN ({marks})"
        found = {row[0]: row[1:] for row in conn.execute(sql)}
        return [found[n] for n in wanted if n in found]


def open_rows(conn: sqlite3.Connection, plan: Plan) -> array[int]:
    """The row numbers of everything a query finds."""
    rows = array("q")
    cursor = conn.execute(plan.sql([f"{plan.alias}.rowid"], narrow=True), plan.params)
    while chunk := cursor.fetchmany(50_000):
        rows.extend(r[0] for r in chunk)
    return rows


class Cursors:
    """The open cursors. Thread-safe."""

    def __init__(self) -> None:
        self._open: dict[str, OrderedDict[str, Cursor]] = {}
        self._children: dict[str, OrderedDict[str, Cursor]] = {}
        self._lock = threading.Lock()

    def open(
        self, session_key: str, user_id: str, plan: Plan, rows: array[int], batch: int, *, children: bool = False
    ) -> Cursor:
        """Keep what a query found.

        :param children: they are the child records of one parent.
        """
        name = "0r8" + "".join(secrets.choice(DIGITS) for _ in range(15))
        cursor = Cursor(name, session_key, plan, rows, batch)
        kept, most = (self._children, MAX_CHILDREN) if children else (self._open, MAX_OPEN)
        with self._lock:
            mine = kept.setdefault(user_id, OrderedDict())
            mine[name] = cursor
            while len(mine) > most:
                mine.popitem(last=False)
        return cursor

    def get(self, session_key: str, user_id: str, locator: str) -> Cursor | None:
        """A session's own cursor, or None."""
        with self._lock:
            for kept in (self._open, self._children):
                mine = kept.get(user_id, OrderedDict())
                found = mine.get(locator)
                if found is not None and found.session_key == session_key:
                    mine.move_to_end(locator)
                    return found
        return None

    def close_all(self) -> None:
        """Let every cursor expire."""
        with self._lock:
            self._open.clear()
            self._children.clear()
