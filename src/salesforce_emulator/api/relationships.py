"""Related records by their path: /sobjects/Contact/{id}/Account, /sobjects/Account/{id}/Contacts.

Up to five parents can follow one another, and one set of children may end the path.  A record id in second place is
what tells such a path from one by external id, whose second place is a field's name.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Flask, Response, request
from werkzeug.routing import BaseConverter

from salesforce_emulator.api import records
from salesforce_emulator.api.answers import ApiError, json_answer, not_found
from salesforce_emulator.api.describe import sobject_or_404
from salesforce_emulator.api.query import compile_for_api, first_page, page_answer
from salesforce_emulator.runtime import visible_schema
from salesforce_emulator.schema import SObject
from salesforce_emulator.schema.objects import ChildRelationship

blueprint = Blueprint("relationships", __name__)

MAX_PARENTS = 5
_PATH = "/services/data/v<version>/sobjects/<name>/<record_id:record_id>/<path:names>"


class _RecordId(BaseConverter):
    """Fifteen or eighteen letters and digits; a field that a record is found by has another name."""

    regex = "[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?"
    weight = 50


def install(app: Flask) -> None:
    """Teach an application's routes what an id is; before their registration."""
    app.url_map.converters["record_id"] = _RecordId


@dataclass(frozen=True)
class _Found:
    """Where a path leads: to a record, or to the children of one."""

    sobject: SObject
    record_id: str
    children: ChildRelationship | None = None


@blueprint.get(_PATH)
def read(version: str, name: str, record_id: str, names: str) -> Response:
    found = _follow(name, record_id, names)
    if found.children is not None:
        return _children(found, found.children)
    wanted = records.chosen_fields(found.sobject, request.args.get("fields"))
    there = records.read_records(found.sobject, [found.record_id], ["Id", *wanted])
    if found.record_id not in there:
        raise not_found()
    return json_answer(there[found.record_id])


@blueprint.patch(_PATH)
def update(version: str, name: str, record_id: str, names: str) -> Response:
    parent = _parent(_follow(name, record_id, names))
    return records.update(version, parent.sobject.name, parent.record_id)


@blueprint.delete(_PATH)
def delete(version: str, name: str, record_id: str, names: str) -> Response:
    parent = _parent(_follow(name, record_id, names))
    return records.delete(version, parent.sobject.name, parent.record_id)


def _follow(name: str, record_id: str, names: str) -> _Found:
    """Go along the relationships, one look-up a step.

    :raises ApiError: 404 where a step doesn't exist, or leads to no record.
    """
    sobject = sobject_or_404(name)
    found = _Found(sobject, records.record_id_of(sobject, record_id))
    steps = names.rstrip("/").split("/")
    for number, step in enumerate(steps):
        if number < MAX_PARENTS and found.sobject.parent(step) is not None:
            found = _parent_of(found, step)
            continue
        children = found.sobject.children.get(step.lower())
        if children is None or number + 1 < len(steps) or children.child not in visible_schema():
            raise not_found()
        if found.record_id not in records.read_records(found.sobject, [found.record_id], ["Id"]):
            raise not_found()
        return _Found(found.sobject, found.record_id, children)
    return found


def _parent_of(found: _Found, relationship: str) -> _Found:
    reference = found.sobject.parent(relationship)
    assert reference is not None
    there = records.read_records(found.sobject, [found.record_id], ["Id", reference.name]).get(found.record_id)
    parent_id = there and there[reference.name]
    if not parent_id:
        raise not_found()
    schema = visible_schema()
    target = schema.get(schema.names_by_prefix.get(str(parent_id)[:3], ""))
    if target is None:
        raise not_found()
    return _Found(target, str(parent_id))


def _children(found: _Found, children: ChildRelationship) -> Response:
    child = visible_schema()[children.child]
    wanted = ", ".join(dict.fromkeys(records.chosen_fields(child, request.args.get("fields"))))
    soql = f"SELECT {wanted} FROM {child.name} WHERE {children.field} = '{found.record_id}'"
    return page_answer(first_page(compile_for_api(soql, include_deleted=False), None))


def _parent(found: _Found) -> _Found:
    """Only parents are changed by a path.

    :raises ApiError: 405 where it leads to children.
    """
    if found.children is not None:
        message = f"HTTP Method '{request.method}' not allowed. Allowed are GET"
        raise ApiError(405, "METHOD_NOT_ALLOWED", message)
    return found
