"""Where a record's values came from, and when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from abmatic.audiences.many.models import FieldEdit
from abmatic.changes.models import Cause
from abmatic.sync.models import Run
from abmatic.web.running import object_label


@dataclass(frozen=True, slots=True)
class Source:
    """Who or what wrote a value."""

    label: str
    url: str | None
    at: datetime | None
    # Whether the page there is for operators alone.
    is_operators: bool = False


def sources(causes: Iterable[Cause | None]) -> dict[int, Source]:
    """How each cause is named, by its id; one query for the runs among them, one for the edits of many."""
    known = {cause.pk: cause for cause in causes if cause is not None}
    run_ids = {cause.run_id for cause in known.values() if cause.run_id}
    runs = Run.objects.select_related("connection").in_bulk(run_ids) if run_ids else {}
    # What else people do has no note.
    of_many = [pk for pk, cause in known.items() if cause.kind == Cause.Kind.USER and cause.note]
    edits = dict(FieldEdit.objects.filter(cause__in=of_many).values_list("cause_id", "pk")) if of_many else {}
    return {pk: _source(cause, runs, edits.get(pk)) for pk, cause in known.items()}


def of_run(run: Run, at: datetime | None) -> Source:
    """A run, where no cause says that it was one."""
    return Source(f"{object_label(run.sobject)}, run {run.pk}", reverse("run", args=[run.pk]), at)


def _source(cause: Cause, runs: dict[int, Run], edit_id: int | None) -> Source:
    if cause.kind == Cause.Kind.RUN:
        run = runs.get(cause.run_id or 0)
        if run is None:
            return Source("Salesforce", None, cause.at)
        return Source(
            f"Salesforce · {object_label(run.sobject)}, run {run.pk}", reverse("run", args=[run.pk]), cause.at
        )
    note = f" · {cause.note}" if cause.note else ""
    who = str(cause.user) if cause.kind == Cause.Kind.USER and cause.user is not None else cause.get_kind_display()
    if edit_id is not None:
        return Source(f"{who}{note}", reverse("field-edit", args=[edit_id]), cause.at, is_operators=True)
    return Source(f"{who}{note}", None, cause.at)
