"""What the rows of a file are called in the session that has staged them, shared by those who read and write them."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

Session = psycopg.Connection[tuple[Any, ...]]

# The columns of ``staged`` that hold the cells which name the account, and the record itself.
FIRM, OWN = sql.Identifier("firm_cell"), sql.Identifier("own_cell")
# How much of a value is quoted.
_QUOTED = 60


def cell(at: int) -> sql.Identifier:
    """The column of ``staged`` that holds the text of a mapped column."""
    return sql.Identifier(f"c{at}")


def value(at: int) -> sql.Identifier:
    """The column of ``typed`` that holds the value of a mapped column."""
    return sql.Identifier(f"v{at}")


def quoted(text: sql.Composable) -> sql.Composed:
    """The beginning of a text, as reasons quote it."""
    return sql.SQL("CASE WHEN length({0}) > {1} THEN left({0}, {1}) || '…' ELSE {0} END").format(
        text, sql.Literal(_QUOTED)
    )
