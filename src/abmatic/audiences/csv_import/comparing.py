"""What a typed row does to the record that is here already, as SQL: stated once for the preview and for the import.

``t`` is a row of ``typed``, ``a`` the record. An empty cell changes nothing, whatever was chosen. "Fill empty only"
writes where the record has nothing (0 and false are values); "overwrite" writes whatever differs; "skip" nothing.
The account that a row names is written by the same rules, except where the CRM says which it is: there it would be
taken back by the next sync.
"""

from __future__ import annotations

from psycopg import sql

from abmatic.audiences import canonical
from abmatic.audiences.csv_import import references
from abmatic.audiences.csv_import.cells import value
from abmatic.audiences.csv_import.mapping import Mapping

ACCOUNT = "account_id"


def is_changed(mapping: Mapping, at: int) -> sql.Composed:
    """Whether the row changes the field."""
    if not mapping.changes_records:
        return sql.SQL("false").format()
    given, here = _given(at), before(mapping, at)
    if mapping.overwrites:
        return sql.SQL("({0} IS NOT NULL AND {1} IS DISTINCT FROM {0})").format(given, here)
    return sql.SQL("({} IS NOT NULL AND {} IS NULL)").format(given, here)


def is_account_open(mapping: Mapping) -> sql.Composable:
    """Whether a row may write the account of the record that is here."""
    if not mapping.changes_records:
        return sql.SQL("false")
    if not mapping.overwrites:
        return sql.SQL("a.account_id IS NULL")
    return sql.SQL("(a.account_id IS NULL OR NOT {})").format(references.follows(mapping.record, "a"))


def is_account_changed(mapping: Mapping) -> sql.Composed:
    """Whether the row gives the record another account."""
    return sql.SQL(
        "((t.makes_account OR t.account IS NOT NULL AND a.account_id IS DISTINCT FROM t.account) AND {})"
    ).format(is_account_open(mapping))


def changes_anything(mapping: Mapping) -> sql.Composed:
    """Whether the row changes anything."""
    tests = [is_changed(mapping, at) for at in range(len(mapping.mapped))]
    if mapping.account is not None:
        tests.append(is_account_changed(mapping))
    return sql.SQL("({})").format(sql.SQL(" OR ").join(tests))


def before(mapping: Mapping, at: int) -> sql.Composable:
    """The record's value now, as values are compared."""
    field = mapping.mapped[at].field
    return canonical.local(field.type, sql.Identifier("a", field.name))


def sides(mapping: Mapping, *, by_name: bool = False) -> sql.Composed:
    """Rows (place, name, changed, before, after), for a VALUES list. ``by_name``: accounts as they are called."""
    rows = [
        sql.SQL("({}, {}, {}, to_jsonb({}), to_jsonb({}))").format(
            sql.Literal(at), sql.Literal(each.field.name), is_changed(mapping, at), before(mapping, at), _given(at)
        )
        for at, each in enumerate(mapping.mapped)
    ]
    if mapping.account is not None:
        was: sql.Composable = sql.SQL("a.account_id")
        becomes: sql.Composable = sql.SQL("t.account")
        if by_name:
            was, becomes = (
                _called(was),
                sql.SQL("coalesce({}, CASE WHEN t.makes_account THEN t.firm_said END)").format(_called(becomes)),
            )
        rows.append(
            sql.SQL("({}, {}, {}, to_jsonb({}), to_jsonb({}))").format(
                sql.Literal(len(mapping.mapped)), sql.Literal(ACCOUNT), is_account_changed(mapping), was, becomes
            )
        )
    return sql.SQL(", ").join(rows)


def _called(account: sql.Composable) -> sql.Composed:
    return sql.SQL("(SELECT coalesce(o.name, o.domain) FROM account AS o WHERE o.id = {})").format(account)


def assignments(mapping: Mapping) -> sql.Composed:
    """What an UPDATE of ``a`` sets."""
    sets = [
        sql.SQL("{0} = CASE WHEN {1} THEN {2} ELSE a.{0} END").format(
            sql.Identifier(each.field.name), is_changed(mapping, at), _given(at)
        )
        for at, each in enumerate(mapping.mapped)
    ]
    if mapping.account is not None:
        sets.append(
            sql.SQL("account_id = CASE WHEN {} THEN t.account ELSE a.account_id END").format(
                is_account_changed(mapping)
            )
        )
    return sql.SQL(", ").join(sets)


def _given(at: int) -> sql.Composed:
    return sql.SQL("t.{}").format(value(at))
