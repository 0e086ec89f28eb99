"""The records that the user looked at last."""

from __future__ import annotations

from itertools import groupby

from flask import Blueprint, Response, request

from salesforce_emulator.api.answers import ApiError, json_answer
from salesforce_emulator.api.records import read_records
from salesforce_emulator.runtime import api_session, emulator, visible_schema
from salesforce_emulator.soql.render import Record
from salesforce_emulator.store.viewed import KEPT, seen

blueprint = Blueprint("recent", __name__)


@blueprint.get("/services/data/v<version>/recent/")
@blueprint.get("/services/data/v<version>/recent")
def recent(version: str) -> Response:
    """Id and name of each, the latest first; those that are there still, and that the user may see."""
    limit = request.args.get("limit", str(KEPT))
    if not limit.isdecimal():
        raise ApiError(400, "MALFORMED_QUERY", f"limit is {limit!r}; a whole number is wanted")
    with emulator().store.reading() as conn:
        record_ids = seen(conn, api_session().user_id)
    there: dict[str, Record] = {}
    schema = visible_schema()
    for prefix, ids in groupby(sorted(record_ids), lambda record_id: record_id[:3]):
        sobject = schema.get(schema.names_by_prefix.get(prefix, ""))
        if sobject is not None:
            there |= read_records(sobject, list(ids), ["Id", *(["Name"] if sobject.get("Name") else [])])
    return json_answer([there[i] for i in record_ids if i in there][: int(limit)])
