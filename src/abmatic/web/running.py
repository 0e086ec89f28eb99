"""The syncs that are going on now, for the top bar."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from abmatic.sync import runs
from abmatic.sync.models import Run
from abmatic.sync.objects import OBJECTS
from abmatic.web.http import PageRequest


@dataclass(frozen=True, slots=True)
class RunningSync:
    """A run that isn't over, and how far it is."""

    run: Run
    label: str
    progress: runs.Progress


def running_syncs() -> list[RunningSync]:
    """Runs under way, those a worker has taken first."""
    under_way = Run.objects.filter(state__in=[Run.State.RUNNING, Run.State.QUEUED]).select_related("connection")
    # "running" sorts after "queued".
    return [
        RunningSync(run, object_label(run.sobject), runs.progress(run)) for run in under_way.order_by("-state", "id")
    ]


def object_label(sobject: str) -> str:
    """The plural that people know an object by: "Accounts"."""
    known = OBJECTS.get(sobject)
    return known.label_plural if known else sobject


@require_safe
def syncs(request: PageRequest) -> HttpResponse:
    """The part of the top bar that asks again every two seconds, for as long as something runs."""
    return render(request, "frame/syncs.html", {"syncs": running_syncs()})
