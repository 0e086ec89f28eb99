"""Query cursors: the ids a query found, kept while a client pages through them.

A cursor keeps row numbers (eight bytes a record), not records: a page shows the records as they are when it
is fetched, as in a real org.  A cursor belongs to the session that opened it.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from salesforce_emulator.api.listing import Listing
from salesforce_emulator.ids import DIGITS
from salesforce_emulator.soql import Plan

MAX_OPEN = 10
"""Open cursors of one user; the oldest gives way."""
MAX_CHILDREN = 10_000
"""The same for cursors on the child records of one parent, of which a single page may need many."""


@dataclass(frozen=True)
class Cursor:
    """One query under way."""

    locator: str
    session_key: str
    plan: Plan
    listing: Listing
    batch: int

    def page(self, conn: sqlite3.Connection, start: int) -> list[tuple[object, ...]] | None:
        """The rows of the page that begins at ``start``, in order; None where the cursor has been closed."""
        wanted = self.listing.part(start, self.batch)
        if wanted is None:
            return None
        plan = self.plan
        key = f"{plan.alias}.rowid"
        marks = ",".join(map(str, wanted))
        sql = f"SELECT {key}, {', '.join(plan.columns)} FROM {plan.from_sql} WHERE {key} IN ({marks})"
        found = {row[0]: row[1:] for row in conn.execute(sql)}
        return [found[n] for n in wanted if n in found]


class Cursors:
    """The open cursors. Thread-safe."""

    def __init__(self) -> None:
        self._open: dict[str, OrderedDict[str, Cursor]] = {}
        self._children: dict[str, OrderedDict[str, Cursor]] = {}
        self._begun: list[Listing] = []
        """What is listed no further than somebody has asked."""
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(1, "query-listing")

    def open(
        self, session_key: str, user_id: str, plan: Plan, listing: Listing, batch: int, *, children: bool = False
    ) -> Cursor:
        """Keep what a query found.

        :param children: they are the child records of one parent.
        """
        name = "0r8" + "".join(secrets.choice(DIGITS) for _ in range(15))
        cursor = Cursor(name, session_key, plan, listing, batch)
        kept, most = (self._children, MAX_CHILDREN) if children else (self._open, MAX_OPEN)
        gone = []
        with self._lock:
            mine = kept.setdefault(user_id, OrderedDict())
            mine[name] = cursor
            while len(mine) > most:
                gone.append(mine.popitem(last=False)[1])
            if not listing.is_whole:
                self._begun = [each for each in self._begun if not each.is_whole]
                self._begun.append(listing)
        for old in gone:
            old.listing.close()
        if plan.order_sql and not listing.is_whole:
            self._pool.submit(listing.complete)  # the next page needs them all to be sorted
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

    def complete(self) -> None:
        """List in the background what isn't listed yet: somebody wrote, and who lists still sees what was before."""
        if not self._begun:
            return
        with self._lock:
            begun, self._begun = self._begun, []
        for listing in begun:
            self._pool.submit(listing.complete)

    def close_all(self) -> None:
        """Let every cursor expire."""
        with self._lock:
            gone = [
                cursor for kept in (self._open, self._children) for mine in kept.values() for cursor in mine.values()
            ]
            self._open.clear()
            self._children.clear()
            self._begun = []
        for cursor in gone:
            cursor.listing.close()

    def close(self) -> None:
        """Let every cursor expire, and list nothing any more."""
        self.close_all()
        self._pool.shutdown(wait=True, cancel_futures=True)
