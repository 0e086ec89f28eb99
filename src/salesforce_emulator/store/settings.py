"""What an org keeps in its file beside its records, by name."""

from __future__ import annotations

import sqlite3


def setting(conn: sqlite3.Connection, name: str) -> str | None:
    row = conn.execute("SELECT value FROM emulator_setting WHERE name = ?", (name,)).fetchone()
    return None if row is None else row[0]


def put_setting(conn: sqlite3.Connection, name: str, value: str) -> None:
    conn.execute(
        "INSERT INTO emulator_setting (name, value) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, value),
    )
