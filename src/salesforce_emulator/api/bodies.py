"""Request bodies."""

from __future__ import annotations

import json
from typing import Any

from flask import request

from salesforce_emulator.api.answers import ApiError

JsonObject = dict[str, Any]
"""A client's JSON: any names, any values; each is checked where it is used."""

_DEEPEST = 100
"""Levels of objects and lists; the deepest that the API has a use for are a tree's records, some ten."""


class BadJson(ValueError):
    """A text that is no JSON, or none that can be worked with; the message says why."""


def read_json(text: bytes) -> object:
    """What a JSON text says.

    :raises BadJson: it is malformed, nested too deep, or has half a surrogate pair where a character should be.
    """
    try:
        found: object = json.loads(text)
        if b"\\u" in text:
            json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise BadJson(f"half a surrogate pair: {error.object[error.start]!a}") from None
    except RecursionError:
        raise BadJson("nested too deep") from None
    except ValueError as error:
        raise BadJson(str(error)) from None
    if text.count(b"{") + text.count(b"[") > _DEEPEST and _is_deep(found):
        raise BadJson(f"nested deeper than {_DEEPEST} levels")
    return found


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return bool(level)


def json_object() -> JsonObject:
    """The body, which must be a JSON object.

    :raises ApiError: JSON_PARSER_ERROR.
    """
    try:
        body = read_json(request.get_data() or b"null")
    except BadJson as error:
        raise ApiError(400, "JSON_PARSER_ERROR", f"Unexpected character: {error}") from None
    if not isinstance(body, dict):
        raise ApiError(
            400, "JSON_PARSER_ERROR", "The HTTP entity body is required, but this request has no entity body."
        )
    return body
