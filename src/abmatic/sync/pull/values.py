"""The canonical form of values, as SQL: one expression per type, used wherever two values are compared.

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
_EMAIL: LiteralString = "nullif(lower(btrim({0}, E' \\t\\r\\n') COLLATE \"C\"), '')"

_FROM_TEXT: dict[FieldType, LiteralString] = {
    FieldType.EMAIL: _EMAIL,
    FieldType.INTEGER: "as_bigint({0})",
    FieldType.NUMBER: "trim_scale(round(as_numeric({0}), 6))",
    FieldType.DATE: "as_date({0})",
    FieldType.DATETIME: "as_timestamp({0})",
    FieldType.BOOLEAN: "coalesce(as_boolean({0}), CASE WHEN {0} ~ '\\S' THEN NULL ELSE false END)",
}
# Most texts begin with something that is seen; a pattern costs three times as much as looking at that.
_TEXT: LiteralString = "CASE WHEN ascii({0}) BETWEEN 33 AND 126 OR {0} ~ '\\S' THEN {0} END"


def from_text(kind: FieldType, raw: sql.Composable) -> sql.Composable:
    """The canonical value of a text that came from Salesforce; NULL when it is empty or no value of the type."""
    return sql.SQL(_FROM_TEXT.get(kind, _TEXT)).format(raw)


def local(kind: FieldType, column: sql.Composable) -> sql.Composable:
    """The canonical value of a local column."""
    if SQL_TYPES[kind] == "text":
        return sql.SQL(_EMAIL if kind is FieldType.EMAIL else _TEXT).format(column)
    if kind is FieldType.NUMBER:
        return sql.SQL("trim_scale({})").format(column)
    return column


def from_json(kind: FieldType, document: sql.Composable, name: str) -> sql.Composable:
    """The canonical value under ``name`` of a mirror's ``values`` or ``base``."""
    return sql.SQL("({} ->> {})::{}").format(document, sql.Literal(name), sql.SQL(SQL_TYPES[kind]))


def is_held(kind: FieldType, name: str, theirs: sql.Composable, ours: sql.Composable) -> sql.Composed:
    """Whether an undo left the two sides exactly so (``held`` of the mirror's row ``m``): then neither is written."""
    return sql.SQL(
        "(m.held IS NOT NULL AND m.held -> 's' ? {name} AND {theirs} IS NOT DISTINCT FROM {s} "
        "AND {ours} IS NOT DISTINCT FROM {a})"
    ).format(
        name=sql.Literal(name),
        theirs=theirs,
        ours=local(kind, ours),
        s=from_json(kind, sql.SQL("(m.held -> 's')"), name),
        a=from_json(kind, sql.SQL("(m.held -> 'a')"), name),
    )


def is_held_reference(theirs: str, ours: str) -> sql.Composed:
    """As `is_held`, of a reference: a column of the record ``w`` and one of the local record ``a``."""
    return sql.SQL(
        "(m.held IS NOT NULL AND m.held -> 's' ? {name} AND w.{theirs} IS NOT DISTINCT FROM m.held -> 's' ->> {name} "
        "AND a.{ours} IS NOT DISTINCT FROM (m.held -> 'a' ->> {name})::bigint)"
    ).format(name=sql.Literal(theirs), theirs=sql.Identifier(theirs), ours=sql.Identifier(ours))


def bad(raw: sql.Composable, value: sql.Composable) -> sql.Composable:
    """Whether a text said something that is no value of the type."""
    return sql.SQL("({0} IS NULL AND {1} ~ '\\S')").format(value, raw)
