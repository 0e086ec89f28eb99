"""What a typed row does to the record that is here already, as SQL: stated once for the preview and for the import.

``t`` is a row of ``typed``, ``a`` the record. An empty cell changes nothing, whatever was chosen. "Fill empty only"
writes where the record has nothing (0 and false are values); "overwrite" writes whatever differs; "skip" nothing.
"""

from __future__ import annotations

from psycopg import sql

from abmatic.audiences import canonical
from abmatic.audiences.csv_import.mapping import Mapping
from abmatic.audiences.csv_import.staging import value


def is_changed(mapping: Mapping, at: int) -> sql.Composed:
    """Whether the row changes the field."""
    if not mapping.changes_records:
        return sql.SQL("false").format()
    given, here = _given(at), before(mapping, at)
    if mapping.overwrites:
        return sql.SQL("({0} IS NOT NULL AND {1} IS DISTINCT FROM {0})").format(given, here)
    return sql.SQL("({} IS NOT NULL AND {} IS NULL)").format(given, here)


def changes_anything(mapping: Mapping) -> sql.Composed:
    """Whether the row changes any field."""
    return sql.SQL("({})").format(sql.SQL(" OR ").join(is_changed(mapping, at) for at in range(len(mapping.mapped))))


def before(mapping: Mapping, at: int) -> sql.Composable:
    """The record's value now, as values are compared."""
    field = mapping.mapped[at].field
    return canonical.local(field.type, sql.Identifier("a", field.name))


def sides(mapping: Mapping) -> sql.Composed:
    """Rows (place, name, changed, before, after), for a VALUES list."""
    return sql.SQL(", ").join(
        sql.SQL("({}, {}, {}, to_jsonb({}), to_jsonb({}))").format(
            sql.Literal(at), sql.Literal(each.field.name), is_changed(mapping, at), before(mapping, at), _given(at)
        )
        for at, each in enumerate(mapping.mapped)
    )


def assignments(mapping: Mapping) -> sql.Composed:
    """What an UPDATE of ``a`` sets."""
    return sql.SQL(", ").join(
        sql.SQL("{0} = CASE WHEN {1} THEN {2} ELSE a.{0} END").format(
            sql.Identifier(each.field.name), is_changed(mapping, at), _given(at)
        )
        for at, each in enumerate(mapping.mapped)
    )


def _given(at: int) -> sql.Composed:
    return sql.SQL("t.{}").format(value(at))
