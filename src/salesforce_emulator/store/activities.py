"""What tasks and events do when they are written: to themselves, and to the records they are about.

LastActivityDate of those records follows: the latest due date of a closed task or of an event that has begun.  It
moves no SystemModstamp, as no roll-up does.  A date that came with the data, with no activity behind it, stays until
a later one comes.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from salesforce_emulator.schema.activities import STATUSES
from salesforce_emulator.store.errors import RecordError

if TYPE_CHECKING:
    from salesforce_emulator.store.rows import Values
    from salesforce_emulator.store.session import Session

ACTIVITIES = frozenset({"Task", "Event"})
QUEUE_OWNED = frozenset({"Lead", "Task"})
LONGEST = 14 * 24 * 60
"""Minutes of the longest event."""
_ABOUT = ("WhoId", "WhatId", "AccountId")
_TIMES = ("IsAllDayEvent", "StartDateTime", "ActivityDateTime", "ActivityDate", "DurationInMinutes", "EndDateTime")
LOOKED_AT = {
    "Task": (*_ABOUT, "Status", "ActivityDate", "CompletedDateTime"),
    "Event": (*_ABOUT, *_TIMES),
}
"""The columns that the rules of an update or a deletion look at."""
_CLOSED = frozenset(s.name.lower() for s in STATUSES if s.marked)
_DAY = 24 * 60


def before_write(session: Session, sobject: str, current: Values | None, row: Values) -> None:
    """Check an activity and add what follows from its values. ``current`` is None for a new one."""
    whole = {**(current or {}), **row}
    if current is None or "WhoId" in row or "WhatId" in row:
        _check_about(session, whole)
        row["AccountId"] = _account_of(session, whole)
    if sobject == "Task":
        _complete(session, whole, row)
    elif current is None or any(name in row for name in _TIMES):
        _schedule(whole, row)


def check_queue(session: Session, sobject: str, row: Values) -> None:
    """A queue owns only records of the objects that it was made for."""
    owner = row.get("OwnerId")
    if sobject not in QUEUE_OWNED or not str(owner).startswith("00G"):
        return
    sql = 'SELECT 1 FROM "QueueSobject" WHERE "QueueId" = ? AND "SobjectType" = ?'
    if session.read(sql, (owner, sobject)).fetchone() is None:
        raise RecordError("INVALID_OPERATION", "Queue not associated with this SObject type", [])


# -- what an activity is about


def _check_about(session: Session, whole: Values) -> None:
    if whole.get("WhatId") and str(whole.get("WhoId")).startswith(session.schema["Lead"].prefix):
        message = "Related To ID: an activity of a lead can't be related to anything else"
        raise RecordError("FIELD_INTEGRITY_EXCEPTION", message, ["WhatId"])


def _account_of(session: Session, whole: Values) -> object:
    """The account of what the activity is related to, else that of its contact."""
    for name in ("WhatId", "WhoId"):
        record_id = whole.get(name)
        sobject = session.schema.by_id(str(record_id)) if record_id else None
        if sobject is not None and sobject.name == "Account":
            return record_id
        if sobject is not None and sobject.name in ("Opportunity", "Contact"):
            found = session.fetch(sobject.name, str(record_id), ("AccountId",))
            if found and found["AccountId"]:
                return found["AccountId"]
    return None


# -- tasks


def is_closed(status: object) -> bool:
    return str(status).lower() in _CLOSED


def _complete(session: Session, whole: Values, row: Values) -> None:
    if not is_closed(whole.get("Status")):
        row["CompletedDateTime"] = None
    elif whole.get("CompletedDateTime") is None:
        row["CompletedDateTime"] = session.now


# -- events


def _schedule(whole: Values, row: Values) -> None:
    """Make the beginning, the length and the end of an event agree.

    :raises RecordError: one of them is missing, or they contradict each other.
    """
    start = _start(whole, row)
    length = _length(start, whole, row)
    if not 0 <= length <= LONGEST:
        message = f"Duration must be between 0 and {LONGEST} minutes: Duration"
        raise RecordError("FIELD_INTEGRITY_EXCEPTION", message, ["DurationInMinutes"])
    all_day = bool(whole.get("IsAllDayEvent"))
    # The last day of an event of whole days is the day it ends on.
    end = _end(start, max(0, length - _DAY) if all_day else length)
    row.update(
        {
            "StartDateTime": _text(start),
            "ActivityDateTime": None if all_day else _text(start),
            "ActivityDate": start.date().isoformat(),
            "DurationInMinutes": length,
            "EndDateTime": _text(end),
            "EndDate": end.date().isoformat(),
        }
    )


def _end(start: datetime, minutes: int) -> datetime:
    try:
        return start + timedelta(minutes=minutes)
    except OverflowError:
        message = "The event ends after the last day there is, 9999-12-31"
        raise RecordError("FIELD_INTEGRITY_EXCEPTION", message, ["EndDateTime"]) from None


def _start(whole: Values, row: Values) -> datetime:
    all_day = bool(whole.get("IsAllDayEvent"))
    names = ("StartDateTime", "ActivityDate") if all_day else ("StartDateTime", "ActivityDateTime")
    given = {str(row[name])[:10] if all_day else str(row[name]) for name in names if row.get(name)}
    if len(given) > 1:
        message = f"{names[0]} and {names[1]} must be the same, or one of them empty"
        raise RecordError("FIELD_INTEGRITY_EXCEPTION", message, list(names))
    known = next(iter(given), None) or next((whole[name] for name in names if whole.get(name)), None)
    if known is None:
        missing = ["ActivityDate"] if all_day else ["DurationInMinutes", "ActivityDateTime"]
        raise RecordError("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(missing)}]", missing)
    return _moment(f"{str(known)[:10]}T00:00:00.000Z" if all_day else str(known))


def _length(start: datetime, whole: Values, row: Values) -> int:
    all_day = bool(whole.get("IsAllDayEvent"))
    extra = _DAY if all_day else 0
    wanted = row.get("DurationInMinutes")
    if row.get("EndDateTime"):
        until = _moment(str(row["EndDateTime"])) - start
        minutes = int(until.total_seconds()) // 60 + extra
        if wanted is not None and wanted != minutes:
            message = "DurationInMinutes must be the time between StartDateTime and EndDateTime"
            raise RecordError("FIELD_INTEGRITY_EXCEPTION", message, ["DurationInMinutes", "EndDateTime"])
        return minutes
    known = whole.get("DurationInMinutes") if wanted is None else wanted
    if known is None and all_day:
        return _DAY
    if known is None:
        missing = ["DurationInMinutes"]
        raise RecordError("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{missing[0]}]", missing)
    return int(str(known))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


# -- the last activity of what it is about


def after_write(session: Session, sobject: str, current: Values | None, row: Values | None) -> None:
    """Bring LastActivityDate of the records up to date that an activity was about, and is about now.

    :param current: the activity as it was; None: a new one.
    :param row: what was written of it; None: it is deleted.
    """
    before = _dated(session, sobject, current or {})
    after = _dated(session, sobject, {**(current or {}), **row} if row is not None else {})
    for record_id in before.keys() | after.keys():
        if before.get(record_id) == after.get(record_id):
            continue
        if record_id in before:
            _fall_back(session, record_id, before[record_id])
        if record_id in after:
            _raise_to(session, record_id, after[record_id])


def gather(session: Session, record_ids: Iterable[str]) -> None:
    """Bring LastActivityDate of records up to date that activities were moved to."""
    for record_id in record_ids:
        latest = _latest(session, record_id)
        if latest is not None:
            _raise_to(session, record_id, latest)


def _dated(session: Session, sobject: str, activity: Values) -> dict[str, str]:
    """The day that an activity counts for, by the record it is about."""
    day = activity.get("ActivityDate")
    counts = is_closed(activity.get("Status")) if sobject == "Task" else str(day) <= session.now[:10]
    if not day or not counts:
        return {}
    return {str(activity[name]): str(day) for name in _ABOUT if activity.get(name)}


def _raise_to(session: Session, record_id: str, day: str) -> None:
    sobject = session.schema.by_id(record_id)
    if sobject is not None and "LastActivityDate" in sobject.columns:
        later = """max(coalesce("LastActivityDate", ''), ?)"""
        sql = f'UPDATE "{sobject.name}" SET "LastActivityDate" = {later} WHERE "Id" = ?'
        session.run(f"activity {record_id}", sql, (day, record_id))


def _fall_back(session: Session, record_id: str, day: str) -> None:
    """An activity of this day counts no longer: if it was the last one, another is."""
    sobject = session.schema.by_id(record_id)
    if sobject is not None and "LastActivityDate" in sobject.columns:
        sql = f'UPDATE "{sobject.name}" SET "LastActivityDate" = ? WHERE "Id" = ? AND "LastActivityDate" = ?'
        session.run(f"activity {record_id}", sql, (_latest(session, record_id), record_id, day))


def _latest(session: Session, record_id: str) -> str | None:
    """The latest day of the activities that count for a record."""
    closed = ", ".join(f"'{s.name}'" for s in STATUSES if s.marked)
    counting = {"Task": f'"Status" IN ({closed})', "Event": f"\"ActivityDate\" <= '{session.now[:10]}'"}
    parts = [
        f'SELECT max("ActivityDate") AS day FROM "{sobject}" WHERE "{name}" = ? AND "IsDeleted" = 0 AND {condition}'
        for sobject, condition in counting.items()
        for name in _ABOUT
    ]
    row = session.read(f"SELECT max(day) FROM ({' UNION ALL '.join(parts)})", (record_id,) * len(parts)).fetchone()
    return None if row[0] is None else str(row[0])
