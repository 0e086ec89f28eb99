"""What the form asks while it is edited: fields to map, a new row, how many records the filter lets through."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from abmatic.audiences import custom_fields, matching
from abmatic.audiences.conditions import ConditionRefused
from abmatic.audiences.custom_fields import FieldRefused
from abmatic.audiences.fields import COMPUTED, LocalField, fields
from abmatic.sync import org_fields
from abmatic.sync.models import Connection, FieldMapping, Mode, ObjectSetting
from abmatic.sync.objects import SObject
from abmatic.sync.org_fields import NotKnown, Offer
from abmatic.sync.settings_reading import FileRefused, mappable, read_mapping
from abmatic.web.http import PageRequest
from abmatic.web.roles import administrator_required
from abmatic.web.salesforce import filters, form
from abmatic.web.salesforce.tabs import chosen, slug_of

_MOST = 50
# One of them, and several.
_RECORDS = {
    "account": "account", "contact": "person,people", "opportunity": "opportunity,opportunities",
    "campaign": "campaign",
}  # fmt: skip


@require_safe
@administrator_required
def salesforce_fields(request: PageRequest, connection_id: int, tab: str) -> HttpResponse:
    """The org's fields that match what is typed, as options of a list. The first look may ask Salesforce."""
    connection, spec = chosen(connection_id, tab)
    context: dict[str, object] = {"side": "salesforce"}
    try:
        offer = org_fields.offered(connection, spec, again="again" in request.GET)
        found, many = offer.matching(request.GET.get("q", ""), _MOST)
        context |= {"found": found, "more": many - len(found), "taken": set(request.GET.getlist("m-salesforce"))}
    except NotKnown as error:
        context["problem"] = str(error)
    return render(request, "salesforce/options.html", context)


@require_safe
@administrator_required
def abmatic_fields(request: PageRequest, connection_id: int, tab: str) -> HttpResponse:
    """The local fields that match what is typed, and the way to a new one."""
    _, spec = chosen(connection_id, tab)
    wanted = request.GET.get("q", "").strip().casefold()
    allowed = set(mappable(spec))
    found = [
        each
        for each in fields(spec.local)
        if each.name in allowed and (wanted in each.label.casefold() or wanted in each.name)
    ]
    taken = set(request.GET.getlist("m-abmatic"))
    return render(request, "salesforce/options.html", {"side": "abmatic", "found": found, "taken": taken})


@require_POST
@administrator_required
def add_mapping(request: PageRequest, connection_id: int, tab: str) -> HttpResponse:
    """A row for the table of mappings; a custom field is made at once, the mapping is saved with the others."""
    connection, spec = chosen(connection_id, tab)
    post = request.POST
    offer = org_fields.known(connection, spec)
    try:
        said: dict[str, Any] = {
            "salesforce": _their_name(post.get("salesforce", ""), offer),
            "abmatic": post.get("abmatic", ""),
            "to_abmatic": post.get("to_abmatic", Mode.OVERWRITE.value),
            "to_salesforce": post.get("to_salesforce", Mode.NONE.value),
            "clear_with_empty": False,
        }
        if said["abmatic"] in COMPUTED and said["to_salesforce"] == Mode.NONE:
            # The dialog's usual choice is to read; this one can only be written.
            said |= {"to_abmatic": Mode.NONE.value, "to_salesforce": Mode.OVERWRITE.value}
        _require_free(said["salesforce"], post.getlist("m-salesforce"), "Salesforce")
        if post.get("new_label") is not None and said["abmatic"] == "":
            said["abmatic"] = _make(request, spec, post.get("new_label", ""), post.get("new_type", "")).name
        _require_free(said["abmatic"], post.getlist("m-abmatic"), "Abmatic")
        read_mapping(spec, said)
    except (_NotAdded, FieldRefused) as refused:
        return _refused(request, connection, spec, [str(refused)])
    except FileRefused as refused:
        return _refused(request, connection, spec, refused.problems)
    local = {each.name: each for each in fields(spec.local)}
    row = form.row(spec, said, local.get(said["abmatic"]), offer)
    answer = render(
        request, "salesforce/mapping_row.html", {"row": row, "modes": Mode.choices, "may_change": True, "is_new": True}
    )
    answer.headers["HX-Trigger-After-Swap"] = "mapping-added"
    return answer


class _NotAdded(ValueError):
    """Why a mapping isn't added."""


def _their_name(given: str, offer: Offer | None) -> str:
    if not given.strip():
        raise _NotAdded("Choose a Salesforce field from the list.")
    if offer is not None and given not in offer.fields:
        raise _NotAdded(f"The org has no field {given} that the connected user may read: choose one from the list.")
    return given


def _require_free(name: str, taken: list[str], side: str) -> None:
    if not name:
        raise _NotAdded("Choose an Abmatic field, or make a new one.")
    if name in taken:
        raise _NotAdded(f"{name} is mapped already: each {side} field can be mapped once.")


def _make(request: PageRequest, spec: SObject, label: str, kind: str) -> LocalField:
    return custom_fields.create(spec.local, label, kind, by=request.user)


def _refused(request: PageRequest, connection: Connection, spec: SObject, problems: list[str]) -> HttpResponse:
    """Said in the dialog, which stays open."""
    context = {"problems": problems, "connection": connection, "tab": slug_of(spec)}
    answer = render(request, "salesforce/mapping_refused.html", context)
    answer.headers["HX-Retarget"] = "#mapping-refused"
    answer.headers["HX-Reswap"] = "innerHTML"
    return answer


@require_POST
@administrator_required
def mapping_notes(request: PageRequest, connection_id: int, tab: str) -> HttpResponse:
    """What is to be said of the stored mappings once the org was asked for its fields."""
    connection, spec = chosen(connection_id, tab)
    context: dict[str, object] = {"connection": connection, "tab": slug_of(spec)}
    try:
        context["offer"] = offer = org_fields.offered(connection, spec, again="again" in request.POST)
        stored = FieldMapping.objects.filter(setting__connection=connection, setting__sobject=spec.name)
        said = [
            {
                "salesforce": each.sf_field,
                "abmatic": each.local_field,
                "to_abmatic": each.to_abmatic,
                "to_salesforce": each.to_salesforce,
                "clear_with_empty": each.clear_with_empty,
            }
            for each in stored
        ]
        context["rows"] = form.rows(spec, said, offer, {each.sf_field: each.broken for each in stored if each.broken})
    except NotKnown as error:
        context["problem"] = str(error)
    return render(request, "salesforce/notes.html", context)


@require_POST
def filter_count(request: PageRequest, connection_id: int, tab: str) -> HttpResponse:
    """How many records the filter lets through now, as far as that can be told in a second."""
    connection, spec = chosen(connection_id, tab)
    context: dict[str, object] = {"records": _RECORDS.get(spec.local, "record")}
    if request.user.is_administrator:
        sent, condition = filters.sent(spec.local, request.POST)
        context["is_unfinished"] = sent.is_unfinished
    else:
        # Who can't change the filter has no form to send: it is the one that is set.
        condition = ObjectSetting.objects.get(connection=connection, sobject=spec.name).push_filter
    context["is_everything"] = not condition
    try:
        if not context.get("is_unfinished"):
            context["found"] = matching.count(spec.local, condition)
    except ConditionRefused as refused:
        context["problem"] = str(refused)
    return render(request, "salesforce/filter_count.html", context)
