"""The page of one run: how far it is, what it did, what it could not use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from abmatic.sync import export, runs
from abmatic.sync.models import Run
from abmatic.sync.objects import OBJECTS
from abmatic.web.http import PageRequest
from abmatic.web.roles import operator_required
from abmatic.web.running import object_label
from abmatic.web.runs.activity import RunRow, run_rows
from abmatic.web.runs.findings import reason_counts
from abmatic.web.runs.issues import issue_groups

# What a run counts, in the order people read it. "read" and "created" are shown even when they are 0.
COUNTS = (
    ("read", "Read", True),
    ("created", "Created", True),
    ("updated", "Updated", True),
    ("unchanged", "Unchanged", True),
    ("linked", "Linked", False),
    ("duplicate", "Duplicates", False),
    ("deleted", "Deleted in Salesforce", False),
    ("skipped", "Skipped", False),
)
# What its push counts; "created" and "updated" are shown even when they are 0.
PUSHED = (
    ("created", "Created", True),
    ("updated", "Updated", True),
    ("refused", "Refused", False),
    ("held", "Held back by an issue", False),
    ("waiting", "Waiting for another record", False),
    ("returned", "To be sent again", False),
    ("unknown", "Without an answer", False),
)
STEPS = (Run.Phase.WAITING, Run.Phase.ASKING, Run.Phase.PREPARING, Run.Phase.READING, Run.Phase.LINKING)
WRITING_STEPS = (Run.Phase.COMPARING, Run.Phase.SENDING)


@dataclass(frozen=True, slots=True)
class Step:
    """One part of the phase bar."""

    label: str
    state: str  # "done", "now" or "later"


@dataclass(frozen=True, slots=True)
class CountShown:
    """A number of the run, with its name."""

    label: str
    number: int


@require_safe
def run_page(request: PageRequest, run_id: int) -> HttpResponse:
    """The whole page."""
    run = _run(run_id)
    return render(request, "runs/run.html", _context(run))


@require_safe
def run_live(request: PageRequest, run_id: int) -> HttpResponse:
    """The part that changes while the run goes on; asked for again every two seconds until it is over."""
    run = _run(run_id)
    context = _context(run)
    answer = render(request, "runs/live.html", context)
    if run.is_over and not context["siblings_under_way"]:
        # The last answer: now the findings are complete, so the page shows itself once more.
        answer.headers["HX-Refresh"] = "true"
    return answer


@require_POST
@operator_required
def cancel(request: PageRequest, run_id: int) -> HttpResponse:
    """Asks the run to stop at its next committed chunk."""
    run = _run(run_id)
    if run.is_over:
        messages.info(request, "This run was over already; there was nothing left to cancel.")
    else:
        runs.cancel(run)
        messages.info(request, "The run stops after the records it is writing now. What is committed stays.")
    return HttpResponseRedirect(reverse("run", args=[run.pk]))


def _run(run_id: int) -> Run:
    return get_object_or_404(Run.objects.select_related("connection", "started_by"), pk=run_id)


def _context(run: Run) -> dict[str, object]:
    siblings = _siblings(run)
    return {
        "run": run,
        "label": object_label(run.sobject),
        "progress": runs.progress(run),
        "steps": _steps(run),
        "counts": _counts(run.counts, COUNTS),
        "pushed": _counts(run.pushed, PUSHED) if run.direction == Run.Direction.BOTH else [],
        "reasons": reason_counts(run),
        "issues": issue_groups(run) if run.direction == Run.Direction.BOTH else [],
        "has_records": export.has_records(run),
        "siblings": siblings,
        "siblings_under_way": any(not row.run.is_over for row in siblings),
    }


def _siblings(run: Run) -> list[RunRow]:
    """The runs that were started together with this one, in pull order; none when it runs alone."""
    together = list(Run.objects.filter(batch=run.batch).order_by("id"))
    if len(together) == 1:
        return []
    order = list(OBJECTS)
    together.sort(key=lambda one: order.index(one.sobject) if one.sobject in order else len(order))
    return run_rows(together)


def _steps(run: Run) -> list[Step]:
    steps = (*STEPS, *WRITING_STEPS) if run.direction == Run.Direction.BOTH else STEPS
    now = (
        len(steps)
        if run.phase == Run.Phase.DONE or run.state == Run.State.SUCCEEDED
        else steps.index(Run.Phase.WAITING if run.phase == Run.Phase.PAUSED else Run.Phase(run.phase))
    )
    return [
        Step(str(phase.label), "done" if place < now else "now" if place == now and not run.is_over else "later")
        for place, phase in enumerate(steps)
    ]


def _counts(numbers: dict[str, Any], named: tuple[tuple[str, str, bool], ...]) -> list[CountShown]:
    return [CountShown(label, int(numbers.get(key, 0))) for key, label, always in named if always or numbers.get(key)]
