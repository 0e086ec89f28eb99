"""Query jobs: made, run in the background, read in pages, aborted, deleted."""

from __future__ import annotations

import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from salesforce_emulator import ids
from salesforce_emulator.bulk.csvfile import DELIMITERS, LINE_ENDINGS, CsvFile, line
from salesforce_emulator.soql import Plan
from salesforce_emulator.soql.conditions import stamp
from salesforce_emulator.soql.values import json_datetime
from salesforce_emulator.store import OrgStore

PREFIX = "750"
ENDED = frozenset({"JobComplete", "Failed", "Aborted"})
_WORKERS = 2

Json = dict[str, Any]
"""A job as JSON."""


@dataclass
class QueryJob:
    """One job. ``break_off`` is a state the job is made to end in half-way, by a fault."""

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
    break_off: str | None = None
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
    """

    def __init__(self, store: OrgStore, least_seconds: float = 0.0) -> None:
        self._store = store
        self._least_seconds = least_seconds
        self._jobs: dict[str, QueryJob] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(_WORKERS, "bulk-query")
        self.started = 0

    def start(
        self,
        plan: Plan,
        operation: str,
        user_id: str,
        version: str,
        *,
        delimiter: str = "COMMA",
        line_ending: str = "LF",
        break_off: str | None = None,
    ) -> QueryJob:
        """Make a job and run it in the background."""
        with self._lock:
            self.started += 1
            job_id = ids.make(PREFIX, self.started)
        header = line(plan.names, DELIMITERS[delimiter], LINE_ENDINGS[line_ending])
        file = CsvFile(self._store.path_of_files / f"{job_id}.csv", header)
        created = stamp(self._store.now())
        job = QueryJob(
            job_id, operation, plan, user_id, version, delimiter, line_ending, created, file, break_off=break_off
        )
        with self._lock:
            self._jobs[job_id] = job
        self._pool.submit(self._run, job)
        return job

    def _run(self, job: QueryJob) -> None:
        if job.stop.is_set():
            return
        began = time.monotonic()
        job.state = "InProgress"
        conn = self._store.connect()
        try:
            half = self._half(conn, job) if job.break_off else -1

            def progress(rows: int) -> bool:
                job.processed = rows
                return not job.stop.is_set() and not 0 <= half <= rows

            job.file.write(conn, job.plan, DELIMITERS[job.delimiter], LINE_ENDINGS[job.line_ending], progress)
            job.stop.wait(max(0.0, self._least_seconds - (time.monotonic() - began)))
            self._end(job, job.break_off or "JobComplete", began)
        except Exception as error:  # noqa: BLE001  whatever it is, the job has to end
            job.error = f"The query could not be run: {error}"
            self._end(job, "Failed", began)
        finally:
            conn.close()

    def _half(self, conn: sqlite3.Connection, job: QueryJob) -> int:
        total = conn.execute(job.plan.sql(["count(*)"], window=False), job.plan.params).fetchone()[0]
        return int(total) // 2

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
        with self._lock:
            return self._jobs.get(job_id)

    def all(self) -> list[QueryJob]:
        """The jobs, the newest first."""
        with self._lock:
            return list(reversed(self._jobs.values()))

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
