"""Any condition on any records: the SQL finds what a plain reading of SOQL's rules finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from salesforce_emulator import OrgStore
from salesforce_emulator.schema import BASE
from salesforce_emulator.soql import QueryContext, compile_soql

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
Record = dict[str, Any]
Test = Callable[[Record], bool]
WORDS = ("Acme", "acme", "ÄRGER", "ärger", "A_c", "50%", "b'c", "\\", "zoo", "")
DAYS = ("2026-11-22", "2026-11-23", "2026-11-24", "2026-11-25", "2025-12-31")
LITERALS = {
    "TODAY": ("2026-11-24", "2026-11-25"),
    "THIS_MONTH": ("2026-11-01", "2026-12-01"),
    "LAST_N_DAYS:1": ("2026-11-23", "2026-11-25"),
    "LAST_YEAR": ("2025-01-01", "2026-01-01"),
}


@dataclass(frozen=True)
class Condition:
    """SOQL, and what it means."""

    soql: str
    holds: Test

    def __repr__(self) -> str:
        return self.soql


def quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def fold(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: fold(a) == fold(b),
    "!=": lambda a, b: fold(a) != fold(b),
    "<": lambda a, b: a is not None and b is not None and fold(a) < fold(b),
    "<=": lambda a, b: a is not None and b is not None and fold(a) <= fold(b),
    ">": lambda a, b: a is not None and b is not None and fold(a) > fold(b),
    ">=": lambda a, b: a is not None and b is not None and fold(a) >= fold(b),
}


@st.composite
def text_conditions(draw: st.DrawFn) -> Condition:
    field = draw(st.sampled_from(["Name", "Industry", "Parent.Industry"]))
    if draw(st.booleans()):
        operator = draw(st.sampled_from(["=", "!="]))
        word = draw(st.sampled_from([*WORDS, None]))
        literal = "null" if word is None else quoted(word)
        return Condition(f"{field} {operator} {literal}", lambda r: COMPARISONS[operator](r[field], word or None))
    words = draw(st.lists(st.sampled_from([*WORDS, None]), min_size=1, max_size=3))
    negated = draw(st.booleans())
    listed = ", ".join("null" if w is None else quoted(w) for w in words)
    known = {fold(w or None) for w in words}
    return Condition(
        f"{field} {'NOT ' if negated else ''}IN ({listed})", lambda r: (fold(r[field]) in known) is not negated
    )


@st.composite
def like_conditions(draw: st.DrawFn) -> Condition:
    start = draw(st.sampled_from(["a", "ä", "Z", "5", ""]))
    return Condition(
        f"Name LIKE {quoted(start + '%')}", lambda r: r["Name"] is not None and fold(r["Name"]).startswith(fold(start))
    )


@st.composite
def number_conditions(draw: st.DrawFn) -> Condition:
    operator = draw(st.sampled_from(list(COMPARISONS)))
    number = draw(st.sampled_from([0, 1, 2, -1]))
    return Condition(
        f"NumberOfEmployees {operator} {number}", lambda r: COMPARISONS[operator](r["NumberOfEmployees"], number)
    )


@st.composite
def date_conditions(draw: st.DrawFn) -> Condition:
    operator = draw(st.sampled_from(list(COMPARISONS)))
    if draw(st.booleans()):
        day = draw(st.sampled_from(DAYS))
        return Condition(f"SLAExpirationDate__c {operator} {day}", lambda r: COMPARISONS[operator](r["Day"], day))
    literal = draw(st.sampled_from(list(LITERALS)))
    start, end = LITERALS[literal]
    tests: dict[str, Callable[[str], bool]] = {
        "=": lambda d: start <= d < end,
        "!=": lambda d: not start <= d < end,
        "<": lambda d: d < start,
        "<=": lambda d: d < end,
        ">": lambda d: d >= end,
        ">=": lambda d: d >= start,
    }
    return Condition(
        f"SLAExpirationDate__c {operator} {literal}",
        lambda r: tests[operator](r["Day"]) if r["Day"] is not None else operator == "!=",
    )


def combined(parts: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    several = st.lists(parts, min_size=2, max_size=3)
    both = several.map(
        lambda cs: Condition("(" + " AND ".join(c.soql for c in cs) + ")", lambda r: all(c.holds(r) for c in cs))
    )
    either = several.map(
        lambda cs: Condition("(" + " OR ".join(c.soql for c in cs) + ")", lambda r: any(c.holds(r) for c in cs))
    )
    none = parts.map(lambda c: Condition(f"(NOT {c.soql})", lambda r: not c.holds(r)))
    return both | either | none


SIMPLE = text_conditions() | like_conditions() | number_conditions() | date_conditions()
CONDITIONS = st.recursive(SIMPLE, combined, max_leaves=6)


@pytest.fixture(scope="module")
def org() -> Iterator[tuple[OrgStore, list[Record]]]:
    """Every mixture of a word, a number, a day and a parent that the conditions speak of."""
    records: list[Record] = []
    with OrgStore() as store:
        with store.session() as session:
            parent: Record | None = None
            for place in range(90):
                name = [w for w in WORDS if w][place % 9]
                industry = [*WORDS, ""][place * 7 % 11] or None
                number = [None, 0, 1, 2][place * 5 % 4]
                day = [None, *DAYS][place * 11 % 6]
                values = {
                    "Name": name, "Industry": industry, "NumberOfEmployees": number, "SLAExpirationDate__c": day,
                    "ParentId": parent["Id"] if parent else None,
                }  # fmt: skip
                record = {
                    "Id": session.insert("Account", values),
                    **values,
                    "Day": day,
                    "Parent.Industry": parent["Industry"] if parent else None,
                }
                records.append(record)
                parent = record if place % 3 else None
        yield store, records


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(condition=CONDITIONS)
def test_where_finds_what_it_says(org: tuple[OrgStore, list[Record]], condition: Condition) -> None:
    store, records = org
    context = QueryContext(NOW, BASE.administrator)
    plan = compile_soql(f"SELECT Id FROM Account WHERE {condition.soql}", store.schema, context)
    with store.reading() as conn:
        found = {row[0] for row in conn.execute(plan.sql(), plan.params)}
    assert found == {r["Id"] for r in records if condition.holds(r)}
