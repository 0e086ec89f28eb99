"""Tables that follow the schema.

A field that goes leaves its column behind, as Salesforce keeps a deleted field's values for a while: what is being read
meanwhile can be read to its end.  The column is renamed when another field takes its name.
"""

from __future__ import annotations

import sqlite3
from typing import cast

from salesforce_emulator.schema import Field, Schema, SObject
from salesforce_emulator.schema.spec import BadSpec
from salesforce_emulator.schema.tables import add_column, index_object, table_sql, unindex
from salesforce_emulator.store.coerce import coerce
from salesforce_emulator.store.errors import RecordError


def fit(conn: sqlite3.Connection, schema: Schema) -> None:
    """Add the columns that an org made by an older release lacks."""
    for sobject in schema:
        there = _columns(conn, sobject)
        for field in sobject.stored:
            if field.name not in there:
                add_column(conn, sobject, field)


def alter(conn: sqlite3.Connection, before: Schema, after: Schema) -> None:
    """Make the tables those of another schema. Does not commit.

    :raises BadSpec: the records that are there don't allow it.
    """
    for gone in before:
        if gone.name not in after:
            conn.execute(f'DROP TABLE "{gone.name}"')
            conn.execute("DELETE FROM emulator_deletion WHERE sobject = ?", (gone.name,))
    for sobject in after:
        known = before.get(sobject.name)
        if known is None:
            conn.execute(table_sql(sobject))
        elif known is not sobject:
            _alter_table(conn, known, sobject, after)
        index_object(conn, sobject, after)


def _alter_table(conn: sqlite3.Connection, before: SObject, after: SObject, schema: Schema) -> None:
    for field in before.stored:
        if after.get(field.name) is None:
            unindex(conn, before, field)
    for field in after.stored:
        old = before.get(field.name)
        if old is None or not old.stored:
            _add(conn, after, field)
        elif (old.type, old.case_sensitive) != (field.type, field.case_sensitive):
            _convert(conn, after, field, schema)
        if field.unique and not (old and old.unique):
            _check_unique(conn, after, field)


def _columns(conn: sqlite3.Connection, sobject: SObject) -> set[str]:
    return {str(row[1]) for row in conn.execute(f'PRAGMA table_info("{sobject.name}")')}


def _add(conn: sqlite3.Connection, sobject: SObject, field: Field) -> None:
    if field.describe["cascadeDelete"] and conn.execute(f'SELECT 1 FROM "{sobject.name}" LIMIT 1').fetchone():
        raise BadSpec(
            f"{sobject.name}.{field.name}: there are records without a master. Add a reference, fill it, then change it"
        )
    _put_aside(conn, sobject, field)
    add_column(conn, sobject, field)


def _put_aside(conn: sqlite3.Connection, sobject: SObject, field: Field) -> str:
    """Rename a column that is in the way; its new name."""
    there = _columns(conn, sobject)
    number = next(n for n in range(1, len(there) + 2) if f"{field.name} {n}" not in there)
    if field.name in there:
        unindex(conn, sobject, field)
        conn.execute(f'ALTER TABLE "{sobject.name}" RENAME COLUMN "{field.name}" TO "{field.name} {number}"')
    return f"{field.name} {number}"


def _convert(conn: sqlite3.Connection, sobject: SObject, field: Field, schema: Schema) -> None:
    """Give a field another type. Values that can't be of it are lost, as in a real org."""

    def converted(value: object) -> str | int | float | None:
        made: object
        try:
            made = None if value is None else coerce(field, str(value), schema, from_csv=True)
        except RecordError:
            made = None
        return 0 if made is None and field.type == "boolean" else cast("str | int | float | None", made)

    aside = _put_aside(conn, sobject, field)
    add_column(conn, sobject, field)
    conn.create_function("as_converted", 1, converted)
    conn.execute(f'UPDATE "{sobject.name}" SET "{field.name}" = as_converted("{aside}")')


def _check_unique(conn: sqlite3.Connection, sobject: SObject, field: Field) -> None:
    alive = ' AND "IsDeleted" = 0' if sobject.deletes else ""
    twice = conn.execute(
        f'SELECT "{field.name}" FROM "{sobject.name}" WHERE "{field.name}" IS NOT NULL{alive}'
        f' GROUP BY "{field.name}" HAVING count(*) > 1 LIMIT 1'
    ).fetchone()
    if twice:
        raise BadSpec(f"{sobject.name}.{field.name} can't be unique: {twice[0]!r} is there more than once")
