"""Query jobs: made, run in the background, read in pages, aborted, deleted."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from salesforce_emulator import ids
from salesforce_emulator.bulk.breaking import BreakOff
from salesforce_emulator.bulk.csvfile import DELIMITERS, LINE_ENDINGS, CsvFile, line
from salesforce_emulator.soql import Plan
from salesforce_emulator.soql.conditions import stamp
from salesforce_emulator.soql.values import json_datetime
from salesforce_emulator.store import OrgStore
from salesforce_emulator.store.conditions import NORMAL, Conditions

PREFIX = "750"
ENDED = frozenset({"JobComplete", "Failed", "Aborted"})
_WORKERS = 2
KEPT = timedelta(days=7)

_log = logging.getLogger(__name__)

Json = dict[str, Any]
"""A job as JSON."""


@dataclass
class QueryJob:
    """One job. ``break_off`` is where it is made to end before its time, by a fault."""

    id: str
    operation: str
    plan: Plan
    user_id: str
    version: str
    delimiter: str
    line_ending: str
    created: str
    file: CsvFile
    state: str = "UploadComplete"
    modified: str = ""
    error: str = ""
    processed: int = 0
    milliseconds: int = 0
    break_off: BreakOff | None = None
    conditions: Conditions = NORMAL
    """Those of the call that made it."""
    stop: threading.Event = field(default_factory=threading.Event)

    def summary(self) -> Json:
        """The job as the answer to its making."""
        return {
            "id": self.id,
            "operation": self.operation,
            "object": self.plan.sobject.name,
            "createdById": self.user_id,
            "createdDate": json_datetime(self.created),
            "systemModstamp": json_datetime(self.modified or self.created),
            "state": self.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(self.version),
            "lineEnding": self.line_ending,
            "columnDelimiter": self.delimiter,
        }

    def info(self) -> Json:
        """The job as its status shows it."""
        found = {
            **self.summary(),
            "jobType": "V2Query",
            "numberRecordsProcessed": self.processed,
            "retries": 0,
            "totalProcessingTime": self.milliseconds,
            "isPkChunkingSupported": True,
        }
        return {**found, "errorMessage": self.error} if self.error else found


class QueryJobs:
    """The query jobs of an org, kept in memory, their results on disk. Thread-safe.

    :param least_seconds: how long a job at least stays InProgress.
    :param prefix: of the jobs' ids.
    """

    def __init__(self, store: OrgStore, least_seconds: float = 0.0, prefix: str = PREFIX) -> None:
        self._prefix = prefix
        self._store = store
        self._least_seconds = least_seconds
        self._jobs: dict[str, QueryJob] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(_WORKERS, "bulk-query")
        self.started = 0

    def new_id(self) -> str:
        with self._lock:
            self.started += 1
            return ids.make(self._prefix, self.started)

    def start(
        self,
        plan: Plan,
        operation: str,
        user_id: str,
        version: str,
        *,
        delimiter: str = "COMMA",
        line_ending: str = "LF",
        break_off: BreakOff | None = None,
    ) -> QueryJob:
        """Make a job and run it in the background."""
        job_id = self.new_id()
        header = line(plan.names, DELIMITERS[delimiter], LINE_ENDINGS[line_ending])
        file = CsvFile(self._store.path_of_files / f"{job_id}.csv", header)
        created = stamp(self._store.now())
        job = QueryJob(
            job_id,
            operation,
            plan,
            user_id,
            version,
            delimiter,
            line_ending,
            created,
            file,
            break_off=break_off,
            conditions=self._store.conditions,
        )
        with self._lock:
            self._jobs[job_id] = job
        self._pool.submit(self._run, job)
        return job

    def _run(self, job: QueryJob) -> None:
        if job.stop.is_set():
            return
        began, due = time.monotonic(), self._store.clock() + timedelta(seconds=self._least_seconds)
        job.state = "InProgress"
        self._store.conditions = job.conditions
        try:
            with self._store.querying() as conn:
                self._write(conn, job)
            self._store.clock.wait_until(due, job.stop)
            self._end(job, job.break_off.state if job.break_off else "JobComplete", began)
        except Exception:  # noqa: BLE001  whatever it is, the job has to end, and a real org wouldn't say what it was
            _log.exception("query job %s could not be run", job.id)
            self._end(job, "Failed", began)

    def _write(self, conn: sqlite3.Connection, job: QueryJob) -> None:
        rows = None
        if job.break_off is not None:
            rows = job.break_off.rows(self._total(conn, job.plan))

        def progress(done: int) -> bool:
            job.processed = done
            return not job.stop.is_set()

        job.file.write(conn, job.plan, DELIMITERS[job.delimiter], LINE_ENDINGS[job.line_ending], progress, rows)

    def _total(self, conn: sqlite3.Connection, plan: Plan) -> int:
        total = int(conn.execute(plan.sql(["count(*)"], window=False), plan.params).fetchone()[0])
        return total if plan.limit is None else min(total, plan.limit)

    def _end(self, job: QueryJob, state: str, began: float) -> None:
        job.milliseconds = int((time.monotonic() - began) * 1000)
        job.modified = stamp(self._store.now())
        with self._lock:
            if job.stop.is_set():
                job.state = "Aborted"
                return
            if state == "Failed" and not job.error:
                job.error = "InternalServerError : the query ended unexpectedly"
            job.state = state

    def get(self, job_id: str) -> QueryJob | None:
        self._forget_old()
        with self._lock:
            return self._jobs.get(job_id)

    def all(self) -> list[QueryJob]:
        """The jobs, the newest first."""
        self._forget_old()
        with self._lock:
            return list(reversed(self._jobs.values()))

    def _forget_old(self) -> None:
        """Jobs that have ended, and their results, are kept for seven days."""
        before = stamp(self._store.now() - KEPT)
        with self._lock:
            old = [job for job in self._jobs.values() if job.created < before and job.state in ENDED]
        for job in old:
            self.delete(job)

    def abort(self, job: QueryJob) -> bool:
        """Stop a job; False where it has ended already."""
        with self._lock:
            if job.state in ENDED:
                return False
            job.stop.set()
            job.state = "Aborted"
            return True

    def delete(self, job: QueryJob) -> bool:
        """Forget a job that has ended, and its result; False where it is still running."""
        with self._lock:
            if job.state not in ENDED:
                return False
            self._jobs.pop(job.id, None)
        job.file.path.unlink(missing_ok=True)
        return True

    def close(self) -> None:
        for job in self.all():
            job.stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
