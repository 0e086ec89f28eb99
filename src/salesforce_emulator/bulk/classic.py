"""Jobs of the first Bulk API, as far as they read: a job of batches, each of them one query.

Salesforce keeps both APIs; loaders written before Bulk API 2.0 use this one still.  A batch is run by the same
machinery as a query job of Bulk API 2.0, under an id of its own kind.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from salesforce_emulator import ids
from salesforce_emulator.bulk.query import QueryJob, QueryJobs
from salesforce_emulator.soql.conditions import stamp
from salesforce_emulator.store import OrgStore

JOB_PREFIX, BATCH_PREFIX, RESULT_PREFIX = "750", "751", "752"
OPERATIONS = ("query", "queryAll")
_NUMBERS_FROM = 250_000_000
"""These jobs are numbered apart from those of Bulk API 2.0: their ids share a prefix."""
_BATCH_STATES = {"UploadComplete": "Queued", "JobComplete": "Completed", "Aborted": "Not Processed"}

Info = dict[str, object]
"""A job or a batch as its answer shows it, in the order of Salesforce's schema."""


@dataclass
class Batch:
    """One query of a job. ``run`` is None where the query itself is wrong; then ``error`` says why."""

    id: str
    job_id: str
    created: str
    run: QueryJob | None
    error: str = ""

    @property
    def state(self) -> str:
        if self.run is None:
            return "Failed"
        return _BATCH_STATES.get(self.run.state, self.run.state)

    @property
    def result_id(self) -> str:
        return RESULT_PREFIX + self.id[3:15]

    def info(self) -> Info:
        run, state = self.run, self.state
        message = self.error or (run.error if run is not None else "")
        return {
            "id": self.id,
            "jobId": self.job_id,
            "state": state,
            **({"stateMessage": message} if message else {}),
            "createdDate": self.created,
            "systemModstamp": (run.modified if run is not None else "") or self.created,
            "numberRecordsProcessed": run.processed if run is not None else 0,
            "numberRecordsFailed": 0,
            "totalProcessingTime": run.milliseconds if run is not None else 0,
            "apiActiveProcessingTime": 0,
            "apexProcessingTime": 0,
        }


@dataclass
class ClassicJob:
    """One job."""

    id: str
    operation: str
    object: str
    user_id: str
    version: str
    concurrency: str
    created: str
    state: str = "Open"
    batches: list[Batch] = field(default_factory=list)

    def batch(self, batch_id: str) -> Batch | None:
        return next((batch for batch in self.batches if batch.id == _id18(batch_id)), None)

    def info(self) -> Info:
        states = [batch.state for batch in self.batches]
        return {
            "id": self.id,
            "operation": self.operation,
            "object": self.object,
            "createdById": self.user_id,
            "createdDate": self.created,
            "systemModstamp": self.created,
            "state": self.state,
            "concurrencyMode": self.concurrency,
            "contentType": "CSV",
            "numberBatchesQueued": states.count("Queued"),
            "numberBatchesInProgress": states.count("InProgress"),
            "numberBatchesCompleted": states.count("Completed"),
            "numberBatchesFailed": states.count("Failed"),
            "numberBatchesTotal": len(states),
            "numberRecordsProcessed": sum(batch.run.processed for batch in self.batches if batch.run is not None),
            "numberRetries": 0,
            "apiVersion": float(self.version),
            "numberRecordsFailed": 0,
            "totalProcessingTime": 0,
            "apiActiveProcessingTime": 0,
            "apexProcessingTime": 0,
        }


def _id18(record_id: str) -> str:
    """The whole id; empty where it is none."""
    try:
        return ids.to18(record_id)
    except ValueError:
        return ""


class ClassicJobs:
    """The jobs of an org, kept in memory. Thread-safe. ``runs`` are the queries of their batches."""

    def __init__(self, store: OrgStore, least_seconds: float = 0.0) -> None:
        self._store = store
        self.runs = QueryJobs(store, least_seconds, BATCH_PREFIX)
        self._jobs: dict[str, ClassicJob] = {}
        self._lock = threading.Lock()

    def create(self, operation: str, name: str, user_id: str, version: str, concurrency: str) -> ClassicJob:
        with self._lock:
            job_id = ids.make(JOB_PREFIX, _NUMBERS_FROM + len(self._jobs) + 1)
            job = ClassicJob(job_id, operation, name, user_id, version, concurrency, stamp(self._store.now()))
            self._jobs[job_id] = job
        return job

    def get(self, job_id: str) -> ClassicJob | None:
        return self._jobs.get(_id18(job_id))

    def add(self, job: ClassicJob, run: QueryJob | None, error: str = "") -> Batch:
        """A further batch of an open job: a query that is under way, or what is wrong with it."""
        batch_id = run.id if run is not None else self.runs.new_id()
        batch = Batch(batch_id, job.id, stamp(self._store.now()), run, error)
        with self._lock:
            job.batches.append(batch)
        return batch

    def abort(self, job: ClassicJob) -> None:
        """End a job; batches that are done stay done."""
        with self._lock:
            job.state = "Aborted"
            running = [batch.run for batch in job.batches if batch.run is not None]
        for run in running:
            self.runs.abort(run)

    def close(self) -> None:
        self.runs.close()
