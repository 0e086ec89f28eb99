"""The Activity Log of a connection: its runs, newest first."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from abmatic.sync import runs
from abmatic.sync.models import Connection, Run
from abmatic.sync.objects import OBJECTS
from abmatic.sync.troubleshooting import TROUBLES
from abmatic.web.http import PageRequest
from abmatic.web.running import object_label

PAGE = 50


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run in a list."""

    run: Run
    label: str
    progress: runs.Progress | None

    @property
    def findings(self) -> int:
        """How many records it had something to say about."""
        reasons = self.run.counts.get("reasons", {})
        return sum(reasons.values())


def run_rows(found: list[Run]) -> list[RunRow]:
    """Runs as rows, with progress for those under way."""
    return [RunRow(run, object_label(run.sobject), None if run.is_over else runs.progress(run)) for run in found]


@require_safe
def activity(request: PageRequest, connection_id: int) -> HttpResponse:
    """Runs of a connection, filtered by object and outcome; older ones come as the list scrolls."""
    connection = get_object_or_404(Connection, pk=connection_id)
    sobject = request.GET.get("object", "")
    state = request.GET.get("state", "")
    before = request.GET.get("before", "")
    found = connection.runs.select_related("started_by")
    if sobject in OBJECTS:
        found = found.filter(sobject=sobject)
    if state in Run.State.values:
        found = found.filter(state=state)
    if before.isascii() and before.isdigit():
        found = found.filter(pk__lt=int(before))
    page = list(found.order_by("-id")[: PAGE + 1])
    return render(
        request,
        "runs/activity_rows.html" if request.htmx and before else "runs/activity.html",
        {
            "connection": connection,
            "rows": run_rows(page[:PAGE]),
            "older": page[PAGE - 1].pk if len(page) > PAGE else None,
            "objects": [(name, object_label(name)) for name in OBJECTS],
            "states": Run.State.choices,
            "sobject": sobject,
            "state": state,
            "troubles": TROUBLES,
        },
    )
