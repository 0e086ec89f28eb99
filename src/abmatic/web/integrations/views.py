"""The list of integrations, and what can be done with a connection."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from abmatic.audiences.fields import fields
from abmatic.identity.audit import Author
from abmatic.sync import automatic, budget, comparing, connect, runs
from abmatic.sync.connect import ConnectError
from abmatic.sync.models import (
    Connection,
    FieldMapping,
    MirrorAccount,
    MirrorCampaign,
    MirrorContact,
    MirrorLead,
    MirrorOpportunity,
    ObjectSetting,
    Run,
)
from abmatic.sync.objects import OBJECTS, with_riders
from abmatic.web.counting import estimates, part_of_table
from abmatic.web.http import PageRequest
from abmatic.web.integrations.authorize import checked, problem_page
from abmatic.web.roles import administrator_required, operator_required
from abmatic.web.running import object_label
from abmatic.web.salesforce.tabs import slug_of

# The objects people see as tabs; users, contact roles, campaign members and their statuses come along.
MIRRORS = {
    "Account": MirrorAccount,
    "Contact": MirrorContact,
    "Lead": MirrorLead,
    "Campaign": MirrorCampaign,
    "Opportunity": MirrorOpportunity,
}


@dataclass(frozen=True, slots=True)
class ObjectRow:
    """One object of a connection."""

    sobject: str
    label: str
    setting: ObjectSetting | None
    mirrored: str
    last_run: Run | None
    is_running: bool
    next_run_at: datetime | None
    calls_a_day: int | None
    compare_days: int | None
    compare_calls: int | None
    # Each mapping, and what the local field is called on the pages of records.
    mappings: list[tuple[FieldMapping, str]]

    @property
    def tab(self) -> str:
        """What the address of its settings calls it."""
        return slug_of(OBJECTS[self.sobject])


@require_safe
def integrations(request: PageRequest) -> HttpResponse:
    """Settings → Integrations."""
    return render(request, "integrations/list.html", {"connections": list(Connection.objects.order_by("created_at"))})


@require_safe
def connection_page(request: PageRequest, connection_id: int) -> HttpResponse:
    """A connection: its objects with their last pull, counts and mappings."""
    connection = get_object_or_404(Connection, pk=connection_id)
    if "seen_settings" not in request.session:
        request.session["seen_settings"] = True  # a step of the checklist on Home
    return render(
        request,
        "integrations/connection.html",
        {"connection": connection, "objects": _object_rows(connection), "now": timezone.now()},
    )


@require_POST
@operator_required
def sync_now(request: PageRequest, connection_id: int) -> HttpResponse:
    """Starts a run of one object, or of all, and leads to its page."""
    connection = get_object_or_404(Connection, pk=connection_id)
    sobject = request.POST.get("sobject", "")
    try:
        started = runs.start(connection, [sobject] if sobject else None, trigger=Run.Trigger.MANUAL, user=request.user)
    except (runs.AlreadyRunning, runs.ConnectionNotReady, runs.UnknownObject) as problem:
        messages.warning(request, str(problem))
        return HttpResponseRedirect(reverse("connection", args=[connection.pk]))
    return HttpResponseRedirect(reverse("run", args=[_run_to_watch(started).pk]))


@require_POST
@administrator_required
def check_again(request: PageRequest, connection_id: int) -> HttpResponse:
    """Runs the permission checks again, and shows them: by themselves where the page asks for them."""
    connection = get_object_or_404(Connection, pk=connection_id)
    refused = None
    try:
        connect.check(connection)
    except ConnectError as error:
        if not request.htmx:
            return problem_page(request, error, connection)
        refused = error
    if request.htmx:
        return render(request, "integrations/checked.html", {**checked(connection), "refused": refused})
    return HttpResponseRedirect(reverse("connected", args=[connection.pk]))


@administrator_required
def disable(request: PageRequest, connection_id: int) -> HttpResponse:
    """Asks, then disables: the token is revoked, settings and data are kept."""
    connection = get_object_or_404(Connection, pk=connection_id)
    if request.method != "POST":
        return render(request, "integrations/disable.html", {"connection": connection})
    connect.disable(connection, by=Author(request.user))
    messages.success(request, f"{connection} is disabled. Its settings and all its data are kept.")
    return HttpResponseRedirect(reverse("integrations"))


def _run_to_watch(started: list[Run]) -> Run:
    """Of several runs started together, the one people think of: accounts."""
    return next((run for run in started if run.sobject == "Account"), started[0])


def _forecast(setting: ObjectSetting | None) -> int | None:
    if setting is None or not setting.frequency:
        return None
    return budget.forecast(
        setting.connection, [spec.name for spec in with_riders([setting.sobject])], setting.frequency
    )


def _labelled(setting: ObjectSetting | None, labels: dict[str, str]) -> list[tuple[FieldMapping, str]]:
    found = setting.mappings.all() if setting else []
    return [(mapping, labels.get(mapping.local_field, mapping.local_field)) for mapping in found]


def _compare_days(setting: ObjectSetting | None) -> int | None:
    every = comparing.interval(setting) if setting else None
    return every.days if every else None


def _object_rows(connection: Connection) -> list[ObjectRow]:
    settings = {setting.sobject: setting for setting in connection.objects_settings.prefetch_related("mappings").all()}
    now = timezone.now()
    next_runs = {name: automatic.next_run_at(setting, now) for name, setting in settings.items()}
    records = {OBJECTS[sobject].local for sobject in MIRRORS}
    labels = {record: {field.name: field.label for field in fields(record)} for record in records}
    sizes = estimates(MIRRORS.values())
    last = {run.sobject: run for run in connection.runs.order_by("sobject", "-id").distinct("sobject")}
    return [
        ObjectRow(
            sobject=sobject,
            label=object_label(sobject),
            setting=settings.get(sobject),
            mirrored=part_of_table(
                mirror._default_manager.filter(connection=connection, is_deleted=False), sizes[mirror._meta.db_table]
            ).text,
            last_run=last.get(sobject),
            is_running=sobject in last and not last[sobject].is_over,
            next_run_at=next_runs.get(sobject) if connection.status == Connection.Status.ACTIVE else None,
            calls_a_day=_forecast(settings.get(sobject)),
            mappings=_labelled(settings.get(sobject), labels[OBJECTS[sobject].local]),
            compare_days=_compare_days(settings.get(sobject)),
            compare_calls=budget.compare_calls(connection, [spec.name for spec in with_riders([sobject])]),
        )
        for sobject, mirror in MIRRORS.items()
    ]
