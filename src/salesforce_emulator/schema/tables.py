"""The org's tables in SQLite, and loading many rows quickly."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from salesforce_emulator import ids
from salesforce_emulator.schema.building import default_schema
from salesforce_emulator.schema.objects import TEXT_TYPES, Field, Schema, SObject

_OWN_TABLES = """
CREATE TABLE IF NOT EXISTS emulator_sequence (prefix TEXT PRIMARY KEY, next INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS emulator_setting (name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS emulator_viewed (user_id TEXT, record_id TEXT, PRIMARY KEY (user_id, record_id));
CREATE TABLE IF NOT EXISTS emulator_password (user_id TEXT PRIMARY KEY, password TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS emulator_deletion (
    id TEXT PRIMARY KEY, sobject TEXT NOT NULL, root TEXT NOT NULL, at TEXT NOT NULL, in_bin INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS emulator_deletion_root ON emulator_deletion (root);
CREATE INDEX IF NOT EXISTS emulator_deletion_at ON emulator_deletion (at);
CREATE TABLE IF NOT EXISTS emulator_emptied (
    root TEXT NOT NULL, sobject TEXT NOT NULL, id TEXT NOT NULL, field TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (root, id, field, value)
);
"""

ADMINISTRATOR = ids.make("005", 1)
"""The user who owns and has made everything of which nobody says otherwise."""

_DEFAULT_USERS = ("CreatedById", "LastModifiedById", "OwnerId")
_STAMPS = ("CreatedDate", "LastModifiedDate", "SystemModstamp")


def table_sql(sobject: SObject) -> str:
    """The CREATE TABLE statement of one object."""
    columns = [_column(f) for f in sobject.stored]
    return f'CREATE TABLE IF NOT EXISTS "{sobject.name}" ({", ".join(columns)})'


def _column(f: Field) -> str:
    if f.name == "Id":
        return '"Id" TEXT PRIMARY KEY NOT NULL'
    if f.type == "boolean":
        return f'"{f.name}" INTEGER NOT NULL DEFAULT {1 if f.describe["defaultValue"] is True else 0}'
    # Salesforce compares and sorts text without regard to case, but for the fields that say otherwise.
    caseless = f.type in TEXT_TYPES and not f.case_sensitive
    # Whoever loads records doesn't know what currencies there are: theirs are in the corporate one.
    default = f" DEFAULT '{f.default}'" if f.name.endswith("CurrencyIsoCode") else ""
    return f'"{f.name}" {f.sqlite_type}{" COLLATE NOCASE" if caseless else ""}{default}'


def add_column(conn: sqlite3.Connection, sobject: SObject, f: Field) -> None:
    """Give a table the column of a field. Does not commit."""
    conn.execute(f'ALTER TABLE "{sobject.name}" ADD COLUMN {_column(f)}')


def create_tables(conn: sqlite3.Connection, schema: Schema | None = None) -> None:
    """Make every table that isn't there yet. Indexes come later: :func:`create_indexes`."""
    for sobject in schema or default_schema():
        if sobject.kept:
            conn.execute(table_sql(sobject))
    conn.executescript(_OWN_TABLES)
    conn.commit()


def create_indexes(conn: sqlite3.Connection, schema: Schema | None = None) -> None:
    """Index what is looked up: parents, e-mail, external ids, SystemModstamp, and which records are there.

    With IsDeleted beside it, SystemModstamp's index alone answers how many records a window holds.  The others leave
    out what is empty: most references are, in most records.
    """
    whole = schema or default_schema()
    for sobject in whole:
        index_object(conn, sobject, whole)
    conn.commit()


def index_object(conn: sqlite3.Connection, sobject: SObject, schema: Schema) -> None:
    """Make the indexes of one object that aren't there yet. Does not commit."""
    if "SystemModstamp" in sobject.columns:
        _index(conn, sobject, "SystemModstamp", '"SystemModstamp"' + (', "IsDeleted"' if sobject.deletes else ""))
    for name in _looked_up(sobject, schema):
        _index(conn, sobject, name, f'"{name}"', f' WHERE "{name}" IS NOT NULL')
    if sobject.deletes:
        _index(conn, sobject, "alive", '"Id", "IsDeleted"', ' WHERE "IsDeleted" = 0')


def unindex(conn: sqlite3.Connection, sobject: SObject, field: Field) -> None:
    """Drop a field's index, if it has one. Does not commit."""
    conn.execute(f'DROP INDEX IF EXISTS "{sobject.name}_{field.name}"')


def _index(conn: sqlite3.Connection, sobject: SObject, name: str, columns: str, where: str = "") -> None:
    conn.execute(f'CREATE INDEX IF NOT EXISTS "{sobject.name}_{name}" ON "{sobject.name}" ({columns}){where}')


def _looked_up(sobject: SObject, schema: Schema) -> list[str]:
    return [
        f.name
        for f in sobject.stored
        if f.type == "email" or f.external_id or f.unique or (f.type == "reference" and _has_children(f, schema))
    ]


def _has_children(reference: Field, schema: Schema) -> bool:
    """Whether anybody asks for the records that refer to one: it must be there, and no user or queue, who owns
    thousands."""
    return any(name in schema and name not in ("User", "Group") for name in reference.reference_to)


def reserve_ids(conn: sqlite3.Connection, sobject: str, count: int, schema: Schema | None = None) -> list[str]:
    """Take the next ``count`` ids of an object, in order. They are never given out again."""
    prefix = (schema or default_schema())[sobject].prefix
    row = conn.execute(
        "INSERT INTO emulator_sequence (prefix, next) VALUES (?, 1 + ?)"
        " ON CONFLICT (prefix) DO UPDATE SET next = next + ? RETURNING next",
        (prefix, count, count),
    ).fetchone()
    return list(ids.sequence(prefix, int(row[0]) - count, count))


def next_number(conn: sqlite3.Connection, prefix: str) -> int:
    """The number of the next record with this key prefix, for who gives out ids by himself; or of an auto-number."""
    row = conn.execute("SELECT next FROM emulator_sequence WHERE prefix = ?", (prefix,)).fetchone()
    return int(row[0]) if row else 1


def put_next_number(conn: sqlite3.Connection, prefix: str, number: int) -> None:
    """Tell others which ids are taken."""
    conn.execute("INSERT OR REPLACE INTO emulator_sequence (prefix, next) VALUES (?, ?)", (prefix, number))


def bulk_insert(
    conn: sqlite3.Connection,
    sobject: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    schema: Schema | None = None,
) -> None:
    """Insert many rows without the checks that the API makes. Does not commit.

    Values are as the table holds them: 18-character ids, booleans 0 or 1, dates ``YYYY-MM-DD``, date-times
    ``YYYY-MM-DDTHH:MM:SS.000Z``, e-mail in lower case, None for empty.  What the columns leave out gets the
    defaults that the package docstring lists.

    :param rows: tuples in the order of ``columns``; a generator keeps memory flat.
    :raises KeyError: a column isn't a stored field of the object.
    """
    found = (schema or default_schema())[sobject]
    stored = {f.name for f in found.stored}
    if unknown := [c for c in columns if c not in stored]:
        raise KeyError(f"{sobject} stores no column {', '.join(unknown)}")
    fixed = _defaults(found, columns)
    names = ", ".join(f'"{c}"' for c in [*columns, *fixed])
    marks = ", ".join([*("?" for _ in columns), *(f"'{value}'" for value in fixed.values())])
    conn.executemany(f'INSERT INTO "{found.name}" ({names}) VALUES ({marks})', rows)


def _defaults(sobject: SObject, columns: Sequence[str]) -> dict[str, str]:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    wanted = {**dict.fromkeys(_DEFAULT_USERS, ADMINISTRATOR), **dict.fromkeys(_STAMPS, now)}
    stored = {f.name for f in sobject.stored}
    return {name: value for name, value in wanted.items() if name in stored and name not in columns}


def fast_load(conn: sqlite3.Connection) -> None:
    """Give up safety against a crash for speed, on a database that is only now being made."""
    conn.execute("PRAGMA journal_mode = OFF")
    conn.execute("PRAGMA synchronous = OFF")
    conn.execute("PRAGMA cache_size = -131072")
    conn.execute("PRAGMA locking_mode = EXCLUSIVE")
