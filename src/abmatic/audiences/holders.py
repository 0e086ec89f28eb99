"""Which record has a key already: asked while a person types, before anything is saved."""

from __future__ import annotations

from django.db import connection
from psycopg import sql

from abmatic.audiences.editing import KEYS


def holder(record: str, text: str) -> tuple[str | None, int | None]:
    """The key that a website or an e-mail address gives, None where it gives none; and the record that has it."""
    key = KEYS.get(record)
    if key is None or not text.strip() or "\x00" in text:
        return None, None
    statement = sql.SQL(
        "SELECT k.key, o.id FROM (SELECT {}::text AS raw) AS e CROSS JOIN LATERAL {} AS k (key, problem) "
        "LEFT JOIN {} AS o ON o.{} = k.key"
    ).format(sql.Literal(text.strip()), sql.SQL(key.function), sql.Identifier(record), sql.Identifier(key.column))
    with connection.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone()
    return (row[0], row[1]) if row else (None, None)
