"""Undoing a run from its page: what would be put back is shown first, then somebody says so."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from abmatic.sync import runs, undo
from abmatic.sync.models import Run
from abmatic.sync.reasons import REASONS
from abmatic.web.http import PageRequest
from abmatic.web.roles import operator_required
from abmatic.web.running import object_label


@operator_required
def undo_run(request: PageRequest, run_id: int) -> HttpResponse:
    """GET shows what undoing the run would put back and leave; POST starts it, and leads to its page."""
    run = get_object_or_404(Run.objects.select_related("connection"), pk=run_id)
    try:
        if request.method == "POST":
            made = runs.undo(run, user=request.user)
            return HttpResponseRedirect(reverse("run", args=[made.pk]))
        found = undo.preview(run)
    except (undo.NotUndone, runs.AlreadyRunning, runs.ConnectionNotReady) as why:
        messages.warning(request, str(why))
        return HttpResponseRedirect(reverse("run", args=[run.pk]))
    left = [(REASONS[code], number) for code, number in sorted(found.left.items())]
    return render(
        request,
        "runs/undo.html",
        {
            "run": run,
            "label": object_label(run.sobject),
            "found": found,
            "left": left,
            "is_anything": found.here_values or found.there_back,
        },
    )
