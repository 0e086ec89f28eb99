"""What the org allows and what is used: the limit header of every answer, and the limits resource."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .answers import Json

_ORG = re.compile(r"(?<![\w-])api-usage=(\d+)/(\d+)")
_APP = re.compile(r"(?<![\w-])per-app-api-usage=(\d+)/(\d+)(?:\(appName=([^)]*)\))?")


@dataclass(frozen=True)
class Usage:
    """``Sforce-Limit-Info``: API calls of the last 24 hours, of the org and where set of this app.

    Example: ``api-usage=25/5000;per-app-api-usage=17/250(appName=sample-connected-app)``.
    """

    used: int
    allowed: int
    app_used: int | None = None
    app_allowed: int | None = None

    @property
    def share(self) -> float:
        """The larger used share of the two allowances, 0.0 to 1.0 (and above, if overdrawn)."""
        org = self.used / self.allowed if self.allowed else 1.0
        app = self.app_used / self.app_allowed if self.app_used is not None and self.app_allowed else 0.0
        return max(org, app)


def read_usage(header: str) -> Usage | None:
    """The header's values, or None where it says nothing of the org's allowance."""
    org, app = _ORG.search(header), _APP.search(header)
    if not org:
        return None
    return Usage(int(org[1]), int(org[2]), int(app[1]) if app else None, int(app[2]) if app else None)


@dataclass(frozen=True)
class Limit:
    """One entry of the limits resource, e.g. DailyApiRequests, DailyBulkV2QueryJobs."""

    allowed: int
    remaining: int


def read_limits(value: dict[str, Json]) -> dict[str, Limit]:
    """``/limits`` by name; entries of another shape are left out."""
    return {
        name: Limit(entry["Max"], entry["Remaining"])
        for name, entry in value.items()
        if isinstance(entry, dict) and isinstance(entry.get("Max"), int) and isinstance(entry.get("Remaining"), int)
    }
