"""/__emulator/rules, …/permissions, …/locks: the org's own rules, laid down and removed while it runs, as in Setup.

:mod:`salesforce_emulator.store.validation` and :mod:`salesforce_emulator.store.duplicates` say what a rule is,
:mod:`salesforce_emulator.store.flows` what a before-save flow is,
:mod:`salesforce_emulator.store.permissions` how permissions are written, :mod:`salesforce_emulator.store.locks` what a
lock is.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from salesforce_emulator import control
from salesforce_emulator.api.answers import ApiError, json_answer
from salesforce_emulator.runtime import emulator
from salesforce_emulator.store.wording import BadRule

blueprint = Blueprint("rules_control", __name__, url_prefix="/__emulator")
blueprint.before_request(control.allowed)
blueprint.register_error_handler(BadRule, lambda error: ApiError(400, "INVALID_RULE", str(error)).answer())


def _body() -> dict[str, Any]:
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        raise BadRule("a JSON object is wanted")
    return body


@blueprint.get("/rules")
def rules() -> Response:
    found = emulator().store.rules
    return json_answer(
        {
            "validation_rules": [rule.to_json() for rule in found.validation.all()],
            "duplicate_rules": [rule.to_json() for rule in found.duplicates.all()],
            "before_save_flows": [flow.to_json() for flow in found.flows.all()],
        }
    )


@blueprint.post("/rules")
def put_rules() -> Response:
    """Add rules, or change those that have their names: validation_rules, duplicate_rules, before_save_flows."""
    emulator().store.put_rules(_body())
    return rules()


@blueprint.delete("/rules")
@blueprint.delete("/rules/<sobject>")
@blueprint.delete("/rules/<sobject>/<name>")
def remove_rules(sobject: str = "", name: str = "") -> Response:
    """Remove all rules, those of an object, or those of a name."""
    if not emulator().store.remove_rules(sobject, name) and name:
        return ApiError(404, "NO_RULE", f"there is no rule {name} on {sobject}").answer()
    return rules()


@blueprint.get("/permissions")
def permissions() -> Response:
    return json_answer(emulator().store.rules.permissions.to_json())


@blueprint.post("/permissions")
def put_permissions() -> Response:
    """Change who may do what, at once: {"profiles": […], "permission_sets": […], "sharing": {…}}."""
    emulator().store.put_permissions(_body())
    return permissions()


@blueprint.delete("/permissions")
def clear_permissions() -> Response:
    """Let everybody do everything again."""
    store = emulator().store
    store.rules.clear_permissions(store.now())
    return permissions()


@blueprint.get("/locks")
def locks() -> Response:
    """The locks that are held, with the writes that they refused."""
    return json_answer([held.to_json() for held in emulator().store.rules.locks.all()])


@blueprint.post("/locks")
def hold_lock() -> Response:
    """Lock records: {"records": [id, …], "kind": "row" or "approval", "calls": how many calls find them locked}."""
    return json_answer(emulator().store.rules.locks.hold(_body()).to_json())


@blueprint.delete("/locks")
@blueprint.delete("/locks/<int:number>")
def release_lock(number: int | None = None) -> Response:
    """Release a lock, or all."""
    if not emulator().store.rules.locks.release(number):
        return ApiError(404, "NO_LOCK", f"there is no lock {number}: it was released, or found often enough").answer()
    return locks()
