"""Answers as the REST API sends them: compact JSON, errors as a list."""

from __future__ import annotations

import json
from collections.abc import Sequence

from flask import Response

from salesforce_emulator.store import RecordError

_TYPE = "application/json;charset=UTF-8"


def dumps(value: object) -> bytes:
    """JSON as Salesforce prints it: compact, UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def json_answer(value: object, status: int = 200) -> Response:
    return Response(dumps(value), status=status, content_type=_TYPE)


class ApiError(Exception):
    """A call that is refused."""

    def __init__(self, status: int, code: str, message: str, fields: Sequence[str] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.fields = fields

    def answer(self) -> Response:
        body: dict[str, object] = {"message": self.message, "errorCode": self.code}
        if self.fields is not None:
            body["fields"] = list(self.fields)
        return json_answer([body], self.status)


def not_found() -> ApiError:
    return ApiError(404, "NOT_FOUND", "The requested resource does not exist")


def from_record_error(error: RecordError) -> ApiError:
    fields = None if error.code in ("NOT_FOUND", "JSON_PARSER_ERROR", "INVALID_FIELD") else error.fields
    return ApiError(error.status, error.code, error.message, fields)
