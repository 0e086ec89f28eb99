"""Answers as the REST API sends them: compact JSON, errors as a list."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from flask import Response

from salesforce_emulator.store import RecordError

_WITHOUT_FIELDS = frozenset({"NOT_FOUND", "JSON_PARSER_ERROR", "INVALID_FIELD", "DUPLICATES_DETECTED"})
_TYPE = "application/json;charset=UTF-8"


def dumps(value: object) -> bytes:
    """JSON as Salesforce prints it: compact, UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def json_answer(value: object, status: int = 200) -> Response:
    return json_bytes(dumps(value), status)


def json_bytes(body: bytes, status: int = 200) -> Response:
    """An answer of JSON that is printed already."""
    return Response(body, status=status, content_type=_TYPE)


class ApiError(Exception):
    """A call that is refused.

    :param details: what is told before code and message, by its key.
    :param further: what else is wrong.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        fields: Sequence[str] | None = None,
        *,
        details: Mapping[str, object] | None = None,
        further: Sequence[ApiError] = (),
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.fields = fields
        self.details = dict(details or {})
        self.further = tuple(further)

    def _body(self) -> dict[str, object]:
        body: dict[str, object] = {**self.details, "message": self.message, "errorCode": self.code}
        if self.fields is not None:
            body["fields"] = list(self.fields)
        return body

    def answer(self) -> Response:
        return json_answer([error._body() for error in (self, *self.further)], self.status)


def not_found() -> ApiError:
    return ApiError(404, "NOT_FOUND", "The requested resource does not exist")


def from_record_error(error: RecordError) -> ApiError:
    fields = None if error.code in _WITHOUT_FIELDS else error.fields
    further = [from_record_error(other) for other in error.further]
    return ApiError(error.status, error.code, error.message, fields, details=error.details, further=further)
