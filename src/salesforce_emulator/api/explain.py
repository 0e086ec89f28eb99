"""``query?explain=``: how a query, or a list view by its id, would be looked for."""

from __future__ import annotations

from flask import Response

from salesforce_emulator import ids
from salesforce_emulator.api.answers import ApiError, json_answer
from salesforce_emulator.runtime import emulator
from salesforce_emulator.schema import Schema
from salesforce_emulator.soql import QueryContext, nodes
from salesforce_emulator.soql.compile import compile_query
from salesforce_emulator.soql.explain import plans
from salesforce_emulator.soql.parse import parse
from salesforce_emulator.store.views import view_by_id


def explained(asked: str, schema: Schema, asker: QueryContext) -> Response:
    """The plans of a query that compiles.

    :raises ApiError: 400 where an id is of no list view.
    :raises SoqlError: the query is wrong.
    """
    soql = _soql_of(asked) if ids.is_id(asked.strip()) else asked
    query = parse(soql)
    sobject = compile_query(soql, query, schema, asker).sobject
    with emulator().store.querying() as conn:

        def count(part: nodes.Query) -> int:
            plan = compile_query(soql, part, schema, asker)
            return int(conn.execute(plan.sql(narrow=True), plan.params).fetchone()[0])

        return json_answer({"plans": plans(query, sobject, count), "sourceQuery": soql})


def _soql_of(view_id: str) -> str:
    with emulator().store.reading() as conn:
        kept = view_by_id(conn, ids.to18(view_id.strip()))
    if kept is None:
        raise ApiError(400, "INVALID_ID", f"invalid report or list view id: {view_id}")
    return kept.view.soql
