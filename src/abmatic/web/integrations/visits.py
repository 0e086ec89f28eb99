"""A connection's tab Visits: whether visits become tasks in Salesforce, and what became of those of the last days."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from abmatic.sync import settings_edit, visit_days, visit_tasks
from abmatic.sync.models import Connection
from abmatic.sync.settings_history import Author
from abmatic.web.http import PageRequest
from abmatic.web.roles import administrator_required


@require_safe
def visits(request: PageRequest, connection_id: int) -> HttpResponse:
    """What is done with visits, and what became of them."""
    connection = get_object_or_404(Connection, pk=connection_id)
    today = timezone.now().date()
    days = visit_days.told_of(connection, today)
    return render(
        request,
        "integrations/visits.html",
        {
            "connection": connection,
            "days": days,
            "is_any": any(each.is_any for each in days),
            "left_out": sum(each.left_out for each in days),
            "problems": visit_days.problems(connection, today),
            "most": settings.ENVIRONMENT.visit_tasks_a_day,
            "most_of_one": visit_tasks.MOST_A_DAY,
        },
    )


@require_POST
@administrator_required
def switch(request: PageRequest, connection_id: int) -> HttpResponse:
    """Lets visits become tasks, or stops that. It says which: who presses a second time changes nothing."""
    connection = get_object_or_404(Connection, pk=connection_id)
    wanted = request.POST.get("writes_visits") == "1"
    changed = settings_edit.save_connection(connection, {"writes_visits": wanted}, by=Author(request.user))
    if not changed:
        messages.info(request, "Nothing was changed: it was so already.")
    elif wanted:
        messages.success(request, "Visits are written to Salesforce from now on. The first follow within minutes.")
    else:
        messages.success(request, "No more visits are written to Salesforce. Tasks that are there stay.")
    return HttpResponseRedirect(reverse("connection-visits", args=[connection.pk]))
