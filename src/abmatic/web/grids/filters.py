"""The filter row: conditions in the address, read and turned into a query."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from django.db.models import Q
from django.http import QueryDict

from abmatic.web.grids.columns import Column, Spec, contains

OPERATORS = {
    "contains": "contains",
    "equals": "is",
    "least": "is at least",
    "most": "is at most",
    "empty": "is empty",
    "filled": "has a value",
}
# Which operators make sense for which type.
SUITED = {
    "contains": ("text",),
    "equals": ("text", "number", "date"),
    "least": ("number", "date"),
    "most": ("number", "date"),
    "empty": ("text", "number", "date"),
    "filled": ("text", "number", "date"),
}
# A long enough line; what is beyond it was no question.
LONGEST_VALUE = 500


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of the filter row; ``problem`` says why it is not applied, where it isn't."""

    column: Column
    operator: str
    value: str
    problem: str = ""

    @property
    def text(self) -> str:
        """As a sentence: "Industry is Banking"."""
        words = f"{self.column.label} {OPERATORS[self.operator]}"
        return words if self.operator in {"empty", "filled"} else f"{words} “{self.value}”"

    @property
    def query(self) -> Q:
        """The condition as a query; everything, where it can't be applied."""
        if self.problem:
            return Q()
        field = self.column.field
        if self.operator in {"empty", "filled"}:
            empty = Q(**{f"{field}__isnull": True})
            if self.column.type == "text":
                empty |= Q(**{field: ""})
            return empty if self.operator == "empty" else ~empty
        if self.column.type == "text":
            if self.operator == "contains":
                return contains(field, self.value)
            return Q(**{f"{field}__iexact": self.value})
        lookup = {"equals": "exact", "least": "gte", "most": "lte"}[self.operator]
        return Q(**{f"{field}__{lookup}": parsed(self.column.type, self.value)})


def conditions(spec: Spec, asked: QueryDict) -> list[Condition]:
    """The conditions in an address: the lists ``field``, ``op`` and ``value`` side by side. Nonsense is left out."""
    known = {column.name: column for column in spec.filters}
    found = []
    for name, operator, value in zip(asked.getlist("field"), asked.getlist("op"), asked.getlist("value"), strict=False):
        value = clean(value)
        needs_value = operator not in {"empty", "filled"}
        if name in known and operator in OPERATORS and (value or not needs_value):
            found.append(_judged(known[name], operator, value if needs_value else ""))
    return found


def clean(text: str) -> str:
    """Text fit for a query: NUL, which no text in Postgres can hold, and the ends trimmed."""
    return text.replace("\x00", "").strip()[:LONGEST_VALUE]


def parsed(kind: str, text: str) -> Decimal | date:
    """A number or a date as people write them. Raises ValueError."""
    if kind == "date":
        return date.fromisoformat(text)
    try:
        number = Decimal(text.replace(",", "").replace(" ", ""))
    except InvalidOperation:
        raise ValueError(text) from None
    if not number.is_finite() or abs(number) > 10**18:
        raise ValueError(text)
    return number


def _judged(column: Column, operator: str, value: str) -> Condition:
    if column.type not in SUITED[operator]:
        return Condition(column, operator, value, f"{column.label} can't be compared like that.")
    if value and column.type != "text":
        try:
            parsed(column.type, value)
        except ValueError:
            example = "2026-03-31" if column.type == "date" else "2,500"
            wanted = f"{column.label} is a {column.type}: write it as {example}."
            return Condition(column, operator, value, wanted)
    return Condition(column, operator, value)
