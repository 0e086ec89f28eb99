"""An edit of many records: how far it is, what became of it, and putting it back."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from abmatic.audiences.fields import field
from abmatic.audiences.many import verbs
from abmatic.audiences.many.models import FieldEdit
from abmatic.audiences.many.verbs import EditRefused
from abmatic.sync import outlook
from abmatic.web.grids.columns import SPECS
from abmatic.web.http import PageRequest
from abmatic.web.records import typed
from abmatic.web.roles import operator_required
from abmatic.web.values import shown


@require_safe
@operator_required
def edit_page(request: PageRequest, edit_id: int) -> HttpResponse:
    """The edit, in its frame."""
    return render(request, "grids/field_edit.html", _context(_load(edit_id)))


@require_safe
@operator_required
def edit_live(request: PageRequest, edit_id: int) -> HttpResponse:
    """The part that asks again while it goes on."""
    return render(request, "grids/field_edit_live.html", _context(_load(edit_id)))


@require_POST
@operator_required
def cancel(request: PageRequest, edit_id: int) -> HttpResponse:
    """Stops it where its next part ends."""
    verbs.cancel(_load(edit_id))
    return HttpResponseRedirect(reverse("field-edit", args=[edit_id]))


@require_POST
@operator_required
def put_back(request: PageRequest, edit_id: int) -> HttpResponse:
    """Gives the records their former values, where the edit's still stands."""
    try:
        made = verbs.put_back(_load(edit_id), request.user)
    except EditRefused as refused:
        messages.error(request, str(refused))
        return HttpResponseRedirect(reverse("field-edit", args=[edit_id]))
    return HttpResponseRedirect(reverse("field-edit", args=[made.pk]))


def _load(edit_id: int) -> FieldEdit:
    return get_object_or_404(FieldEdit.objects.select_related("asked_by"), pk=edit_id)


def _context(edit: FieldEdit) -> dict[str, Any]:
    try:
        target = field(edit.record, edit.field)
        label, value = target.label, shown(typed.stored(target, edit.value))
    except KeyError:
        # The field was taken away since.
        label, value = edit.field, shown(edit.value)
    return {
        "edit": edit,
        "spec": SPECS[edit.record],
        "list_url": reverse(SPECS[edit.record].page),
        "label": label,
        "value": value,
        "unchanged": edit.looked_at - edit.changed,
        "fraction": min(edit.looked_at / edit.total, 1.0) if edit.total else None,
        "put_back": edit.put_back_by.first() if edit.is_over else None,
        "outlooks": outlook.outlook_of_many(edit.record, edit.field) if edit.is_over and edit.changed else [],
    }
