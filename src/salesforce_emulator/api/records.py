"""Single records: create, read, update, delete, upsert by external id."""

from __future__ import annotations

import re
from collections.abc import Iterable

from flask import Blueprint, Response, request

from salesforce_emulator import ids
from salesforce_emulator.api.answers import ApiError, from_record_error, json_answer, not_found
from salesforce_emulator.api.bodies import json_object
from salesforce_emulator.api.describe import sobject_or_404
from salesforce_emulator.api.query import context
from salesforce_emulator.api.writing import writing
from salesforce_emulator.runtime import api_session, api_user, api_version, emulator, visible_schema
from salesforce_emulator.schema import SObject
from salesforce_emulator.soql import SoqlError, compile_soql
from salesforce_emulator.soql.errors import no_such_column_message
from salesforce_emulator.soql.render import Record, Renderer
from salesforce_emulator.store import RecordError, SeveralMatch

blueprint = Blueprint("records", __name__)

_PATH = re.compile(r"\w+(\.\w+)*")
_BASE = "/services/data/v<version>/sobjects/<name>"


def record_id_of(sobject: SObject, text: str) -> str:
    """An id from a URL in 18 characters; one that is no id of this object is not found."""
    try:
        record_id = ids.to18(text)
    except ValueError:
        raise not_found() from None
    if record_id[:3] != sobject.prefix:
        raise not_found()
    return record_id


def read_records(sobject: SObject, record_ids: list[str], fields: Iterable[str]) -> dict[str, Record]:
    """The records that are there, by id, with these fields."""
    store = emulator().store
    asker = context(store, api_session().user_id, api_user().time_zone, include_deleted=False)
    wanted = ", ".join(dict.fromkeys(fields))
    # Without ids there is still to be said what is wrong with the fields.
    listed = ", ".join(f"'{i}'" for i in record_ids) or "null"
    try:
        plan = compile_soql(f"SELECT {wanted} FROM {sobject.name} WHERE Id IN ({listed})", visible_schema(), asker)
    except SoqlError as error:
        raise ApiError(400, error.code, error.reason) from None
    with store.reading() as conn:
        rows = conn.execute(plan.sql(), plan.params).fetchall()
        return {str(row[0]): r for row, r in zip(rows, Renderer(conn, api_version()).records(plan, rows), strict=True)}


def chosen_fields(sobject: SObject, text: str | None) -> list[str]:
    """The fields a client asks for by a comma-separated list; all of them without one."""
    if not text:
        return [f.name for f in sobject.fields]
    names = [n.strip() for n in text.split(",") if n.strip()]
    for name in names:
        if not _PATH.fullmatch(name) or ("." not in name and sobject.get(name) is None):
            raise ApiError(400, "INVALID_FIELD", no_such_column_message(name, sobject.name))
    return names


@blueprint.post(f"{_BASE}/")
@blueprint.post(_BASE)
def create(version: str, name: str) -> Response:
    sobject, values = sobject_or_404(name), json_object()
    try:
        with writing() as session:
            record_id = session.insert(sobject.name, values)
    except RecordError as error:
        raise from_record_error(error) from None
    answer = json_answer({"id": record_id, "success": True, "errors": []}, 201)
    answer.headers["Location"] = f"/services/data/v{api_version()}/sobjects/{sobject.name}/{record_id}"
    return answer


@blueprint.get(f"{_BASE}/<record_id>")
def read(version: str, name: str, record_id: str) -> Response:
    sobject = sobject_or_404(name)
    return _one(sobject, record_id_of(sobject, record_id))


def _one(sobject: SObject, record_id: str) -> Response:
    names = chosen_fields(sobject, request.args.get("fields"))
    if "id" not in (n.lower() for n in names):
        names.append("Id")  # asked for or not, and then the last
    found = read_records(sobject, [record_id], names)
    if record_id not in found:
        raise not_found()
    return json_answer(found[record_id])


@blueprint.patch(f"{_BASE}/<record_id>")
def update(version: str, name: str, record_id: str) -> Response:
    sobject, values = sobject_or_404(name), json_object()
    full_id = record_id_of(sobject, record_id)
    if any(k.lower() == "id" for k in values):
        message = "The Id field should not be specified in the sobject data."
        raise ApiError(400, "INVALID_FIELD", message)
    try:
        with writing() as session:
            session.update(sobject.name, full_id, values)
    except RecordError as error:
        raise from_record_error(error) from None
    return Response(status=204)


@blueprint.delete(f"{_BASE}/<record_id>")
def delete(version: str, name: str, record_id: str) -> Response:
    sobject = sobject_or_404(name)
    full_id = record_id_of(sobject, record_id)
    try:
        with writing() as session:
            session.delete(sobject.name, full_id)
    except RecordError as error:
        raise from_record_error(error) from None
    return Response(status=204)


# -- by external id


@blueprint.get(f"{_BASE}/<field>/<path:key>")
def read_by_key(version: str, name: str, field: str, key: str) -> Response:
    sobject = sobject_or_404(name)
    return _one(sobject, _only_match(sobject, field, key))


def _only_match(sobject: SObject, field: str, key: str) -> str:
    try:
        with writing() as session:
            matches = session.find_by_key(sobject, session.external_id_field(sobject, field), key)
    except RecordError as error:
        raise from_record_error(error) from None
    if not matches:
        raise not_found()
    if len(matches) > 1:
        raise _Several(sobject, matches)
    return matches[0]


class _Several(ApiError):
    """300: the URLs of all records that an external id names."""

    def __init__(self, sobject: SObject, record_ids: list[str]) -> None:
        super().__init__(300, "MULTIPLE_CHOICES", "several records match")
        self.urls = [f"/services/data/v{api_version()}/sobjects/{sobject.name}/{i}" for i in record_ids]

    def answer(self) -> Response:
        return json_answer(self.urls, 300)


@blueprint.patch(f"{_BASE}/<field>/<path:key>")
def upsert(version: str, name: str, field: str, key: str) -> Response:
    """201 with the id of a new record; 200 of an existing one (204 without a body before version 46)."""
    sobject, values = sobject_or_404(name), json_object()
    if any(k.lower() == field.lower() for k in values):
        message = f"The {field} field should not be specified in the sobject data."
        raise ApiError(400, "INVALID_FIELD", message)
    try:
        with writing() as session:
            record_id, created = session.upsert(sobject.name, field, key, values)
    except RecordError as error:
        raise from_record_error(error) from None
    except SeveralMatch as several:
        raise _Several(sobject, several.record_ids) from None
    if not created and float(api_version()) < 46:
        return Response(status=204)
    body = {"id": record_id, "success": True, "errors": [], "created": created}
    return json_answer(body, 201 if created else 200)


@blueprint.delete(f"{_BASE}/<field>/<path:key>")
def delete_by_key(version: str, name: str, field: str, key: str) -> Response:
    sobject = sobject_or_404(name)
    return delete(version, name, _only_match(sobject, field, key))
