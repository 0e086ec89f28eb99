"""Collections of one kind of record: making one, changing its name and rule, deleting it."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from abmatic.audiences import collections
from abmatic.audiences.collections import CollectionRefused
from abmatic.audiences.conditions import Condition
from abmatic.audiences.models import Collection
from abmatic.web.grids.columns import SPECS
from abmatic.web.grids.filters import Builder, for_viewer, read, written
from abmatic.web.http import PageRequest
from abmatic.web.roles import operator_required


class CollectionForm(forms.Form):
    """A name, and for a new one its kind."""

    name = forms.CharField(label="Name", max_length=collections.LONGEST_NAME)


@operator_required
def new(request: PageRequest, record: str) -> HttpResponse:
    """Makes a static or a dynamic collection; the address may bring the rule that a list is filtered by."""
    text = request.POST.get("filter", "") if request.method == "POST" else request.GET.get("filter", "")
    kind = request.POST.get("kind", "dynamic" if text else "static")
    form = CollectionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            rule = _rule(record, text) if kind == "dynamic" else None
            made = collections.create(record, form.cleaned_data["name"], rule=rule)
        except CollectionRefused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, f"The collection “{made}” is made.")
            return HttpResponseRedirect(reverse(f"{record}-collection", args=[made.pk]))
    return _page(request, record, form, {"kind": kind, "rule": read(record, text).tree})


@operator_required
def edit(request: PageRequest, record: str, collection_id: int) -> HttpResponse:
    """Changes the name and, of a dynamic one, the rule."""
    found = get_object_or_404(Collection, pk=collection_id, record=record)
    form = CollectionForm(request.POST or None, initial={"name": found.name})
    text = request.POST.get("filter", "")
    rule = read(record, text).tree if request.method == "POST" else found.rule or {}
    if request.method == "POST" and form.is_valid():
        try:
            if form.cleaned_data["name"] != found.name:
                collections.rename(found, form.cleaned_data["name"])
            if found.kind == Collection.Kind.DYNAMIC:
                collections.change_rule(found, _rule(record, text))
        except CollectionRefused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, "Saved.")
            return HttpResponseRedirect(reverse(f"{record}-collection", args=[found.pk]))
    return _page(request, record, form, {"kind": found.kind, "rule": rule, "collection": found})


@operator_required
def delete(request: PageRequest, record: str, collection_id: int) -> HttpResponse:
    """Asks, and deletes it."""
    found = get_object_or_404(Collection, pk=collection_id, record=record)
    if request.method != "POST":
        return render(request, "grids/collection_delete.html", {"spec": SPECS[record], "collection": found})
    try:
        collections.delete(found)
    except CollectionRefused as refused:
        messages.error(request, str(refused))
        return HttpResponseRedirect(reverse(f"{record}-collection", args=[found.pk]))
    messages.success(request, f"The collection “{found}” is deleted.")
    return HttpResponseRedirect(reverse(f"{record}-collections"))


def _rule(record: str, text: str) -> Condition:
    found = read(record, text)
    if found.problem:
        raise CollectionRefused(found.problem)
    return found.tree


def _page(request: PageRequest, record: str, form: CollectionForm, more: dict[str, object]) -> HttpResponse:
    # As the viewer types it, and as it is read when it comes back.
    more["rule"] = written(for_viewer(record, more["rule"]))
    context = {"spec": SPECS[record], "form": form, "builder": Builder(record), **more}
    return render(request, "grids/collection_form.html", context, status=400 if form.errors else 200)
