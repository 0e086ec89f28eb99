"""Tasks of visits, found again in the org: what got no answer, and what may have been written before a restore.

A task is known by the last line of its description: the installation's mark, and the visit's first event. The event is
what tells: a database that was restored from before it had a mark has another one by now. The subject has a number, for
people: another installation, or this one before its database was restored, may have given the same number to another
visit. The description can't be asked for in a condition, so all tasks of visits of the time in
question are read, and compared here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from abmatic.salesforce import Client
from abmatic.salesforce.collections import MOST_RECORDS
from abmatic.sync.models import Connection, Installation, VisitTask
from abmatic.sync.pull.plan import literal
from abmatic.sync.push.unknown import CLOCKS_DIFFER
from abmatic.sync.visit_statements import ask, run

# What isn't found after this long was not carried out: longer than a request can be on its way.
SETTLED = timedelta(minutes=10)
_SUBJECT = "Website visit"
_EVENT = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_REFERENCE = re.compile(rf"^Reference: abmatic-[0-9a-f]+-({_EVENT})[ \t\r]*$", re.MULTILINE)


def subject_of(session_id: int) -> str:
    """What people read."""
    return f"{_SUBJECT} {session_id}"


def reference(installation: Installation, event: UUID) -> str:
    """The line by which a task is found again."""
    return f"Reference: abmatic-{installation.mark}-{event}"


def settle_unknown(client: Client, connection: Connection, now: datetime) -> int:
    """Looks up what was sent some minutes ago and got no answer. Answers how many turned out to be written."""
    unknown = list(
        VisitTask.objects.filter(connection=connection, state="sent", sent_at__lt=now - SETTLED).order_by("id")[
            :MOST_RECORDS
        ]
    )
    if not unknown:
        return 0
    begun = min(task.sent_at for task in unknown if task.sent_at) - CLOCKS_DIFFER
    found = _Found(client, f"CreatedDate >= {literal(begun)}")
    told: list[dict[str, Any]] = []
    for task in unknown:
        sf_id = found.task(task.session_id, task.event)
        told.append({"id": task.pk, "state": "written" if sf_id else "planned", "sf_id": sf_id})
    run("settle", {"told": json.dumps(told)})
    return sum(each["state"] == "written" for each in told)


def look_up_planned(client: Client, connection: Connection, installation: Installation, now: datetime) -> None:
    """Before they are sent, planned tasks of visits from before a restore are looked up once."""
    if installation.restored_at is None:
        return
    asked = {"connection": connection.pk, "restored": installation.restored_at, "most": 10 * MOST_RECORDS}
    # Never before the restore, whatever the clock says: they would be looked up for ever.
    at = max(now, installation.restored_at)
    while rows := ask("planned_before", asked):
        _look_up(client, rows, at)


def _look_up(client: Client, rows: Sequence[dict[str, Any]], at: datetime) -> None:
    days = sorted(row["began_at"].date() for row in rows)
    found = _Found(client, f"ActivityDate >= {days[0]} AND ActivityDate <= {days[-1]}")
    told = [{"id": row["id"], "sf_id": found.task(row["session_id"], row["event"])} for row in rows]
    run("looked_up", {"told": json.dumps(told), "at": at})


class _Found:
    """The tasks of visits in an org, as far as a condition holds."""

    def __init__(self, client: Client, condition: str) -> None:
        self._by_event: dict[UUID, str] = {}
        # Written by a release that gave them none.
        self._by_subject: dict[str, str] = {}
        # Whoever it is for by now: with its lead, a task goes over to the contact.
        soql = f"SELECT Id, Subject, Description FROM Task WHERE Subject LIKE '{_SUBJECT} %' AND {condition}"  # nosec B608
        for row in client.query_rows(soql):
            # Ours is below all that a visitor may have said.
            if said := _REFERENCE.findall(row["Description"] or ""):
                self._by_event[UUID(said[-1])] = row["Id"]
            else:
                self._by_subject[row["Subject"]] = row["Id"]

    def task(self, session_id: int, event: UUID | None) -> str | None:
        """The Id of a visit's task, where it is there."""
        if event is None:
            return self._by_subject.get(subject_of(session_id))
        return self._by_event.get(event)
