"""Composite: up to 25 calls in one, the later ones using answers of the earlier ones.

Every part goes through the application like a call of its own, in one transaction where the client wants
all or none.
"""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from typing import Any

from flask import Blueprint, Response

from salesforce_emulator.api.answers import ApiError, json_answer
from salesforce_emulator.api.bodies import JsonObject, json_object
from salesforce_emulator.api.parts import call_part
from salesforce_emulator.runtime import emulator

blueprint = Blueprint("composite", __name__)

MAX_PARTS = 25
_REFERENCE = re.compile(r"@\{(\w+)((?:\.\w+|\[\d+\])*)\}")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_HALTED = [
    {
        "errorCode": "PROCESSING_HALTED",
        "message": "The transaction was rolled back since another operation in the same transaction failed.",
    }
]

Json = Any
"""JSON of any shape: bodies are handed on as they are."""


class _Failed(Exception):
    """A part failed and the client wants all or none."""


@blueprint.post("/services/data/v<version>/composite/")
@blueprint.post("/services/data/v<version>/composite")
def composite(version: str) -> Response:
    body = json_object()
    parts = body.get("compositeRequest")
    if not isinstance(parts, list) or not parts:
        raise ApiError(400, "JSON_PARSER_ERROR", "compositeRequest: a list of requests is required")
    if len(parts) > MAX_PARTS:
        raise ApiError(400, "LIMIT_EXCEEDED", f"The maximum number of subrequests is {MAX_PARTS}")
    all_or_none = bool(body.get("allOrNone"))
    results: list[JsonObject] = []
    try:
        with ExitStack() as stack:
            if all_or_none:
                stack.enter_context(emulator().store.writing())
            for part in parts:
                results.append(_part(part, results))
                if all_or_none and results[-1]["httpStatusCode"] >= 400:
                    raise _Failed
    except _Failed:
        results = _halted(parts, results)
    return json_answer({"compositeResponse": results})


def _halted(parts: list[JsonObject], done: list[JsonObject]) -> list[JsonObject]:
    """All parts' results after a rollback: the failed one says why, the others that they were undone."""
    failed = len(done) - 1
    return [
        done[failed] if i == failed else _result(_HALTED, {}, 400, str(part.get("referenceId", "")))
        for i, part in enumerate(parts)
    ]


def _result(body: Json, headers: dict[str, str], status: int, reference: str) -> JsonObject:
    return {"body": body, "httpHeaders": headers, "httpStatusCode": status, "referenceId": reference}


def _part(part: JsonObject, earlier: list[JsonObject]) -> JsonObject:
    reference = str(part.get("referenceId", ""))
    known = {r["referenceId"]: r for r in earlier}
    try:
        url = str(_fill(str(part.get("url", "")), known))
        payload = _fill(part.get("body"), known)
    except KeyError as missing:
        message = f"Invalid reference specified. No value for {missing.args[0]} found"
        return _result([{"errorCode": "PROCESSING_HALTED", "message": message}], {}, 400, reference)
    answer = call_part(str(part.get("method", "GET")), url, payload)
    headers = {"Location": answer.headers["Location"]} if "Location" in answer.headers else {}
    return _result(json.loads(answer.data) if answer.data else None, headers, answer.status_code, reference)


def _fill(value: Json, known: dict[str, JsonObject]) -> Json:
    """Put the values of earlier answers in place of ``@{reference.path}``."""
    if isinstance(value, dict):
        return {k: _fill(v, known) for k, v in value.items()}
    if isinstance(value, list):
        return [_fill(v, known) for v in value]
    if not isinstance(value, str):
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole:
        return _look_up(whole, known)
    return _REFERENCE.sub(lambda m: str(_look_up(m, known)), value)


def _look_up(found: re.Match[str], known: dict[str, JsonObject]) -> Json:
    if found[1] not in known:
        raise KeyError(found[0])
    value = known[found[1]]["body"]
    for name, index in _STEP.findall(found[2]):
        try:
            value = value[name] if name else value[int(index)]
        except (KeyError, IndexError, TypeError):
            raise KeyError(found[0]) from None
    return value
