"""Texts that a spreadsheet would take for a formula: files that are written guard them, and files that are read are
freed of the guard, so that what was exported can be imported again and is what it was.

The guard is an apostrophe before the text (OWASP, "CSV Injection"). A text that looks as if it were guarded already
gets one more: reading takes away exactly one. Plain negative numbers are no formulas, and stay numbers.
"""

from __future__ import annotations

import re
from typing import LiteralString

from psycopg import sql

# What begins a formula in some spreadsheet; the last four are the first four, as wide as an ideograph.
FORMULA_STARTS = "=+-@\t\r\n＝＋－＠"
_RISKY: LiteralString = "^'*[=+@\t\r\n＝＋－＠-]"
_NUMBER: LiteralString = "^-[0-9]+([.][0-9]+)?$"
_GUARDED = re.compile(_RISKY)
_PLAIN = re.compile(_NUMBER.replace("$", r"\Z"))


def harmless(text: str) -> str:
    """The text as a file may hold it."""
    return "'" + text if _GUARDED.match(text) and not _PLAIN.match(text) else text


def harmless_sql(text: sql.Composable) -> sql.Composed:
    """The same, of a text that Postgres writes."""
    return sql.SQL("CASE WHEN {0} ~ {1} AND {0} !~ {2} THEN '''' || {0} ELSE {0} END").format(
        text, sql.Literal(_RISKY), sql.Literal(_NUMBER)
    )


def unguarded(cell: str) -> str:
    """What a cell of a file says, without the guard."""
    return cell[1:] if cell[:1] == "'" and _GUARDED.match(cell) else cell
