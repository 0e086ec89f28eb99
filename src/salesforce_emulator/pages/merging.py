"""Merging two or three records: which one stays, and whose values it takes."""

from __future__ import annotations

from dataclasses import dataclass

from flask import abort, flash, redirect, render_template, request, url_for

from salesforce_emulator import ids
from salesforce_emulator.pages import inputs, lists, records
from salesforce_emulator.pages.acting import acting
from salesforce_emulator.pages.forms import Problems
from salesforce_emulator.pages.inputs import NAME, Input
from salesforce_emulator.pages.records import Record
from salesforce_emulator.pages.shown import Cell
from salesforce_emulator.pages.site import Answer, blueprint, sobject_named
from salesforce_emulator.runtime import emulator
from salesforce_emulator.schema import Field, SObject
from salesforce_emulator.store import RecordError

_MOST = 3


@dataclass(frozen=True)
class Choice:
    """A field whose values differ. ``first`` is the record whose value is proposed: the first that has one."""

    field: Field
    cells: list[Cell]
    first: str


@blueprint.get("/o/<name>/merge")
def merge(name: str) -> Answer:
    """Compare the records that the address names, or choose them."""
    sobject = _mergeable(name)
    problems = Problems()
    found = _chosen(sobject, problems)
    if len(found) < 2 or problems:
        if request.args.get("go") and not problems:
            problems.general.append("Choose two or three records to merge.")
        return _choosing(sobject, found, problems)
    return render_template(
        "pages/merge.html", sobject=sobject, records=found, choices=_choices(sobject, found), problems=problems
    )


@blueprint.post("/o/<name>/merge")
def do_merge(name: str) -> Answer:
    sobject = _mergeable(name)
    problems = Problems()
    found = _chosen(sobject, problems)
    by_id = {r.id: r for r in found}
    master = by_id.get(request.form.get("master", ""))
    if master is None or not 2 <= len(found) <= _MOST:
        abort(400, "Choose two or three records, and which of them stays.")
    values = {}
    for choice in _choices(sobject, found):
        source = by_id.get(request.form.get(f"field.{choice.field.name}", ""), master)
        if source is not master:
            values[choice.field.name] = source.value(choice.field.name)
    try:
        losers = [r.id for r in found if r is not master]
        emulator().store.merge(sobject.name, master.id, losers, values, user_id=acting().id)
    except RecordError as refused:
        problems.refused(refused, set())
        page = render_template(
            "pages/merge.html", sobject=sobject, records=found, choices=_choices(sobject, found), problems=problems
        )
        return page, 422
    flash(f"Merged {len(found)} records.")
    return redirect(url_for("pages.view", name=sobject.name, record_id=master.id))


def _mergeable(name: str) -> SObject:
    sobject = sobject_named(name)
    if not sobject.mergeable:
        abort(404, f"Records of {sobject.label} can't be merged.")
    return sobject


def _chosen(sobject: SObject, problems: Problems) -> list[Record]:
    """The records that are named, by id or in the form by name."""
    wanted = [ids.to18(one) for one in request.values.getlist("id") if ids.is_id(one)]
    for each in _others(sobject):
        try:
            reference = inputs.referred(emulator().store, each, request.values)
        except inputs.NotFound as unknown:
            problems.by_field[each.name].append(str(unknown))
            continue
        wanted.extend([reference] if reference else [])
    found = [records.one(emulator().store, sobject, one) for one in dict.fromkeys(wanted)]
    alive = [r for r in found if r is not None and not r.deleted]
    if len(alive) > _MOST:
        problems.general.append(f"At most {_MOST} records are merged at once.")
    return alive[:_MOST]


def _others(sobject: SObject) -> list[Field]:
    """References to more records of the object, as the form for choosing them has."""
    own = sobject["MasterRecordId"]
    return [Field({**own.describe, "name": f"other{number}", "label": f"Record {number}"}) for number in (2, 3)]


def _choosing(sobject: SObject, found: list[Record], problems: Problems) -> Answer:
    shown = [
        Input(
            each,
            "reference",
            request.args.get(each.name, ""),
            request.args.get(each.name + NAME, ""),
            errors=tuple(problems.by_field.get(each.name, ())),
        )
        for each in _others(sobject)
    ]
    known = {r.id for r in found}
    alike = [
        m for r in found[:1] for m in lists.named(emulator().store, sobject, r.title, exactly=True) if m.id not in known
    ]
    page = render_template(
        "pages/merge_choose.html", sobject=sobject, found=found, inputs=shown, alike=alike, problems=problems
    )
    return page, 422 if problems else 200


def _choices(sobject: SObject, found: list[Record]) -> list[Choice]:
    """The fields that can be written and in which the records differ."""
    choices = []
    for field in sobject.fields:
        if not field.stored or not field.updateable or field.compound:
            continue
        values = [r.value(field.name) for r in found]
        if len(set(values)) > 1:
            first = next((r.id for r in found if r.value(field.name) not in (None, "")), found[0].id)
            choices.append(Choice(field, [r.cells[field.name] for r in found], first))
    return choices
