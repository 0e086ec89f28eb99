"""What single objects do when they are written, beyond what describe says."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from salesforce_emulator.schema import SObject
from salesforce_emulator.store.errors import RecordError

if TYPE_CHECKING:
    from salesforce_emulator.store.session import Session, Values

_DEFAULT_STATUSES = (("Sent", 1, 0, 3), ("Responded", 0, 1, 4))


_LOOKED_AT = {
    "Lead": ("IsConverted",),
    "Opportunity": ("StageName",),
    "CampaignMember": ("CampaignId", "FirstRespondedDate"),
    "CampaignMemberStatus": ("CampaignId",),
    "OpportunityContactRole": ("OpportunityId",),
}


@cache
def looked_at(sobject: SObject) -> tuple[str, ...]:
    """The columns of a record that the rules of an update or a deletion look at."""
    return ("Id", *(("IsDeleted",) if sobject.deletes else ()), *_LOOKED_AT.get(sobject.name, ()))


def before_insert(session: Session, sobject: str, row: Values) -> None:
    if sobject == "Opportunity":
        _stage(session, row)
    elif sobject == "CampaignMember":
        _new_member(session, row)


def after_insert(session: Session, sobject: str, record_id: str, row: Values) -> None:
    if sobject == "Campaign":
        _default_statuses(session, record_id)
    elif sobject == "CampaignMemberStatus" and row.get("IsDefault"):
        _only_one(session, sobject, "CampaignId", row["CampaignId"], "IsDefault", record_id)
    elif sobject == "OpportunityContactRole" and row.get("IsPrimary"):
        _only_one(session, sobject, "OpportunityId", row["OpportunityId"], "IsPrimary", record_id)
    elif sobject == "Opportunity" and row.get("ContactId"):
        role = {"OpportunityId": record_id, "ContactId": row["ContactId"], "IsPrimary": True}
        session.insert("OpportunityContactRole", role)


def before_update(session: Session, sobject: str, current: Values, row: Values) -> None:
    if sobject == "Lead" and current["IsConverted"]:
        raise RecordError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
    if sobject == "Opportunity" and row.get("StageName") not in (None, current["StageName"]):
        _stage(session, row)
        row["LastStageChangeDate"] = session.now
    if sobject == "CampaignMember" and "Status" in row:
        _member_status(session, str(current["CampaignId"]), row, current)


def after_update(session: Session, sobject: str, record_id: str, current: Values, row: Values) -> None:
    if sobject == "CampaignMemberStatus" and row.get("IsDefault"):
        _only_one(session, sobject, "CampaignId", current["CampaignId"], "IsDefault", record_id)
    elif sobject == "OpportunityContactRole" and row.get("IsPrimary"):
        _only_one(session, sobject, "OpportunityId", current["OpportunityId"], "IsPrimary", record_id)


def _stage(session: Session, row: Values) -> None:
    """What follows from an opportunity's stage. A stage that nobody defined is an open one."""
    found = session.read(
        'SELECT "DefaultProbability", "IsClosed", "IsWon", "ForecastCategory", "ForecastCategoryName"'
        ' FROM "OpportunityStage" WHERE "MasterLabel" = ?',
        (row.get("StageName"),),
    ).fetchone() or (0.0, 0, 0, "Pipeline", "Pipeline")
    if row.get("Probability") is None:
        row["Probability"] = found[0]
    row.update({"IsClosed": found[1], "IsWon": found[2], "ForecastCategory": found[3]})
    row.setdefault("ForecastCategoryName", found[4])


def _only_one(session: Session, sobject: str, by: str, parent: object, flag: str, record_id: str) -> None:
    session.conn.execute(
        f'UPDATE "{sobject}" SET "{flag}" = 0, "SystemModstamp" = ? WHERE "{by}" = ? AND "{flag}" = 1 AND "Id" <> ?',
        (session.now, parent, record_id),
    )


def _default_statuses(session: Session, campaign_id: str) -> None:
    for label, default, responded, order in _DEFAULT_STATUSES:
        session.insert(
            "CampaignMemberStatus",
            {
                "CampaignId": campaign_id,
                "Label": label,
                "IsDefault": bool(default),
                "HasResponded": bool(responded),
                "SortOrder": order,
            },
        )


def _new_member(session: Session, row: Values) -> None:
    people = [row.get("LeadId"), row.get("ContactId")]
    if not any(people):
        message = "Required fields are missing: [LeadId, ContactId]"
        raise RecordError("REQUIRED_FIELD_MISSING", message, ["LeadId", "ContactId"])
    if all(people):
        message = "A campaign member is either a lead or a contact: specify LeadId or ContactId, not both"
        raise RecordError("FIELD_INTEGRITY_EXCEPTION", message, ["LeadId", "ContactId"])
    campaign_id = row.get("CampaignId")
    if campaign_id is None:
        return  # said as a missing field
    by = "LeadId" if row.get("LeadId") else "ContactId"
    there = session.read(
        f'SELECT 1 FROM "CampaignMember" WHERE "{by}" = ? AND "CampaignId" = ? AND "IsDeleted" = 0',
        (row[by], campaign_id),
    ).fetchone()
    if there:
        raise RecordError("DUPLICATE_VALUE", "Already a campaign member.")
    _member_status(session, str(campaign_id), row, None)


def _member_status(session: Session, campaign_id: str, row: Values, current: Values | None) -> None:
    """Check a member's status against its campaign's; an absent one becomes the default."""
    known = session.read(
        'SELECT "Label", "IsDefault", "HasResponded" FROM "CampaignMemberStatus" WHERE "CampaignId" = ?'
        ' AND "IsDeleted" = 0 ORDER BY "SortOrder"',
        (campaign_id,),
    ).fetchall() or [(label, default, responded) for label, default, responded, _ in _DEFAULT_STATUSES]
    wanted = row.get("Status")
    if wanted is None or (current is None and wanted == "Sent" and not _has(known, "Sent")):
        row["Status"] = next((label for label, default, _ in known if default), known[0][0])
    elif not _has(known, str(wanted)):
        message = f"Status: bad value for restricted picklist field: {wanted}"
        raise RecordError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, ["Status"])
    responded = any(label.lower() == str(row["Status"]).lower() and flag for label, _, flag in known)
    if responded and not (current and current["FirstRespondedDate"]):
        row["FirstRespondedDate"] = session.now[:10]


def _has(known: list[tuple[str, int, int]], label: str) -> bool:
    return any(k.lower() == label.lower() for k, _, _ in known)
