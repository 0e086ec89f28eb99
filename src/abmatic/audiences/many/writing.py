"""The statements of an edit of many records: what would change, and the next part of it.

A part locks its records in the order of their ids, looks at them as they are then, changes those that differ and notes
each change, in one transaction with the place where it goes on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection
from psycopg import sql

from abmatic.audiences import canonical
from abmatic.audiences.fields import LocalField
from abmatic.audiences.selection import Selection

SAMPLES = 10


@dataclass(frozen=True, slots=True)
class Part:
    """What one part did: records looked at and changed, and the last one's number (0: there was nothing left)."""

    looked_at: int
    changed: int
    last: int


@dataclass(frozen=True, slots=True)
class Preview:
    """How many records there are, how many of them would change, and what the first of those have now, by id."""

    records: int
    changes: int
    samples: dict[int, Any]


def preview(selection: Selection, field: LocalField, value: str | None) -> Preview:
    """What setting the field would change. Raises `ConditionRefused`."""
    differs = sql.SQL("{} IS DISTINCT FROM {}").format(_has(field, "r"), _new(field, value))
    counted = sql.SQL("SELECT count(*), count(*) FILTER (WHERE {}) {}").format(differs, selection.source())
    ((records, changes),) = _ask(counted)
    first = sql.SQL("SELECT r.id, {} {} AND {} ORDER BY r.id LIMIT {}").format(
        _has(field, "r"), selection.source(), differs, sql.Literal(SAMPLES)
    )
    # The driver leaves JSON as it is.
    samples = {pk: has and json.loads(has, parse_float=Decimal) for pk, has in _ask(first)} if changes else {}
    return Preview(records, changes, samples)


def set_part(selection: Selection, field: LocalField, value: str | None, after: int, size: int, cause: int) -> Part:
    """Sets the field in the next records of a selection. Raises `ConditionRefused`."""
    ids = _column(
        sql.SQL("SELECT r.id {} AND r.id > {} ORDER BY r.id LIMIT {} FOR UPDATE OF r").format(
            selection.source(), sql.Literal(after), sql.Literal(size)
        )
    )
    if not ids:
        return Part(0, 0, 0)
    changed = _write(
        selection.record, field, cause,
        sql.SQL(
            "SELECT a.id, {has}, {new} FROM {table} AS a WHERE a.id = ANY ({ids}) AND {has} IS DISTINCT FROM {new}"
        ),
        has=_has(field, "a"), new=_new(field, value), table=sql.Identifier(selection.record), ids=sql.Literal(ids),
    )  # fmt: skip
    return Part(len(ids), changed, ids[-1])


def put_back_part(record: str, field: LocalField, taken: int, after: int, upto: int, size: int, cause: int) -> Part:
    """Gives the next records that the cause ``taken`` changed their former values, where its value still stands."""
    found = _ask(
        sql.SQL(
            "SELECT h.id, h.record_id FROM change AS h WHERE h.cause_id = {} AND h.record = {} AND h.field = {} "
            "AND h.id > {} AND h.id <= {} ORDER BY h.id LIMIT {}"
        ).format(*map(sql.Literal, (taken, record, field.name, after, upto, size)))
    )
    if not found:
        return Part(0, 0, 0)
    table = sql.Identifier(record)
    _ask(
        sql.SQL("SELECT a.id FROM {} AS a WHERE a.id = ANY ({}) ORDER BY a.id FOR UPDATE").format(
            table, sql.Literal(sorted(pk for _, pk in found))
        )
    )
    changed = _write(
        record, field, cause,
        sql.SQL(
            "SELECT a.id, h.after, h.before FROM change AS h JOIN {table} AS a ON a.id = h.record_id "
            "WHERE h.id = ANY ({changes}) AND {has} IS NOT DISTINCT FROM h.after"
        ),
        table=table, changes=sql.Literal([pk for pk, _ in found]), has=_has(field, "a"),
    )  # fmt: skip
    return Part(len(found), changed, found[-1][0])


def last_change() -> int:
    """The number of the last change that is in the log."""
    ((last,),) = _ask(sql.SQL("SELECT coalesce(max(id), 0) FROM change").format())
    return int(last)


def _write(record: str, field: LocalField, cause: int, differing: sql.SQL, **named: sql.Composable) -> int:
    """Writes what a query says differs (id, before, after as JSON), and the changes; answers how many."""
    ((changed,),) = _ask(
        sql.SQL(
            "WITH differing (id, before, after) AS MATERIALIZED ({differing}), "
            "written AS (UPDATE {record} AS w SET {column} = {value}, updated_at = now() FROM differing AS d "
            "WHERE w.id = d.id), "
            "noted AS (INSERT INTO change (record, record_id, field, before, after, cause_id, at) "
            "SELECT {name}, d.id, {field}, d.before, d.after, {cause}, now() FROM differing AS d ORDER BY d.id) "
            "SELECT count(*) FROM differing"
        ).format(
            differing=differing.format(**named),
            record=sql.Identifier(record),
            column=sql.Identifier(field.name),
            value=canonical.given(field.type, sql.SQL("(d.after #>> '{{}}')").format()),
            name=sql.Literal(record),
            field=sql.Literal(field.name),
            cause=sql.Literal(cause),
        )
    )
    return int(changed)


def _has(field: LocalField, alias: str) -> sql.Composed:
    """What a record has in the field, as JSON."""
    return sql.SQL("to_jsonb({})").format(canonical.local(field.type, sql.Identifier(alias, field.name)))


def _new(field: LocalField, value: str | None) -> sql.Composed:
    """What it is to have, as JSON."""
    text = sql.SQL("NULL::text") if value is None else sql.SQL("{}::text").format(sql.Literal(value))
    return sql.SQL("to_jsonb({})").format(canonical.given(field.type, text))


def _column(statement: sql.Composed) -> list[int]:
    return [row[0] for row in _ask(statement)]


def _ask(statement: sql.Composed) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())
