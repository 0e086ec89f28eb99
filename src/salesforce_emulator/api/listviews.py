"""List views of an object: which there are, what each shows, and the records in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, request

from salesforce_emulator import ids
from salesforce_emulator.api.answers import ApiError, json_answer, not_found
from salesforce_emulator.api.bodies import JsonObject
from salesforce_emulator.api.describe import sobject_or_404
from salesforce_emulator.api.query import compile_for_api
from salesforce_emulator.runtime import api_version, emulator, visible_schema
from salesforce_emulator.schema import Field, SObject
from salesforce_emulator.schema.views import HIDDEN
from salesforce_emulator.soql import nodes
from salesforce_emulator.soql.conditions import stamp
from salesforce_emulator.soql.parse import parse
from salesforce_emulator.soql.render import Renderer
from salesforce_emulator.store.views import KeptView, look_at, views_of

blueprint = Blueprint("listviews", __name__)

_BASE = "/services/data/v<version>/sobjects/<name>/listviews"
DEFAULT_LIMIT = 25
MOST = 2000
_OPERATORS = {
    "=": "equals",
    "!=": "notEquals",
    "<": "lessThan",
    "<=": "lessThanOrEqualTo",
    ">": "greaterThan",
    ">=": "greaterThanOrEqualTo",
}


@dataclass(frozen=True)
class _Column:
    """A column: the path of its field, how the query asks for it, and the field."""

    path: str
    item: str
    field: Field


@blueprint.get(f"{_BASE}/")
@blueprint.get(_BASE)
def listed(version: str, name: str) -> Response:
    return _list(sobject_or_404(name), recent=False)


@blueprint.get(f"{_BASE}/recent")
def recent(version: str, name: str) -> Response:
    return _list(sobject_or_404(name), recent=True)


def _list(sobject: SObject, *, recent: bool) -> Response:
    with emulator().store.reading() as conn:
        found = [_entry(v) for v in views_of(conn, sobject.name, recent=recent)]
    body = {"done": True, "listviews": found, "nextRecordsUrl": None, "size": len(found), "sobjectType": sobject.name}
    return json_answer(body)


def _entry(kept: KeptView) -> JsonObject:
    url = f"/services/data/v{api_version()}/sobjects/{kept.view.sobject}/listviews/{kept.id}"
    return {
        "describeUrl": f"{url}/describe",
        "developerName": kept.view.developer_name,
        "id": kept.id,
        "label": kept.view.label,
        "resultsUrl": f"{url}/results",
        "soqlCompatible": True,
        "url": url,
    }


def _view(name: str, view_id: str) -> tuple[SObject, KeptView]:
    sobject = sobject_or_404(name)
    full = ids.to18(view_id) if ids.is_id(view_id) else ""
    with emulator().store.reading() as conn:
        found = next((v for v in views_of(conn, sobject.name) if v.id == full), None)
    if found is None:
        raise not_found()
    return sobject, found


@blueprint.get(f"{_BASE}/<view_id>")
def one(version: str, name: str, view_id: str) -> Response:
    return json_answer(_entry(_view(name, view_id)[1]))


@blueprint.get(f"{_BASE}/<view_id>/describe")
def describe(version: str, name: str, view_id: str) -> Response:
    sobject, kept = _view(name, view_id)
    query = parse(kept.view.soql)
    return json_answer(
        {
            "columns": _columns(sobject, kept, query),
            "id": kept.id,
            "orderBy": [
                {
                    "fieldNameOrPath": _text(o.value),
                    "nullsPosition": "last" if o.nulls_last else "first",
                    "sortDirection": "descending" if o.descending else "ascending",
                }
                for o in query.order
            ],
            "query": kept.view.soql,
            "scope": kept.view.scope or None,
            "sobjectType": sobject.name,
            "whereCondition": _condition(query.where),
        }
    )


@blueprint.get(f"{_BASE}/<view_id>/results")
def results(version: str, name: str, view_id: str) -> Response:
    sobject, kept = _view(name, view_id)
    limit, offset = _number("limit", DEFAULT_LIMIT, 1, MOST), _number("offset", 0, 0, MOST)
    plan = compile_for_api(f"{kept.view.soql} LIMIT {limit} OFFSET {offset}", include_deleted=False)
    store = emulator().store
    with store.writing() as conn:
        look_at(conn, kept.id, stamp(store.now()))
    with store.reading() as conn:
        records = Renderer(conn, api_version()).records(plan, conn.execute(plan.sql(), plan.params))
    columns = _columns(sobject, kept, parse(kept.view.soql))
    paths = [str(c["fieldNameOrPath"]) for c in columns]
    return json_answer(
        {
            "columns": columns,
            "developerName": kept.view.developer_name,
            "done": True,
            "id": kept.id,
            "label": kept.view.label,
            "records": [{"columns": [{"fieldNameOrPath": p, "value": _cell(r, p)} for p in paths]} for r in records],
            "size": len(records),
        }
    )


def _number(name: str, default: int, least: int, most: int) -> int:
    text = request.args.get(name, str(default))
    if not text.isdigit() or not least <= int(text) <= most:
        raise ApiError(400, "INVALID_QUERY_FILTER_OPERATOR", f"{name} is a number from {least} to {most}: {text}")
    return int(text)


# -- columns


def _columns(sobject: SObject, kept: KeptView, query: nodes.Query) -> list[JsonObject]:
    sorts = {_text(o.value): (index, o.descending) for index, o in enumerate(query.order)}
    shown = []
    for item in (*kept.view.columns, *HIDDEN):
        column = _column(sobject, item)
        index, descending = sorts.get(column.path, (None, False))
        hidden = item in HIDDEN
        words = ("Old to New", "New to Old") if column.field.type in ("date", "datetime") else ("A-Z", "Z-A")
        shown.append(
            {
                "ascendingLabel": None if hidden else words[0],
                "descendingLabel": None if hidden else words[1],
                "fieldNameOrPath": column.path,
                "hidden": hidden,
                "label": column.field.label,
                "selectListItem": item,
                "sortDirection": None if index is None else "descending" if descending else "ascending",
                "sortIndex": index,
                "sortable": column.field.sortable,
                "type": column.field.type,
            }
        )
    return shown


def _column(sobject: SObject, item: str) -> _Column:
    path = item[item.find("(") + 1 :].rstrip(")") if "(" in item else item
    *relations, last = path.split(".")
    found = sobject
    for relation in relations:
        reference = found.parent(relation)
        target = visible_schema().target(reference) if reference else None
        if target is None:
            raise not_found()
        found = target
    field = found.get(last)
    if field is None:
        raise not_found()
    return _Column(path, item, field)


def _cell(record: object, path: str) -> str | None:
    """A value as text."""
    for name in path.split("."):
        record = record.get(name) if isinstance(record, dict) else None
    if isinstance(record, bool):
        return str(record).lower()
    if isinstance(record, str) and record.endswith("+0000") and "T" in record:
        return datetime.fromisoformat(record).strftime("%a %b %d %H:%M:%S GMT %Y")
    return None if record is None else str(record)


# -- conditions


def _text(operand: nodes.Operand) -> str:
    if isinstance(operand, nodes.Path):
        return operand.text
    return f"{operand.name}({', '.join(map(_text, operand.arguments))})"


def _literal(value: nodes.Literal) -> str:
    return "'" + value.text.replace("\\", "\\\\").replace("'", "\\'") + "'" if value.kind == "string" else value.text


def _leaf(left: nodes.Operand, operator: str, values: tuple[nodes.Literal, ...]) -> JsonObject:
    return {"field": _text(left), "operator": operator, "values": [_literal(v) for v in values]}


def _condition(condition: nodes.Condition | None) -> JsonObject | None:
    match condition:
        case None:
            return None
        case nodes.Logical(operator, terms):
            return {"conditions": [_condition(t) for t in terms], "conjunction": operator.lower()}
        case nodes.Not(term):
            return {"condition": _condition(term)}
        case nodes.Compare(left, operator, value):
            return _leaf(left, _OPERATORS[operator], (value,))
        case nodes.Like(left, value):
            return _leaf(left, "like", (value,))
        case nodes.InValues(left, values, negated):
            return _leaf(left, "notIn" if negated else "in", values)
        case nodes.Includes(left, values, negated):
            return _leaf(left, "excludes" if negated else "includes", values)
        case nodes.InQuery(left, query, negated):
            return {
                "field": _text(left),
                "operator": "notWithin" if negated else "within",
                "values": [query.source.text],
            }
