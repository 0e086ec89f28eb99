"""How much of a table statements read, as Postgres counts it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection


@contextmanager
def reading(table: str) -> Iterator[list[float]]:
    """For each statement that names the table, how many of its rows were read, or compared in a join.

    What is answered by an index alone isn't. Indexes are preferred, as they are in a table that is large.
    """
    found: list[float] = []
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {table}")

    def explain(execute: Any, statement: Any, params: Any, many: bool, context: Any) -> Any:
        text = statement if isinstance(statement, str) else statement.as_string(connection.connection)
        if table in text:
            with connection.connection.cursor() as cursor:
                cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
                cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}", params)
                found.append(_read(cursor.fetchone()[0][0]["Plan"], table))
        return execute(statement, params, many, context)

    with connection.execute_wrapper(explain):
        yield found


def _read(node: dict[str, Any], table: str) -> float:
    rows = node.get("Rows Removed by Join Filter", 0)
    if (
        node.get("Relation Name") == table
        and node["Node Type"].endswith("Scan")
        and node["Node Type"] != "Index Only Scan"
    ):
        rows += node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
    return rows * node["Actual Loops"] + sum(_read(each, table) for each in node.get("Plans", []))
