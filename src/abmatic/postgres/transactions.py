"""Which transactions are over, so that a log can be followed without missing what commits late.

Postgres' own answer, ``pg_snapshot_xmin``, counts every database of the server: a transaction that stays open in
another one would hold up everybody. Only those of this database can write into its tables.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, LiteralString

Row = tuple[Any, ...]

# One past the newest that is over; and one below which, all databases counted, everything is.
_NEWEST: LiteralString = (
    "SELECT pg_snapshot_xmax(s)::text::bigint, pg_snapshot_xmin(s)::text::bigint FROM pg_current_snapshot() AS s"
)
# What is under way in this database. Of other people's sessions it is told only to those who may know.
_UNDER_WAY: LiteralString = """
SELECT array_remove(array_agg(a.backend_xid::text::bigint), NULL), count(*) FILTER (WHERE a.state IS NULL)
  FROM pg_stat_activity AS a
 WHERE a.datname = current_database() AND a.backend_type = 'client backend'
"""
_PREPARED: LiteralString = (
    "SELECT array_agg(transaction::text::bigint) FROM pg_prepared_xacts WHERE database = current_database()"
)


def over_below(ask: Callable[[LiteralString], Row]) -> int:
    """A transaction id (64 bits, as ``pg_current_xact_id``) below which all of this database's transactions are over.

    ``ask`` executes a statement and answers its row, each in a snapshot of its own (READ COMMITTED). A statement after
    this sees all that they wrote. First how far any is over, then what is under way: whatever is below the one and
    isn't under way any more is over.
    """
    newest, all_over = ask(_NEWEST)
    ask("SELECT pg_stat_clear_snapshot()")
    under_way, hidden = ask(_UNDER_WAY)
    if hidden:
        return int(all_over)
    (prepared,) = ask(_PREPARED)
    least: int = min([newest, *(_whole(xid, newest) for xid in (*(under_way or ()), *(prepared or ())))])
    return least


def _whole(xid: int, latest: int) -> int:
    """The 64 bits of a transaction id of which 32 are told, and which was begun at about the time of ``latest``."""
    epoch = latest >> 32
    whole = (epoch << 32) + xid
    if whole - latest > 1 << 31:
        return whole - (1 << 32)
    return whole + (1 << 32) if latest - whole > 1 << 31 else whole
