"""/__emulator/changes: the change events that were made, for people, pages and tests. No part of what is imitated."""

from __future__ import annotations

from flask import Blueprint, Response, request

from salesforce_emulator import control
from salesforce_emulator.api.answers import ApiError, json_answer
from salesforce_emulator.changes import ChangeEvent
from salesforce_emulator.runtime import emulator

_MOST = 1_000

blueprint = Blueprint("changes_control", __name__, url_prefix="/__emulator")
blueprint.before_request(control.allowed)


@blueprint.get("/changes")
def changes() -> Response:
    """The events after a number, the oldest first, a thousand at most.

    ``after``: 0 for all that are kept. ``object``: an object's name; without it those of all.
    """
    after, name = request.args.get("after", "0"), request.args.get("object", "")
    if not after.isdecimal():
        return ApiError(400, "INVALID_NUMBER", f"after: {after!r} is not the number of an event").answer()
    store = emulator().store
    sobject = store.schema.get(name)
    if name and sobject is None:
        return ApiError(400, "INVALID_TYPE", f"object: the org has no object {name}").answer()
    found = store.changes.after(int(after), _MOST, sobject.name if sobject is not None else "")
    return json_answer([_shown(event) for event in found])


def _shown(event: ChangeEvent) -> dict[str, object]:
    return {
        "number": event.number,
        "object": event.sobject,
        "changeType": event.kind,
        "recordIds": event.record_ids,
        "changeOrigin": event.origin,
        "transactionKey": event.transaction_key,
        "sequenceNumber": event.sequence,
        "commitTimestamp": event.committed,
        "commitNumber": event.commit_number,
        "commitUser": event.user_id,
        "fields": event.values,
    }
