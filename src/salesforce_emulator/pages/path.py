"""The path: an opportunity's stage, a lead's or a campaign member's status, changed by one click."""

from __future__ import annotations

from dataclasses import dataclass

from flask import abort, flash, redirect, request, url_for

from salesforce_emulator.pages import inputs
from salesforce_emulator.pages.acting import acting
from salesforce_emulator.pages.records import Record
from salesforce_emulator.pages.site import Answer, back_to, blueprint, record_of
from salesforce_emulator.runtime import emulator
from salesforce_emulator.schema import Field
from salesforce_emulator.store import OrgStore, RecordError

_FIELDS = {"Opportunity": "StageName", "Lead": "Status", "CampaignMember": "Status"}


@dataclass(frozen=True)
class Steps:
    """The values a record goes through, and which it has."""

    field: Field
    values: list[str]
    current: str


def steps(store: OrgStore, record: Record) -> Steps | None:
    """The path of a record; None where its object has none, or it is closed to changes."""
    name = _FIELDS.get(record.sobject.name)
    if name is None or record.deleted or record.converted:
        return None
    field = record.sobject[name]
    current = inputs.text_of(field, record.value(name))
    return Steps(field, inputs.options(store, record.sobject, field, record.value("CampaignId"), current), current)


@blueprint.post("/o/<name>/<record_id>/step")
def step(name: str, record_id: str) -> Answer:
    record = record_of(name, record_id)
    field_name = _FIELDS.get(record.sobject.name)
    if field_name is None:
        abort(404)
    value = request.form.get("value", "")
    try:
        with emulator().store.session(acting().id, from_csv=True) as session:
            session.update(record.sobject.name, record.id, {field_name: value})
        flash(f"{record.sobject[field_name].label}: {value}")
    except RecordError as error:
        flash(error.message, "problem")
    here = url_for("pages.view", name=record.sobject.name, record_id=record.id)
    return redirect(back_to(request.form.get("next") or here))
