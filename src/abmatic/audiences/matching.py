"""How many local records meet a condition, within the time that a person waits for it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from django.db import OperationalError, connection, transaction
from psycopg import sql

from abmatic.audiences.conditions import Condition, compiled

# A count that takes longer is given up for the planner's estimate.
PATIENCE_MS = 1_000
_CANCELLED = "57014"


@dataclass(frozen=True, slots=True)
class Matching:
    """How many records match, and how sure that is: counted, or "about", as the planner guesses."""

    number: int
    kind: Literal["exact", "about"]


def count(record: str, condition: Condition, *, milliseconds: int = PATIENCE_MS) -> Matching:
    """Counts the records that meet the condition. Raises `ConditionRefused`."""
    query = sql.SQL("FROM {} AS r WHERE {}").format(
        sql.Identifier(record), compiled(record, condition, sql.Identifier("r"))
    )
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(milliseconds)])
            cursor.execute(sql.SQL("SELECT count(*) {}").format(query))
            found = cursor.fetchone()
            # Inside another transaction the setting would outlive the block.
            cursor.execute("SELECT set_config('statement_timeout', '0', true)")
        return Matching(found[0] if found else 0, "exact")
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != _CANCELLED:
            raise
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("EXPLAIN (FORMAT JSON) SELECT {}").format(query))
        row = cursor.fetchone()
    plan = row[0] if row else []
    rows = int((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]["Plan Rows"])
    return Matching(_rounded(rows), "about")


def _rounded(number: int) -> int:
    """Two digits that mean something."""
    step = int(10 ** max(len(str(number)) - 2, 0))
    return round(number / step) * step
