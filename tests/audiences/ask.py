"""Asks the database for keys and casts, many at once: one query a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection
from psycopg import sql


def domains(websites: Sequence[str | None], *, collapse: bool = True) -> list[tuple[str | None, str | None]]:
    """For each website its key and, where it has none, the reason."""
    return _rows(
        "SELECT k.domain, k.problem FROM unnest(%s::text[]) WITH ORDINALITY AS u (t, o) "
        "CROSS JOIN LATERAL domain_of(u.t, %s) AS k ORDER BY u.o",
        [list(websites), collapse],
    )


def emails(addresses: Sequence[str | None]) -> list[tuple[str | None, str | None]]:
    """For each address its key and, where it has none, the reason."""
    return _rows(
        "SELECT k.email_key, k.problem FROM unnest(%s::text[]) WITH ORDINALITY AS u (t, o) "
        "CROSS JOIN LATERAL email_of(u.t) AS k ORDER BY u.o",
        [list(addresses)],
    )


def each(function: str, texts: Sequence[str | None], as_text: bool = False) -> list[Any]:
    """What a function of one text makes of each."""
    cast = sql.SQL("::text" if as_text else "")
    statement = sql.SQL("SELECT {}(u.t){} FROM unnest(%s::text[]) WITH ORDINALITY AS u (t, o) ORDER BY u.o")
    return [row[0] for row in _rows(statement.format(sql.Identifier(function), cast), [list(texts)])]


def _rows(statement: str | sql.Composed, parameters: list[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        text = statement if isinstance(statement, str) else statement.as_string(connection.connection)
        cursor.execute(text, parameters)
        return list(cursor.fetchall())
