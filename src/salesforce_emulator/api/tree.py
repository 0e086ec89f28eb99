"""sObject tree: records with their children in one call, all created or none.

Level by level: what fails on one level is told together, and nothing of the tree stays.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response

from salesforce_emulator.api.answers import ApiError, json_answer, not_found
from salesforce_emulator.api.bodies import JsonObject, json_object
from salesforce_emulator.api.describe import sobject_or_404
from salesforce_emulator.api.writing import writing
from salesforce_emulator.runtime import api_version, visible_schema
from salesforce_emulator.schema import SObject
from salesforce_emulator.store import RecordError, Session

blueprint = Blueprint("tree", __name__)

MAX_RECORDS = 200
MAX_LEVELS = 5
MAX_TYPES = 5
_SINCE = 34


@dataclass
class _Node:
    """A record of the tree. ``field`` refers to its parent."""

    sobject: SObject
    reference: str
    values: JsonObject
    parent: _Node | None = None
    field: str = ""
    record_id: str = ""


class _Failed(Exception):
    """Records of a level were refused, with their reference ids."""

    def __init__(self, errors: list[tuple[str, RecordError]]) -> None:
        super().__init__(f"{len(errors)} records were refused")
        self.errors = errors


@blueprint.post("/services/data/v<version>/composite/tree/<name>/")
@blueprint.post("/services/data/v<version>/composite/tree/<name>")
def tree(version: str, name: str) -> Response:
    """201 with the ids by reference id; 400 with what was refused."""
    if float(api_version()) < _SINCE:
        raise not_found()
    root, body = sobject_or_404(name), json_object()
    try:
        nodes = _nodes(root, body)
        with writing() as session:
            for level in nodes:
                _create(session, level)
    except _Failed as failed:
        results = [{"referenceId": reference, "errors": _errors(error)} for reference, error in failed.errors]
        return json_answer({"hasErrors": True, "results": results}, 400)
    made = [{"referenceId": node.reference, "id": node.record_id} for level in nodes for node in level]
    return json_answer({"hasErrors": False, "results": made}, 201)


def _errors(error: RecordError) -> list[JsonObject]:
    return [{"statusCode": e.code, "message": e.message, "fields": e.fields} for e in (error, *error.further)]


def _create(session: Session, level: list[_Node]) -> None:
    errors = []
    for node in level:
        if node.parent is not None:
            node.values[node.field] = node.parent.record_id
        try:
            with session.row():
                node.record_id = session.insert(node.sobject.name, node.values)
        except RecordError as error:
            errors.append((node.reference, error))
    if errors:
        raise _Failed(errors)


def _nodes(root: SObject, body: JsonObject) -> list[list[_Node]]:
    """The tree's records, level by level."""
    levels = [[_node(record, root) for record in _records(body, "the request")]]
    while following := [child for node in levels[-1] for child in _children(node)]:
        levels.append(following)
        if len(levels) > MAX_LEVELS:
            raise ApiError(400, "LIMIT_EXCEEDED", f"The maximum depth of a tree is {MAX_LEVELS} levels")
    flat = [node for level in levels for node in level]
    if len(flat) > MAX_RECORDS:
        raise ApiError(400, "LIMIT_EXCEEDED", f"The maximum number of records in a request is {MAX_RECORDS}")
    if len({node.sobject.name for node in flat}) > MAX_TYPES:
        raise ApiError(400, "LIMIT_EXCEEDED", f"The maximum number of types in a tree is {MAX_TYPES}")
    _check_references(flat)
    return levels


def _check_references(nodes: list[_Node]) -> None:
    """Every instance of a reference id that isn't the record's own is told."""
    counts: dict[str, int] = {}
    for node in nodes:
        counts[node.reference] = counts.get(node.reference, 0) + 1
    wrong = [
        (n.reference, RecordError("INVALID_INPUT", "Duplicate ReferenceId provided in the request."))
        for n in nodes
        if counts[n.reference] > 1
    ]
    if wrong:
        raise _Failed(wrong)


def _records(holder: object, where: str) -> list[JsonObject]:
    records = holder.get("records") if isinstance(holder, dict) else None
    if not isinstance(records, list) or not records or not all(isinstance(r, dict) for r in records):
        raise ApiError(400, "JSON_PARSER_ERROR", f"records: a list of objects is required in {where}")
    return records


def _node(record: JsonObject, expected: SObject) -> _Node:
    attributes = record.get("attributes")
    attributes = attributes if isinstance(attributes, dict) else {}
    reference = str(attributes.get("referenceId") or "")
    if not reference:
        message = "Include a reference ID for each record in the request."
        raise _Failed([("", RecordError("INVALID_INPUT", message))])
    found = visible_schema().get(str(attributes.get("type", "")))
    if found is None or found.name != expected.name:
        message = f"type {attributes.get('type')!r} is not the expected {expected.name}"
        raise _Failed([(reference, RecordError("INVALID_INPUT", message))])
    return _Node(expected, reference, {k: v for k, v in record.items() if k != "attributes"})


def _children(node: _Node) -> list[_Node]:
    """A record's children, taken out of its values: what lies under the name of a child relationship."""
    found = []
    for key in [k for k, v in node.values.items() if isinstance(v, dict) and "records" in v]:
        relation = node.sobject.children.get(key.lower())
        child = visible_schema().get(relation.child) if relation is not None else None
        if relation is None or child is None:
            message = f"No such relation '{key}' on entity {node.sobject.name}"
            raise _Failed([(node.reference, RecordError("INVALID_FIELD", message))])
        for record in _records(node.values.pop(key), key):
            made = _node(record, child)
            made.parent, made.field = node, relation.field
            found.append(made)
    return found
