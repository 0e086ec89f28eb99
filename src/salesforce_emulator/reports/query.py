"""The SOQL of a report: its columns, its filters and how they are combined."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from salesforce_emulator.schema import Field, Schema, SObject
from salesforce_emulator.schema.objects import NUMBER_TYPES, TEXT_TYPES
from salesforce_emulator.schema.reports import Report

MOST = 2000
"""Rows that a synchronous run answers with."""
MAX_FILTERS = 20
_COMPARISONS = {
    "equals": "=",
    "notEqual": "!=",
    "lessThan": "<",
    "greaterThan": ">",
    "lessOrEqual": "<=",
    "greaterOrEqual": ">=",
}
_PATTERNS = {"contains": "%{}%", "notContain": "%{}%", "startsWith": "{}%"}
_LITERAL = re.compile(r"[A-Z][A-Z0-9_]*(:\d+)?")
_COMBINED = re.compile(r"\s*(\d+|AND|OR|NOT|\(|\))\s*", re.IGNORECASE)


class BadReport(Exception):
    """A report that can't be run; the message says why."""


@dataclass(frozen=True)
class Column:
    """A column of a report: its name there, its path in SOQL, and the field. ``owner`` is the field's object."""

    name: str
    path: str
    field: Field
    owner: SObject

    @property
    def label(self) -> str:
        return self.field.label if self.field.describe["nameField"] else f"{self.owner.label}: {self.field.label}"

    @property
    def is_name(self) -> bool:
        """Whether it shows what a record is called: its value is the record's id then."""
        return bool(self.field.describe["nameField"])

    @property
    def id_path(self) -> str:
        return ".".join([*self.path.split(".")[:-1], "Id"])


def column(schema: Schema, report: Report, name: str) -> Column:
    """The column of this name.

    :raises BadReport: there is none.
    """
    missing = BadReport(f"The column {name} isn't valid for report type {report.type['type']}.")
    found = schema.get(report.sobject)
    first, _, path = name.partition(".")
    if found is None or first.lower() != found.name.lower() or not path:
        raise missing
    *relations, last = path.split(".")
    for relation in relations:
        reference = found.parent(relation)
        found = schema.target(reference) if reference else None
        if found is None:
            raise missing
    field = found.get(last)
    if field is None or field.compound:
        raise missing
    return Column(name, path, field, found)


def where(schema: Schema, report: Report) -> str:
    """The conditions of a report as SOQL, or nothing."""
    if len(report.filters) > MAX_FILTERS:
        raise BadReport(f"A report can't have more than {MAX_FILTERS} filters.")
    conditions = [_condition(schema, report, f) for f in report.filters]
    if report.boolean_filter:
        return _combined(report.boolean_filter, conditions)
    return " AND ".join(f"({c})" for c in conditions)


def order_by(schema: Schema, report: Report) -> str:
    terms = []
    for sort in report.sort_by:
        way = "DESC NULLS LAST" if str(sort.get("sortOrder", "Asc")).lower() == "desc" else "ASC NULLS FIRST"
        terms.append(f"{column(schema, report, str(sort.get('sortColumn'))).path} {way}")
    return ", ".join(terms)


def _condition(schema: Schema, report: Report, given: Mapping[str, str]) -> str:
    """One filter. Several values with commas are alternatives; with an operator that denies, none of them."""
    operator = str(given.get("operator"))
    found = column(schema, report, str(given.get("column")))
    if operator not in (*_COMPARISONS, *_PATTERNS, "includes", "excludes"):
        raise BadReport(f"The filter operator {operator} isn't valid.")
    text = str(given.get("value") or "")
    values = [v.strip() for v in text.split(",")] if text else [""]
    if operator in ("includes", "excludes"):
        listed = ", ".join(_quoted(v) for v in values)
        return f"{found.path} {operator.upper()} ({listed})"
    tests = [_test(found, operator, value) for value in values]
    denied = operator in ("notEqual", "notContain")
    return f" {'AND' if denied else 'OR'} ".join(f"({t})" for t in tests) if len(tests) > 1 else tests[0]


def _test(found: Column, operator: str, value: str) -> str:
    if operator in _PATTERNS:
        if found.field.type not in TEXT_TYPES:
            raise BadReport(f"The filter operator {operator} isn't valid for {found.name}.")
        literal = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        test = f"{found.path} LIKE {_quoted(_PATTERNS[operator].format(literal), escaped=True)}"
        return f"NOT {test}" if operator == "notContain" else test
    return f"{found.path} {_COMPARISONS[operator]} {_literal(found, value)}"


def _literal(found: Column, value: str) -> str:
    kind = found.field.type
    if value == "" and kind != "boolean":
        return "null"
    if kind == "boolean":
        return "true" if value.lower() in ("true", "1", "yes") else "false"
    if kind in NUMBER_TYPES:
        return value
    if kind in ("date", "datetime"):
        return value if kind == "date" or _LITERAL.fullmatch(value) or "T" in value else f"{value}T00:00:00Z"
    return _quoted(value)


def _quoted(value: str, *, escaped: bool = False) -> str:
    inner = value if escaped else value.replace("\\", "\\\\")
    return "'" + inner.replace("'", "\\'") + "'"


def _combined(logic: str, conditions: Sequence[str]) -> str:
    """``1 AND (2 OR 3)`` with the conditions in the places of their numbers.

    :raises BadReport: it names another number, or leaves one out.
    """
    place, parts, used = 0, [], set()
    while place < len(logic):
        found = _COMBINED.match(logic, place)
        if found is None:
            raise BadReport(f"The filter logic is incorrect: {logic}")
        token, place = found[1], found.end()
        if token.isdigit():
            used.add(int(token))
            if not 1 <= int(token) <= len(conditions):
                raise BadReport(f"The filter logic references an undefined filter: {token}")
            parts.append(f"({conditions[int(token) - 1]})")
        else:
            parts.append(token.upper())
    if len(used) < len(conditions):
        raise BadReport("Some filter conditions are defined but not referenced in your filter logic.")
    return " ".join(parts)
