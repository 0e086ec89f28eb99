"""Lead conversion: a lead becomes an account, a contact and, unless told otherwise, an opportunity.

What follows, as the Convert button does it: fields are carried over where the target is empty, campaign
memberships keep their LeadId and gain the ContactId, the contact becomes the opportunity's primary contact
role, and the lead is closed for ever with the three ids on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from salesforce_emulator.store.errors import RecordError
from salesforce_emulator.store.session import Session, Values

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
_FIRST_STAGE = "Prospecting"


@dataclass(frozen=True)
class ConvertOptions:
    """``account_id`` and ``contact_id`` name existing records to convert into."""

    account_id: str | None = None
    contact_id: str | None = None
    create_opportunity: bool = True
    opportunity_name: str | None = None
    status: str = "Closed - Converted"
    owner_id: str | None = None


@dataclass(frozen=True)
class Converted:
    """The ids of what a lead became."""

    lead_id: str
    account_id: str
    contact_id: str
    opportunity_id: str | None


def convert_lead(session: Session, lead_id: str, options: ConvertOptions) -> Converted:
    """Convert a lead.

    :raises RecordError: the lead is gone or converted already, the contact belongs to another account.
    """
    lead = session.alive(session.schema["Lead"], lead_id)
    if lead["IsConverted"]:
        raise RecordError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
    owner = options.owner_id or str(lead["OwnerId"])
    account_id = _into(session, "Account", options.account_id, lead, _TO_ACCOUNT, {"OwnerId": owner})
    extra: Values = {"OwnerId": owner, "AccountId": account_id}
    contact_id = _into(session, "Contact", options.contact_id, lead, _TO_CONTACT, extra)
    campaign_id = _join_campaigns(session, lead_id, contact_id)
    opportunity_id = None
    if options.create_opportunity:
        name = options.opportunity_name or f"{lead['Company']}-"
        opportunity_id = _opportunity(session, name, account_id, contact_id, owner, lead, campaign_id)
    closed: Values = {
        "IsConverted": 1,
        "ConvertedDate": session.now[:10],
        "ConvertedAccountId": account_id,
        "ConvertedContactId": contact_id,
        "ConvertedOpportunityId": opportunity_id,
        "Status": options.status,
        "IsUnreadByOwner": 0,
    }
    session.touch("Lead", lead_id, closed)
    return Converted(lead_id, account_id, contact_id, opportunity_id)


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
    session.update(sobject, existing, filled)
    return existing


def _join_campaigns(session: Session, lead_id: str, contact_id: str) -> str | None:
    """Give the lead's campaign memberships the contact; the latest campaign is the opportunity's source."""
    members = session.conn.execute(
        'SELECT "Id", "CampaignId" FROM "CampaignMember" WHERE "LeadId" = ? AND "IsDeleted" = 0'
        ' ORDER BY "CreatedDate", "Id"',
        (lead_id,),
    ).fetchall()
    for member_id, campaign_id in members:
        already = session.conn.execute(
            'SELECT 1 FROM "CampaignMember" WHERE "ContactId" = ? AND "CampaignId" = ? AND "IsDeleted" = 0',
            (contact_id, campaign_id),
        ).fetchone()
        if already is None:
            session.touch("CampaignMember", member_id, {"ContactId": contact_id})
    return str(members[-1][1]) if members else None


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
            "StageName": _FIRST_STAGE,
            "CloseDate": quarter_end(date.fromisoformat(session.now[:10])).isoformat(),
            "LeadSource": lead["LeadSource"],
            "CampaignId": campaign_id,
            "OwnerId": owner,
            "ContactId": contact_id,
        },
    )


def quarter_end(day: date) -> date:
    """The last day of the quarter: a converted lead's opportunity closes then."""
    month = (day.month - 1) // 3 * 3 + 4
    following = date(day.year + (month > 12), 1 if month > 12 else month, 1)
    return following - timedelta(days=1)
