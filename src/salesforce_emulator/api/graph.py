"""Composite graphs: up to 500 calls on single records in one, each graph of them a transaction of its own."""

from __future__ import annotations

import re

from flask import Blueprint, Response

from salesforce_emulator.api.answers import ApiError, json_answer, not_found
from salesforce_emulator.api.bodies import JsonObject, json_object
from salesforce_emulator.api.parts import Part, answer_of, check_reference_ids, rolled_back
from salesforce_emulator.runtime import api_version, emulator

blueprint = Blueprint("graph", __name__)

MAX_NODES = 500
"""In all graphs of a call."""
MAX_GRAPHS = 75
_SINCE = 50
_GRAPH_ID = re.compile(r"[A-Za-z0-9][^.]{0,39}")
_COLLECTION = re.compile(r"/services/data/v\d+\.\d/sobjects/\w+/?")
_RECORD = re.compile(r"/services/data/v\d+\.\d/sobjects/\w+/[^/?]+(?:/[^?]+)?(?:\?.*)?")


class _Failed(Exception):
    """A node of a graph failed."""


@blueprint.post("/services/data/v<version>/composite/graph/")
@blueprint.post("/services/data/v<version>/composite/graph")
def graphs(version: str) -> Response:
    if float(api_version()) < _SINCE:
        raise not_found()
    asked = json_object().get("graphs")
    if not isinstance(asked, list) or not asked:
        raise ApiError(400, "JSON_PARSER_ERROR", "graphs: a list of graphs is required")
    if len(asked) > MAX_GRAPHS:
        raise ApiError(400, "LIMIT_EXCEEDED", f"The maximum number of graphs is {MAX_GRAPHS}")
    named = _named(asked)
    if sum(map(len, named.values())) > MAX_NODES:
        raise ApiError(400, "LIMIT_EXCEEDED", f"The maximum number of nodes in all graphs is {MAX_NODES}")
    return json_answer({"graphs": [_answer(graph_id, parts) for graph_id, parts in named.items()]})


def _named(asked: list[object]) -> dict[str, list[Part]]:
    """The nodes of each graph, by its id."""
    named: dict[str, list[Part]] = {}
    for one in asked:
        nodes = one.get("compositeRequest") if isinstance(one, dict) else None
        if not isinstance(one, dict) or not isinstance(nodes, list) or not nodes:
            raise ApiError(400, "JSON_PARSER_ERROR", "compositeRequest: a list of requests is required in each graph")
        graph_id = str(one.get("graphId") or "")
        if not _GRAPH_ID.fullmatch(graph_id) or graph_id in named:
            message = f"graphId '{graph_id}': each graph needs one of its own, of at most 40 characters"
            raise ApiError(400, "INVALID_INPUT", message)
        named[graph_id] = [_node(node) for node in nodes]
        check_reference_ids(named[graph_id])
    return named


def _node(asked: object) -> Part:
    part = Part.from_json(asked)
    fits = _COLLECTION.fullmatch(part.url) if part.method == "POST" else _RECORD.fullmatch(part.url)
    if not fits:
        raise ApiError(400, "INVALID_INPUT", f"{part.method} {part.url} can't be used in a composite graph")
    return part


def _answer(graph_id: str, parts: list[Part]) -> JsonObject:
    """A graph's outcome: every node's, or, where one failed, its error and the others undone."""
    results: list[JsonObject] = []
    try:
        with emulator().store.writing():
            for part in parts:
                results.append(answer_of(part, results, float(api_version())))
                if results[-1]["httpStatusCode"] >= 400:
                    raise _Failed
        successful = True
    except _Failed:
        results, successful = rolled_back(parts, results), False
    return {"graphId": graph_id, "graphResponse": {"compositeResponse": results}, "isSuccessful": successful}
