"""Grouped queries: ROLLUP, CUBE, GROUPING, HAVING; any of them finds what a plain reading of the rules finds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from salesforce_emulator import OrgStore
from salesforce_emulator.schema import BASE
from salesforce_emulator.soql import QueryContext, SoqlError, compile_soql

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
Record = dict[str, Any]
LEADS = (
    [("Web", "Hot")] * 1 + [("Web", "Warm")] * 1 + [("Web", None)] * 5 + [("Phone Inquiry", None)] * 4
    + [("Partner Referral", None)] * 4 + [("Purchased List", None)] * 7
)  # fmt: skip


@pytest.fixture(scope="module")
def store() -> Iterator[OrgStore]:
    """The leads of the documentation's examples, and accounts of every mixture of a few values."""
    with OrgStore() as made:
        with made.session() as session:
            for number, (source, rating) in enumerate(LEADS):
                session.insert(
                    "Lead", {"LastName": f"L{number}", "Company": "C", "LeadSource": source, "Rating": rating}
                )
            for record in RECORDS:
                session.insert("Account", record)
        yield made


RECORDS: list[Record] = [
    {
        "Name": f"A{n}",
        "Industry": ["Banking", "banking", "Energy", None][n % 4],
        "Rating": [None, "Hot", "Cold"][n * 5 % 3],
        "NumberOfEmployees": [None, 1, 2, 30, -4][n * 7 % 5],
        "AnnualRevenue": [None, 0.0, 2.5, 1e6][n * 3 % 4],
        "SLAExpirationDate__c": [None, "2026-01-31", "2026-02-01", "2025-12-31"][n * 11 % 4],
    }
    for n in range(48)
]


def rows(store: OrgStore, soql: str) -> list[tuple[Any, ...]]:
    plan = compile_soql(soql, store.schema, QueryContext(NOW, BASE.administrator))
    with store.reading() as conn:
        return conn.execute(plan.sql(), plan.params).fetchall()


def refused(store: OrgStore, soql: str) -> str:
    with pytest.raises(SoqlError) as caught:
        rows(store, soql)
    return caught.value.message


def test_rollup_adds_a_grand_total(store: OrgStore) -> None:
    """Documented: "an extra row with a null value for LeadSource that gives a grand total"."""
    found = rows(store, "SELECT LeadSource, COUNT(Name) cnt FROM Lead GROUP BY ROLLUP(LeadSource)")
    assert sorted(found[:-1]) == [("Partner Referral", 4), ("Phone Inquiry", 4), ("Purchased List", 7), ("Web", 7)]
    assert found[-1] == (None, 22)


def test_grouping_tells_subtotals_from_nulls(store: OrgStore) -> None:
    """Documented: "returns 1 if the row is a subtotal for the field, and 0 otherwise", in SELECT, HAVING, ORDER BY."""
    select = "SELECT LeadSource, Rating, GROUPING(LeadSource) a, GROUPING(Rating) b, COUNT(Name) cnt FROM Lead"
    found = rows(store, f"{select} GROUP BY ROLLUP(LeadSource, Rating)")
    assert {r for r in found if r[0] == "Web"} == {
        ("Web", "Hot", 0, 0, 1),
        ("Web", "Warm", 0, 0, 1),
        ("Web", None, 0, 0, 5),
        ("Web", None, 0, 1, 7),
    }
    assert found[-1] == (None, None, 1, 1, 22)
    cube = rows(store, f"{select} GROUP BY CUBE(LeadSource, Rating) ORDER BY GROUPING(LeadSource), COUNT(Name)")
    assert [r for r in cube if r[2:4] == (1, 0)] == [
        (None, "Hot", 1, 0, 1), (None, "Warm", 1, 0, 1), (None, None, 1, 0, 20),
    ]  # fmt: skip
    totals = rows(store, f"{select} GROUP BY ROLLUP(LeadSource, Rating) HAVING GROUPING(Rating) = 1")
    assert {r[3] for r in totals} == {1}


AGGREGATED = "Grouped field should not be aggregated: Id"
UNGROUPED = "field 'LastModifiedDate' can not be grouped in a query call"


@pytest.mark.parametrize(
    ("soql", "message"),
    [
        # recorded
        (
            "SELECT COUNT(Id) FROM Account GROUP BY Id",
            f"\nSELECT COUNT(Id) FROM Account GROUP BY Id\n{' ' * 13}^\nERROR at Row:1:Column:14\n{AGGREGATED}",
        ),
        ("SELECT Name, COUNT(Id) FROM Account", "Field must be grouped or aggregated: Name"),
        (
            "SELECT COUNT(Id) FROM Account GROUP BY LastModifiedDate",
            f"\nCOUNT(Id) FROM Account GROUP BY LastModifiedDate\n{' ' * 32}^\nERROR at Row:1:Column:40\n{UNGROUPED}",
        ),
        # believed
        ("SELECT COUNT(Id) FROM Account GROUP BY Type HAVING Name = 'x'", "Field must be grouped or aggregated: Name"),
        ("SELECT COUNT(Id) FROM Account GROUP BY Industry ORDER BY Name", "Field must be grouped or aggregated: Name"),
        ("SELECT GROUPING(Name), COUNT(Id) FROM Account GROUP BY CUBE(Industry)",
         "Field must be grouped or aggregated: Name"),
        ("SELECT COUNT(Id) FROM Account LIMIT 5",
         "Non-grouped query that uses overall aggregate functions cannot also use LIMIT"),
    ],
)  # fmt: skip
def test_refusals(store: OrgStore, soql: str, message: str) -> None:
    assert refused(store, soql) == message


def test_rollup_stands_alone_and_takes_three_fields(store: OrgStore) -> None:
    """Documented: "You can't combine GROUP BY and GROUP BY ROLLUP"; "up to three fields"."""
    assert "unexpected token: 'Rating'" in refused(
        store, "SELECT COUNT(Id) FROM Account GROUP BY ROLLUP(Industry), Rating"
    )
    four = "ROLLUP(Industry, Rating, Type, Ownership)"
    assert "one to 3 fields" in refused(store, f"SELECT COUNT(Id) FROM Account GROUP BY {four}")


# -- any grouped query


@dataclass(frozen=True)
class Key:
    """Something to group by: SOQL, and its value in a record."""

    soql: str
    of: Callable[[Record], Any]

    def __repr__(self) -> str:
        return self.soql


@dataclass(frozen=True)
class Total:
    """An aggregate: SOQL, and its value over records."""

    soql: str
    of: Callable[[list[Record]], Any]

    def __repr__(self) -> str:
        return self.soql


def lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def present(records: list[Record], name: str) -> list[Any]:
    return [lower(r[name]) for r in records if r[name] is not None]


def month(record: Record) -> int | None:
    day = record["SLAExpirationDate__c"]
    return int(day[5:7]) if day else None


KEYS = [
    Key("Industry", lambda r: lower(r["Industry"])),
    Key("Rating", lambda r: lower(r["Rating"])),
    Key("CALENDAR_MONTH(SLAExpirationDate__c)", month),
]
TOTALS = [
    Total("COUNT(Id)", len),
    Total("COUNT(AnnualRevenue)", lambda rs: len(present(rs, "AnnualRevenue"))),
    Total("COUNT_DISTINCT(NumberOfEmployees)", lambda rs: len(set(present(rs, "NumberOfEmployees")))),
    Total("SUM(AnnualRevenue)", lambda rs: sum(present(rs, "AnnualRevenue")) if present(rs, "AnnualRevenue") else None),
    Total("MIN(NumberOfEmployees)", lambda rs: min(present(rs, "NumberOfEmployees"), default=None)),
    Total("MAX(Name)", lambda rs: max(present(rs, "Name"), default=None)),
]
FILTERS: list[tuple[str, Callable[[Record], bool]]] = [
    ("", lambda r: True),
    (" WHERE NumberOfEmployees > 0", lambda r: (r["NumberOfEmployees"] or 0) > 0),
    (" WHERE Industry != 'BANKING'", lambda r: lower(r["Industry"]) != "banking"),
    (" WHERE SLAExpirationDate__c = THIS_YEAR", lambda r: (r["SLAExpirationDate__c"] or "").startswith("2026")),
]
WAYS = ["{}", "ROLLUP({})", "CUBE({})"]


def groupings(way: str, count: int) -> list[tuple[int, ...]]:
    if way == "{}":
        return [tuple(range(count))]
    if way.startswith("ROLLUP"):
        return [tuple(range(n)) for n in range(count, -1, -1)]
    return [chosen for n in range(count + 1) for chosen in combinations(range(count), n)]


def expected(
    keys: list[Key], totals: list[Total], way: str, keep: Callable[[Record], bool], least: int
) -> list[tuple[Any, ...]]:
    found = []
    for chosen in groupings(way, len(keys)):
        groups: dict[tuple[Any, ...], list[Record]] = defaultdict(list)
        if not chosen:
            groups[()] = []
        for record in filter(keep, RECORDS):
            groups[tuple(keys[n].of(record) for n in chosen)].append(record)
        for values, members in groups.items():
            if len(members) < least:
                continue
            by_place = dict(zip(chosen, values, strict=True))
            found.append((*(by_place.get(n) for n in range(len(keys))), *(t.of(members) for t in totals)))
    return found


def order_key(row: tuple[Any, ...]) -> list[tuple[bool, str]]:
    return [(v is not None, repr(v)) for v in row]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=3, unique=True),
    totals=st.lists(st.sampled_from(TOTALS), min_size=1, max_size=3, unique=True),
    way=st.sampled_from(WAYS),
    kept=st.sampled_from(FILTERS),
    least=st.integers(0, 6),
)
def test_any_grouped_query(
    store: OrgStore, keys: list[Key], totals: list[Total], way: str, kept: tuple[str, Any], least: int
) -> None:
    where, keep = kept
    selected = ", ".join([*(k.soql for k in keys), *(t.soql for t in totals)])
    grouped = way.format(", ".join(k.soql for k in keys))
    having = f" HAVING COUNT(Id) >= {least}" if least else ""
    found = rows(store, f"SELECT {selected} FROM Account{where} GROUP BY {grouped}{having}")
    wanted = expected(keys, totals, way, keep, least)
    assert sorted((tuple(map(lower, r)) for r in found), key=order_key) == sorted(wanted, key=order_key)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    terms=st.lists(
        st.tuples(
            st.sampled_from(["Industry", "NumberOfEmployees", "AnnualRevenue", "SLAExpirationDate__c"]),
            st.sampled_from(["", " ASC", " DESC"]),
            st.sampled_from(["", " NULLS FIRST", " NULLS LAST"]),
        ),
        min_size=1,
        max_size=3,
        unique_by=lambda t: t[0],
    ),
    limit=st.integers(0, 60),
    offset=st.integers(0, 50),
)
def test_any_order(store: OrgStore, terms: list[tuple[str, str, str]], limit: int, offset: int) -> None:
    """Nulls first unless told otherwise, text without case, equal rows in the order of their making."""
    wanted = list(RECORDS)
    for name, direction, nulls in reversed(terms):
        there = sorted(
            (r for r in wanted if r[name] is not None), key=lambda r: lower(r[name]), reverse=direction == " DESC"
        )
        gone = [r for r in wanted if r[name] is None]
        wanted = there + gone if nulls == " NULLS LAST" else gone + there
    order = ", ".join("".join(t) for t in terms)
    found = rows(store, f"SELECT Name FROM Account ORDER BY {order} LIMIT {limit} OFFSET {offset}")
    assert [r[1] for r in found] == [r["Name"] for r in wanted][offset : offset + limit]
