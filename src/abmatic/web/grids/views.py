"""Accounts, Contacts, Opportunities and Campaigns: the tabs Collections and All, and the grid of one collection."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from abmatic.audiences.models import Collection, FileImport
from abmatic.audiences.wording import described
from abmatic.sync.models import Connection, Run
from abmatic.web.grids import saved
from abmatic.web.grids.columns import COLLECTED, SPECS, Spec
from abmatic.web.grids.filters import MOST_COLLECTIONS, in_words, written
from abmatic.web.grids.grid import Grid, grid_of
from abmatic.web.http import PageRequest

# Files that a collection's page names; the list of imports has all.
MOST_FILES = 3


@require_safe
def everything(request: PageRequest, record: str) -> HttpResponse:
    """The tab All."""
    more: dict[str, object] = {"is_of_many": True, "is_collected": record in COLLECTED}
    return grid_answer(request, grid_of(request, SPECS[record]), "grids/all.html", more)


@require_safe
def collections(request: PageRequest, record: str) -> HttpResponse:
    """The tab Collections."""
    found = Collection.objects.filter(record=record).order_by("name", "id")
    return render(
        request, "grids/collections.html", {"spec": SPECS[record], "collections": found, **_what_fills(SPECS[record])}
    )


@require_safe
def collection(request: PageRequest, record: str, collection_id: int) -> HttpResponse:
    """The grid of one collection."""
    found = get_object_or_404(Collection, pk=collection_id, record=record)
    grid = grid_of(request, SPECS[record], scope={"collection": found.pk}, scope_size=found.size)
    return grid_answer(request, grid, "grids/collection.html", {
        "collection": found, "files": _files(request, found), "is_of_many": True,
        "rule": described(record, found.rule, in_words),
    })  # fmt: skip


def _files(request: PageRequest, collection: Collection) -> list[FileImport]:
    """The newest files that were imported into a collection, for those who may see imports."""
    if not request.user.is_operator or request.htmx:
        return []
    return list(collection.files.select_related("asked_by").order_by("-pk")[:MOST_FILES])


def grid_answer(request: PageRequest, grid: Grid, template: str, more: dict[str, object]) -> HttpResponse:
    """The whole page, only further rows, or only the count: whichever part the browser asks for."""
    if "count" in request.GET:
        seen = request.GET.get("seen", "")
        at_least = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 6 else 0
        is_exact = request.GET["count"] == "exact"
        counted = grid.count(at_least, is_exact=is_exact)
        exact_url = "" if is_exact or counted.kind == "exact" else grid.url(count="exact", seen=str(at_least))
        return render(request, "grids/count.html", {"count": counted, "spec": grid.spec, "exact_url": exact_url})
    if grid.filter.is_as_typed:
        # From here on the address means the same to everybody.
        return HttpResponseRedirect(grid.url(filter=grid.filter_text))
    context = {**grid.context(), **more, "is_selectable": "is_of_many" in more and grid.spec.record in COLLECTED}
    if request.htmx and "after" in request.GET:
        return render(request, "grids/rows.html", context)
    if context["is_selectable"] and request.user.is_operator:
        taking = Collection.objects.filter(record=grid.spec.record).exclude(kind=Collection.Kind.DYNAMIC)
        context["targets"] = taking.order_by("name", "id")[:MOST_COLLECTIONS]
    if grid.path == reverse(grid.spec.page) and grid.spec.record in COLLECTED:
        context["views"] = saved.shown(request.user, grid.spec)
        rule = urlencode({"filter": written(grid.condition)})
        context["collection_url"] = f"{reverse(f'{grid.spec.record}-collection-new')}?{rule}"
    if not context["rows"] and not grid.is_narrowed:
        context |= _what_fills(grid.spec)
    elif grid.spec.record == "account" and "seen_accounts" not in request.session:
        request.session["seen_accounts"] = True  # the last step of the checklist on Home
    return render(request, template, context)


def _what_fills(spec: Spec) -> dict[str, object]:
    """What an empty page says would fill it: connecting, importing, or waiting for the import under way."""
    connection = Connection.objects.order_by("created_at").first()
    running = Run.objects.filter(state__in=[Run.State.QUEUED, Run.State.RUNNING]).order_by("-state", "id").first()
    return {"first_connection": connection, "running": running, "spec": spec}
