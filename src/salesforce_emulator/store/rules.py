"""What single objects do when they are written, beyond what describe says."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from salesforce_emulator.schema import SObject
from salesforce_emulator.store import activities, history, persons, places
from salesforce_emulator.store.errors import RecordError

if TYPE_CHECKING:
    from salesforce_emulator.store.rows import Values
    from salesforce_emulator.store.session import Session

_DEFAULT_STATUSES = (("Sent", 1, 0, 3), ("Responded", 0, 1, 4))


_LOOKED_AT = {
    "Lead": ("IsConverted",),
    "Opportunity": ("StageName", "Amount", "Probability", "CloseDate", "ForecastCategory"),
    "CampaignMember": ("CampaignId", "FirstRespondedDate"),
    "CampaignMemberStatus": ("CampaignId",),
    "OpportunityContactRole": ("OpportunityId",),
    **activities.LOOKED_AT,
}


_CERTAIN = 100
"""Percent."""


@cache
def looked_at(sobject: SObject) -> tuple[str, ...]:
    """The columns of a record that the rules of an update or a deletion look at."""
    return (
        "Id",
        *(("IsDeleted",) if sobject.deletes else ()),
        *_LOOKED_AT.get(sobject.name, ()),
        *places.looked_at(sobject),
        *persons.looked_at(sobject),
    )


def before_insert(session: Session, sobject: str, row: Values) -> None:
    if sobject == "Opportunity":
        _check_probability(session, row)
        _stage(session, row)
    elif sobject == "CampaignMember":
        _new_member(session, row)
    elif sobject in activities.ACTIVITIES:
        activities.before_write(session, sobject, None, row)
    activities.check_queue(session, sobject, row)


def after_insert(session: Session, sobject: str, record_id: str, row: Values) -> None:
    if sobject == "Campaign":
        with session.by_system():
            _default_statuses(session, record_id)
    elif sobject == "CampaignMemberStatus" and row.get("IsDefault"):
        _only_one(session, sobject, "CampaignId", row["CampaignId"], "IsDefault", record_id)
    elif sobject == "OpportunityContactRole" and row.get("IsPrimary"):
        _only_one(session, sobject, "OpportunityId", row["OpportunityId"], "IsPrimary", record_id)
    elif sobject == "Opportunity" and row.get("ContactId"):
        role = {"OpportunityId": record_id, "ContactId": row["ContactId"], "IsPrimary": True}
        with session.by_system():
            session.insert("OpportunityContactRole", role)
    if sobject == "Opportunity":
        history.opportunity_created(session, record_id, row)
    elif sobject in activities.ACTIVITIES:
        activities.after_write(session, sobject, None, row)


def before_update(session: Session, sobject: str, current: Values, row: Values) -> None:
    if sobject == "Lead" and current["IsConverted"]:
        raise RecordError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
    if sobject == "Opportunity":
        _check_probability(session, row)
    if sobject == "Opportunity" and row.get("StageName") not in (None, current["StageName"]):
        _stage(session, row)
        row["LastStageChangeDate"] = session.now
    elif sobject == "Opportunity" and row.get("ForecastCategoryName"):
        row["ForecastCategory"] = _forecast_category(row["ForecastCategoryName"])
    if sobject == "CampaignMember" and "Status" in row:
        _member_status(session, str(current["CampaignId"]), row, current)
    if sobject in activities.ACTIVITIES:
        activities.before_write(session, sobject, current, row)
    activities.check_queue(session, sobject, row)


def after_update(session: Session, sobject: str, record_id: str, current: Values, row: Values) -> None:
    if sobject == "CampaignMemberStatus" and row.get("IsDefault"):
        _only_one(session, sobject, "CampaignId", current["CampaignId"], "IsDefault", record_id)
    elif sobject == "OpportunityContactRole" and row.get("IsPrimary"):
        _only_one(session, sobject, "OpportunityId", current["OpportunityId"], "IsPrimary", record_id)
    elif sobject == "Opportunity":
        history.opportunity_changed(session, record_id, current, row)
    elif sobject in activities.ACTIVITIES:
        activities.after_write(session, sobject, current, row)


def after_delete(session: Session, sobject: str, current: Values) -> None:
    if sobject in activities.ACTIVITIES:
        activities.after_write(session, sobject, current, None)


def after_undelete(session: Session, sobject: str, current: Values) -> None:
    if sobject in activities.ACTIVITIES:
        activities.after_write(session, sobject, None, current)


@dataclass(frozen=True)
class Stage:
    """What follows from an opportunity's stage."""

    probability: float = 0.0
    closed: int = 0
    won: int = 0
    category: str = "Pipeline"
    category_name: str = "Pipeline"


def read_stages(session: Session) -> dict[str, Stage]:
    """The org's stages, by name, in their order."""
    rows = session.read(
        'SELECT "MasterLabel", "DefaultProbability", "IsClosed", "IsWon", "ForecastCategory", "ForecastCategoryName"'
        ' FROM "OpportunityStage" WHERE "IsActive" = 1 ORDER BY "SortOrder"'
    )
    return {str(name): Stage(*follows) for name, *follows in rows}


def _check_probability(session: Session, row: Values) -> None:
    probability = row.get("Probability")
    if isinstance(probability, int | float) and not 0 <= probability <= _CERTAIN:
        label = session.schema["Opportunity"]["Probability"].label
        message = f"{label}: value outside of valid range on numeric field: {probability}"
        raise RecordError("NUMBER_OUTSIDE_VALID_RANGE", message, ["Probability"])


def _stage(session: Session, row: Values) -> None:
    """Set what follows from an opportunity's stage. A stage that nobody defined is an open one."""
    name = str(row.get("StageName")).lower()
    found = next((stage for known, stage in session.stages.items() if known.lower() == name), Stage())
    if row.get("Probability") is None:
        row["Probability"] = found.probability
    row.update({"IsClosed": found.closed, "IsWon": found.won})
    row["ForecastCategoryName"] = row.get("ForecastCategoryName") or found.category_name
    row["ForecastCategory"] = _forecast_category(row["ForecastCategoryName"])


def _forecast_category(name: object) -> str:
    """The category that goes by this name: they differ by more than blanks in one case."""
    return {"commit": "Forecast", "most likely": "MostLikely"}.get(str(name).lower(), str(name).replace(" ", ""))


def _only_one(session: Session, sobject: str, by: str, parent: object, flag: str, record_id: str) -> None:
    """Take a mark away from the siblings of the record that has it now."""
    rows = session.read(
        f'SELECT "Id" FROM "{sobject}" WHERE "{by}" = ? AND "{flag}" = 1 AND "Id" <> ?', (parent, record_id)
    )
    for (other,) in rows.fetchall():
        session.touch(sobject, str(other), {flag: 0})


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
