"""What the data sets share: an org that has its tables and base records, and rows given as mappings."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from salesforce_emulator.schema import bulk_insert, create_tables, load_base

Value = str | int | float | None
Record = Mapping[str, Value]


def prepare(conn: sqlite3.Connection, *, name: str, edition: str) -> None:
    """Make the tables, and load the base records where there are none yet.

    :raises ValueError: the org already holds accounts, so that loading would mix two data sets.
    """
    create_tables(conn)
    if conn.execute('SELECT 1 FROM "Account" LIMIT 1').fetchone():
        raise ValueError(
            "The org already holds accounts, and a data set is loaded into an empty org only:"
            " name another database file, or delete this one."
        )
    if not conn.execute('SELECT 1 FROM "Organization" LIMIT 1').fetchone():
        load_base(conn, name=name, edition=edition)


def insert_records(
    conn: sqlite3.Connection, sobject: str, record_ids: Sequence[str], records: Sequence[Record]
) -> None:
    """Insert records that need not have the same fields, under ids reserved before."""
    columns = list(dict.fromkeys(name for record in records for name in record))
    rows = (
        (record_id, *(record.get(name) for name in columns))
        for record_id, record in zip(record_ids, records, strict=True)
    )
    bulk_insert(conn, sobject, ("Id", *columns), rows)
