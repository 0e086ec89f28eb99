"""SOQL's functions as SQL: aggregates, parts of dates, and those that only change how a value is shown."""

from __future__ import annotations

from dataclasses import dataclass

from salesforce_emulator.schema import fiscal
from salesforce_emulator.schema.objects import NUMBER_TYPES, TEXT_TYPES, Field

AGGREGATES = frozenset({"count", "count_distinct", "sum", "avg", "min", "max"})
SHOWN = frozenset({"tolabel", "format"})
"""Functions that change how a value is shown."""

_INT = "CAST(substr({x}, %d, %d) AS INTEGER)"
_MONTH = _INT % (6, 2)
_DAY_OF_YEAR = "CAST(strftime('%j', {x}) AS INTEGER)"
_DATE_PARTS = {
    "calendar_year": _INT % (1, 4),
    "calendar_quarter": f"(({_MONTH} + 2) / 3)",
    "calendar_month": _MONTH,
    "day_in_month": _INT % (9, 2),
    "day_in_week": "(CAST(strftime('%w', {x}) AS INTEGER) + 1)",
    "day_in_year": _DAY_OF_YEAR,
    "day_only": "substr({x}, 1, 10)",
    "hour_in_day": _INT % (12, 2),
    "week_in_month": f"(({_INT % (9, 2)} - 1) / 7 + 1)",
    "week_in_year": f"(({_DAY_OF_YEAR} - 1) / 7 + 1)",
    "fiscal_year": fiscal.YEAR,
    "fiscal_quarter": fiscal.QUARTER,
    "fiscal_month": fiscal.MONTH,
}
_DATETIME_ONLY = frozenset({"hour_in_day", "day_only"})


@dataclass(frozen=True)
class Expression:
    """A value in SQL: its type by describe's names, and the field behind it, where it is one."""

    sql: str
    type: str
    name: str
    field: Field | None = None
    aggregate: bool = False
    grouped: bool = False
    """Whether the query groups by it."""
    corporate: str = ""
    """Of an amount in an org of several currencies, the SQL of what it is in the corporate one."""
    day: str = ""
    """The day of whose rates that is, in SQL; "" where they are of no day."""
    shown_by: str = ""
    """"format" where the value is to be shown as a person sees it."""


def aggregate(function: str, argument: Expression) -> Expression | None:
    """The aggregate of a value, or None where the type does not allow it."""
    numeric = argument.type in NUMBER_TYPES
    if argument.field is not None and argument.field.compound:
        return None
    if function == "count":
        return Expression(f"count({argument.sql})", "int", argument.name, aggregate=True)
    if argument.field is not None and not argument.field.describe["aggregatable"]:
        return None
    if function == "count_distinct":
        return Expression(f"count(DISTINCT {argument.sql})", "int", argument.name, aggregate=True)
    if function in ("sum", "avg"):
        if not numeric:
            return None
        kind = "double" if function == "avg" else argument.type
        return Expression(f"{function}({argument.sql})", kind, argument.name, aggregate=True)
    if argument.type in ("boolean", "id", "reference"):
        return None
    return Expression(f"{function}({argument.sql})", argument.type, argument.name, aggregate=True)


def date_part(function: str, argument: Expression) -> Expression | None:
    """A part of a date or date-time, or None where the function or the type is another."""
    template = _DATE_PARTS.get(function)
    if template is None or argument.type not in ("date", "datetime"):
        return None
    if function in _DATETIME_ONLY and argument.type != "datetime":
        return None
    kind = "date" if function == "day_only" else "int"
    return Expression(template.replace("{x}", argument.sql), kind, argument.name)


def is_date_function(function: str) -> bool:
    return function in _DATE_PARTS


def is_text(kind: str) -> bool:
    return kind in TEXT_TYPES
