"""Composite batch: up to 25 calls in one that know nothing of each other, each written for good once it is done."""

from __future__ import annotations

import json
import re

from flask import Blueprint, Response

from salesforce_emulator.api.answers import ApiError, json_answer
from salesforce_emulator.api.bodies import JsonObject, json_object
from salesforce_emulator.api.parts import call_part
from salesforce_emulator.runtime import Emulator, api_version, emulator

blueprint = Blueprint("batch", __name__)

MAX_PARTS = 25
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
_OLDEST_VERSION = 34
_URL = re.compile(r"(?:/?services/data)?/?v(\d+)\.0(/.*)")
_HALTED = [
    {
        "errorCode": "BATCH_PROCESSING_HALTED",
        "message": "Batch processing was halted by another request. Execution of this request did not occur.",
    }
]
_USED_UP = [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]


@blueprint.post("/services/data/v<version>/composite/batch/")
@blueprint.post("/services/data/v<version>/composite/batch")
def batch(version: str) -> Response:
    """Answers 200 whatever became of the parts; ``hasErrors`` says whether one failed."""
    body = json_object()
    parts = body.get("batchRequests")
    if not isinstance(parts, list) or not parts:
        raise _malformed("a list of requests is required")
    if len(parts) > MAX_PARTS:
        raise ApiError(400, "LIMIT_EXCEEDED", f"The maximum number of subrequests is {MAX_PARTS}")
    calls = [_parsed(part) for part in parts]
    halts = bool(body.get("haltOnError"))
    results: list[JsonObject] = []
    has_errors = False
    for number, call in enumerate(calls):
        results.append(_result(412, _HALTED) if halts and has_errors else _run(emulator(), number, *call))
        has_errors = has_errors or results[-1]["statusCode"] >= 400
    return json_answer({"hasErrors": has_errors, "results": results})


def _parsed(part: object) -> tuple[str, str, object]:
    """Method, path and body of a part. All are looked at before the first is run.

    :raises ApiError: a part that isn't a call of a version from v34 to the batch's own.
    """
    if not isinstance(part, dict):
        raise _malformed("each request is an object")
    method, url = str(part.get("method", "")).upper(), str(part.get("url", ""))
    found = _URL.fullmatch(url)
    if method not in _METHODS:
        raise _malformed(f"invalid method '{part.get('method', '')}'")
    if found is None or not _OLDEST_VERSION <= int(found[1]) <= float(api_version()):
        raise _malformed(f"invalid url '{url}'")
    return method, f"/services/data/v{found[1]}.0{found[2]}", part.get("richInput")


def _run(org: Emulator, number: int, method: str, url: str, payload: object) -> JsonObject:
    """Each part counts as a call; the first is the one that the whole was counted as."""
    if number and not org.usage.take():
        return _result(403, _USED_UP)
    answer = call_part(method, url, payload)
    return _result(answer.status_code, json.loads(answer.data) if answer.data else None)


def _result(status: int, result: object) -> JsonObject:
    return {"statusCode": status, "result": result}


def _malformed(what: str) -> ApiError:
    return ApiError(400, "JSON_PARSER_ERROR", f"batchRequests: {what}")
