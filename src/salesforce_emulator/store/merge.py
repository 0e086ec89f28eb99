"""Merging accounts, contacts or leads.

The losers go to the recycle bin with MasterRecordId naming the winner; whatever referred to them refers to
the winner from then on, except that nobody is a member of one campaign twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from salesforce_emulator.schema import Field, SObject
from salesforce_emulator.store import activities, members, recycling
from salesforce_emulator.store.errors import RecordError
from salesforce_emulator.store.session import Session

MAX_LOSERS = 2


@dataclass(frozen=True)
class Merged:
    """The winner, the losers, and the records that were moved from them to it."""

    master_id: str
    merged_ids: list[str]
    updated_related_ids: list[str]


def merge(
    session: Session, sobject_name: str, master_id: str, loser_ids: Sequence[str], values: Mapping[str, object]
) -> Merged:
    """Merge up to two losers into the master, which takes ``values``.

    :raises RecordError: a record is gone, of an object that can't be merged, or a converted lead.
    """
    sobject = session.schema[sobject_name]
    _check(session, sobject, master_id, loser_ids)
    session.update(sobject.name, master_id, values)
    moved: dict[str, None] = {}
    for loser_id in loser_ids:
        moved.update(dict.fromkeys(_reparent(session, sobject, loser_id, master_id)))
        session.touch(sobject.name, loser_id, {"IsDeleted": 1, "MasterRecordId": master_id})
        recycling.log(session, sobject, loser_id, loser_id, in_bin=True)
    activities.gather(session, [master_id])
    still_there = [record_id for record_id in moved if record_id not in (master_id, *loser_ids)]
    return Merged(master_id, list(loser_ids), still_there)


def _check(session: Session, sobject: SObject, master_id: str, loser_ids: Sequence[str]) -> None:
    if not sobject.mergeable:
        raise RecordError("INVALID_TYPE_FOR_OPERATION", f"entity type {sobject.name} does not support merge")
    if not 1 <= len(loser_ids) <= MAX_LOSERS or len({master_id, *loser_ids}) <= len(loser_ids):
        message = f"merge takes a master and one to {MAX_LOSERS} other records"
        raise RecordError("INVALID_OPERATION", message)
    for record_id in (master_id, *loser_ids):
        current = session.alive(sobject, record_id)
        if current.get("IsConverted"):
            raise RecordError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
        if record_id != master_id and session.guard is not None:
            session.guard.may_delete(session, sobject, current)


def _references(session: Session, sobject: SObject) -> Iterator[tuple[SObject, Field]]:
    """By which fields records refer to those of an object, but for what became of them in a merge."""
    for child in session.schema:
        for reference in child.stored:
            if sobject.name in reference.reference_to and reference.name != "MasterRecordId":
                yield child, reference


def _reparent(session: Session, sobject: SObject, loser_id: str, master_id: str) -> list[str]:
    """Move what refers to a loser to the winner; the ids of what was moved."""
    moved = []
    for child, reference in _references(session, sobject):
        alive = ' AND "IsDeleted" = 0' if child.deletes else ""
        sql = f'SELECT "Id" FROM "{child.name}" WHERE "{reference.name}" = ?{alive}'
        for (child_id,) in session.read(sql, (loser_id,)).fetchall():
            if child.name == "CampaignMember" and (
                theirs := members.already(session, child_id, reference.name, master_id)
            ):
                members.unite(session, theirs, child_id)
                continue
            target = None if child_id == master_id else master_id  # the winner doesn't report to itself
            session.touch(child.name, child_id, {reference.name: target})
            moved.append(str(child_id))
    return moved
