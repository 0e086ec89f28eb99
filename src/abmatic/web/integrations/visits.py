"""A connection's tab Visits: whether visits become tasks in Salesforce, and what became of those of the last days."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from abmatic.sync import visit_days, visit_tasks
from abmatic.sync.models import Connection
from abmatic.web.http import PageRequest


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
