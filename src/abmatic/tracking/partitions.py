"""The months of `web_event`: made ahead by the clock and on demand by the writer, dropped when they are old.

There is no default partition: an event whose month isn't there yet is no event of nowhere, and a default one would have
to be read through whenever a month is made.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import psycopg
from psycopg import sql

from abmatic.postgres import sessions

logger = logging.getLogger(__name__)

Session = psycopg.Connection[tuple[Any, ...]]

# Months that are there before their time, so that the first event of a month waits for nothing.
AHEAD = 2
_LOCK_KEY = 0x7765625F65766E74  # "web_evnt"
_NAME = re.compile(r"^web_event_(\d{4})_(\d{2})$")


def month_of(moment: datetime) -> date:
    """The first day of the month (UTC) that a moment is in."""
    return moment.astimezone(UTC).date().replace(day=1)


def month_after(month: date, months: int = 1) -> date:
    """The month so many later, or, below zero, earlier."""
    count = month.year * 12 + month.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)


def months(session: Session) -> list[date]:
    """The months that are there, oldest first."""
    rows = session.execute(
        "SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid "
        "WHERE i.inhparent = 'web_event'::regclass"
    ).fetchall()
    found = (_NAME.match(name) for (name,) in rows)
    return sorted(date(int(match[1]), int(match[2]), 1) for match in found if match)


def make(session: Session, wanted: Iterable[date]) -> None:
    """Makes the months that aren't there, in a transaction of its own; several processes at once are fine.

    A table of its own is attached to the parent, which, unlike CREATE … PARTITION OF, keeps nobody from reading and
    writing the other months meanwhile.
    """
    with session.transaction():
        session.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK_KEY,))
        there = set(months(session))
        for month in sorted(set(wanted) - there):
            name = _name(month)
            session.execute(sql.SQL("CREATE TABLE {} (LIKE web_event INCLUDING ALL EXCLUDING INDEXES)").format(name))
            session.execute(
                sql.SQL("ALTER TABLE web_event ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(
                    name, *(sql.Literal(f"{each} 00:00:00+00") for each in (month, month_after(month)))
                )
            )


def make_ahead(now: datetime) -> None:
    """Makes this month and those ahead."""
    with sessions.session("months") as session:
        make(session, (month_after(month_of(now), number) for number in range(AHEAD + 1)))


def drop_old(now: datetime, keep: int) -> list[date]:
    """Drops the months that ended more than ``keep`` months ago, and answers which.

    Dropping needs the parent for itself for a moment. Where somebody reads it for long, nothing else is kept waiting:
    the month goes with the next call.
    """
    oldest = month_after(month_of(now), -keep)
    dropped = []
    with sessions.session("months", {"lock_timeout": "2s"}) as session:
        old = [month for month in months(session) if month < oldest]
        session.commit()
        for month in old:
            try:
                session.execute(sql.SQL("DROP TABLE {}").format(_name(month)))
                session.commit()
            except psycopg.errors.LockNotAvailable:
                session.rollback()
                logger.info("the events of %s are in use; they are dropped the next time", month)
                break
            dropped.append(month)
    if dropped:
        logger.info("dropped the web events of %s", ", ".join(f"{month:%Y-%m}" for month in dropped))
    return dropped


def _name(month: date) -> sql.Identifier:
    return sql.Identifier(f"web_event_{month:%Y_%m}")
