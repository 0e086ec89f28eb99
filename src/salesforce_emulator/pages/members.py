"""A campaign's members: adding a contact or a lead, seeing them all, changing their status."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for

from salesforce_emulator.pages import inputs, lists
from salesforce_emulator.pages.acting import acting
from salesforce_emulator.pages.forms import Problems
from salesforce_emulator.pages.inputs import NAME, Input
from salesforce_emulator.pages.lists import Asked
from salesforce_emulator.pages.records import Record
from salesforce_emulator.pages.site import Answer, blueprint, record_of, sobject_named
from salesforce_emulator.runtime import emulator
from salesforce_emulator.schema import Field
from salesforce_emulator.store import RecordError

_PEOPLE = {"Contact": "ContactId", "Lead": "LeadId"}


@blueprint.get("/o/Campaign/<record_id>/members")
def members(record_id: str) -> str:
    """The members of a campaign, each with its status to be changed."""
    campaign = record_of("Campaign", record_id)
    store = emulator().store
    sobject = sobject_named("CampaignMember")
    page = min(max(0, request.args.get("page", 0, type=int)), 1_000_000)
    found = lists.listing(store, sobject, Asked(parent=(sobject["CampaignId"], campaign.id), page=page), acting().id)
    return render_template(
        "pages/members.html",
        sobject=campaign.sobject,
        campaign=campaign,
        found=found,
        page=page,
        statuses=inputs.member_statuses(store, campaign.id),
    )


@blueprint.route("/o/Campaign/<record_id>/add-member", methods=["GET", "POST"])
def add_member(record_id: str) -> Answer:
    """Choose a contact or a lead for a campaign."""
    campaign = record_of("Campaign", record_id)
    kind = request.values.get("kind", "Contact")
    kind = kind if kind in _PEOPLE else "Contact"
    field = emulator().store.schema["CampaignMember"][_PEOPLE[kind]]
    return _joining(campaign, field, campaign, {"kind": kind, "kinds": list(_PEOPLE)})


@blueprint.route("/o/<name>/<record_id>/join", methods=["GET", "POST"])
def join(name: str, record_id: str) -> Answer:
    """Choose a campaign for a contact or a lead, who gets the campaign's default status unless one is named."""
    person = record_of(name if name in _PEOPLE else "Contact", record_id)
    field = emulator().store.schema["CampaignMember"]["CampaignId"]
    return _joining(person, field, None, {})


def _joining(of: Record, asked_for: Field, campaign: Record | None, more: dict[str, object]) -> Answer:
    """Make a member of the record and of what the form names beside it."""
    store = emulator().store
    problems, sent = Problems(), request.method == "POST"
    own = "CampaignId" if campaign else _PEOPLE[of.sobject.name]
    if sent:
        try:
            chosen = inputs.referred(store, asked_for, request.form)
            values = {own: of.id, asked_for.name: chosen, "Status": request.form.get("Status") or None}
            with store.session(acting().id, from_csv=True) as session:
                session.insert("CampaignMember", {k: v for k, v in values.items() if v})
            flash("Added to the campaign.")
            return redirect(url_for("pages.view", name=of.sobject.name, record_id=of.id))
        except inputs.NotFound as unknown:
            problems.by_field[asked_for.name].append(str(unknown))
        except RecordError as refused:
            problems.refused(refused, {asked_for.name, "Status"})
    picked = request.form.get(asked_for.name, "")
    name = request.form.get(asked_for.name + NAME, "")
    shown = Input(asked_for, "reference", picked, name, errors=tuple(problems.by_field.get(asked_for.name, ())))
    status = store.schema["CampaignMember"]["Status"]
    offered = tuple((s, s) for s in inputs.member_statuses(store, campaign.id)) if campaign else ()
    errors = tuple(problems.by_field.get("Status", ()))
    statuses = [Input(status, "select", request.form.get("Status", ""), "", offered, errors)] if campaign else []
    page = render_template(
        "pages/join.html",
        sobject=of.sobject,
        record=of,
        inputs=[shown, *statuses],
        problems=problems,
        **more,
    )
    return page, 422 if problems else 200
