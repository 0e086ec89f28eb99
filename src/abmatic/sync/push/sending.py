"""Sends planned writes: few by collections, many by bulk jobs, each batch marked as sent before it is.

A call without an answer leaves its batch of unknown outcome: nothing of it is sent again before the next run has looked
what became of it (`unknown`). What was refused for a passing reason is sent again within the run, in smaller batches.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal, LiteralString

import orjson
import psycopg

from abmatic.salesforce import Client, errors
from abmatic.salesforce.collections import MOST_RECORDS
from abmatic.salesforce.ingest import BulkIngestJob
from abmatic.sync.models import Write
from abmatic.sync.push import bulk_rows, outcomes
from abmatic.sync.push.outcomes import PushCounts
from abmatic.sync.push.plan import PushPlan

logger = logging.getLogger(__name__)

Session = psycopg.Connection[tuple[Any, ...]]

# Rows of one bulk job: a few megabytes, and few enough to be sent again.
JOB_ROWS = 50_000
_FIELD_GONE = "Field name not found"
# What others lock is sent again within the run in batches of so many, before it waits for the next one.
SMALLER = (20, 1)


class SchemaChanged(Exception):
    """A field was taken away since the writes were planned: what is left is due again, and to be planned anew."""


class Sender:
    """The planned writes of one run."""

    def __init__(
        self, session: Session, client: Client, plan: PushPlan, *, run: int, attempt: int, connection: int,
        upper: datetime, counts: PushCounts, bulk_from: int, note: Callable[[], None],
        at_boundary: Callable[[], None] = lambda: None, plans_anew: bool = False,
    ) -> None:  # fmt: skip
        self._session = session
        self._client = client
        self._plan = plan
        self._run = run
        self._attempt = attempt
        self._connection = connection
        self._upper = upper
        self._counts = counts
        self._bulk_from = bulk_from
        # Tells the run page, and raises where the run is not ours any more. The session has nothing open then.
        self._note = note
        self._at_boundary = at_boundary
        # Whether whoever sends plans anew where a field turns out to be gone; else the refusals are issues.
        self._plans_anew = plans_anew
        self._has_changed = False
        # Of earlier executions of the run, what was returned has been compared again since.
        self._batches: list[int] = []

    def send_all(self) -> None:
        """Sends what is planned, creations first, until nothing is planned any more."""
        for operation in (Write.Operation.CREATE, Write.Operation.UPDATE):
            self._send(operation, MOST_RECORDS)
            for size in SMALLER:
                if not self._take_back():
                    break
                self._send(operation, size)

    def _send(self, operation: str, size: int) -> None:
        while (planned := self._count(operation)) > 0:
            self._at_boundary()
            # Of many that are sent again, a job takes them in three calls; small batches would need thousands.
            if planned > self._bulk_from and self._count(operation, bulk_rows.FITS) > self._bulk_from:
                self._send_job(operation)
            else:
                self._send_collection(operation, size)
            self._note()
            if self._has_changed:
                raise SchemaChanged

    def _count(self, operation: str, condition: LiteralString = "true") -> int:
        row = self._session.execute(
            "SELECT count(*) FROM salesforce_write WHERE run_id = %s AND operation = %s AND state = 'planned' AND "
            + condition,
            (self._run, operation),
        ).fetchone()
        assert row is not None
        return int(row[0])

    # -- collections

    def _send_collection(self, operation: str, size: int) -> None:
        rows = self._session.execute(
            "SELECT id, sf_id, sent FROM salesforce_write WHERE run_id = %s AND operation = %s AND state = 'planned' "
            "ORDER BY parent_sf_id, id LIMIT %s",
            (self._run, operation, size),
        ).fetchall()
        ids = [row[0] for row in rows]
        batch = self._begin_batch(operation, ids)
        records = [row[2] if row[1] is None else {"Id": row[1], **row[2]} for row in rows]
        send = self._client.create_records if operation == Write.Operation.CREATE else self._client.update_records
        try:
            found = send(self._plan.spec.name, records)
        except errors.Transient as trouble:
            self._no_answer(batch, ids, trouble)
            return
        except errors.InvalidField as gone:
            self.return_batch(batch)
            raise SchemaChanged(str(gone)) from gone
        except errors.SalesforceError:
            # Refused as a whole, so nothing was written: it is due again when the reason is gone.
            self.return_batch(batch)
            raise
        outcomes.put(self._session, ids, found)
        self.end_batch(batch)

    def _no_answer(self, batch: int, ids: Sequence[int], trouble: errors.Transient) -> None:
        logger.warning("run %s: batch %s has no answer: %s", self._run, batch, trouble)
        if not trouble.outcome_unknown:
            self.return_batch(batch)
            raise trouble
        self._session.execute("UPDATE write_batch SET state = 'unknown' WHERE id = %s", (batch,))
        self._session.commit()
        self._counts.unknown += len(ids)

    # -- bulk jobs

    def _send_job(self, operation: str) -> None:
        name = self._plan.spec.name
        csv = bulk_rows.write_csv(self._session, self._run, operation, JOB_ROWS)
        kind: Literal["insert", "update"] = "insert" if operation == Write.Operation.CREATE else "update"
        # Salesforce does nothing before the job is closed, and closed it is when its Id is kept.
        job = self._client.bulk_ingest(name, kind, csv)
        batch = self._begin_batch(operation, None, job.id)
        job.close()
        self.finish_job(batch, job)

    def finish_job(self, batch: int, job: BulkIngestJob) -> None:
        """Waits for a job that was closed, and takes its outcomes. What it never tried is due again."""
        try:
            job.wait(lambda _: self._note())
        except (errors.JobFailed, errors.JobAborted) as ended:
            logger.warning("run %s: bulk job %s ended early: %s", self._run, job.id, ended)
            # A job doesn't say it by a code.
            self._has_changed |= self._plans_anew and _FIELD_GONE in ended.message
        bulk_rows.read_results(self._session, batch, job)
        self.end_batch(batch)
        try:
            job.discard()
        except errors.SalesforceError as error:
            logger.info("run %s: bulk job %s stays in Salesforce: %s", self._run, job.id, error)

    # -- batches

    def _begin_batch(self, operation: str, ids: Sequence[int] | None, job_id: str = "") -> int:
        """Marks these writes, or those that a bulk job has chosen, as sent with a new batch, and commits."""
        # In the same transaction: nothing may be sent by an execution that another one has taken over from.
        ours = self._session.execute(
            "SELECT FROM run WHERE id = %s AND attempts = %s AND state = 'running' FOR SHARE",
            (self._run, self._attempt),
        )
        if not ours.rowcount:
            self._session.rollback()
            self._note()
            raise AssertionError("unreachable: the run is not ours any more, and the note says so")
        row = self._session.execute(
            "INSERT INTO write_batch (run_id, connection_id, sobject, operation, job_id, state, since, sent_at) "
            "VALUES (%s, %s, %s, %s, %s, 'sent', %s, now()) RETURNING id",
            (self._run, self._connection, self._plan.spec.name, operation, job_id, self._upper),
        ).fetchone()
        assert row is not None
        batch = int(row[0])
        self._batches.append(batch)
        marking: LiteralString = "UPDATE salesforce_write SET state = 'sent', batch_id = %s, at = now() WHERE id "
        if ids is None:
            self._session.execute(f"{marking} IN (SELECT write_id FROM {bulk_rows.CHOSEN})", (batch,))
        else:
            self._session.execute(f"{marking} = ANY (%s)", (batch, list(ids)))
        self._session.commit()
        return batch

    def end_batch(self, batch: int) -> None:
        """Applies ``outcome`` and closes the batch, in one transaction."""
        if self._plans_anew and outcomes.return_unknown_fields(self._session):
            self._has_changed = True
        outcomes.apply(self._session, self._plan, self._upper, self._counts, self._client.heard_at)
        self._session.execute("UPDATE write_batch SET state = 'done' WHERE id = %s", (batch,))
        self._session.execute(
            "UPDATE run SET pushed = %s::jsonb, updated_at = now() WHERE id = %s",
            (orjson.dumps(self._counts.as_json()).decode(), self._run),
        )
        self._session.commit()

    def return_batch(self, batch: int) -> None:
        """Nothing of a batch was written: all of it is due again."""
        self._session.rollback()
        found = self._session.execute(
            "SELECT id FROM salesforce_write WHERE batch_id = %s AND state = 'sent'", (batch,)
        )
        outcomes.put_returned(self._session, [row[0] for row in found.fetchall()])
        self.end_batch(batch)

    def _take_back(self) -> bool:
        """Plans again what was refused for a passing reason in this run. Answers whether there was any."""
        again = self._session.execute(
            """
            WITH again AS (
                UPDATE salesforce_write SET state = 'planned', batch_id = NULL, message = NULL
                 WHERE run_id = %(run)s AND state = 'returned' AND batch_id = ANY (%(batches)s) RETURNING local_id
            ), undue AS (
                DELETE FROM push_due WHERE connection_id = %(connection)s AND sobject = %(sobject)s
                   AND local_id IN (SELECT local_id FROM again)
            )
            SELECT count(*) FROM again
            """,
            {
                "run": self._run,
                "connection": self._connection,
                "sobject": self._plan.spec.name,
                "batches": self._batches,
            },
        ).fetchone()
        assert again is not None
        self._counts.returned -= again[0]
        self._session.commit()
        return int(again[0]) > 0
