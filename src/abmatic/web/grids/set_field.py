"""Set a field… of the records that are chosen in a grid: field and value, what would change, and the start."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST

from abmatic.audiences.editing import MODELS
from abmatic.audiences.fields import LocalField
from abmatic.audiences.many import verbs
from abmatic.audiences.many.verbs import EditRefused
from abmatic.audiences.many.writing import Preview
from abmatic.audiences.seen import mark
from abmatic.audiences.selection import Selection
from abmatic.sync import outlook
from abmatic.web.counting import TookTooLong, time_allowed
from abmatic.web.grids.columns import SPECS
from abmatic.web.grids.selected import SelectionRefused, back, selection
from abmatic.web.http import PageRequest
from abmatic.web.once import number, once
from abmatic.web.records import typed
from abmatic.web.records.editor import KEYBOARDS
from abmatic.web.roles import operator_required
from abmatic.web.values import shown

# Counting what differs among a million records takes some seconds.
PREVIEW_MS = 30_000
_KEPT = ("within", "all", "except", "asked")


@require_POST
@operator_required
def set_field(request: PageRequest, record: str) -> HttpResponse:
    """The form; with ``do`` the control of the chosen field, the preview, or the start."""
    act, name = request.POST.get("do", ""), request.POST.get("field", "")
    if act == "field":
        return render(request, "grids/set_value.html", _control(record, name, ""))
    try:
        chosen = selection(request, record)
    except SelectionRefused as refused:
        messages.error(request, str(refused))
        return HttpResponseRedirect(back(request, record))
    if act not in {"preview", "start"}:
        return _page(request, chosen, {})
    value = _value(record, name, request.POST.get("value", ""))
    try:
        target, judged = verbs.judge(record, name, value)
        # Only what was looked at is started: whoever changes the value after that looks once more.
        if act == "start" and request.POST.get("previewed") == _mark(target, judged):
            return once(request, lambda: _start(request, chosen, name, value))
        with time_allowed(PREVIEW_MS):
            found = verbs.preview(chosen, name, value)
    except EditRefused as refused:
        return _page(request, chosen, {"problem": str(refused)}, 400)
    except TookTooLong:
        problem = "Finding out what would change took too long. Narrow the list, and do it in parts."
        return _page(request, chosen, {"problem": problem}, 400)
    return _page(request, chosen, _previewed(record, target, judged, found))


def _start(request: PageRequest, chosen: Selection, name: str, value: object) -> HttpResponse:
    edit = verbs.start(chosen, name, value, request.user)
    return HttpResponseRedirect(reverse("field-edit", args=[edit.pk]))


def _value(record: str, name: str, text: str) -> object:
    """What the form sent, for the door to judge."""
    target = next((each for each in verbs.settable(record) if each.name == name), None)
    return typed.read(target, text) if target is not None else text


def _mark(target: LocalField, value: str | None) -> str:
    """Stands for what was previewed."""
    return f"{target.name}:{mark(value)}"


def _previewed(record: str, target: LocalField, value: str | None, found: Preview) -> dict[str, Any]:
    names = MODELS[record].objects.in_bulk(list(found.samples))
    return {
        "found": found,
        "previewed": _mark(target, value),
        "once": number(),
        "field": target,
        "after": shown(typed.stored(target, value)),
        "is_cleared": value is None,
        "samples": [(names[pk], shown(before)) for pk, before in found.samples.items() if pk in names],
        "outlooks": outlook.outlook_of_many(record, target.name),
        "warnings": outlook.objections(record, None, target.name, value, every=True),
    }


def _page(request: PageRequest, chosen: Selection, more: dict[str, Any], status: int = 200) -> HttpResponse:
    record = chosen.record
    settable = verbs.settable(record)
    name = request.POST.get("field", "") or settable[0].name
    kept = [(each, request.POST.get(each, "")) for each in _KEPT]
    # Boxes that were ticked without scripts, too.
    kept.append(("ids", ",".join(map(str, chosen.ids)) if chosen.ids is not None else ""))
    context = {
        "spec": SPECS[record],
        "settable": settable,
        "kept": kept,
        "list_url": back(request, record),
        **_control(record, name, request.POST.get("value", "")),
        **more,
    }
    return render(request, "grids/set_field.html", context, status=status)


def _control(record: str, name: str, text: str) -> dict[str, Any]:
    settable = verbs.settable(record)
    target = next((each for each in settable if each.name == name), settable[0])
    return {
        "chosen": target,
        "text": text,
        "control": typed.control(target, text),
        "keyboard": KEYBOARDS.get(target.type, "text"),
        "suggestions": outlook.suggestions(record, None, target.name, every=True),
    }
