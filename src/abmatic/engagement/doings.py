"""What visitors did, and who they were: what rooms above follow. Four doors, each a temporary table of a transaction.

read_into     the events since a position that sessions have been made of: each once
known_into    what people who are known did since a moment
whose_into    who did it, by the session that it was in
changed_into  the sessions that were made, changed or given to somebody since a mark

A mark follows transactions, as the positions of `tracking.store` do: what commits late is told the next time.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

import psycopg
from psycopg import sql

from abmatic.engagement.models import EventsRead
from abmatic.postgres.sql import block
from abmatic.postgres.transactions import over_below
from abmatic.tracking import store
from abmatic.tracking.store import START, Position, Session

# Before everything, also what was read on the server that a database was restored from (see `store.after_restore`).
_BEFORE_ALL = Position(-1, UUID(int=0))


class Read(NamedTuple):
    """From where to go on, and whether anything is left."""

    position: Position
    is_all: bool


def reached() -> Position:
    """Up to where events have been made sessions of; more may be any moment."""
    found = EventsRead.objects.filter(pk=EventsRead.THE_ONE).first()
    return Position(found.tx, found.event) if found else START


def _end(session: Session) -> Position:
    """The same, and nothing changes it until the transaction ends."""
    found = session.execute(_text("read_up_to")).fetchone()
    return Position(*found) if found else START


def read_into(session: Session, table: str, after: Position, most: int) -> Read:
    """The next events after a position, at most so many, with the columns of `web_event`.

    Their visitors and sessions are there, and stay until the transaction ends.
    """
    end = _end(session)
    if after > end:
        # Sessions are further than who follows them, unless the database has come from another server meanwhile.
        after = _BEFORE_ALL
    number, reached = store.read_into(session, table, after, most)
    if reached > end:
        reached = end
        session.execute(sql.SQL(_text("no_further")).format(events=sql.Identifier(table)), end._asdict())
    return Read(reached, number < most or reached == end)


def known_into(session: Session, table: str, since: datetime) -> int:
    """What visitors who are known did since a moment, with the columns of `web_event`. Answers how many events."""
    _make(session, "known_visit", sql.SQL(_text("known")), {"since": since})
    return store.within_into(session, table, "known_visit")


def whose_into(session: Session, table: str, doings: str) -> int:
    """``doings``, a table with visitor, site_id and occurred_at, with visitor_id, contact_id and account_id."""
    return _make(session, table, sql.SQL(_text("whose")).format(doings=sql.Identifier(doings)), {})


def changed_into(session: Session, table: str, since: int) -> int:
    """Sessions that changed since a mark (0: all), by id, visitor_id, site_id, began_at and ended_at, with contact_id
    and account_id. Answers the mark of the next time. The transaction must be READ COMMITTED.
    """

    def ask(statement: LiteralString) -> tuple[Any, ...]:
        return session.execute(statement).fetchone() or ()

    upto = over_below(ask)
    # A mark that is yet to come is of the server that the database was restored from.
    _make(session, table, sql.SQL(_text("changed")), {"since": since if since <= upto else 0, "upto": upto})
    return upto


def _make(session: Session, table: str, statement: sql.Composable, parameters: dict[str, Any]) -> int:
    made = sql.SQL("CREATE TEMP TABLE {} ON COMMIT DROP AS ").format(sql.Identifier(table)) + statement
    # CREATE TABLE AS takes no parameters of the protocol: they are put in as literals.
    return psycopg.ClientCursor(session).execute(made, parameters).rowcount


def _text(name: LiteralString) -> LiteralString:
    return block("abmatic.engagement", "sql/doings.sql", name)
