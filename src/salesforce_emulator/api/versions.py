"""What there is: the list of API versions, and the resources of one."""

from __future__ import annotations

from flask import Blueprint, Response, request

from salesforce_emulator.api.answers import json_answer
from salesforce_emulator.runtime import NEWEST_VERSION, OLDEST_VERSION, api_user, api_version, emulator

blueprint = Blueprint("versions", __name__)

_SEASONS = ("Spring", "Summer", "Winter")
_SPRING_18 = 42
_RESOURCES = (
    "actions",
    "composite",
    "jobs",
    "limits",
    "parameterizedSearch",
    "query",
    "queryAll",
    "recent",
    "search",
    "sobjects",
)


def label(version: int) -> str:
    """``Spring ’18`` of 42. Three releases a year; Winter carries the number of the year that follows."""
    releases = version - _SPRING_18
    season = _SEASONS[releases % 3]
    return f"{season} ’{18 + releases // 3 + (season == 'Winter')}"


@blueprint.get("/services/data/")
@blueprint.get("/services/data")
def versions() -> Response:
    """Every version, the oldest first. Needs no session, costs no call."""
    return json_answer(
        [
            {"label": label(v), "url": f"/services/data/v{v}.0", "version": f"{v}.0"}
            for v in range(OLDEST_VERSION, NEWEST_VERSION + 1)
        ]
    )


@blueprint.get("/services/data/v<version>/")
@blueprint.get("/services/data/v<version>")
def resources(version: str) -> Response:
    """Paths by name. Of the identity, which has no version, it is a whole URL."""
    base = f"/services/data/v{api_version()}"
    identity = f"{request.host_url}id/{emulator().store.organization_id}/{api_user().id}"
    return json_answer({**{name: f"{base}/{name}" for name in _RESOURCES}, "identity": identity})
