"""The statements about tasks of visits, each in a transaction of its own."""

from __future__ import annotations

from typing import Any, LiteralString

from django.db import connection, transaction
from psycopg import sql

from abmatic.postgres.sql import block


def run(name: LiteralString, parameters: dict[str, Any]) -> None:
    """Executes one."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_statement(name), parameters)


def ask(name: LiteralString, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """Executes one, and answers its rows by their columns."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_statement(name), parameters)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _statement(name: LiteralString) -> sql.Composed:
    return sql.SQL(_text(name)).format(person=sql.SQL(_text("person")))


def _text(name: LiteralString) -> LiteralString:
    return block("abmatic.sync", "sql/visit_tasks.sql", name)
