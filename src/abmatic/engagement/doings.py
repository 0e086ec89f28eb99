"""What visitors who are known did: what rooms above follow. Four doors, each a temporary table of a transaction.

lately_into  what was done in the sessions that changed since a mark, or were given to somebody
past_into    what was done in the next sessions after a moment, so many at a time: for who begins to follow
known_into   all that was done since a moment
whose_into   who did it, by the session that it was in

Everything that is done changes its session, and so does whoever turns out to have done it: who follows the changes
misses nothing, reads what strangers do only once they are known, and reads a session again when it grows. A mark
follows transactions, as the positions of `tracking.store` do: what commits late is told the next time.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from abmatic.postgres.sql import block
from abmatic.postgres.transactions import over_below
from abmatic.tracking import store
from abmatic.tracking.store import Session

# No session takes longer (`engagement.sessions`).
LONGEST = timedelta(days=1)


def mark(session: Session) -> int:
    """The mark of now. One that is above it is of the server that the database was restored from.

    The transaction must be READ COMMITTED.
    """

    def ask(statement: LiteralString) -> tuple[Any, ...]:
        return session.execute(statement).fetchone() or ()

    return over_below(ask)


def lately_into(session: Session, table: str, after: int, upto: int, since: datetime) -> int:
    """What was done since a moment in sessions that changed between two marks, with the columns of `web_event`.

    Answers how many events. Of a visitor whose sessions are far apart those between may be told too.
    """
    _make(session, "lately_visit", sql.SQL(_text("lately")), {"after": after, "upto": upto, "since": since})
    return store.within_into(session, table, "lately_visit")


def past_into(session: Session, table: str, after: datetime, most: int) -> datetime | None:
    """What was done in the next sessions that began after a moment, with the columns of `web_event`.

    ``most``: sessions, strangers' included, that are looked at. Answers the moment to go on from; None: that was all.
    """
    found = session.execute(_text("past_upto"), {"after": after, "skipped": most - 1}).fetchone()
    upto: datetime | None = found[0] if found else None
    _make(session, "past_visit", sql.SQL(_text("past")), {"after": after, "upto": upto})
    store.within_into(session, table, "past_visit")
    return upto


def known_into(session: Session, table: str, since: datetime) -> int:
    """What visitors who are known did since a moment, with the columns of `web_event`. Answers how many events."""
    _make(session, "known_visit", sql.SQL(_text("known")), {"since": since})
    return store.within_into(session, table, "known_visit")


def whose_into(session: Session, table: str, doings: str) -> int:
    """``doings``, a table with visitor, site_id and occurred_at, with visitor_id, contact_id and account_id."""
    return _make(session, table, sql.SQL(_text("whose")).format(doings=sql.Identifier(doings)), {})


def keep_visitors(session: Session) -> None:
    """Nobody is forgotten from now on until the transaction ends; and no sessions are made, so let it end soon."""
    session.execute(_text("keep_visitors"))


def _make(session: Session, table: str, statement: sql.Composable, parameters: dict[str, Any]) -> int:
    made = sql.SQL("CREATE TEMP TABLE {} ON COMMIT DROP AS ").format(sql.Identifier(table)) + statement
    # CREATE TABLE AS takes no parameters of the protocol: they are put in as literals.
    number = psycopg.ClientCursor(session).execute(made, parameters).rowcount
    session.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(table)))
    return number


def _text(name: LiteralString) -> LiteralString:
    return block("abmatic.engagement", "sql/doings.sql", name)
