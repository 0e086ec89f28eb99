"""Invocable actions: the kinds there are, and that there are none.

This org has no flows, no Apex and no alerts, and runs none of the standard actions, so it lists none.
"""

from __future__ import annotations

from flask import Blueprint, Response

from salesforce_emulator.api.answers import json_answer, not_found
from salesforce_emulator.runtime import api_version

blueprint = Blueprint("actions", __name__)

_BASE = "/services/data/v<version>/actions"
_CUSTOM = ("quickAction", "apex", "emailAlert", "flow", "sendNotification")


@blueprint.get(f"{_BASE}/")
@blueprint.get(_BASE)
def kinds(version: str) -> Response:
    return _paths("actions", ("standard", "custom"))


@blueprint.get(f"{_BASE}/custom/")
@blueprint.get(f"{_BASE}/custom")
def custom(version: str) -> Response:
    return _paths("actions/custom", _CUSTOM)


@blueprint.get(f"{_BASE}/standard/")
@blueprint.get(f"{_BASE}/standard")
def standard(version: str) -> Response:
    return json_answer({"actions": []})


@blueprint.get(f"{_BASE}/custom/<kind>")
def of_kind(version: str, kind: str) -> Response:
    if kind not in _CUSTOM:
        raise not_found()
    return json_answer({"actions": []})


def _paths(under: str, names: tuple[str, ...]) -> Response:
    return json_answer({name: f"/services/data/v{api_version()}/{under}/{name}" for name in names})
