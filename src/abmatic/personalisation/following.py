"""Impressions and clicks are taken from the web events, set by set, as the events come.

An event counts if the visitor was given that variant of that experience, on a site of it: whoever sends others counts
for nothing. Rows and position are committed together; what is read twice is there once, by the event's id.
"""

from __future__ import annotations

from typing import Any, LiteralString
from uuid import UUID

import psycopg

from abmatic.postgres import sessions
from abmatic.postgres.sql import block
from abmatic.tracking import store
from abmatic.tracking.events import Kind
from abmatic.tracking.store import Position, Session

KINDS = (Kind.IMPRESSION, Kind.PERSONALISED_CLICK)
# Events that are read in one transaction.
BATCH = 100_000


def follow(batch: int = BATCH) -> int:
    """Takes all that is new, in transactions of so many events. Answers how many impressions and clicks it was."""
    taken = 0
    with sessions.session("personalisation", {"timezone": "UTC"}) as session:
        while True:
            number, counted = _take_some(session, batch)
            taken += counted
            if number < batch:
                return taken


def _take_some(session: Session, batch: int) -> tuple[int, int]:
    with session.transaction():
        known = _run(session, "position", {"none": UUID(int=0)}).fetchone()
        assert known is not None, "the row was made, or locked"
        position = Position(*known)
        # Events of a restored database are numbered anew by those who make sessions, who know which they have read.
        if store.is_restored(session, store.START):
            return 0, 0
        # Then all is read again: what was taken is known.
        begin = store.BEFORE_ALL if store.is_restored(session, position) else position
        number, after = store.read_into(session, "fresh_reaction", begin, batch, KINDS)
        taken = _run(session, "take", {"click": Kind.PERSONALISED_CLICK.value}).rowcount if number else 0
        if after != position:
            _run(session, "go_on", {"tx": after.tx, "event": after.id})
    return number, taken


def _run(session: Session, name: LiteralString, parameters: dict[str, Any]) -> psycopg.Cursor[Any]:
    return session.execute(block("abmatic.personalisation", "sql/following.sql", name), parameters)
