"""The canonical form of Salesforce's values, as SQL: one expression per type, used wherever two values are compared.

That of local values is in `abmatic.audiences.canonical`.
"""

from __future__ import annotations

from typing import LiteralString

from psycopg import sql

from abmatic.audiences.canonical import EMAIL, SQL_TYPES, TEXT, local
from abmatic.audiences.fields import FieldType

__all__ = ["SQL_TYPES", "bad", "from_json", "from_text", "is_held", "is_held_reference", "local"]

_FROM_TEXT: dict[FieldType, LiteralString] = {
    FieldType.EMAIL: EMAIL,
    FieldType.INTEGER: "as_bigint({0})",
    FieldType.NUMBER: "trim_scale(round(as_numeric({0}), 6))",
    FieldType.DATE: "as_date({0})",
    FieldType.DATETIME: "as_timestamp({0})",
    FieldType.BOOLEAN: "coalesce(as_boolean({0}), CASE WHEN {0} ~ '\\S' THEN NULL ELSE false END)",
}


def from_text(kind: FieldType, raw: sql.Composable) -> sql.Composable:
    """The canonical value of a text that came from Salesforce; NULL when it is empty or no value of the type."""
    return sql.SQL(_FROM_TEXT.get(kind, TEXT)).format(raw)


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
