"""/__emulator/schema: changing what the org consists of while it runs, as an administrator does in Setup.

So that a test can let a field vanish between two runs of a synchronization, or in the middle of one.
:mod:`salesforce_emulator.schema.changes` says which changes there are.
"""

from __future__ import annotations

from flask import Blueprint, Response, request

from salesforce_emulator import control
from salesforce_emulator.api.answers import ApiError, json_answer
from salesforce_emulator.runtime import emulator
from salesforce_emulator.schema.spec import BadSpec

blueprint = Blueprint("schema_control", __name__, url_prefix="/__emulator")
blueprint.before_request(control.allowed)


@blueprint.get("/schema")
def schema() -> Response:
    """What administrators have made of the schema."""
    custom = emulator().store.custom
    fields = {name: sorted(entries) for name, entries in sorted(custom.fields.items()) if entries}
    return json_answer(
        {
            "version": custom.version,
            "features": sorted(custom.features),
            "objects": sorted(custom.objects),
            "fields": fields,
            "hidden": sorted(custom.hidden),
        }
    )


@blueprint.post("/schema")
def change_schema() -> Response:
    """Make one change, or a list of them: all or none."""
    asked = request.get_json(force=True, silent=True)
    changes: list[object] = asked if isinstance(asked, list) else [asked]
    wanted = [c for c in changes if isinstance(c, dict)]
    if not wanted or len(wanted) < len(changes):
        return ApiError(400, "INVALID_CHANGE", "a change is a JSON object with an action, or a list of such").answer()
    try:
        emulator().store.change_schema(wanted)
    except BadSpec as error:
        return ApiError(400, "INVALID_CHANGE", str(error)).answer()
    return schema()
