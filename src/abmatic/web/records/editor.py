"""One field of a record, edited in its row: what will become of the value is said before it is saved.

Whoever has changed the field meanwhile is not written over unseen: both values are shown, and a second look decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from abmatic.audiences import editing
from abmatic.audiences.editing import Edit, Problem
from abmatic.audiences.fields import FieldType, LocalField
from abmatic.audiences.inputs import ValueRefused, judged
from abmatic.audiences.seen import marks
from abmatic.changes.models import Cause
from abmatic.sync import outlook
from abmatic.sync.outlook import Outlook
from abmatic.web.http import PageRequest
from abmatic.web.records import typed
from abmatic.web.records.fields import FieldShown, fields_shown, history
from abmatic.web.records.page import frame, load, page
from abmatic.web.roles import operator_required

KEYBOARDS = {
    FieldType.URL: "url", FieldType.EMAIL: "email", FieldType.PHONE: "tel",
    FieldType.INTEGER: "numeric", FieldType.NUMBER: "decimal",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Other:
    """The record that has the key already."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Editor:
    """The row while it is edited. ``is_stale``: the field was changed meanwhile, to what ``shown`` has now."""

    shown: FieldShown
    text: str
    saw: str
    outlooks: list[Outlook]
    suggestions: list[str]
    problems: tuple[Problem, ...] = ()
    other: Other | None = None
    is_stale: bool = False
    warnings: list[str] = field(default_factory=list)

    @property
    def control(self) -> str:
        assert self.shown.field is not None
        return typed.control(self.shown.field, self.text or typed.written(self.shown.value))

    @property
    def keyboard(self) -> str:
        assert self.shown.field is not None
        return KEYBOARDS.get(self.shown.field.type, "text")


def by(request: PageRequest) -> Callable[[], Cause]:
    """Makes the cause of what the person changes."""
    return lambda: Cause.objects.create(kind=Cause.Kind.USER, user=request.user)


@require_http_methods(["GET", "HEAD", "POST"])
@operator_required
def edit_field(request: PageRequest, record: str, record_id: int, name: str) -> HttpResponse:
    """The row with its control, or as it was (``show``); posted: what to say of a value (``check``), or saved."""
    local = load(record, record_id)
    shown = _field_shown(record, local, name)
    if not shown.url:
        raise Http404(f"{shown.label} can't be edited.")
    if request.method == "POST":
        if request.POST.get("do") == "check":
            return _check(request, record, local, shown)
        return _save(request, record, local, shown)
    if not request.htmx:
        return HttpResponseRedirect(f"{reverse(f'{record}-overview', args=[local.pk])}?edit={name}")
    if "show" in request.GET:
        shown_back = {"record": record, "local": local, "field": shown, "is_back": True}
        return render(request, "records/field.html", shown_back)
    return render(request, "records/field_editor.html", {"editor": editor(record, local.pk, shown)})


@require_safe
def field_history(request: PageRequest, record: str, record_id: int, name: str) -> HttpResponse:
    """Every change of one field, newest first."""
    local = load(record, record_id)
    shown = _field_shown(record, local, name)
    assert shown.field is not None
    before = request.GET.get("before", "")
    upto = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
    found = history(record, local, shown.field, shown.value, upto)
    if not request.htmx:
        return page(request, record, local, "overview", "records/history.html", {"field": shown, "history": found})
    return render(request, "records/field_history.html", {"field": shown, "history": found})


def editor(record: str, record_id: int, shown: FieldShown, text: str | None = None, **more: Any) -> Editor:
    """The editor of a field; its value, or what was typed (``text``)."""
    return Editor(
        shown,
        typed.written(shown.value) if text is None else text,
        marks(record, record_id).get(shown.name, ""),
        outlook.outlook(record, record_id, shown.name),
        outlook.suggestions(record, record_id, shown.name),
        **more,
    )


def _field_shown(record: str, local: Any, name: str) -> FieldShown:
    for each in fields_shown(record, local):
        if each.name == name and each.field is not None:
            return each
    raise Http404(f"There is no field {name[:80]}.")


def _warnings(record: str, record_id: int, target: LocalField, value: object) -> list[str]:
    try:
        return outlook.objections(record, record_id, target.name, judged(target, value))
    except ValueRefused:
        return []


def _check(request: PageRequest, record: str, local: Any, shown: FieldShown) -> HttpResponse:
    """What Salesforce would say of the value that stands in the control."""
    assert shown.field is not None
    value = typed.read(shown.field, request.POST.get("value", ""))
    warnings = _warnings(record, local.pk, shown.field, value)
    return render(request, "records/field_warnings.html", {"warnings": warnings})


def _save(request: PageRequest, record: str, local: Any, shown: FieldShown) -> HttpResponse:
    assert shown.field is not None
    text = request.POST.get("value", "")
    value = typed.read(shown.field, text, typed.written(shown.value))
    edit = Edit({shown.name: value}, id=local.pk, saw={shown.name: request.POST.get("saw", "")})
    (saved,) = editing.save(record, [edit], by(request))
    local = load(record, local.pk)
    now = _field_shown(record, local, shown.name)
    if saved.status == "refused":
        return _refused(request, record, local, now, text, saved.problems)
    if not request.htmx:
        return HttpResponseRedirect(reverse(f"{record}-overview", args=[local.pk]))
    context: dict[str, Any] = {
        "record": record, "local": local, "field": now, "is_back": True, "is_saved": saved.status == "updated",
    }  # fmt: skip
    if context["is_saved"]:
        context |= {
            "outlooks": outlook.outlook(record, local.pk, now.name),
            "warnings": _warnings(record, local.pk, shown.field, value),
            **frame(record, local, "overview"),
        }
    return render(request, "records/field.html", context)


def _refused(
    request: PageRequest, record: str, local: Any, shown: FieldShown, text: str, problems: tuple[Problem, ...]
) -> HttpResponse:
    """The row again, with what was typed and why it isn't saved."""
    made = editor(
        record,
        local.pk,
        shown,
        text=text,
        problems=tuple(each for each in problems if each.code != "changed"),
        other=other_of(record, problems),
        is_stale=any(each.code == "changed" for each in problems),
    )
    if not request.htmx:
        context = {"fields": fields_shown(record, local), "editor": made}
        return page(request, record, local, "overview", "records/overview.html", context, status=400)
    return render(request, "records/field_editor.html", {"editor": made})


def other_of(record: str, problems: tuple[Problem, ...]) -> Other | None:
    """The record that has the key already, where a problem names one."""
    pk = next((each.other for each in problems if each.code == "duplicate" and each.other is not None), None)
    found = editing.MODELS[record].objects.filter(pk=pk).first() if pk is not None else None
    return Other(str(found), reverse(f"{record}-overview", args=[found.pk])) if found else None
