"""Where a record's values came from, and when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from abmatic.changes.models import Cause
from abmatic.sync.models import Run
from abmatic.web.running import object_label


@dataclass(frozen=True, slots=True)
class Source:
    """Who or what wrote a value."""

    label: str
    url: str | None
    at: datetime | None


def sources(causes: Iterable[Cause | None]) -> dict[int, Source]:
    """How each cause is named, by its id; one query for the runs among them."""
    known = {cause.pk: cause for cause in causes if cause is not None}
    run_ids = {cause.run_id for cause in known.values() if cause.run_id}
    runs = Run.objects.select_related("connection").in_bulk(run_ids) if run_ids else {}
    return {pk: _source(cause, runs) for pk, cause in known.items()}


def _source(cause: Cause, runs: dict[int, Run]) -> Source:
    if cause.kind == Cause.Kind.RUN:
        run = runs.get(cause.run_id or 0)
        if run is None:
            return Source("Salesforce", None, cause.at)
        return Source(
            f"Salesforce · {object_label(run.sobject)}, run {run.pk}", reverse("run", args=[run.pk]), cause.at
        )
    if cause.kind == Cause.Kind.USER and cause.user is not None:
        return Source(str(cause.user), None, cause.at)
    note = f" · {cause.note}" if cause.note else ""
    return Source(f"{cause.get_kind_display()}{note}", None, cause.at)
