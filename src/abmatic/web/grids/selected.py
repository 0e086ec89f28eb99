"""What is done with the records that are chosen in a grid: into a collection, out of it, into a file."""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib import messages
from django.http import Http404, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_POST

from abmatic.audiences import collections
from abmatic.audiences.collections import CollectionRefused
from abmatic.audiences.export import export
from abmatic.audiences.models import Collection
from abmatic.audiences.selection import MOST_IDS, Selection
from abmatic.identity.models import Role
from abmatic.web.counting import TookTooLong, time_allowed
from abmatic.web.csv_files import csv_file
from abmatic.web.grids.columns import SPECS
from abmatic.web.grids.filters import LONGEST_FILTER
from abmatic.web.grids.grid import Grid
from abmatic.web.http import PageRequest
from abmatic.web.roles import RoleRequired

# A million records are put into a collection in some seconds.
CHANGE_MS = 60_000


class SelectionRefused(ValueError):
    """Why nothing is done with the selection, and what helps."""


@require_POST
def selected(request: PageRequest, record: str) -> HttpResponseBase:
    """Does with the selection what the pressed button says."""
    list_url = back(request, record)
    act = request.POST.get("do", "")
    if act in {"add", "remove"} and not request.user.is_operator:
        raise RoleRequired(Role.OPERATOR, request.user)
    try:
        chosen = selection(request, record)
        if act == "export":
            return csv_file(f"{SPECS[record].page}.csv", *_file(chosen))
        if act not in {"add", "remove"}:
            raise SelectionRefused("Say what is to be done with the records.")
        with time_allowed(CHANGE_MS):
            said = _add(request, record, chosen) if act == "add" else _remove(request, record, chosen)
        messages.success(request, said)
    except (SelectionRefused, CollectionRefused) as refused:
        messages.error(request, str(refused))
    except TookTooLong:
        messages.error(request, "That took too long, and nothing was changed. Narrow the list, and do it in parts.")
    return HttpResponseRedirect(list_url)


def selection(request: PageRequest, record: str) -> Selection:
    """The selection that a grid's form sends. Raises `SelectionRefused`."""
    within = request.POST.get("within", "")
    scope = {"collection": int(within)} if within.isascii() and within.isdigit() and len(within) < 19 else {}
    asked = QueryDict(request.POST.get("asked", "")[: 4 * LONGEST_FILTER])
    grid = Grid(SPECS[record], asked, reverse(SPECS[record].page), scope=scope)
    if grid.filter.problem:
        raise SelectionRefused(grid.filter.problem)
    if request.POST.get("all") == "1":
        return Selection(record, grid.condition, excluded=_numbers(request.POST.get("except", "")))
    ids = _numbers(",".join([request.POST.get("ids", ""), *request.POST.getlist("id")]))
    if not ids:
        raise SelectionRefused("Nothing was selected.")
    return Selection(record, scope, ids=ids)


def _numbers(text: str) -> tuple[int, ...]:
    found = {int(part) for part in text.split(",") if part.isascii() and part.isdigit() and len(part) < 19}
    if len(found) > MOST_IDS:
        raise SelectionRefused(f"More than {MOST_IDS:,} records were selected one by one. Select all, or filter first.")
    return tuple(sorted(found))


def _add(request: PageRequest, record: str, chosen: Selection) -> str:
    name, wanted = request.POST.get("name", "").strip(), request.POST.get("collection", "")
    if name:
        target = collections.create(record, name)
    elif wanted.isascii() and wanted.isdigit() and len(wanted) < 19:
        target = get_object_or_404(Collection, pk=int(wanted), record=record)
    else:
        raise SelectionRefused("Choose a collection, or give a new one a name.")
    many = collections.add(target, chosen)
    return f"{many:,} {_noun(record, many)} added to “{target}”, which holds {target.size:,} now."


def _remove(request: PageRequest, record: str, chosen: Selection) -> str:
    within = request.POST.get("within", "")
    if not (within.isascii() and within.isdigit() and len(within) < 19):
        raise Http404("Only from a collection can records be removed.")
    target = get_object_or_404(Collection, pk=int(within), record=record)
    many = collections.remove(target, chosen)
    return f"{many:,} {_noun(record, many)} removed from “{target}”."


def _noun(record: str, many: int) -> str:
    return record if many == 1 else SPECS[record].label.lower()


def _file(chosen: Selection) -> tuple[list[str], Iterator[list[str]]]:
    made = export(chosen)
    return made.head, made.rows()


def back(request: PageRequest, record: str) -> str:
    """The address of the list that the form was on."""
    within = request.POST.get("within", "")
    asked = request.POST.get("asked", "")[: 4 * LONGEST_FILTER]
    is_number = within.isascii() and within.isdigit() and len(within) < 19
    path = reverse(f"{record}-collection", args=[int(within)]) if is_number else reverse(SPECS[record].page)
    return f"{path}?{QueryDict(asked).urlencode()}" if asked else path
