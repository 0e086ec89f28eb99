"""/__emulator/rules and …/permissions: the org's own rules, laid down and removed while it runs, as in Setup.

:mod:`salesforce_emulator.store.validation` says what a rule is, :mod:`salesforce_emulator.store.permissions` how
permissions are written.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from salesforce_emulator import control
from salesforce_emulator.api.answers import ApiError, json_answer
from salesforce_emulator.runtime import emulator
from salesforce_emulator.store.wording import BadRule, entries, only

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
    return json_answer({"validation_rules": [rule.to_json() for rule in found.validation.all()]})


@blueprint.post("/rules")
def put_rules() -> Response:
    """Add rules, or change those that have their names: {"validation_rules": […]}."""
    body, store = _body(), emulator().store
    only(body, ("validation_rules",), "rules")
    store.rules.put_validation(entries(body, "validation_rules", "rules"), store.schema)
    return rules()


@blueprint.delete("/rules")
@blueprint.delete("/rules/<sobject>")
@blueprint.delete("/rules/<sobject>/<name>")
def remove_rules(sobject: str = "", name: str = "") -> Response:
    """Remove all rules, those of an object, or one."""
    found = emulator().store.rules
    removed = found.validation.remove(sobject, name)
    if name and not removed:
        return ApiError(404, "NO_RULE", f"there is no rule {name} on {sobject}").answer()
    found.keep_validation()
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
