"""/__emulator: what tests and demos ask of the emulator itself. No part of what it imitates."""

from __future__ import annotations

from flask import Blueprint, Response, request

from salesforce_emulator.api.answers import ApiError, json_answer
from salesforce_emulator.runtime import emulator

blueprint = Blueprint("control", __name__, url_prefix="/__emulator")


@blueprint.before_request
def allowed() -> Response | None:
    """Nothing, or the refusal of an org that is not to be controlled."""
    if emulator().settings.control:
        return None
    return ApiError(403, "CONTROL_OFF", "started without --control, and not on a loopback address").answer()


@blueprint.post("/faults")
def set_faults() -> Response:
    """Replace the fault plan; :mod:`salesforce_emulator.faults` says what a rule is. [] ends all faults."""
    rules = request.get_json(force=True, silent=True)
    if not isinstance(rules, list) or not all(isinstance(r, dict) for r in rules):
        return ApiError(400, "INVALID_PLAN", "a fault plan is a JSON list of rules").answer()
    try:
        emulator().faults.set(rules)
    except (ValueError, TypeError) as error:
        return ApiError(400, "INVALID_PLAN", str(error)).answer()
    return json_answer({"rules": len(rules)})


@blueprint.get("/faults")
def faults() -> Response:
    found = emulator().faults.faults
    return json_answer(
        [{"action": f.action, "path": f.path.pattern, "seen": f.seen, "struck": f.struck} for f in found]
    )


@blueprint.get("/calls")
def calls() -> Response:
    return json_answer(emulator().calls.all())


@blueprint.post("/reset-calls")
def reset_calls() -> Response:
    emulator().calls.clear()
    return Response(status=204)


@blueprint.post("/usage")
def usage() -> Response:
    """Set the allowance, or what is used of it: {"allowance": N, "used": N}."""
    body = request.get_json(force=True, silent=True) or {}
    org = emulator()
    org.usage.set(
        allowance=int(body["allowance"]) if "allowance" in body else None,
        used=int(body["used"]) if "used" in body else None,
    )
    return json_answer({"allowance": org.usage.allowance, "used": org.usage.used})


@blueprint.get("/org")
def org() -> Response:
    """What the org is: id, edition, version, the first app's credentials."""
    found = emulator()
    app = found.apps.first
    return json_answer(
        {
            "organization_id": found.store.organization_id,
            "edition": found.store.edition,
            "client_id": app.client_id,
            "client_secret": app.client_secret,
            "app": app.name,
        }
    )
