"""Visits as completed tasks of the people in Salesforce, where a connection's settings want that.

One visit makes one task, whatever happens. It is marked as sent, and that is committed, before it is sent. What then
stays without an answer (the process was killed, the network went) is looked up by its subject before anything is sent
again; only what isn't there after some minutes is. A visit is written once it has been over for an
hour, so that what comes late is in it, and not when it is older than a week: who turns this on gets no flood.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString

from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from abmatic.engagement import channels, people
from abmatic.postgres import locks, sessions
from abmatic.postgres.sql import block
from abmatic.salesforce import Client, RetryPolicy, errors
from abmatic.salesforce.collections import MOST_RECORDS, RowOutcome
from abmatic.sync import budget, clients
from abmatic.sync.models import Connection, VisitTask
from abmatic.sync.pull.plan import literal
from abmatic.sync.push.outcomes import PASSING
from abmatic.sync.push.unknown import CLOCKS_DIFFER

logger = logging.getLogger(__name__)

OVER = timedelta(hours=1)
OLDEST = timedelta(days=7)
# Tasks of one person's visits of one day (UTC).
MOST_A_DAY = 5
# What isn't found after this long was not carried out: longer than a request can be on its way.
SETTLED = timedelta(minutes=10)
_ONCE = RetryPolicy(attempts=1)


def write_due(now: datetime | None = None) -> int:
    """Writes what is due, to every connection that wants it. Answers how many tasks were written."""
    written = 0
    for connection in Connection.objects.filter(writes_visits=True, status=Connection.Status.ACTIVE).order_by("pk"):
        try:
            if not budget.holds_back(connection):
                with sessions.session("visits") as session, locks.shared(session, people.LOCK):
                    written += _write(connection, now or timezone.now())
        except locks.LockBusy:
            logger.info("visits are not written to %s now: a person is being erased", connection)
        except errors.SalesforceError as error:
            # Marked and counted where it matters; what was sent is settled at one of the next looks.
            logger.warning("visits are not written to %s: %s", connection, error)
    return written


def _write(connection: Connection, now: datetime) -> int:
    began = timezone.now()
    named = {
        "connection": connection.pk, "since": now - OLDEST, "over": now - OVER, "most": 10 * MOST_RECORDS,
        "most_a_day": MOST_A_DAY,
    }  # fmt: skip
    _run("plan", named)
    waiting = VisitTask.objects.filter(connection=connection, state__in=["planned", "sent"])
    if not waiting.exists():
        return 0
    written = 0
    with clients.open_client(connection, retry=_ONCE) as client:
        written += _settle_unknown(client, connection, now)
        if VisitTask.objects.filter(connection=connection, state="planned").exists():
            status = _closed_status(client)
            asked = {"connection": connection.pk, "look": now, "most": MOST_RECORDS}
            # A look may take many minutes, and each batch is looked up by when it went itself.
            while rows := _ask("send", {**asked, "now": now + (timezone.now() - began)}):
                written += _send(client, rows, status, now)
    return written


def _send(client: Client, rows: Sequence[dict[str, Any]], status: str, now: datetime) -> int:
    """Sends what is marked as sent. Answers how many were written."""
    told = [{"id": row["id"], "state": "refused", "problem": why} for row in rows if (why := _not_sent(row, now))]
    there = [row for row in rows if not _not_sent(row, now)]
    try:
        if there:
            outcomes = client.create_records("Task", [_task(row, status) for row in there])
            told += [_outcome(row, outcome, now) for row, outcome in zip(there, outcomes, strict=True)]
    except errors.SalesforceError as error:
        if not getattr(error, "outcome_unknown", False):
            # Nothing was carried out: sent again at the next looks, until it is too old.
            problem = f"{error.code}: {error.message}"[:1_000]
            told += [{"id": row["id"], "state": "planned", "problem": problem} for row in there]
        raise
    finally:
        _run("settle", {"told": json.dumps(told)})
    return sum(each["state"] == "written" for each in told)


def _not_sent(row: dict[str, Any], now: datetime) -> str:
    """Why a visit has no task after all; empty where it has."""
    if row["began_at"] is None:  # erased, or part of another by now
        return "The visit is not here any more"
    if row["who"] is None:
        return "Its person is no contact or lead of the org any more"
    return "" if row["began_at"] >= now - OLDEST else "The visit was older than a week when it could be sent"


def _outcome(row: dict[str, Any], outcome: RowOutcome, now: datetime) -> dict[str, Any]:
    if outcome.is_written:
        return {"id": row["id"], "state": "written", "sf_id": outcome.id}
    problem = "; ".join(f"{error.code}: {error.message}" for error in outcome.errors)
    # Whoever else writes to the person locks it for a moment: it is sent again at the next looks.
    is_passing = PASSING.issuperset(error.code for error in outcome.errors) and row["began_at"] > now - OLDEST
    return {"id": row["id"], "state": "planned" if is_passing else "refused", "problem": problem[:1_000]}


def _task(row: dict[str, Any], status: str) -> dict[str, Any]:
    """A visit as Salesforce takes it."""
    label = channels.LABELS.get(row["channel"], row["channel"])
    campaign = f" ({row['campaign']})" if row["campaign"] else ""
    lines = [
        f"Pages: {row['pages']}",
        f"Minutes: {round(row['seconds'] / 60, 1)}",
        f"Channel: {label}{campaign}",
        f"First page: {row['landing_path'] or '-'}",
        f"Forms: {row['forms']}",
    ]
    return {
        "Subject": subject_of(row["session_id"]), "WhoId": row["who"], "Status": status,
        "ActivityDate": row["began_at"].date().isoformat(), "Description": "\n".join(lines)[:32_000],
    }  # fmt: skip


def subject_of(session_id: int) -> str:
    """By which a task is found again."""
    return f"Website visit {session_id}"


def _settle_unknown(client: Client, connection: Connection, now: datetime) -> int:
    """Looks up what was sent some minutes ago and got no answer. Answers how many turned out to be written."""
    unknown = list(
        VisitTask.objects.filter(connection=connection, state="sent", sent_at__lt=now - SETTLED).order_by("id")[
            :MOST_RECORDS
        ]
    )
    if not unknown:
        return 0
    subjects = ", ".join(f"'{subject_of(task.session_id)}'" for task in unknown)
    begun = literal(min(task.sent_at for task in unknown if task.sent_at) - CLOCKS_DIFFER)
    # Whoever it is for by now: with its lead, a task goes over to the contact.
    soql = f"SELECT Id, Subject FROM Task WHERE Subject IN ({subjects}) AND CreatedDate >= {begun}"  # nosec B608
    found = {row["Subject"]: row["Id"] for row in client.query_rows(soql)}
    told = []
    for task in unknown:
        sf_id = found.get(subject_of(task.session_id))
        told.append({"id": task.pk, "state": "written" if sf_id else "planned", "sf_id": sf_id})
    _run("settle", {"told": json.dumps(told)})
    return sum(each["state"] == "written" for each in told)


def _closed_status(client: Client) -> str:
    """What the org calls a completed task."""
    soql = "SELECT MasterLabel FROM TaskStatus WHERE IsClosed = true ORDER BY SortOrder LIMIT 1"
    row = next(client.query_rows(soql), None)
    return str(row["MasterLabel"]) if row else "Completed"


def _run(name: LiteralString, parameters: dict[str, Any]) -> None:
    with transaction.atomic(), database.cursor() as cursor:
        cursor.execute(block("abmatic.sync", "sql/visit_tasks.sql", name), parameters)


def _ask(name: LiteralString, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    with transaction.atomic(), database.cursor() as cursor:
        cursor.execute(block("abmatic.sync", "sql/visit_tasks.sql", name), parameters)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
