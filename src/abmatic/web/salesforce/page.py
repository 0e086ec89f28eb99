"""One object's tab: its settings, shown to everybody, changed by administrators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from abmatic.audiences.counted import counted
from abmatic.audiences.fields import fields
from abmatic.identity.models import Role
from abmatic.sync import automatic, budget, comparing, org_fields, settings_edit, settings_history
from abmatic.sync.engagement_fields import suggestions
from abmatic.sync.models import Connection, FieldMapping, Mode, ObjectSetting, SettingsChange
from abmatic.sync.objects import SObject, with_riders
from abmatic.sync.settings_edit import Outdated
from abmatic.sync.settings_history import Author
from abmatic.sync.settings_reading import FileRefused, settings_of
from abmatic.sync.settings_wording import LABELS
from abmatic.web.http import PageRequest
from abmatic.web.roles import RoleRequired
from abmatic.web.salesforce import filters, form
from abmatic.web.salesforce.syncing import panel
from abmatic.web.salesforce.tabs import chosen, slug_of

# Shown below the form.
_ENTRIES = 5
_SWITCH_HINTS = {
    "create_in_salesforce": "New records here become new records there",
    "update_in_salesforce": "Changes here are written to records there",
    "create_in_abmatic": "New records there become new records here",
    "update_in_abmatic": "Changes there are written to records here",
}


@dataclass(frozen=True, slots=True)
class Switch:
    """One of the four boxes."""

    name: str
    label: str
    hint: str
    is_on: bool


@dataclass(frozen=True, slots=True)
class FrequencyChoice:
    """One frequency, and what it is expected to cost."""

    value: str
    label: str
    is_chosen: bool
    calls_a_day: int | None


@dataclass(frozen=True, slots=True)
class CompareChoice:
    """How often every record is compared. ``days``: each so many; None: never."""

    value: str
    label: str
    is_chosen: bool
    days: int | None


@dataclass(slots=True)
class Shown:
    """What the form shows: as it is set, or as it was sent and refused."""

    values: Mapping[str, Any]
    mappings: Sequence[Mapping[str, Any]]
    filter: filters.FilterForm
    mark: str
    problems: Sequence[str] = ()
    since: Sequence[SettingsChange] = ()

    @property
    def is_unsaved(self) -> bool:
        return bool(self.problems or self.since)


@require_http_methods(["GET", "HEAD", "POST"])
def object_page(request: PageRequest, connection_id: int, tab: str) -> HttpResponse:
    """The tab. Saving needs an administrator; everybody else sees what is set."""
    connection, spec = chosen(connection_id, tab)
    if request.method == "POST":
        if not request.user.is_administrator:
            raise RoleRequired(Role.ADMINISTRATOR, request.user)
        return _save(request, connection, spec)
    if "seen_settings" not in request.session:
        request.session["seen_settings"] = True  # a step of the checklist on Home
    seen = settings_edit.look(connection, spec)
    condition = seen.state.values["push_filter"]
    mappings = form.stored_mappings(seen.state)
    shown = Shown(seen.state.values, mappings, filters.shown(spec.local, condition), seen.mark)
    return _render(request, connection, spec, shown)


def _save(request: PageRequest, connection: Connection, spec: SObject) -> HttpResponse:
    sent = form.read(spec, request.POST)
    mark = request.POST.get("mark", "")
    shown = Shown(sent.said, sent.said["mappings"], sent.filter, mark)
    try:
        done = settings_edit.save(connection, spec, sent.said, mark=mark, by=Author(request.user))
    except FileRefused as refused:
        shown.problems = refused.problems
        return _render(request, connection, spec, shown, status=400)
    except Outdated as outdated:
        # What was sent is shown beside what came between; saving it now is a decision.
        shown.since = outdated.entries
        shown.problems = [] if outdated.entries else [str(outdated)]
        shown.mark = settings_edit.look(connection, spec).mark
        return _render(request, connection, spec, shown, status=409)
    messages.success(request, f"Saved: {counted(len(done), 'change')}." if done else "Nothing was changed.")
    return HttpResponseRedirect(reverse("object-settings", args=[connection.pk, slug_of(spec)]))


def _render(
    request: PageRequest, connection: Connection, spec: SObject, shown: Shown, status: int = 200
) -> HttpResponse:
    setting = ObjectSetting.objects.get(connection=connection, sobject=spec.name)
    offer = org_fields.known(connection, spec)
    broken = dict(FieldMapping.objects.filter(setting=setting).exclude(broken="").values_list("sf_field", "broken"))
    values = shown.values
    to_salesforce = values["create_in_salesforce"] or values["update_in_salesforce"]
    to_abmatic = values["create_in_abmatic"] or values["update_in_abmatic"]
    next_at = automatic.next_run_at(setting, timezone.now()) if connection.status == "active" else None
    return render(
        request,
        "salesforce/object.html",
        {
            "connection": connection,
            "spec": spec,
            "tab": slug_of(spec),
            "shown": shown,
            "values": values,
            "panel": panel(request, connection, spec, setting),
            "switches": [Switch(name, LABELS[name], _SWITCH_HINTS[name], values[name]) for name in form.SWITCHES],
            "chip": settings_edit.direction(to_salesforce, to_abmatic),
            "is_idle": not (to_salesforce or to_abmatic),
            "is_first_setup": settings_edit.is_first_setup(values),
            "rows": form.rows(spec, shown.mappings, offer, broken, shown.problems),
            "offer": offer,
            "suggested": list(suggestions(spec, offer, {each["abmatic"] for each in shown.mappings})),
            "modes": Mode.choices,
            "filter_fields": fields(spec.local),
            "operators": filters.offered_operators(),
            "frequencies": _frequencies(connection, spec, str(values["frequency"])),
            "compares": _compares(setting, str(values["full_compare"])),
            "compare_calls": budget.compare_calls(connection, [each.name for each in with_riders([spec.name])]),
            "next_run_at": next_at,
            "now": timezone.now(),
            "policies": ObjectSetting.Policy.choices,
            "new_people": ObjectSetting.NewPeople.choices if "new_people" in settings_of(spec) else [],
            "history": settings_history.latest(connection, spec.name, _ENTRIES),
            "may_change": request.user.is_administrator,
        },
        status=status,
    )


def _frequencies(connection: Connection, spec: SObject, chosen_one: str) -> list[FrequencyChoice]:
    names = [each.name for each in with_riders([spec.name])]
    every = [hours for hours in ObjectSetting.Frequency.values if hours]
    costs = budget.forecasts(connection, names, every)
    return [
        *(
            FrequencyChoice(str(hours), ObjectSetting.Frequency(hours).label, str(hours) == chosen_one, costs[hours])
            for hours in every
        ),
        FrequencyChoice("manual", ObjectSetting.Frequency.MANUAL.label, chosen_one == "manual", None),
    ]


def _compares(setting: ObjectSetting, chosen_one: str) -> list[CompareChoice]:
    every = {value: comparing.interval_of(setting, value) for value in ObjectSetting.FullCompare.values}
    return [
        CompareChoice(value, str(label), value == chosen_one, found.days if (found := every[value]) else None)
        for value, label in ObjectSetting.FullCompare.choices
    ]
