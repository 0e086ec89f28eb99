"""The canonical form of local values, as SQL: one expression per type, used wherever two values are compared.

Text that is blank is empty (NULL); a checkbox has no empty state, so nothing is false. Numbers are rounded to the six
decimals that local columns keep, or a value would differ from itself for ever after being stored.
"""

from __future__ import annotations

from typing import LiteralString

from psycopg import sql

from abmatic.audiences.fields import FieldType

SQL_TYPES: dict[FieldType, LiteralString] = {
    FieldType.TEXT: "text",
    FieldType.URL: "text",
    FieldType.EMAIL: "text",
    FieldType.PHONE: "text",
    FieldType.PICKLIST: "text",
    FieldType.INTEGER: "bigint",
    FieldType.NUMBER: "numeric",
    FieldType.DATE: "date",
    FieldType.DATETIME: "timestamptz",
    FieldType.BOOLEAN: "boolean",
}

# Lower case under "C", as keys are: it must be the same on every server.
EMAIL: LiteralString = "nullif(lower(btrim({0}, E' \\t\\r\\n') COLLATE \"C\"), '')"
# Most texts begin with something that is seen; a pattern costs three times as much as looking at that.
TEXT: LiteralString = "CASE WHEN ascii({0}) BETWEEN 33 AND 126 OR {0} ~ '\\S' THEN {0} END"


def local(kind: FieldType, column: sql.Composable) -> sql.Composable:
    """The canonical value of a local column."""
    if SQL_TYPES[kind] == "text":
        return sql.SQL(EMAIL if kind is FieldType.EMAIL else TEXT).format(column)
    if kind is FieldType.NUMBER:
        return sql.SQL("trim_scale({})").format(column)
    return column


def given(kind: FieldType, text: sql.Composable) -> sql.Composed:
    """The canonical value, as it is stored, of a text that `abmatic.audiences.inputs` let through."""
    if SQL_TYPES[kind] == "text":
        return sql.SQL("{}").format(local(kind, text))
    cast = sql.SQL("{}::{}").format(text, sql.SQL(SQL_TYPES[kind]))
    if kind is FieldType.NUMBER:
        return sql.SQL("trim_scale({})").format(cast)
    return sql.SQL("coalesce({}, false)").format(cast) if kind is FieldType.BOOLEAN else cast
