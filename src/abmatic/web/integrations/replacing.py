"""Lets a connected org take another's place, as after a sandbox was refreshed.

The page says what happens, and asks for the name of the connection that goes: its records will count as deleted.
"""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from abmatic.sync import replacing
from abmatic.sync.models import Connection
from abmatic.sync.replacing import NotReplaced
from abmatic.sync.settings_history import Author
from abmatic.web.http import PageRequest
from abmatic.web.roles import administrator_required


@require_http_methods(["GET", "HEAD", "POST"])
@administrator_required
def replace(request: PageRequest, connection_id: int) -> HttpResponse:
    """Asks which org takes the connection's place, then lets it."""
    old = get_object_or_404(Connection, pk=connection_id)
    others = Connection.objects.exclude(pk=old.pk).filter(status=Connection.Status.ACTIVE).order_by("name")
    candidates = [each for each in others if each.org_id[:15] != old.org_id[:15]]
    by, typed, problem = request.POST.get("by", ""), request.POST.get("name", ""), ""
    if request.method == "POST":
        new = next((each for each in candidates if str(each.pk) == by), None)
        if new is None:
            problem = "Choose the connection that takes its place."
        elif typed.strip() != old.name:
            problem = f"Nothing was changed: type “{old.name}”, exactly so, to confirm."
        else:
            try:
                replacing.replace(old, new, Author(request.user))
            except NotReplaced as why:
                problem = str(why)
            else:
                messages.success(
                    request,
                    f"“{new.name}” is the org {new.org_id} now. Writing to Salesforce is off until you allow it. Sync "
                    "everything to find accounts and people again.",
                )
                return HttpResponseRedirect(reverse("connection", args=[new.pk]))
    return render(
        request,
        "integrations/replace.html",
        {"old": old, "candidates": candidates, "by": by, "problem": problem},
        status=400 if problem else 200,
    )
