"""Which records each user looked at last: what FOR VIEW and FOR REFERENCE note, and /recent tells."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

KEPT = 200
"""Records that are remembered of each user."""


def note(conn: sqlite3.Connection, user_id: str, record_ids: Sequence[str]) -> None:
    """Remember that a user looked at records, at the first of them last. Does not commit."""
    rows = [(user_id, record_id) for record_id in reversed(record_ids[:KEPT])]
    # A replaced row gets a new number, the highest: the numbers are the order of the looks.
    conn.executemany("INSERT OR REPLACE INTO emulator_viewed (user_id, record_id) VALUES (?, ?)", rows)
    conn.execute(
        "DELETE FROM emulator_viewed WHERE user_id = ? AND rowid NOT IN"
        " (SELECT rowid FROM emulator_viewed WHERE user_id = ? ORDER BY rowid DESC LIMIT ?)",
        (user_id, user_id, KEPT),
    )


def seen(conn: sqlite3.Connection, user_id: str) -> list[str]:
    """The ids of the records that a user looked at, the latest first."""
    rows = conn.execute("SELECT record_id FROM emulator_viewed WHERE user_id = ? ORDER BY rowid DESC", (user_id,))
    return [str(row[0]) for row in rows.fetchall()]
