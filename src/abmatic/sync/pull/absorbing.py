"""Two local people become one: the custom fields, which the statements written out in settle.sql can't name."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg import sql

from abmatic.audiences.fields import FieldType, custom


def absorb_custom_fields(
    session: psycopg.Connection[tuple[object, ...]],
    winners: Sequence[int],
    losers: Sequence[int],
    contacts: Sequence[bool],
    cause: int,
) -> None:
    """Before the losers go: where one was the contact's, its values take precedence, and the change is kept."""
    fields = custom("contact")
    if not fields:
        return
    rows = sql.SQL(", ").join(
        sql.SQL("({0}, to_jsonb(w.{1}), to_jsonb(g.{1}))").format(sql.Literal(f.name), sql.Identifier(f.name))
        for f in fields
    )
    assignments = sql.SQL(", ").join(
        # A checkbox always says something.
        sql.SQL("{0} = g.{0}" if f.type is FieldType.BOOLEAN else "{0} = coalesce(g.{0}, w.{0})").format(
            sql.Identifier(f.name)
        )
        for f in fields
    )
    session.execute(
        sql.SQL(
            """
            WITH pair AS (
                SELECT * FROM unnest(%(winners)s::bigint[], %(losers)s::bigint[], %(contacts)s::boolean[])
                           AS p (winner, loser, is_contact)
            ), better AS (
                SELECT DISTINCT ON (pair.winner) pair.winner, c.* FROM pair JOIN contact AS c ON c.id = pair.loser
                 WHERE pair.is_contact ORDER BY pair.winner, c.id
            ), noted AS (
                INSERT INTO change (record, record_id, field, before, after, cause_id, at)
                SELECT 'contact', w.id, v.field, v.before, v.after, %(cause)s, now()
                  FROM better AS g JOIN contact AS w ON w.id = g.winner
                  CROSS JOIN LATERAL (VALUES {rows}) AS v (field, before, after)
                 WHERE v.after IS NOT NULL AND v.before IS DISTINCT FROM v.after
            )
            UPDATE contact AS w SET {assignments} FROM better AS g WHERE w.id = g.winner
            """
        ).format(rows=rows, assignments=assignments),
        {"winners": winners, "losers": losers, "contacts": contacts, "cause": cause},
    )
