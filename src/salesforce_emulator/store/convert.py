"""Lead conversion: a lead becomes an account, a contact and, unless told otherwise, an opportunity.

What follows, as the Convert button does it: fields are carried over where the target is empty, campaign
memberships keep their LeadId and gain the ContactId (one where the contact was a member too), the contact becomes
the opportunity's primary contact role, activities move to the contact and the opportunity (to the account where there
is none), and the lead is closed for ever with the three ids on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from salesforce_emulator.store import activities, members
from salesforce_emulator.store.errors import RecordError
from salesforce_emulator.store.rows import Values
from salesforce_emulator.store.session import Session

_ADDRESS = ("Street", "City", "State", "PostalCode", "Country")
_TO_ACCOUNT = {
    "Company": "Name",
    "Phone": "Phone",
    "Fax": "Fax",
    "Website": "Website",
    "Industry": "Industry",
    "AnnualRevenue": "AnnualRevenue",
    "NumberOfEmployees": "NumberOfEmployees",
    "Rating": "Rating",
    "LeadSource": "AccountSource",
    **{part: f"Billing{part}" for part in _ADDRESS},
}
_SAME_ON_CONTACT = (
    "FirstName", "LastName", "Salutation", "Title", "Email", "Phone", "MobilePhone", "Fax", "LeadSource",
    "Description",
)  # fmt: skip
_TO_CONTACT = {
    **{name: name for name in _SAME_ON_CONTACT},
    **{part: f"Mailing{part}" for part in _ADDRESS},
}
_COMPANY_IN_NAME = 79
"""Characters of the company that begin the name of an opportunity without one of its own."""


@dataclass(frozen=True)
class ConvertOptions:
    """What a conversion leads to, and who owns it.

    ``account_id``, ``contact_id`` and ``opportunity_id`` name existing records to convert into.  ``status`` is one of
    the statuses that mean converted; None: the first of them.  ``overwrite_lead_source``: the contact takes the lead's
    LeadSource even where it has one.
    """

    account_id: str | None = None
    contact_id: str | None = None
    opportunity_id: str | None = None
    create_opportunity: bool = True
    opportunity_name: str | None = None
    status: str | None = None
    owner_id: str | None = None
    overwrite_lead_source: bool = False


@dataclass(frozen=True)
class Converted:
    """The ids of what a lead became."""

    lead_id: str
    account_id: str
    contact_id: str
    opportunity_id: str | None


def convert_lead(session: Session, lead_id: str, options: ConvertOptions) -> Converted:
    """Convert a lead. What is carried over may be in fields that the user doesn't see.

    :raises RecordError: the lead is gone or converted already, the contact belongs to another account.
    """
    with session.seeing_all():
        return _convert(session, lead_id, options)


def _convert(session: Session, lead_id: str, options: ConvertOptions) -> Converted:
    """
    1. Check the lead, the status and the owner.
    2. Make or fill the account and the contact.
    3. Give the campaign memberships the contact.
    4. Make the opportunity, or give the existing one the contact.
    5. Close the lead.
    """
    lead = session.alive(session.schema["Lead"], lead_id)
    if lead["IsConverted"]:
        raise RecordError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
    if session.guard is not None:
        session.guard.may_change(session, session.schema["Lead"], lead)
    status = _status(session, options.status)
    _check_options(session, options)
    owner = options.owner_id or str(lead["OwnerId"])
    account_id = _into(session, "Account", options.account_id, lead, _TO_ACCOUNT, {"OwnerId": owner})
    extra: Values = {"OwnerId": owner, "AccountId": account_id}
    contact_id = _into(session, "Contact", options.contact_id, lead, _TO_CONTACT, extra)
    if options.overwrite_lead_source and lead["LeadSource"] is not None:
        session.update("Contact", contact_id, {"LeadSource": lead["LeadSource"]})
    campaign_id = _join_campaigns(session, lead_id, contact_id)
    opportunity_id = options.opportunity_id
    if opportunity_id is not None:
        _join_opportunity(session, opportunity_id, account_id, contact_id, lead, campaign_id)
    elif options.create_opportunity:
        name = options.opportunity_name or f"{str(lead['Company'])[:_COMPANY_IN_NAME]}-"
        opportunity_id = _opportunity(session, name, account_id, contact_id, owner, lead, campaign_id)
    closed: Values = {
        "IsConverted": 1,
        "ConvertedDate": session.now[:10],
        "ConvertedAccountId": account_id,
        "ConvertedContactId": contact_id,
        "ConvertedOpportunityId": opportunity_id,
        "Status": status,
        "IsUnreadByOwner": 0,
    }
    session.touch("Lead", lead_id, closed)
    _move_activities(session, lead_id, contact_id, opportunity_id or account_id, account_id)
    return Converted(lead_id, account_id, contact_id, opportunity_id)


def _status(session: Session, wanted: str | None) -> str:
    """The status of the converted lead: one of those that LeadStatus.IsConverted marks."""
    rows = session.read('SELECT "MasterLabel" FROM "LeadStatus" WHERE "IsConverted" = 1 ORDER BY "SortOrder"')
    known = {str(label).lower(): str(label) for (label,) in rows}
    if wanted is None and known:
        return next(iter(known.values()))
    if wanted is None or wanted.lower() not in known:
        raise RecordError("INVALID_STATUS", f"invalid convertedStatus: {wanted}", ["Status"])
    return known[wanted.lower()]


def _check_options(session: Session, options: ConvertOptions) -> None:
    """What needs what, and whether the owner and what is converted into are there."""
    if options.account_id is None and (options.contact_id or options.opportunity_id):
        raise RecordError("MISSING_ARGUMENT", "accountId is required where contactId or opportunityId is given")
    if options.overwrite_lead_source and options.contact_id is None:
        raise RecordError("MISSING_ARGUMENT", "contactId is required where overwriteLeadSource is true")
    if options.owner_id is not None:
        owner = session.fetch("User", options.owner_id)
        if owner is None:
            raise RecordError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", ["OwnerId"])
        if not owner["IsActive"]:
            raise RecordError("INACTIVE_OWNER_OR_USER", "owner is inactive", ["OwnerId"])
    for name, record_id in (
        ("Account", options.account_id),
        ("Contact", options.contact_id),
        ("Opportunity", options.opportunity_id),
    ):
        if record_id is not None and session.is_deleted(session.schema[name], record_id) is None:
            raise RecordError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [f"{name}Id"])


def _into(
    session: Session, sobject: str, existing: str | None, lead: Values, mapping: dict[str, str], extra: Values
) -> str:
    """Create the target, or fill what is empty in an existing one."""
    carried = {to: lead[of] for of, to in mapping.items() if lead[of] is not None}
    if existing is None:
        return session.insert(sobject, {**carried, **extra})
    current = session.alive(session.schema[sobject], existing)
    if sobject == "Contact" and current["AccountId"] not in (None, extra["AccountId"]):
        message = "Contact's parent account does not match the specified account"
        raise RecordError("INVALID_CROSS_REFERENCE_KEY", message, ["ContactId"])
    filled = {name: value for name, value in {**carried, **extra}.items() if current.get(name) is None}
    if filled:
        session.update(sobject, existing, filled)
    return existing


def _join_campaigns(session: Session, lead_id: str, contact_id: str) -> str | None:
    """Give the lead's campaign memberships the contact; the latest campaign is the opportunity's source."""
    memberships = session.read(
        'SELECT "Id", "CampaignId" FROM "CampaignMember" WHERE "LeadId" = ? AND "IsDeleted" = 0'
        ' ORDER BY "CreatedDate", "Id"',
        (lead_id,),
    ).fetchall()
    for member_id, _ in memberships:
        theirs = members.already(session, member_id, "ContactId", contact_id)
        if theirs is None:
            session.touch("CampaignMember", member_id, {"ContactId": contact_id})
        else:
            members.unite(session, member_id, theirs)
    return str(memberships[-1][1]) if memberships else None


def _join_opportunity(
    session: Session,
    opportunity_id: str,
    account_id: str,
    contact_id: str,
    lead: Values,
    campaign_id: str | None,
) -> None:
    """Give an existing opportunity the contact, and what it lacks."""
    current = session.alive(session.schema["Opportunity"], opportunity_id)
    if current["AccountId"] not in (None, account_id):
        message = "Opportunity's parent account does not match the specified account"
        raise RecordError("INVALID_CROSS_REFERENCE_KEY", message, ["OpportunityId"])
    given = {"AccountId": account_id, "LeadSource": lead["LeadSource"], "CampaignId": campaign_id}
    filled = {name: value for name, value in given.items() if value is not None and current[name] is None}
    if filled:
        session.update("Opportunity", opportunity_id, filled)
    roles = session.read(
        'SELECT "ContactId", "IsPrimary" FROM "OpportunityContactRole" WHERE "OpportunityId" = ? AND "IsDeleted" = 0',
        (opportunity_id,),
    ).fetchall()
    if all(contact != contact_id for contact, _ in roles):
        primary = not any(is_primary for _, is_primary in roles)
        role = {"OpportunityId": opportunity_id, "ContactId": contact_id, "IsPrimary": primary}
        session.insert("OpportunityContactRole", role)


def _move_activities(session: Session, lead_id: str, contact_id: str, what_id: str, account_id: str) -> None:
    moved: Values = {"WhoId": contact_id, "WhatId": what_id, "AccountId": account_id}
    for sobject in sorted(activities.ACTIVITIES):
        rows = session.conn.execute(f'SELECT "Id" FROM "{sobject}" WHERE "WhoId" = ?', (lead_id,)).fetchall()
        for (activity_id,) in rows:
            session.touch(sobject, activity_id, moved)
    activities.gather(session, [contact_id, what_id, account_id])


def _opportunity(
    session: Session,
    name: str,
    account_id: str,
    contact_id: str,
    owner: str,
    lead: Values,
    campaign_id: str | None,
) -> str:
    return session.insert(
        "Opportunity",
        {
            "Name": name,
            "AccountId": account_id,
            "StageName": _first_stage(session),
            "CloseDate": quarter_end(date.fromisoformat(session.now[:10])).isoformat(),
            "LeadSource": lead["LeadSource"],
            "CampaignId": campaign_id,
            "OwnerId": owner,
            "ContactId": contact_id,
        },
    )


def _first_stage(session: Session) -> str:
    return next(name for name, stage in session.stages.items() if not stage.closed)


def quarter_end(day: date) -> date:
    """The last day of the quarter: a converted lead's opportunity closes then."""
    month = (day.month - 1) // 3 * 3 + 4
    following = date(day.year + (month > 12), 1 if month > 12 else month, 1)
    return following - timedelta(days=1)
