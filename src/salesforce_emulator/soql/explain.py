"""How Salesforce would look for what a query asks: the plans of ``query?explain=``.

Not how SQLite does it: the indexes are those that every org has, and a plan costs what it is expected to find, measured
by how many records an index may find and still be worth while.  Salesforce documents the indexes and the thresholds;
what scanning costs it doesn't, so that is measured in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from salesforce_emulator.schema import Field, SObject
from salesforce_emulator.schema.objects import JsonObject
from salesforce_emulator.soql import nodes

Count = Callable[[nodes.Query], int]
"""How many records a query finds."""

_ALWAYS = frozenset({"Id", "Name", "OwnerId", "CreatedDate", "SystemModstamp", "RecordTypeId"})
_MILLION = 1_000_000
_UNINDEXED = "Not considering filter for optimization because unindexed"


def plans(query: nodes.Query, sobject: SObject, count: Count) -> list[JsonObject]:
    """The plans of a query, the cheapest first."""
    every = replace(nodes.Query((nodes.SelectItem(nodes.Call("COUNT", 0, ()), None),), query.source), alias=query.alias)
    total = count(every)
    unindexed = ["IsDeleted"] if sobject.get("IsDeleted") and not query.all_rows else []
    found = []
    for term, field in _filters(query, sobject):
        if field is None or not _is_indexed(field):
            unindexed.extend([field.name] if field is not None else [])
        elif _can_use_index(term):
            matching = count(replace(every, where=term))
            cost = _cost(matching, total, standard=field.name in _ALWAYS)
            found.append(_plan(sobject, "Index", [field.name], matching, total, cost))
    matching = total if query.where is None else count(replace(every, where=query.where))
    found.append(_plan(sobject, "TableScan", [], matching, total, _cost(total, total, standard=True)))
    notes = [_note(sobject, name) for name in dict.fromkeys(unindexed)]
    return [{**plan, "notes": notes} for plan in sorted(found, key=lambda plan: float(plan["relativeCost"]))]


def _filters(query: nodes.Query, sobject: SObject) -> Iterator[tuple[nodes.Condition, Field | None]]:
    """The conditions that all must hold, each with the object's own field that it is on, if it is on one."""
    where = query.where
    terms = where.terms if isinstance(where, nodes.Logical) and where.operator == "AND" else [where] if where else []
    for term in terms:
        left = None if isinstance(term, nodes.Logical | nodes.Not) else term.left
        yield term, sobject.get(left.parts[-1]) if isinstance(left, nodes.Path) and len(left.parts) == 1 else None


def _is_indexed(field: Field) -> bool:
    return field.name in _ALWAYS or field.type in ("reference", "email") or field.external_id or field.unique


def _can_use_index(term: nodes.Condition) -> bool:
    """Negations, and texts that may begin with anything, leave an index unused."""
    match term:
        case nodes.Compare(_, operator, value):
            return operator != "!=" and value.kind != "null"
        case nodes.Like(_, value):
            return not value.text.startswith(("%", "_"))
        case nodes.InValues(_, _, negated) | nodes.InQuery(_, _, negated):
            return not negated
        case _:
            return False


def _cost(matching: int, total: int, *, standard: bool) -> float:
    """What finding so many of the records costs: below 1, the index is worth while.

    Of a standard index that is up to 30% of the first million and 15% of the rest, a million at most; of a custom one
    10%, 5%, and a third of a million.
    """
    if not total:
        return 0.0
    first, rest = min(total, _MILLION), max(0, total - _MILLION)
    most = min(first * 0.3 + rest * 0.15, _MILLION) if standard else min(first * 0.1 + rest * 0.05, _MILLION / 3)
    return round(matching / most, 3)


def _plan(sobject: SObject, kind: str, fields: list[str], matching: int, total: int, cost: float) -> JsonObject:
    return {
        "cardinality": matching,
        "fields": fields,
        "leadingOperationType": kind,
        "relativeCost": cost,
        "sobjectCardinality": total,
        "sobjectType": sobject.name,
    }


def _note(sobject: SObject, field: str) -> JsonObject:
    return {"description": _UNINDEXED, "fields": [field], "tableEnumOrId": sobject.name}
