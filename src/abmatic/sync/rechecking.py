"""When what a check of an org found says too little of now to be shown as it is.

A check costs about three API calls, so it isn't made for everybody who looks. But what was found while Salesforce, or a
demo's emulator, could not be reached would stand there for ever, long after syncs have succeeded again.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from abmatic.sync.models import Connection

# What was fine, or was a matter of permissions that somebody gives in Salesforce; and what failed.
OLD = timedelta(minutes=15)
OLD_IF_FAILED = timedelta(minutes=1)


def is_due(connection: Connection, now: datetime) -> bool:
    """Whether somebody who looks at the checks should be shown new ones."""
    if connection.status == Connection.Status.INACTIVE:
        return False
    if connection.checked_at is None:
        return True
    if not has_failed(connection):
        return now - connection.checked_at >= OLD
    return has_worked_since(connection) or now - connection.checked_at >= OLD_IF_FAILED


def has_failed(connection: Connection) -> bool:
    """Whether a line of the last check failed."""
    return any(line.get("state") == "failed" for line in connection.checks)


def has_worked_since(connection: Connection) -> bool:
    """Whether Salesforce has answered calls of the connection since it was last checked."""
    seen, checked = connection.api_seen_at, connection.checked_at
    return seen is not None and checked is not None and seen > checked
