"""+ Create: a form with the fields of an account, a contact, an opportunity or a campaign.

Whether another record has the key already is said while it is typed, with a link to that record; so is what Salesforce
would refuse. The door judges once more when it is saved.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from abmatic.audiences import editing
from abmatic.audiences.editing import KEYS, REFERENCES, Edit, Problem
from abmatic.audiences.fields import LocalField
from abmatic.audiences.holders import holder
from abmatic.audiences.inputs import ValueRefused, judged
from abmatic.audiences.models import Account
from abmatic.campaigns import membership
from abmatic.sync import outlook
from abmatic.sync.outlook import Hint
from abmatic.web.grids.columns import SPECS
from abmatic.web.grids.filters import clean
from abmatic.web.http import PageRequest
from abmatic.web.once import number, once
from abmatic.web.records import typed
from abmatic.web.records.editor import KEYBOARDS, Other, by, other_of
from abmatic.web.roles import operator_required
from abmatic.web.search import accounts_like
from abmatic.web.values import exact_moment


@dataclass(frozen=True, slots=True)
class Asked:
    """One field of the form."""

    field: LocalField
    text: str
    hint: Hint | None
    problems: list[Problem]
    is_key: bool
    is_first: bool

    @property
    def control(self) -> str:
        return typed.control(self.field, self.text)

    @property
    def keyboard(self) -> str:
        return KEYBOARDS.get(self.field.type, "text")


@require_http_methods(["GET", "HEAD", "POST"])
@operator_required
def create(request: PageRequest, record: str) -> HttpResponse:
    """The form; posted: what to say of one field (``check``), or the new record."""
    if request.method != "POST":
        return _form(request, record, {})
    if request.POST.get("do") == "check":
        return _check(request, record)
    values: dict[str, object] = {
        each.name: typed.read(each, request.POST[each.name])
        for each in editing.editable(record)
        if each.name in request.POST
    }
    # A checkbox that nobody ticks says nothing; without anything else there would be a record of nothing.
    values = {name: value for name, value in values.items() if value is not False}
    values |= {name: _number(request.POST.get(name, "")) for name in REFERENCES.get(record, {})}
    return once(request, lambda: _made(request, record, values))


def _made(request: PageRequest, record: str, values: dict[str, object]) -> HttpResponse:
    """Leads to the new record, or shows the form again with what is wrong in it."""
    save = membership.save if record == "campaign" else partial(editing.save, record)
    (saved,) = save([Edit(values)], by(request))
    if saved.status == "refused" or saved.id is None:
        return _form(request, record, request.POST.dict(), saved.problems)
    _say(request, record, saved.id)
    return HttpResponseRedirect(reverse(f"{record}-overview", args=[saved.id]))


@require_safe
@operator_required
def pick_account(request: PageRequest) -> HttpResponse:
    """Accounts that match what is typed, to choose one from."""
    query = clean(request.GET.get("account", ""))
    found = accounts_like(query) if query else []
    return render(request, "records/pick_account.html", {"query": query, "found": found})


def _form(
    request: PageRequest, record: str, typed_in: dict[str, str], problems: tuple[Problem, ...] = ()
) -> HttpResponse:
    of_field = defaultdict(list)
    for problem in problems:
        of_field[problem.field].append(problem)
    key = KEYS[record].field if record in KEYS else ""
    hints = outlook.hints(record)
    editable = editing.editable(record)
    # Where something is wrong, the form opens there.
    first = next((each.name for each in editable if each.name in of_field), editable[0].name)
    fields = [
        Asked(
            each,
            typed_in.get(each.name, ""),
            hints.get(each.name),
            of_field.pop(each.name, []),
            each.name == key,
            each.name == first,
        )
        for each in editable
    ]
    account = _number(typed_in.get("account_id", "") or request.GET.get("account", ""))
    context = {
        "spec": SPECS[record],
        "fields": fields,
        "once": number(),
        "problems": [problem for rest in of_field.values() for problem in rest],
        "other": other_of(record, problems),
        "has_account": "account_id" in REFERENCES.get(record, {}),
        "account": Account.objects.filter(pk=account).first() if account else None,
    }
    return render(request, "records/create.html", context, status=400 if problems else 200)


def _check(request: PageRequest, record: str) -> HttpResponse:
    """What is to be said of the field that is being typed."""
    name = request.htmx.trigger_name or ""
    target = next((each for each in editing.editable(record) if each.name == name), None)
    context: dict[str, Any] = {}
    if target is not None:
        text = request.POST.get(name, "")
        # What is no such value is said when it is saved: while it is typed it isn't whole yet.
        with contextlib.suppress(ValueRefused):
            context["warnings"] = outlook.objections(record, None, name, judged(target, typed.read(target, text)))
        if record in KEYS and KEYS[record].field == name:
            context |= _held(record, text)
    return render(request, "records/key_taken.html", context)


def _held(record: str, text: str) -> dict[str, Any]:
    key, pk = holder(record, text)
    found = editing.MODELS[record].objects.filter(pk=pk).first() if pk else None
    other = Other(str(found), reverse(f"{record}-overview", args=[found.pk])) if found else None
    return {"other": other, "key": key, "label": KEYS[record].label}


def _say(request: PageRequest, record: str, record_id: int) -> None:
    """That it is made, and what becomes of it."""
    made = SPECS[record].model._default_manager.get(pk=record_id)
    told = [f"The {record} “{made}” is made."]
    told += [
        each.text + (f" {exact_moment(each.at)}." if each.at else "") for each in outlook.creation(record, record_id)
    ]
    messages.success(request, " ".join(told))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 19 else None
