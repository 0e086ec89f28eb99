"""One call inside another: composite, its graphs and batches run their parts like calls of their own.

A part goes through the application with the session of the whole, which alone is counted.  Parts with a reference id
leave their answers to those that follow: ``@{refAccount.id}``, ``@{refQuery.records[0].Name}``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import current_app, request
from werkzeug.test import TestResponse

from salesforce_emulator.api.answers import ApiError
from salesforce_emulator.api.bodies import JsonObject
from salesforce_emulator.api.gate import PART

Json = Any
"""JSON of any shape: bodies are handed on as they are."""

_METHODS = frozenset({"DELETE", "GET", "PATCH", "POST", "PUT"})
_INHERITED = frozenset({"accept", "authorization", "content-type"})
"""Headers that a part takes from the whole, and must not bring itself."""
_REFERENCE = re.compile(r"@\{(\w+)((?:\.\w+|\[\d+\])*)\}")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_REFERENCE_ID = re.compile(r"[A-Za-z0-9]\w*", re.ASCII)
_NULLS_ALLOWED = 52
"""From this version on a reference may lead to null, and a bad reference id fails the whole."""


class InvalidReference(Exception):
    """What a part refers to isn't there."""


@dataclass(frozen=True)
class Part:
    """One call of a composite, as it was asked for."""

    reference: str
    method: str
    url: str
    body: Json
    headers: Mapping[str, str]

    @classmethod
    def from_json(cls, asked: object) -> Part:
        """A part as a client sends it.

        :raises ApiError: something that each part needs is missing; the whole call fails.
        """
        if not isinstance(asked, dict):
            raise ApiError(400, "JSON_PARSER_ERROR", "a subrequest is a JSON object")
        method = str(asked.get("method", "")).upper()
        if method not in _METHODS:
            raise ApiError(400, "INVALID_INPUT", f"subrequest method {method!r} is not one of {sorted(_METHODS)}")
        if not asked.get("url"):
            raise ApiError(400, "INVALID_INPUT", "a subrequest needs a url")
        headers = asked.get("httpHeaders") or {}
        if forbidden := sorted(name for name in headers if name.lower() in _INHERITED):
            message = f"Headers that subrequests inherit from the request can't be specified: {', '.join(forbidden)}"
            raise ApiError(400, "INVALID_INPUT", message)
        named = {str(name): str(value) for name, value in headers.items()}
        return cls(str(asked.get("referenceId") or ""), method, str(asked["url"]), asked.get("body"), named)


def check_reference_ids(parts: Iterable[Part]) -> None:
    """Whether each part has a reference id of its own, of letters, digits and underscores.

    :raises ApiError: the whole call fails.
    """
    seen: set[str] = set()
    for part in parts:
        if not _REFERENCE_ID.fullmatch(part.reference):
            message = (
                f"Provided referenceId ('{part.reference}') must start with a letter or a number, and it can contain "
                "only letters, numbers and underscores ('_')."
            )
            raise ApiError(400, "INVALID_INPUT", message)
        if part.reference in seen:
            raise ApiError(400, "INVALID_INPUT", f"Duplicate referenceId provided in the request: {part.reference}")
        seen.add(part.reference)


def call_part(method: str, url: str, payload: Json, headers: Mapping[str, str] | None = None) -> TestResponse:
    """The answer to one part, which goes through the application like a call of its own, as the same user.

    :param url: path and query.
    :param payload: what is sent as JSON; None: no body.
    """
    return current_app.test_client(use_cookies=False).open(
        url,
        method=method.upper(),
        data=None if payload is None else json.dumps(payload),
        headers={
            **(headers or {}),
            "Authorization": request.headers["Authorization"],
            "Content-Type": "application/json",
        },
        environ_overrides={PART: True},
    )


def result(body: Json, headers: Mapping[str, str], status: int, reference: str) -> JsonObject:
    """A part's outcome as composite and graph answer it."""
    return {"body": body, "httpHeaders": dict(headers), "httpStatusCode": status, "referenceId": reference}


def halted(message: str, reference: str) -> JsonObject:
    """The outcome of a part that was not worked on, or is undone."""
    return result([{"errorCode": "PROCESSING_HALTED", "message": message}], {}, 400, reference)


ROLLED_BACK = "The transaction was rolled back since another operation in the same transaction failed."


def rolled_back(parts: list[Part], done: list[JsonObject]) -> list[JsonObject]:
    """All parts' outcomes after the last of ``done`` failed: it says why, the others that they are undone."""
    failed = len(done) - 1
    return [done[failed] if i == failed else halted(ROLLED_BACK, part.reference) for i, part in enumerate(parts)]


def answer_of(part: Part, earlier: list[JsonObject], version: float) -> JsonObject:
    """Run a part, with the answers of the earlier ones in place of its references."""
    known = {r["referenceId"]: r["body"] for r in earlier}
    try:
        url = str(_fill(part.url, known, version))
        payload = _fill(part.body, known, version)
        headers = {name: str(_fill(value, known, version)) for name, value in part.headers.items()}
    except InvalidReference as missing:
        return halted(str(missing), part.reference)
    answer = call_part(part.method, url, payload, headers)
    told = {"Location": answer.headers["Location"]} if "Location" in answer.headers else {}
    return result(json.loads(answer.data) if answer.data else None, told, answer.status_code, part.reference)


def _fill(value: Json, known: Mapping[str, Json], version: float) -> Json:
    """Put the values of earlier answers in place of ``@{reference.path}``."""
    if isinstance(value, dict):
        return {k: _fill(v, known, version) for k, v in value.items()}
    if isinstance(value, list):
        return [_fill(v, known, version) for v in value]
    if not isinstance(value, str):
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole:
        return _look_up(whole, known, version)
    return _REFERENCE.sub(lambda m: _text(_look_up(m, known, version)), value)


def _text(value: Json) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def _look_up(found: re.Match[str], known: Mapping[str, Json], version: float) -> Json:
    path = found[1] + found[2]
    missing = InvalidReference(f"Invalid reference specified. No value for {path} found in {found[1]}")
    if found[1] not in known:
        raise missing
    value = known[found[1]]
    for name, index in _STEP.findall(found[2]):
        try:
            value = value[name] if name else value[int(index)]
        except (KeyError, IndexError, TypeError):
            raise missing from None
    if value is None and version < _NULLS_ALLOWED:
        raise missing
    return value
