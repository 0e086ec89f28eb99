"""The fiscal year as SQL: its month, quarter and year of a day.

It is the organization's own and stands in its record, so that whatever asks (SOQL's functions, an opportunity's
fields) reads it there; SQLite looks it up once a statement.  A year that doesn't begin in January is named after the
year in which it ends, unless the organization says otherwise.
"""

from __future__ import annotations

MONTHS = range(1, 13)
START = "FiscalYearStartMonth"
NAMED_BY_START = "UsesStartDateAsFiscalYearName"

_START = f'(SELECT coalesce(org."{START}", 1) FROM "Organization" AS org)'
_ENDS_LATER = f'(SELECT org."{START}" > 1 AND NOT coalesce(org."{NAMED_BY_START}", 0) FROM "Organization" AS org)'
_MONTH = "CAST(substr({x}, 6, 2) AS INTEGER)"
_YEAR = "CAST(substr({x}, 1, 4) AS INTEGER)"

MONTH = f"(({_MONTH} - {_START} + 12) % 12 + 1)"
QUARTER = f"(({_MONTH} - {_START} + 12) % 12 / 3 + 1)"
YEAR = f"({_YEAR} - ({_MONTH} < {_START}) + {_ENDS_LATER})"
"""Each with ``{x}`` for the day or moment."""


def of(template: str, column: str) -> str:
    return template.replace("{x}", column)
