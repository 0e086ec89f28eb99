"""Request bodies."""

from __future__ import annotations

import json
from typing import Any

from flask import request

from salesforce_emulator.api.answers import ApiError

JsonObject = dict[str, Any]
"""A client's JSON: any names, any values; each is checked where it is used."""


def json_object() -> JsonObject:
    """The body, which must be a JSON object.

    :raises ApiError: JSON_PARSER_ERROR.
    """
    try:
        body = json.loads(request.get_data() or b"null")
    except ValueError as error:
        raise ApiError(400, "JSON_PARSER_ERROR", f"Unexpected character: {error}") from None
    if not isinstance(body, dict):
        raise ApiError(
            400, "JSON_PARSER_ERROR", "The HTTP entity body is required, but this request has no entity body."
        )
    return body
