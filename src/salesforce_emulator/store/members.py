"""Two memberships of one campaign that become one, as when a lead and a contact turn out to be the same person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salesforce_emulator.store import recycling

if TYPE_CHECKING:
    from salesforce_emulator.store.rows import Values
    from salesforce_emulator.store.session import Session

_PERSONS = ("LeadId", "ContactId")


def already(session: Session, member_id: str, by: str, person_id: str) -> str | None:
    """The other membership of the same campaign by which a lead or contact is in it."""
    row = session.read(
        f'SELECT theirs."Id" FROM "CampaignMember" AS mine JOIN "CampaignMember" AS theirs'
        f' ON theirs."CampaignId" = mine."CampaignId" AND theirs."{by}" = ? AND theirs."IsDeleted" = 0'
        ' AND theirs."Id" <> mine."Id" WHERE mine."Id" = ?',
        (person_id, member_id),
    ).fetchone()
    return None if row is None else str(row[0])


def unite(session: Session, kept_id: str, gone_id: str) -> None:
    """Keep one membership of two: with the status that is further along, and whoever either of them named."""
    sobject = session.schema["CampaignMember"]
    kept, gone = session.alive(sobject, kept_id), session.alive(sobject, gone_id)
    row: Values = {name: gone[name] for name in _PERSONS if kept[name] is None and gone[name] is not None}
    if _progress(session, gone) > _progress(session, kept):
        row["Status"] = gone["Status"]
    responded = [str(m["FirstRespondedDate"]) for m in (kept, gone) if m["FirstRespondedDate"]]
    row["FirstRespondedDate"] = min(responded, default=None)
    recycling.remove(session, sobject, gone_id, gone_id)
    session.touch("CampaignMember", kept_id, row)


def _progress(session: Session, member: Values) -> tuple[int, int]:
    """How far a member's status is: one that counts as a response is further, then the later in the list."""
    row = session.read(
        'SELECT "HasResponded", coalesce("SortOrder", 0) FROM "CampaignMemberStatus" WHERE "CampaignId" = ?'
        ' AND "Label" = ? AND "IsDeleted" = 0',
        (member["CampaignId"], member["Status"]),
    ).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)
