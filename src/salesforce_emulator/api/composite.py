"""Composite: up to 25 calls in one, the later ones using answers of the earlier ones.

In one transaction where the client wants all or none.  ``collateSubrequests`` lets a real org work on neighbours
together; what comes out is the same, so nothing follows from it here.
"""

from __future__ import annotations

import re
from contextlib import ExitStack

from flask import Blueprint, Response

from salesforce_emulator.api.answers import ApiError, json_answer
from salesforce_emulator.api.bodies import JsonObject, json_object
from salesforce_emulator.api.parts import Part, answer_of, check_reference_ids, rolled_back
from salesforce_emulator.runtime import api_version, emulator

blueprint = Blueprint("composite", __name__)

MAX_PARTS = 25
MAX_QUERIES = 5
"""Of the parts, so many may be queries or collections."""
_RESOURCE = re.compile(r"/services/data/v\d+\.\d/(sobjects|queryAll|query|composite/sobjects|limits)(?=[/?]|$)")
_COUNTED = frozenset({"query", "queryAll", "composite/sobjects"})


class _Failed(Exception):
    """A part failed and the client wants all or none."""


@blueprint.post("/services/data/v<version>/composite/")
@blueprint.post("/services/data/v<version>/composite")
def composite(version: str) -> Response:
    body = json_object()
    asked = body.get("compositeRequest")
    if not isinstance(asked, list) or not asked:
        raise ApiError(400, "JSON_PARSER_ERROR", "compositeRequest: a list of requests is required")
    if len(asked) > MAX_PARTS:
        raise ApiError(400, "LIMIT_EXCEEDED", f"The maximum number of subrequests is {MAX_PARTS}")
    parts = [Part.from_json(one) for one in asked]
    check_reference_ids(parts)
    _check_resources(parts)
    return json_answer({"compositeResponse": _run(parts, all_or_none=bool(body.get("allOrNone")))})


def _check_resources(parts: list[Part]) -> None:
    """Whether each part asks for something that can be a part, and not too many for what costs much."""
    counted = 0
    for part in parts:
        found = _RESOURCE.match(part.url)
        if found is None:
            raise ApiError(400, "INVALID_INPUT", f"{part.url} can't be used in a composite request")
        counted += found[1] in _COUNTED
    if counted > MAX_QUERIES:
        message = f"The maximum number of query and sObject collections subrequests is {MAX_QUERIES}"
        raise ApiError(400, "LIMIT_EXCEEDED", message)


def _run(parts: list[Part], *, all_or_none: bool) -> list[JsonObject]:
    results: list[JsonObject] = []
    try:
        with ExitStack() as stack:
            if all_or_none:
                stack.enter_context(emulator().store.writing())
            for part in parts:
                results.append(answer_of(part, results, float(api_version())))
                if all_or_none and results[-1]["httpStatusCode"] >= 400:
                    raise _Failed
    except _Failed:
        return rolled_back(parts, results)
    return results
