"""Undoing a run from its page: what would be put back is shown first, then somebody says so.

What the run created in Salesforce stays there, unless an administrator ticks otherwise, who is then shown how many of
these records could be removed. That is asked of Salesforce only when the box is ticked.
"""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from abmatic.identity.models import Role
from abmatic.sync import runs, undo, undo_created
from abmatic.sync.models import Run
from abmatic.sync.reasons import REASONS
from abmatic.web.http import PageRequest
from abmatic.web.roles import RoleRequired, administrator_required, operator_required
from abmatic.web.running import object_label


@operator_required
def undo_run(request: PageRequest, run_id: int) -> HttpResponse:
    """GET shows what undoing the run would put back and leave; POST starts it, and leads to its page."""
    run = get_object_or_404(Run.objects.select_related("connection"), pk=run_id)
    removes = request.method == "POST" and "delete_created" in request.POST
    if removes and not request.user.is_administrator:
        raise RoleRequired(Role.ADMINISTRATOR, request.user)
    try:
        if request.method == "POST":
            made = runs.undo(run, user=request.user, delete_created=removes)
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
            "created": undo_created.count_made(run) if request.user.is_administrator else 0,
        },
    )


@require_safe
@administrator_required
def removal(request: PageRequest, run_id: int) -> HttpResponse:
    """Which of the records that the run created in Salesforce its undo would remove, below the box that says so."""
    run = get_object_or_404(Run.objects.select_related("connection"), pk=run_id)
    try:
        found = undo.preview_removal(run)
    except undo.NotUndone as why:
        return render(request, "runs/removal.html", {"problem": str(why)})
    left = [(REASONS[code], number) for code, number in sorted(found.left.items())]
    return render(request, "runs/removal.html", {"run": run, "found": found, "left": left})
