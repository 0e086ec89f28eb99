"""GROUP BY ROLLUP and GROUP BY CUBE: several groupings of the same records, one below the other.

SQLite knows neither, so each grouping is a SELECT of its own, and the query reads from all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from salesforce_emulator.soql import nodes
from salesforce_emulator.soql.errors import at, unexpected_token
from salesforce_emulator.soql.plan import Plan

MAX_FIELDS = 3
_SUMMING = frozenset({"rollup", "cube"})


def sets(text: str, group: Sequence[nodes.Operand]) -> tuple[list[nodes.Operand], list[frozenset[int]]]:
    """What a query groups by, and which of these, by their place, tell the rows of each grouping apart."""
    summing = [g for g in group if isinstance(g, nodes.Call) and g.lower in _SUMMING]
    if not summing:
        return list(group), [frozenset(range(len(group)))]
    call = summing[0]
    if len(group) > 1:
        other = next(g for g in group if g is not call)
        raise unexpected_token(text, other.pos, other.text if isinstance(other, nodes.Path) else other.name)
    count = len(call.arguments)
    if not 1 <= count <= MAX_FIELDS:
        message = f"GROUP BY {call.name.upper()} takes one to {MAX_FIELDS} fields"
        raise at(text, call.pos, "MALFORMED_QUERY", message)
    if call.lower == "rollup":
        return list(call.arguments), [frozenset(range(n)) for n in range(count, -1, -1)]
    chosen = (c for n in range(count, -1, -1) for c in combinations(range(count), n))
    return list(call.arguments), [frozenset(c) for c in chosen]


def united(parts: Sequence[Plan], orders: Sequence[Sequence[tuple[str, str]]]) -> Plan:
    """One plan of the plans of all groupings.

    :param orders: for each of them, the SQL and the direction of every ORDER BY term.
    """
    first = parts[0]
    if len(parts) == 1:
        terms = ", ".join(f"{sql} {way}" for sql, way in orders[0])
        return replace(first, order_sql=f"ORDER BY {terms}" if terms else "")
    names = [f"c{n}" for n in range(len(first.columns))]
    sorted_by = [f"o{n}" for n in range(len(orders[0]))]
    selects = []
    for part, order in zip(parts, orders, strict=True):
        columns = [*part.columns, *(sql for sql, _ in order)]
        named = [f"{sql} AS {name}" for sql, name in zip(columns, [*names, *sorted_by], strict=True)]
        selects.append(part.sql(named, window=False))
    terms = ", ".join(f"g.{name} {way}" for name, (_, way) in zip(sorted_by, orders[0], strict=True))
    return replace(
        first,
        columns=[f"g.{name}" for name in names],
        from_sql=f"({' UNION ALL '.join(selects)}) AS g",
        where_sql="",
        alive_sql="",
        group_sql="",
        order_sql=f"ORDER BY {terms}" if terms else "",
        params=[value for part in parts for value in part.params],
    )
