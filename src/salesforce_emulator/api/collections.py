"""sObject collections: up to 200 records in one call, each with a result of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request

from salesforce_emulator import ids
from salesforce_emulator.api.answers import ApiError, json_answer
from salesforce_emulator.api.bodies import JsonObject, json_object
from salesforce_emulator.api.describe import sobject_or_404
from salesforce_emulator.api.records import chosen_fields, read_records
from salesforce_emulator.api.writing import writing
from salesforce_emulator.runtime import visible_schema
from salesforce_emulator.schema import SObject
from salesforce_emulator.store import RecordError, Session, SeveralMatch

blueprint = Blueprint("collections", __name__)

MAX_RECORDS = 200
_BASE = "/services/data/v<version>/composite/sobjects"

Result = dict[str, Any]
"""One row's outcome as JSON."""
Write = Callable[[Session, JsonObject], Result]


class _RolledBack(Exception):
    """A row failed and the client wants all or none."""


def _too_many(count: int) -> None:
    if count > MAX_RECORDS:
        message = f"record limit reached. cannot submit more than {MAX_RECORDS} records into this call"
        raise ApiError(400, "EXCEEDED_ID_LIMIT", message)


def _records(body: JsonObject) -> list[JsonObject]:
    records = body.get("records")
    if not isinstance(records, list) or not all(isinstance(r, dict) for r in records):
        raise ApiError(400, "JSON_PARSER_ERROR", "records: a list of objects is required")
    _too_many(len(records))
    return records


def _type_of(record: JsonObject) -> SObject:
    name = str((record.get("attributes") or {}).get("type", ""))
    found = visible_schema().get(name)
    if found is None:
        message = f"sObject type '{name}' is not supported."
        raise RecordError("INVALID_TYPE", message)
    return found


def _without_id(record: JsonObject) -> tuple[str, JsonObject]:
    """A record's id, and its other values."""
    found = next((k for k in record if k.lower() == "id"), None)
    if found is None or not record[found]:
        raise RecordError("MISSING_ARGUMENT", "Id not specified in an update call")
    return _id(str(record[found])), {k: v for k, v in record.items() if k != found}


def _id(text: str) -> str:
    try:
        return ids.to18(text.strip())
    except ValueError:
        raise RecordError("MALFORMED_ID", f"malformed id {text}", ["Id"]) from None


def _failure(error: RecordError) -> Result:
    errors = [{"statusCode": e.code, "message": e.message, "fields": e.fields} for e in (error, *error.further)]
    return {"success": False, "errors": errors}


_NONE = RecordError(
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using AllOrNone header",
)


def _run(rows: list[JsonObject], write: Write, *, all_or_none: bool) -> Response:
    """Write every row; the results are in the rows' order."""
    results: list[Result] = []
    try:
        with writing() as session:
            results.extend(_attempt(session, write, row) for row in rows)
            if all_or_none and not all(r["success"] for r in results):
                raise _RolledBack
    except _RolledBack:
        results = [r if not r["success"] else _failure(_NONE) for r in results]
    return json_answer(results)


def _attempt(session: Session, write: Write, row: JsonObject) -> Result:
    try:
        with session.row():
            return write(session, row)
    except RecordError as error:
        return _failure(error)
    except SeveralMatch as several:
        message = f"more than one record found for external id field: {several.record_ids}"
        return _failure(RecordError("DUPLICATE_EXTERNAL_ID", message))


def _done(record_id: str, **more: bool) -> Result:
    return {"id": record_id, "success": True, "errors": [], **more}


@blueprint.post(_BASE)
@blueprint.post(f"{_BASE}/")
def create(version: str) -> Response:
    body = json_object()

    def write(session: Session, row: JsonObject) -> Result:
        return _done(session.insert(_type_of(row).name, row))

    return _run(_records(body), write, all_or_none=bool(body.get("allOrNone")))


@blueprint.patch(_BASE)
@blueprint.patch(f"{_BASE}/")
def update(version: str) -> Response:
    body = json_object()

    def write(session: Session, row: JsonObject) -> Result:
        record_id, values = _without_id(row)
        session.update(_type_of(row).name, record_id, values)
        return _done(record_id)

    return _run(_records(body), write, all_or_none=bool(body.get("allOrNone")))


@blueprint.patch(f"{_BASE}/<name>/<field>")
def upsert(version: str, name: str, field: str) -> Response:
    sobject, body = sobject_or_404(name), json_object()

    def write(session: Session, row: JsonObject) -> Result:
        key = next((v for k, v in row.items() if k.lower() == field.lower()), None)
        values = {k: v for k, v in row.items() if k.lower() != field.lower()}
        record_id, created = session.upsert(sobject.name, field, key, values)
        return _done(record_id, created=created)

    return _run(_records(body), write, all_or_none=bool(body.get("allOrNone")))


@blueprint.delete(_BASE)
@blueprint.delete(f"{_BASE}/")
def delete(version: str) -> Response:
    asked = [i.strip() for i in request.args.get("ids", "").split(",") if i.strip()]
    _too_many(len(asked))

    def write(session: Session, row: JsonObject) -> Result:
        record_id = _id(row["Id"])
        sobject = session.schema.by_id(record_id)
        if sobject is None:
            raise RecordError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        session.delete(sobject.name, record_id)
        return _done(record_id)

    all_or_none = request.args.get("allOrNone", "false").lower() == "true"
    return _run([{"Id": i} for i in asked], write, all_or_none=all_or_none)


@blueprint.get(f"{_BASE}/<name>")
def read(version: str, name: str) -> Response:
    asked = [i for i in request.args.get("ids", "").split(",") if i]
    return _read(sobject_or_404(name), asked, request.args.get("fields", ""))


@blueprint.post(f"{_BASE}/<name>")
def read_many(version: str, name: str) -> Response:
    body = json_object()
    return _read(sobject_or_404(name), _texts(body, "ids"), ",".join(_texts(body, "fields")))


def _texts(body: JsonObject, name: str) -> list[str]:
    found = body.get(name) or []
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise ApiError(400, "JSON_PARSER_ERROR", f"{name}: a list of strings is required")
    return found


def _read(sobject: SObject, asked: list[str], fields: str) -> Response:
    """The records in the order asked; null for one that isn't there."""
    if not asked or not fields:
        raise ApiError(400, "MISSING_ARGUMENT", "ids and fields are required")
    full = [ids.to18(i) if ids.is_id(i) else "" for i in asked]
    found = read_records(sobject, [i for i in full if i], chosen_fields(sobject, fields))
    return json_answer([found.get(i) for i in full])
