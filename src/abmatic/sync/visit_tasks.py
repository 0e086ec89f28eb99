"""Visits as completed tasks of the people in Salesforce, where a connection's settings want that.

One visit makes one task, whatever happens. It is marked as sent, and that is committed, before it is sent. What then
stays without an answer (the process was killed, the network went) is looked up before anything is sent again, and only
what isn't there after some minutes is; so is what a restored database takes for new (`visit_lookup`). A visit is
written once it has been over for an hour, so that what comes late is in it, and not when it is older than a week: who
turns this on gets no flood.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from abmatic.engagement import channels, people
from abmatic.identity.sealing import SealBroken
from abmatic.postgres import locks, sessions
from abmatic.salesforce import Client, RetryPolicy, errors
from abmatic.salesforce.collections import MOST_RECORDS, RowOutcome
from abmatic.sync import budget, clients, installations
from abmatic.sync.models import Connection, ConnectionProblem, Installation, VisitTask
from abmatic.sync.push.outcomes import PASSING
from abmatic.sync.visit_lookup import look_up_planned, reference, settle_unknown, subject_of
from abmatic.sync.visit_statements import ask, run

logger = logging.getLogger(__name__)

OVER = timedelta(hours=1)
OLDEST = timedelta(days=7)
# Tasks of one person's visits of one day (UTC). Of everybody's, see ABMATIC_VISIT_TASKS_A_DAY.
MOST_A_DAY = 5
_ONCE = RetryPolicy(attempts=1)


def write_due(now: datetime | None = None) -> int:
    """Writes what is due, to every connection that wants it. Answers how many tasks were written."""
    written = 0
    for connection in Connection.objects.filter(writes_visits=True, status=Connection.Status.ACTIVE).order_by("pk"):
        try:
            if budget.is_free(connection):
                with sessions.session("visits") as session, locks.shared(session, people.LOCK):
                    written += _write(connection, now or timezone.now())
        except locks.LockBusy:
            logger.info("visits are not written to %s now: a person is being erased", connection)
        except (errors.SalesforceError, SealBroken) as error:
            # What was sent is settled at one of the next looks.
            logger.warning("visits are not written to %s: %s", connection, error)
            _mark(connection, error)
    return written


def _mark(connection: Connection, error: errors.SalesforceError | SealBroken) -> None:
    """The connection says what is wrong, as after a sync that failed."""
    if isinstance(error, SealBroken):
        clients.mark_lost(connection.pk, ConnectionProblem.SEAL_BROKEN, str(error))
    elif isinstance(error, errors.LimitReached):
        budget.exhausted(connection.pk, error)
    elif not isinstance(error, errors.InsufficientAccess):
        clients.mark_lost(connection.pk, clients.problem_of(error), f"{error.cause} {error.remedy}".strip())
    # Who may not write tasks may still sync: each task tells it (see visit_days).


def _write(connection: Connection, now: datetime) -> int:
    began = timezone.now()
    named = {
        "connection": connection.pk, "since": now - OLDEST, "over": now - OVER, "most": 10 * MOST_RECORDS,
        "most_a_day": MOST_A_DAY, "most_of_all": settings.ENVIRONMENT.visit_tasks_a_day,
    }  # fmt: skip
    run("plan", named)
    waiting = VisitTask.objects.filter(connection=connection, state__in=["planned", "sent"])
    if not waiting.exists():
        return 0
    written = 0
    with clients.open_client(connection, retry=_ONCE) as client:
        installation = installations.look(now)
        written += settle_unknown(client, connection, now)
        look_up_planned(client, connection, installation, now)
        if VisitTask.objects.filter(connection=connection, state="planned").exists():
            status = _closed_status(client)
            asked = {"connection": connection.pk, "look": now, "most": MOST_RECORDS}
            # A look may take many minutes, and each batch is looked up by when it went itself.
            while rows := ask("send", {**asked, "now": now + (timezone.now() - began)}):
                written += _send(client, installation, rows, status, now)
        # What was sent a moment ago is not asked for yet, and then nothing is known of the org.
        is_answered = client.calls > 0
    if is_answered:
        clients.mark_mended(connection.pk, before=began)
    return written


def _send(
    client: Client, installation: Installation, rows: Sequence[dict[str, Any]], status: str, now: datetime
) -> int:
    """Sends what is marked as sent. Answers how many were written."""
    told = [{"id": row["id"], "state": "refused", "problem": why} for row in rows if (why := _not_sent(row, now))]
    there = [row for row in rows if not _not_sent(row, now)]
    try:
        if there:
            outcomes = client.create_records("Task", [_task(row, installation, status) for row in there])
            told += [_outcome(row, outcome, now) for row, outcome in zip(there, outcomes, strict=True)]
    except errors.SalesforceError as error:
        if not getattr(error, "outcome_unknown", False):
            # Nothing was carried out: sent again at the next looks, until it is too old.
            problem = f"{error.code}: {error.message}"[:1_000]
            told += [{"id": row["id"], "state": "planned", "problem": problem} for row in there]
        raise
    finally:
        run("settle", {"told": json.dumps(told)})
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


def _task(row: dict[str, Any], installation: Installation, status: str) -> dict[str, Any]:
    """A visit as Salesforce takes it."""
    label = channels.LABELS.get(row["channel"], row["channel"])
    campaign = f" ({_one_line(row['campaign'])})" if row["campaign"] else ""
    lines = [
        f"Pages: {row['pages']}",
        f"Minutes: {round(row['seconds'] / 60, 1)}",
        f"Channel: {label}{campaign}",
        f"First page: {_one_line(row['landing_path'] or '') or '-'}",
        f"Forms: {row['forms']}",
    ]
    text = "\n".join(("\n".join(lines)[:31_000], reference(installation, row["event"])))
    return {
        "Subject": subject_of(row["session_id"]), "WhoId": row["who"], "Status": status,
        "ActivityDate": row["began_at"].date().isoformat(), "Description": text,
    }  # fmt: skip


def _one_line(text: str) -> str:
    """What a visitor may have said, which must not look like a line of ours."""
    return " ".join(text.split())


def _closed_status(client: Client) -> str:
    """What the org calls a completed task."""
    soql = "SELECT MasterLabel FROM TaskStatus WHERE IsClosed = true ORDER BY SortOrder LIMIT 1"
    row = next(client.query_rows(soql), None)
    return str(row["MasterLabel"]) if row else "Completed"
