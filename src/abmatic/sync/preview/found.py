"""What a preview says: counts, samples and costs of what a run would do."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

SAMPLES = 20


class NotPreviewed(Exception):
    """Why there is no preview, and what helps."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One record that would be written: each field's value before and after."""

    name: str
    local_id: int | None
    sf_id: str | None
    fields: dict[str, dict[str, Any]] = field(default_factory=dict)
    code: str = ""


@dataclass(slots=True)
class Preview:
    """What a run of one object would do.

    ``records``: how many Salesforce has in the run's window; ``looked_at``: of how many the counts are. ``to_abmatic``:
    as a run's counts; ``to_salesforce``: created, updated, held, and of deals and contacts that are made ``waiting``
    for their account; None where it isn't known or nothing may be written.
    ``samples``: by side and action, at most 20 each. ``calls``: API calls that a run would need, about, and those that
    the preview itself made.
    """

    connection: str
    sobject: str
    is_full: bool
    records: int = 0
    looked_at: int = 0
    to_abmatic: dict[str, Any] = field(default_factory=dict)
    to_salesforce: dict[str, int] | None = None
    samples: dict[str, dict[str, list[Sample]]] = field(default_factory=dict)
    calls_of_run: int = 0
    calls_made: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        return self.looked_at == self.records

    def as_json(self) -> dict[str, Any]:
        """For `--json`, pages and the API."""
        return {**asdict(self), "is_complete": self.is_complete}


@dataclass(slots=True)
class SelectedPreview(Preview):
    """What a push of picked records would do: how many have which verdict, and some of those that aren't written."""

    verdicts: dict[str, int] = field(default_factory=dict)
