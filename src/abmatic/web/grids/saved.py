"""Saved views of a grid: their list, saving one, deleting one."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.views.decorators.http import require_POST

from abmatic.audiences import saved_views
from abmatic.audiences.models import SavedView
from abmatic.identity.models import User
from abmatic.web.grids.columns import SPECS, Spec
from abmatic.web.grids.filters import LONGEST_FILTER, as_kept, written
from abmatic.web.grids.filters import read as read_filter
from abmatic.web.grids.grid import KEPT_IN_VIEWS
from abmatic.web.http import PageRequest


@dataclass(frozen=True, slots=True)
class Shown:
    """A saved view, where it leads, and whether this person may delete it."""

    saved: SavedView
    url: str
    may_delete: bool


def shown(user: User, spec: Spec) -> list[Shown]:
    """The views that a person sees."""
    return [
        Shown(view, _address(spec, view), view.user_id == user.pk or user.is_administrator)
        for view in saved_views.seen_by(user, spec.record)
    ]


@require_POST
def save(request: PageRequest, record: str) -> HttpResponse:
    """Saves what the grid shows under a name."""
    spec = SPECS[record]
    given = QueryDict(request.POST.get("asked", "")[: 2 * LONGEST_FILTER])
    asked: dict[str, object] = {name: given[name] for name in KEPT_IN_VIEWS if given.get(name)}
    asked["filter"] = read_filter(record, given.get("filter", "")).tree
    is_shared = "shared" in request.POST and request.user.is_operator
    try:
        view = saved_views.save(request.user, record, request.POST.get("name", ""), asked, is_shared=is_shared)
    except saved_views.ViewRefused as refused:
        messages.error(request, str(refused))
        return HttpResponseRedirect(reverse(spec.page))
    messages.success(request, f"The view “{view.name}” is saved{' and shared with everybody' if is_shared else ''}.")
    return HttpResponseRedirect(_address(spec, view))


@require_POST
def delete(request: PageRequest, record: str, view_id: int) -> HttpResponse:
    """Deletes a view."""
    if saved_views.delete(request.user, view_id, record):
        messages.success(request, "The view is deleted.")
    else:
        messages.error(request, "There is no such view of yours.")
    return HttpResponseRedirect(reverse(SPECS[record].page))


def _address(spec: Spec, view: SavedView) -> str:
    query = QueryDict(mutable=True)
    for name in KEPT_IN_VIEWS:
        value = view.asked.get(name)
        text = written(as_kept(spec.record, value)) if name == "filter" and isinstance(value, dict) else value
        if isinstance(text, str) and text:
            query[name] = text
    address = reverse(spec.page)
    return f"{address}?{query.urlencode()}" if query else address
