"""The recycle bin: what deleting takes along and what it empties, what comes back, what goes for good and when.

The bin and the delete log are one table, emulator_deletion.  A record that went along with another carries that
one's id as ``root``: it isn't in the bin by itself, and comes back only with its root.  Emptying the bin leaves the
deleted record to be seen by queryAll, as in a real org, until it is purged with all others after fifteen days.

A campaign member that is deleted by itself never gets there: a real org removes it at once, and only the log knows.
"""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from salesforce_emulator.schema import Field, Schema, SObject
from salesforce_emulator.store import persons, rules
from salesforce_emulator.store.errors import RecordError, not_found

if TYPE_CHECKING:
    from salesforce_emulator.store.rows import Values
    from salesforce_emulator.store.session import Session

KEPT = timedelta(days=15)
"""How long a deleted record stays."""

_NO_BIN = frozenset({"CampaignMember"})
"""The objects whose records are gone for good once they are deleted, unless they only went along with another."""

_Reference = tuple[SObject, Field]
"""A child object and the field by which it refers."""


def delete(session: Session, sobject_name: str, record_id: str, *, hard: bool = False) -> None:
    """Put a record and those that hang on it into the recycle bin, or remove them for good.

    :raises RecordError: it isn't there, or its object can't be deleted.
    """
    sobject = session.schema[sobject_name]
    if not sobject.deletable:
        message = f"entity type {sobject.name} does not support delete"
        raise RecordError("INVALID_TYPE_FOR_OPERATION", message)
    current = dict(session.alive(sobject, record_id, session.looked_at(sobject)))
    if session.guard is not None:
        session.guard.may_delete(session, sobject, current)
    persons.check_deletion(sobject, current)
    session.lock(record_id)
    going = {**_hanging_on(session, sobject, record_id), record_id: sobject}
    for one_id, one in going.items():
        _empty_lookups(session, one, one_id, record_id, set(going), hard=hard)
    for one_id, one in going.items():
        remove(session, one, one_id, record_id, hard=hard)
    rules.after_delete(session, sobject.name, current)


def remove(session: Session, sobject: SObject, record_id: str, root: str, *, hard: bool = False) -> None:
    """Mark one record as deleted, or take it out of its table, and log that."""
    hard = hard or (sobject.name in _NO_BIN and root == record_id)
    if hard or not sobject.deletes:
        session.erase(sobject.name, record_id)
    else:
        session.touch(sobject.name, record_id, {"IsDeleted": 1})
    log(session, sobject, record_id, root, in_bin=not hard)


def log(session: Session, sobject: SObject, record_id: str, root: str, *, in_bin: bool) -> None:
    """Note a deletion that has been made."""
    session.run(
        f"deletion {record_id}",
        "INSERT OR REPLACE INTO emulator_deletion (id, sobject, root, at, in_bin) VALUES (?, ?, ?, ?, ?)",
        (record_id, sobject.name, root, session.now, int(in_bin)),
    )


@lru_cache(maxsize=512)
def _children(schema: Schema, sobject: SObject, *, cascade: bool) -> tuple[_Reference, ...]:
    """By which fields others refer to this object and go with it, or stay and are emptied."""
    found = []
    for relation in sobject.describe["childRelationships"]:
        child = schema.get(relation["childSObject"])
        reference = child.get(relation["field"]) if child is not None else None
        if child is None or reference is None or not reference.stored or relation["cascadeDelete"] is not cascade:
            continue
        if cascade or reference.nillable:
            found.append((child, reference))
    return tuple(found)


def _referring(session: Session, child: SObject, reference: Field, record_id: str) -> list[str]:
    alive = ' AND "IsDeleted" = 0' if child.deletes else ""
    sql = f'SELECT "Id" FROM "{child.name}" WHERE "{reference.name}" = ?{alive}'
    return [str(row[0]) for row in session.read(sql, (record_id,)).fetchall()]


def _hanging_on(session: Session, sobject: SObject, record_id: str) -> dict[str, SObject]:
    """The records that go with this one, by id, those deepest down first."""
    found: dict[str, SObject] = {}
    for child, reference in _children(session.schema, sobject, cascade=True):
        for child_id in _referring(session, child, reference, record_id):
            if child_id not in found:
                found.update({**_hanging_on(session, child, child_id), child_id: child})
    return found


def _empty_lookups(
    session: Session, sobject: SObject, record_id: str, root: str, going: set[str], *, hard: bool
) -> None:
    """Empty what refers to a record that goes and doesn't go with it. No person did that: LastModifiedDate stays."""
    for child, reference in _children(session.schema, sobject, cascade=False):
        for child_id in _referring(session, child, reference, record_id):
            if child_id in going:
                continue
            session.adjust(child.name, child_id, {reference.name: None})
            if not hard:
                session.run(
                    f"emptied {child_id} {reference.name} {record_id}",
                    "INSERT OR REPLACE INTO emulator_emptied (root, sobject, id, field, value) VALUES (?, ?, ?, ?, ?)",
                    (root, child.name, child_id, reference.name, record_id),
                )


# -- out of the bin


def undelete(session: Session, sobject_name: str, record_id: str) -> None:
    """Take a record, and what was deleted with it, out of the recycle bin.

    The loser of a merge comes back too, without the children that its winner has now.

    :raises RecordError: it isn't in the bin by itself.
    """
    sobject = session.schema[sobject_name]
    if not sobject.describe["undeletable"]:
        message = f"entity type {sobject.name} does not support undelete"
        raise RecordError("INVALID_TYPE_FOR_OPERATION", message)
    current = session.fetch(sobject.name, record_id)
    if current is None:
        raise not_found()
    if not current.get("IsDeleted") or not _in_bin(session, record_id):
        raise RecordError("UNDELETE_FAILED", "Entity is not in the recycle bin")
    back = session.read("SELECT sobject, id FROM emulator_deletion WHERE root = ?", (record_id,)).fetchall()
    for name, one_id in back or [(sobject.name, record_id)]:
        _bring_back(session, session.schema[name], str(one_id))
    for name, one_id in back or [(sobject.name, record_id)]:
        _mend_references(session, session.schema[name], str(one_id))
    _fill_lookups(session, record_id)
    session.run(f"undeleted {record_id}", "DELETE FROM emulator_deletion WHERE root = ?", (record_id,))
    rules.after_undelete(session, sobject.name, current)


def _in_bin(session: Session, record_id: str) -> bool:
    """Whether a deleted record is in the bin by itself. One that was loaded as deleted has no entry, and is."""
    row = session.read("SELECT root, in_bin FROM emulator_deletion WHERE id = ?", (record_id,)).fetchone()
    return row is None or (row[0] == record_id and bool(row[1]))


def _bring_back(session: Session, sobject: SObject, record_id: str) -> None:
    row: Values = {"IsDeleted": 0}
    if "MasterRecordId" in sobject.columns:
        row["MasterRecordId"] = None
    session.touch(sobject.name, record_id, row)


def _mend_references(session: Session, sobject: SObject, record_id: str) -> None:
    """What a record in the bin referred to may have gone meanwhile, or have been merged into another."""
    current = session.fetch(sobject.name, record_id) or {}
    mended: Values = {}
    for reference in sobject.stored:
        value = current.get(reference.name)
        target = session.schema.by_id(str(value)) if reference.type == "reference" and value is not None else None
        if target is None or not target.deletes or not reference.nillable:
            continue
        found = session.fetch(target.name, str(value))
        if found is None or found["IsDeleted"]:
            mended[reference.name] = found.get("MasterRecordId") if found else None
    if mended:
        session.adjust(sobject.name, record_id, mended)


def _fill_lookups(session: Session, root: str) -> None:
    """Restore what the deletion emptied, unless it has another value since, or its record has gone too."""
    emptied = session.read("SELECT sobject, id, field, value FROM emulator_emptied WHERE root = ?", (root,)).fetchall()
    for name, child_id, field, value in emptied:
        current = session.fetch(name, child_id)
        if current is not None and not current.get("IsDeleted") and current[field] is None:
            session.adjust(name, child_id, {field: value})
    session.run(f"filled {root}", "DELETE FROM emulator_emptied WHERE root = ?", (root,))


def empty_bin(session: Session, record_id: str) -> None:
    """Make a record, and what was deleted with it, impossible to undelete.

    :raises RecordError: INVALID_ID_FIELD where it isn't in the bin by itself.
    """
    sobject = session.schema.by_id(record_id)
    if sobject is None or not session.is_deleted(sobject, record_id) or not _in_bin(session, record_id):
        raise RecordError("INVALID_ID_FIELD", "invalid record id; no recycle bin entry found", ["Id"])
    log(session, sobject, record_id, record_id, in_bin=False)
    sql = "UPDATE emulator_deletion SET in_bin = 0 WHERE root = ?"
    session.run(f"bin emptied {record_id}", sql, (record_id,))


# -- for good


def purge(conn: sqlite3.Connection, schema: Schema, moment: str) -> None:
    """Remove what was deleted by this moment, and forget that it was."""
    rows = conn.execute(
        "SELECT sobject, json_group_array(id) FROM emulator_deletion WHERE at <= ? GROUP BY 1", (moment,)
    )
    for name, listed in rows.fetchall():
        sobject = schema.get(name)
        if sobject is not None and sobject.deletes:
            sql = f'DELETE FROM "{sobject.name}" WHERE "IsDeleted" = 1 AND "Id" IN (SELECT value FROM json_each(?))'
            conn.execute(sql, (listed,))
        conn.execute("DELETE FROM emulator_emptied WHERE root IN (SELECT value FROM json_each(?))", (listed,))
    conn.execute("DELETE FROM emulator_deletion WHERE at <= ?", (moment,))


def oldest(conn: sqlite3.Connection) -> str | None:
    """The stamp of the first deletion in the log."""
    row = conn.execute("SELECT min(at) FROM emulator_deletion").fetchone()
    return None if row[0] is None else str(row[0])


# -- what was deleted when


def deleted_between(
    conn: sqlite3.Connection, sobject: SObject, start: str, end: str, most: int, owner: str | None = None
) -> list[tuple[str, str]]:
    """Ids and stamps of what was deleted from ``start`` to before ``end``, in order, ``most`` + 1 at most.

    From the log, in which what was removed for good is too, and from the records that were loaded as deleted.

    :param owner: only his, of which those that were removed for good are known no more.
    """
    mine, owners = _of_owner(owner)
    there = f'SELECT "Id" FROM "{sobject.name}" WHERE 1 = 1{mine}'
    logged = f" AND id IN ({there})" if owner else ""
    found = dict(
        conn.execute(
            f"SELECT id, at FROM emulator_deletion WHERE sobject = ? AND at >= ? AND at < ?{logged} LIMIT ?",
            (sobject.name, start, end, *owners, most + 1),
        ).fetchall()
    )
    if sobject.deletes and "SystemModstamp" in sobject.columns:
        rows = conn.execute(
            f'SELECT "Id", "SystemModstamp" FROM "{sobject.name}" WHERE "IsDeleted" = 1 AND "SystemModstamp" >= ?'
            f' AND "SystemModstamp" < ?{mine} AND "Id" NOT IN (SELECT id FROM emulator_deletion) LIMIT ?',
            (start, end, *owners, most + 1),
        )
        found.update(rows.fetchall())
    return sorted(found.items(), key=lambda one: (one[1], one[0]))


def updated_between(
    conn: sqlite3.Connection, sobject: SObject, start: str, end: str, most: int, owner: str | None = None
) -> list[str]:
    """Ids of what was created or changed from ``start`` to before ``end`` and is there, ``most`` + 1 at most.

    :param owner: only his.
    """
    alive = ' AND "IsDeleted" = 0' if sobject.deletes else ""
    moved = "SystemModstamp" if "SystemModstamp" in sobject.columns else "CreatedDate"
    mine, owners = _of_owner(owner)
    rows = conn.execute(
        f'SELECT "Id" FROM "{sobject.name}" WHERE "{moved}" >= ? AND "{moved}" < ?{alive}{mine}'
        f' ORDER BY "{moved}", "Id" LIMIT ?',
        (start, end, *owners, most + 1),
    )
    return [str(row[0]) for row in rows]


def _of_owner(owner: str | None) -> tuple[str, list[str]]:
    return (' AND "OwnerId" = ?', [owner]) if owner else ("", [])
