"""Merging accounts, contacts or leads.

The losers go to the recycle bin with MasterRecordId naming the winner; whatever referred to them refers to
the winner from then on, except that nobody is a member of one campaign twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from salesforce_emulator.store.errors import RecordError
from salesforce_emulator.store.session import Session

MAX_LOSERS = 2


def merge(
    session: Session, sobject_name: str, master_id: str, loser_ids: Sequence[str], values: Mapping[str, object]
) -> None:
    """Merge up to two losers into the master, which takes ``values``.

    :raises RecordError: a record is gone, of an object that can't be merged, or a converted lead.
    """
    sobject = session.schema[sobject_name]
    if not sobject.mergeable:
        raise RecordError("INVALID_TYPE_FOR_OPERATION", f"entity type {sobject.name} does not support merge")
    if not 1 <= len(loser_ids) <= MAX_LOSERS or master_id in loser_ids:
        message = f"merge takes a master and one to {MAX_LOSERS} other records"
        raise RecordError("INVALID_ARGUMENT", message)
    for record_id in (master_id, *loser_ids):
        current = session.alive(sobject, record_id)
        if current.get("IsConverted"):
            raise RecordError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
    session.update(sobject.name, master_id, values)
    for loser_id in loser_ids:
        _reparent(session, sobject.name, loser_id, master_id)
        session.touch(sobject.name, loser_id, {"IsDeleted": 1, "MasterRecordId": master_id})


def _reparent(session: Session, sobject_name: str, loser_id: str, master_id: str) -> None:
    for child in session.schema:
        for reference in child.stored:
            if sobject_name not in reference.reference_to or reference.name == "MasterRecordId":
                continue
            rows = session.conn.execute(
                f'SELECT "Id" FROM "{child.name}" WHERE "{reference.name}" = ?', (loser_id,)
            ).fetchall()
            for (child_id,) in rows:
                if child.name == "CampaignMember" and _member_already(session, child_id, reference.name, master_id):
                    session.touch(child.name, child_id, {"IsDeleted": 1})
                elif child_id == master_id:  # the winner doesn't report to itself
                    session.touch(child.name, child_id, {reference.name: None})
                else:
                    session.touch(child.name, child_id, {reference.name: master_id})


def _member_already(session: Session, member_id: str, by: str, master_id: str) -> bool:
    found = session.conn.execute(
        f'SELECT 1 FROM "CampaignMember" AS theirs JOIN "CampaignMember" AS mine ON mine."Id" = ?'
        f' WHERE theirs."{by}" = ? AND theirs."CampaignId" = mine."CampaignId" AND theirs."IsDeleted" = 0',
        (member_id, master_id),
    ).fetchone()
    return found is not None
