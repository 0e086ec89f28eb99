"""Import from CRM: what is to be imported is chosen in a dialog, previewed, and put into a collection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from abmatic.audiences.collections import CollectionRefused
from abmatic.audiences.fields import fields
from abmatic.audiences.models import Collection
from abmatic.sync import runs
from abmatic.sync.importing import sources
from abmatic.sync.importing.asking import ask, begin, give_up
from abmatic.sync.importing.sources import OBJECTS_OF, NotImported
from abmatic.sync.models import Connection, CrmImport
from abmatic.sync.objects import OBJECTS
from abmatic.sync.selected.asking import connections
from abmatic.web.grids.columns import SPECS
from abmatic.web.grids.filters import MOST_COLLECTIONS
from abmatic.web.http import PageRequest
from abmatic.web.roles import operator_required
from abmatic.web.salesforce.syncing import actions

# List views and reports that are shown at once; a search finds the others.
MOST_SHOWN = 50
_KINDS = ((CrmImport.Kind.LIST_VIEW, "List view"), (CrmImport.Kind.REPORT, "Report"), (CrmImport.Kind.SOQL, "SOQL"))
_MADE_OF = (
    ("created", "Create here"),
    ("linked", "Link with a record that is here"),
    ("updated", "Update here"),
    ("unchanged", "Leave unchanged"),
    ("duplicate", "Mark as duplicate"),
    ("skipped", "Keep out"),
    ("deleted", "Deleted in Salesforce"),
)
_REFUSED = (NotImported, CollectionRefused, runs.AlreadyRunning, runs.ConnectionNotReady)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the form says so far."""

    connection: Connection | None
    sobject: str
    kind: str
    source: str
    soql: str


@operator_required
def new(request: PageRequest, record: str) -> HttpResponse:
    """The form; POST asks a worker what it would import."""
    wanted = _wanted(request, record)
    problem = ""
    if request.method == "POST":
        try:
            return _answer(request, _ask(request, wanted))
        except NotImported as refused:
            problem = str(refused)
    spec = SPECS[record]
    objects = [(name, OBJECTS[name].label_plural) for name in OBJECTS_OF[record]]
    context = {
        "record": record, "spec": spec, "wanted": wanted, "connections": list(connections()), "objects": objects,
        "known": Connection.objects.exists(),
        "kinds": _KINDS, "problem": problem, "list_url": reverse(spec.page),
    }  # fmt: skip
    return render(request, "importing/form.html" if request.htmx else "importing/new.html", context)


@require_safe
@operator_required
def choices(request: PageRequest, record: str) -> HttpResponse:
    """The list views or reports to choose from, as far as they match the search."""
    wanted = _wanted(request, record)
    context: dict[str, Any] = {"wanted": wanted}
    search = " ".join(request.GET.get("search", "").split()).casefold()[:200]
    try:
        if wanted.connection is None:
            raise NotImported("No Salesforce org is connected. Connect one under Settings, Integrations.")
        if wanted.kind != CrmImport.Kind.SOQL:
            found = sources.listed(wanted.connection, wanted.sobject, wanted.kind)
            matching = [each for each in found if search in each.label.casefold()]
            context |= {"found": matching[:MOST_SHOWN], "many": len(matching), "all": len(found)}
    except NotImported as refused:
        context["problem"] = str(refused)
    return render(request, "importing/choices.html", context)


@require_safe
@operator_required
def import_page(request: PageRequest, import_id: int) -> HttpResponse:
    """How far it is; htmx asks for the part that changes."""
    return _shown(request, _found(import_id), "importing/state.html" if request.htmx else "importing/import.html")


@require_POST
@operator_required
def start(request: PageRequest, import_id: int) -> HttpResponse:
    """Starts it, into a new collection or one that is there."""
    wanted = _found(import_id)
    target = request.POST.get("collection", "")
    is_number = target.isascii() and target.isdigit() and len(target) < 19
    record = OBJECTS[wanted.sobject].local
    into = get_object_or_404(Collection, pk=int(target), record=record) if is_number else None
    try:
        begin(wanted, name=request.POST.get("name", ""), into=into, user=request.user)
    except _REFUSED as refused:
        return _answer(request, wanted, str(refused))
    return _answer(request, _found(import_id))


@require_POST
@operator_required
def stop(request: PageRequest, import_id: int) -> HttpResponse:
    """Gives up its preview, or the import that goes on."""
    wanted = _found(import_id)
    give_up(wanted)
    wanted.refresh_from_db()
    return _answer(request, wanted)


def _wanted(request: PageRequest, record: str) -> Wanted:
    said = request.POST if request.method == "POST" else request.GET
    active = list(connections())
    chosen = next((each for each in active if str(each.pk) == said.get("connection", "")), None)
    if chosen is None and not said.get("connection"):
        chosen = active[0] if active else None
    sobject = said.get("object", "")
    kind = said.get("kind", "")
    return Wanted(
        chosen,
        sobject if sobject in OBJECTS_OF[record] else OBJECTS_OF[record][0],
        kind if kind in CrmImport.Kind.values else str(CrmImport.Kind.LIST_VIEW),
        said.get("source", ""),
        said.get("soql", ""),
    )


def _ask(request: PageRequest, wanted: Wanted) -> CrmImport:
    if wanted.connection is None:
        raise NotImported("No such Salesforce org is connected. Connect one under Settings, Integrations.")
    if wanted.kind == CrmImport.Kind.SOQL:
        return ask(wanted.connection, wanted.sobject, wanted.kind, wanted.soql, user=request.user)
    # What it is called comes along with the Id: the name of a collection, which its person may change.
    source, _, name = wanted.source.partition(" ")
    return ask(wanted.connection, wanted.sobject, wanted.kind, source, name=name, user=request.user)


def _found(import_id: int) -> CrmImport:
    return get_object_or_404(CrmImport.objects.select_related("connection", "collection"), pk=import_id)


def _answer(request: PageRequest, wanted: CrmImport, problem: str = "") -> HttpResponse:
    if request.htmx:
        return _shown(request, wanted, "importing/inner.html", problem)
    if problem:
        messages.error(request, problem)
    return HttpResponseRedirect(reverse("crm-import", args=[wanted.pk]))


def _shown(request: PageRequest, wanted: CrmImport, template: str, problem: str = "") -> HttpResponse:
    spec = OBJECTS[wanted.sobject]
    grid = SPECS[spec.local]
    context: dict[str, Any] = {
        "wanted": wanted, "object": spec, "spec": grid, "problem": problem, "list_url": reverse(grid.page),
    }  # fmt: skip
    if wanted.state == CrmImport.State.STARTED:
        run = wanted.runs.order_by("-pk").first()
        context |= {"run": run, "progress": runs.progress(run) if run and not run.is_over else None}
    elif wanted.found is not None:
        labels = {each.name: each.label for each in fields(spec.local)}
        taking = Collection.objects.filter(record=spec.local).exclude(kind=Collection.Kind.DYNAMIC)
        context |= {
            "found": wanted.found,
            "actions": actions(_MADE_OF, wanted.found["counts"], wanted.found["samples"], labels),
            "targets": taking.order_by("name", "id")[:MOST_COLLECTIONS],
            "name": request.POST.get("name", wanted.name),
        }
    return render(request, template, context)
