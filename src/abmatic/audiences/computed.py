"""Values that are worked out here and that nobody edits: written set by set, with a change for each that differs.

A room above works them out and leaves them in a temporary table; this door compares, writes and logs, so that whoever
follows the change log sees them as any other change. `updated_at` stays: it tells those who edit a record that somebody
else has, and a score that moved is no reason to refuse an edit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.db import connection
from psycopg import sql

from abmatic.audiences import canonical
from abmatic.audiences.fields import LocalField, field
from abmatic.changes.models import Cause


def write(record: str, table: str, names: Sequence[str], cause: Callable[[], Cause]) -> int:
    """Gives records the values in a temporary table with the columns ``id`` and ``names``. Answers how many differed.

    The transaction is the caller's. ``cause`` is called only when something differs.
    """
    known = [field(record, name) for name in names]
    if wrong := [each.name for each in known if not each.is_computed]:
        raise ValueError(f"{', '.join(wrong)} of {record} can be edited, and is not written here")
    with connection.cursor() as cursor:
        cursor.execute(_differing(record, table, known))
        differing = int(cursor.rowcount)
        if differing:
            cursor.execute(_log(record, known, cause().pk))
            cursor.execute(_update(record, known))
        cursor.execute("DROP TABLE differing")
    return differing


def _differing(record: str, table: str, known: Sequence[LocalField]) -> sql.Composed:
    """Those that differ, with both values of each field; nobody else writes them meanwhile."""
    pairs = [
        sql.SQL("{before} AS {was}, {after} AS {name}").format(
            before=canonical.local(each.type, sql.Identifier("r", each.name)),
            was=sql.Identifier(f"was_{each.name}"),
            after=canonical.local(each.type, sql.Identifier("s", each.name)),
            name=sql.Identifier(each.name),
        )
        for each in known
    ]
    distinct = [
        sql.SQL("{} IS DISTINCT FROM {}").format(
            canonical.local(each.type, sql.Identifier("r", each.name)),
            canonical.local(each.type, sql.Identifier("s", each.name)),
        )
        for each in known
    ]
    return sql.SQL(
        "CREATE TEMPORARY TABLE differing ON COMMIT DROP AS SELECT r.id, {pairs} FROM {table} AS s "
        "JOIN {record} AS r ON r.id = s.id WHERE {distinct} ORDER BY r.id FOR UPDATE OF r"
    ).format(
        pairs=sql.SQL(", ").join(pairs), table=sql.Identifier(table), record=sql.Identifier(record),
        distinct=sql.SQL(" OR ").join(distinct),
    )  # fmt: skip


def _log(record: str, known: Sequence[LocalField], cause: int) -> sql.Composed:
    sides = [
        sql.SQL("({}, to_jsonb(d.{}), to_jsonb(d.{}))").format(
            sql.Literal(each.name), sql.Identifier(f"was_{each.name}"), sql.Identifier(each.name)
        )
        for each in known
    ]
    return sql.SQL(
        "INSERT INTO change (record, record_id, field, before, after, cause_id, at) "
        "SELECT {record}, d.id, v.field, v.before, v.after, {cause}, now() FROM differing AS d "
        "CROSS JOIN LATERAL (VALUES {sides}) AS v (field, before, after) WHERE v.before IS DISTINCT FROM v.after"
    ).format(record=sql.Literal(record), cause=sql.Literal(cause), sides=sql.SQL(", ").join(sides))


def _update(record: str, known: Sequence[LocalField]) -> sql.Composed:
    assignments = [sql.SQL("{0} = d.{0}").format(sql.Identifier(each.name)) for each in known]
    return sql.SQL("UPDATE {record} AS r SET {assignments} FROM differing AS d WHERE r.id = d.id").format(
        record=sql.Identifier(record), assignments=sql.SQL(", ").join(assignments)
    )
