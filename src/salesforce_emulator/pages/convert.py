"""Converting a lead: into which account and contact, with which opportunity, under which status."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for

from salesforce_emulator.pages import inputs, lists
from salesforce_emulator.pages.acting import acting, schema
from salesforce_emulator.pages.forms import Problems
from salesforce_emulator.pages.inputs import NAME, Input
from salesforce_emulator.pages.lists import Match
from salesforce_emulator.pages.records import Record
from salesforce_emulator.pages.site import Answer, blueprint, record_of
from salesforce_emulator.runtime import emulator
from salesforce_emulator.schema import Field
from salesforce_emulator.store import ConvertOptions, RecordError

_EXISTING = "existing"


@blueprint.route("/o/Lead/<record_id>/convert", methods=["GET", "POST"])
def convert(record_id: str) -> Answer:
    lead = record_of("Lead", record_id)
    problems = Problems()
    if request.method == "POST":
        options = _options(lead, problems)
        if not problems:
            try:
                done = emulator().store.convert_lead(lead.id, options, user_id=acting().id)
                flash("The lead has been converted.")
                return redirect(url_for("pages.view", name="Account", record_id=done.account_id))
            except RecordError as refused:
                problems.refused(
                    refused, {f.name for f in (_account(), _contact(), _opportunity(), lead.sobject["OwnerId"])}
                )
    page = render_template(
        "pages/convert.html",
        sobject=lead.sobject,
        lead=lead,
        account=_input(_account(), problems),
        contact=_input(_contact(), problems),
        opportunity=_input(_opportunity(), problems),
        owner=_owner(lead, problems),
        alike=_alike(lead),
        statuses=inputs.lead_statuses(emulator().store, converted=True),
        typed=request.form,
        problems=problems,
    )
    return page, 422 if problems else 200


def _account() -> Field:
    return emulator().store.schema["Contact"]["AccountId"]


def _contact() -> Field:
    return emulator().store.schema["CampaignMember"]["ContactId"]


def _opportunity() -> Field:
    return emulator().store.schema["OpportunityContactRole"]["OpportunityId"]


def _options(lead: Record, problems: Problems) -> ConvertOptions:
    """What the form asks for. A record that it names but that isn't there becomes a problem."""
    named = {}
    wanted = (
        (_account(), "account"),
        (_contact(), "contact"),
        (_opportunity(), "opportunity"),
        (lead.sobject["OwnerId"], ""),
    )
    for field, choice in wanted:
        if choice and request.form.get(choice) != _EXISTING:
            continue
        try:
            named[field.name] = inputs.referred(emulator().store, field, request.form)
        except inputs.NotFound as unknown:
            problems.by_field[field.name].append(str(unknown))
            continue
        if choice and named[field.name] is None:
            problems.by_field[field.name].append(f"Choose the {choice}.")
    return ConvertOptions(
        account_id=named.get("AccountId"),
        contact_id=named.get("ContactId"),
        owner_id=named.get("OwnerId"),
        opportunity_id=named.get("OpportunityId"),
        create_opportunity=request.form.get("opportunity") != "none",
        opportunity_name=request.form.get("opportunity_name", "").strip() or None,
        status=request.form.get("status") or None,
    )


def _input(field: Field, problems: Problems) -> Input:
    errors = tuple(problems.by_field.get(field.name, ()))
    return Input(
        field, "reference", request.form.get(field.name, ""), request.form.get(field.name + NAME, ""), errors=errors
    )


def _owner(lead: Record, problems: Problems) -> Input:
    shown = _input(lead.sobject["OwnerId"], problems)
    if request.method == "POST":
        return shown
    owner_id = str(lead.value("OwnerId"))
    return Input(shown.field, "reference", owner_id, inputs.label_of(emulator().store, owner_id))


def _alike(lead: Record) -> dict[str, list[Match]]:
    """Accounts and contacts that are called as the lead is."""
    called = {"Account": str(lead.value("Company") or ""), "Contact": str(lead.value("Name") or "")}
    seen = {name: schema().get(name) for name in called}
    return {
        name.lower(): lists.named(emulator().store, sobject, called[name], exactly=True) if sobject else []
        for name, sobject in seen.items()
    }
