"""When an object is synchronised by itself: the rule alone, without database or clock.

Time is cut into slots of the object's frequency, counted from the epoch and moved by an offset that belongs to the
connection and the object. An object is due as long as nothing of it was started in the slot under way. So a sync that
fell out (no worker, a run that took too long, the org's API calls used up) is made up for once, however many slots
went by; one that a person started counts; and many orgs with the same frequency don't all begin at the same minute.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


def offset(connection_id: int, sobject: str, hours: int) -> timedelta:
    """How far the slots of an object are moved: 0 to (not including) ``hours``, in whole seconds, always the same."""
    digest = hashlib.sha256(f"{connection_id}:{sobject}".encode()).digest()
    return timedelta(seconds=int.from_bytes(digest[:8], "big") % (hours * 3600))


def slot(now: datetime, hours: int, moved: timedelta) -> datetime:
    """When the slot under way began."""
    period = timedelta(hours=hours)
    return _EPOCH + moved + (now - _EPOCH - moved) // period * period


def next_run(now: datetime, hours: int, last_started: datetime | None, moved: timedelta) -> datetime:
    """When the next sync is to start: never after ``now`` where one is due already.

    ``hours`` is at least 1; ``last_started`` is None where there was none yet.
    """
    current = slot(now, hours, moved)
    if last_started is None or last_started < current:
        return current
    return slot(last_started, hours, moved) + timedelta(hours=hours)
