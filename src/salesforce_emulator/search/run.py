"""Searching: one object after the other, each by a SOQL plan with the search added to its conditions."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace

from salesforce_emulator.schema import Field, Schema, SObject
from salesforce_emulator.schema.objects import TEXT_TYPES
from salesforce_emulator.search.terms import Every, Expression, Some, Term
from salesforce_emulator.soql import Plan, SoqlError
from salesforce_emulator.soql.conditions import fold
from salesforce_emulator.soql.render import Record, Renderer, Row

MOST = 2000
"""Records of one search."""
GROUPS = ("ALL", "NAME", "EMAIL", "PHONE", "SIDEBAR")


@dataclass(frozen=True)
class Returning:
    """An object of which records are wanted. ``soql`` says which fields, conditions and order; ``pos`` is its place in
    the statement."""

    sobject: str
    soql: str
    pos: int = 0


@dataclass(frozen=True)
class Request:
    """A search. Without ``returning`` the ids of whatever is found are wanted."""

    terms: Expression
    group: str = "ALL"
    returning: tuple[Returning, ...] = ()
    limit: int = MOST


def search(
    conn: sqlite3.Connection, schema: Schema, asked: Request, compiled: Callable[[Returning], Plan], version: str
) -> list[Record]:
    """The records found, in the order of the objects asked for.

    :param compiled: makes the plan of one object's part.
    """
    wanted = asked.returning or tuple(
        Returning(o.name, f"SELECT Id FROM {o.name}") for o in schema if o.describe["searchable"] and o.kept
    )
    plans = [compiled(one) for one in wanted]  # a mistake in the last one is found before anything is searched
    found: list[Record] = []
    for plan in plans:
        left = asked.limit - len(found)
        if left > 0:
            rows = _rows(conn, plan, asked, left)
            found.extend(Renderer(conn, version).records(plan, rows))
    return found


def _rows(conn: sqlite3.Connection, plan: Plan, asked: Request, left: int) -> list[Row]:
    """The rows of one object in which the terms are found, as many as are wanted at most."""
    alias = plan.alias
    fields = [f.sql(alias) for f in searched(plan.sobject, asked.group)]
    if plan.kind != "rows":
        raise SoqlError("MALFORMED_SEARCH", "aggregate functions are not allowed in a search")
    if not fields or not plan.sobject.describe["searchable"]:
        return []
    params: list[object] = []
    possible = _possible(asked.terms, fields, params)
    first = plan.offset or 0
    most = left if plan.limit is None else min(left, plan.limit)
    whole = replace(plan, limit=None, offset=None)
    rows = conn.execute(whole.sql([*plan.columns, *fields], where=possible), [*plan.params, *params])
    found: list[Row] = []
    passed = 0
    for row in rows:
        text = "\n".join(v for v in row[len(plan.columns) :] if isinstance(v, str)).casefold()
        if not asked.terms.found_in(text):
            continue
        passed += 1
        if passed > first:
            found.append(row)
        if len(found) >= most:
            break
    return found[:most]


def searched(sobject: SObject, group: str) -> list[Field]:
    """The fields that a search group looks into."""
    texts = [f for f in sobject.fields if f.type in TEXT_TYPES and not f.compound]
    names = [f for f in texts if f.describe["nameField"] or f.name in ("FirstName", "LastName")]
    if group == "NAME":
        return names
    if group in ("EMAIL", "PHONE"):
        return [f for f in texts if f.type == group.lower()]
    if group == "SIDEBAR":
        return [*names, *(f for f in texts if f not in names and (f.type in ("email", "phone") or f.external_id))]
    return [f for f in texts if f.stored]


def _possible(terms: Expression, fields: list[str], params: list[object]) -> str:
    """SQL that holds at least where the terms can be found."""
    if isinstance(terms, Term):
        fragment = terms.fragment
        if not fragment.isascii():
            fields = [f"soql_fold({f})" for f in fields]
            fragment = str(fold(fragment))
        params.extend(f"%{fragment.replace('_', '|_')}%" for _ in fields)
        return "(" + " OR ".join(f"{f} LIKE ? ESCAPE '|'" for f in fields) + ")"
    if isinstance(terms, Every | Some):
        joined = " AND " if isinstance(terms, Every) else " OR "
        return "(" + joined.join(_possible(t, fields, params) for t in terms.terms) + ")"
    return "1"  # what must not be there rules nothing out beforehand
