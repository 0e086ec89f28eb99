"""Ingest jobs: rows arrive as CSV, are written in the background, and every row has its outcome.

Rows go through the same session as every other write.  An empty cell leaves the field as it is; ``#N/A``
makes it null.
"""

from __future__ import annotations

import codecs
import csv
import io
import logging
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import IO, Any

from salesforce_emulator import ids
from salesforce_emulator.bulk.breaking import BreakOff
from salesforce_emulator.bulk.csvfile import DELIMITERS, LINE_ENDINGS
from salesforce_emulator.bulk.expecting import expect
from salesforce_emulator.schema import SObject
from salesforce_emulator.soql.conditions import stamp
from salesforce_emulator.soql.values import json_datetime
from salesforce_emulator.store import OrgStore, RecordError, Session, SeveralMatch
from salesforce_emulator.store.conditions import NORMAL, Conditions

PREFIX = "750"
NULL = "#N/A"
OPERATIONS = ("insert", "update", "upsert", "delete", "hardDelete")
ENDED = frozenset({"JobComplete", "Failed", "Aborted"})
_NUMBERS_FROM = 500_000_000
"""Ingest jobs are numbered apart from query jobs: their ids share a prefix."""
_CHUNK = 5_000
_READ = 1 << 20
KEPT = timedelta(days=7)
_FIELD_LIMIT = 1 << 24

_log = logging.getLogger(__name__)

Json = dict[str, Any]
"""A job as JSON."""


class _BadBatch(Exception):
    """The file as a whole can't be processed; the message is the job's errorMessage."""


@dataclass
class IngestJob:
    """One job. ``break_off`` is where it is made to end before its time, by a fault."""

    id: str
    sobject: SObject
    operation: str
    external_id: str
    user_id: str
    version: str
    delimiter: str
    line_ending: str
    created: str
    folder: Path
    origin: str = ""
    """What change events call the client that made the job."""
    state: str = "Open"
    modified: str = ""
    error: str = ""
    processed: int = 0
    failed: int = 0
    milliseconds: int = 0
    break_off: BreakOff | None = None
    conditions: Conditions = NORMAL
    """Those of the call that made it."""
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def data(self) -> Path:
        return self.folder / "data.csv"

    def result(self, name: str) -> Path:
        """The file of an outcome: successful, failed, unprocessed."""
        return self.folder / f"{name}.csv"

    def short(self) -> Json:
        """The job as closing and aborting answer it."""
        keyed = {"externalIdFieldName": self.external_id} if self.external_id else {}
        return {
            "id": self.id,
            "operation": self.operation,
            "object": self.sobject.name,
            "createdById": self.user_id,
            "createdDate": json_datetime(self.created),
            "systemModstamp": json_datetime(self.modified or self.created),
            "state": self.state,
            **keyed,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(self.version),
        }

    def summary(self) -> Json:
        """The job as its making answers it. contentUrl, without a leading slash, is gone once it is closed."""
        url = f"services/data/v{self.version}/jobs/ingest/{self.id}/batches"
        return {
            **self.short(),
            **({"contentUrl": url} if self.state == "Open" else {}),
            "lineEnding": self.line_ending,
            "columnDelimiter": self.delimiter,
        }

    def info(self) -> Json:
        found = {
            **self.summary(),
            "jobType": "V2Ingest",
            "numberRecordsProcessed": self.processed,
            "numberRecordsFailed": self.failed,
            "retries": 0,
            "totalProcessingTime": self.milliseconds,
            "apiActiveProcessingTime": self.milliseconds,
            "apexProcessingTime": 0,
        }
        return {**found, "errorMessage": self.error} if self.error else found


class IngestJobs:
    """The ingest jobs of an org, kept in memory, their files on disk. Thread-safe."""

    def __init__(self, store: OrgStore) -> None:
        self._store = store
        self._jobs: dict[str, IngestJob] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(1, "bulk-ingest")
        self.started = 0

    def create(
        self,
        sobject: SObject,
        operation: str,
        external_id: str,
        user_id: str,
        version: str,
        *,
        delimiter: str,
        line_ending: str,
        break_off: BreakOff | None = None,
        origin: str = "",
    ) -> IngestJob:
        with self._lock:
            self.started += 1
            job_id = ids.make(PREFIX, _NUMBERS_FROM + self.started)
        folder = self._store.path_of_files / job_id
        folder.mkdir(parents=True)
        job = IngestJob(
            job_id,
            sobject,
            operation,
            external_id,
            user_id,
            version,
            delimiter,
            line_ending,
            stamp(self._store.now()),
            folder,
            origin,
            break_off=break_off,
            conditions=self._store.conditions,
        )
        with self._lock:
            self._jobs[job_id] = job
        return job

    def get(self, job_id: str) -> IngestJob | None:
        self._forget_old()
        with self._lock:
            return self._jobs.get(job_id)

    def all(self) -> list[IngestJob]:
        """The jobs, the newest first."""
        self._forget_old()
        with self._lock:
            return list(reversed(self._jobs.values()))

    def _forget_old(self) -> None:
        """Jobs, and what became of their rows, are kept for seven days; one that is being processed, to its end."""
        before = stamp(self._store.now() - KEPT)
        with self._lock:
            old = [job for job in self._jobs.values() if job.created < before and job.state in (*ENDED, "Open")]
        for job in old:
            self.abort(job)
            self.delete(job)

    def upload_complete(self, job: IngestJob) -> bool:
        """Begin processing; False where the job isn't open or has no data."""
        with self._lock:
            if job.state != "Open" or not job.data.exists():
                return False
            job.state = "UploadComplete"
        self._pool.submit(self._run, job)
        return True

    def abort(self, job: IngestJob) -> bool:
        """Stop a job; False where it has ended already."""
        with self._lock:
            if job.state in ENDED:
                return False
            waiting = job.state == "Open"
            job.stop.set()
            job.state = "Aborted"
        if waiting:
            _Processing(self._store, job).leave_unprocessed()
        return True

    def delete(self, job: IngestJob) -> bool:
        """Forget a job that isn't being processed; False where it is."""
        with self._lock:
            if job.state not in ENDED:
                return False
            self._jobs.pop(job.id, None)
        for file in job.folder.iterdir():
            file.unlink()
        job.folder.rmdir()
        return True

    def _run(self, job: IngestJob) -> None:
        began = time.monotonic()
        self._store.conditions = job.conditions
        if not job.stop.is_set():
            job.state = "InProgress"
        processing = _Processing(self._store, job)
        try:
            state = processing.run()
        except _BadBatch as bad:
            job.error = str(bad)
            processing.leave_unprocessed()
            state = "Failed"
        except Exception:  # noqa: BLE001  whatever it is, the job has to end, and a real org wouldn't say what it was
            _log.exception("ingest job %s could not be processed", job.id)
            job.error = "InternalServerError : the job ended unexpectedly"
            state = "Failed"
        job.milliseconds = int((time.monotonic() - began) * 1000)
        job.modified = stamp(self._store.now())
        with self._lock:
            if not job.stop.is_set():
                job.state = state

    def close(self) -> None:
        for job in self.all():
            job.stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)


class _Processing:
    """One run through a job's rows."""

    def __init__(self, store: OrgStore, job: IngestJob) -> None:
        self.store = store
        self.job = job
        self.delimiter = DELIMITERS[job.delimiter]
        self.ending = LINE_ENDINGS[job.line_ending]
        self.id_columns: list[str] = []
        """How the header writes Id."""

    @property
    def sobject(self) -> SObject:
        """The job's object as its user sees it now: that may have changed since the job was made."""
        found = self.store.visible(self.job.user_id).get(self.job.sobject.name)
        if found is None:
            raise _BadBatch(f"InvalidEntity : Entity '{self.job.sobject.name}' is not supported")
        return found

    def run(self) -> str:
        """Process every row; the state the job ends in."""
        self._check_encoding()
        last = self.job.break_off.rows(self._count()) if self.job.break_off else None
        with ExitStack() as stack:
            reader = self._reader(stack)
            header = next(reader, [])
            self._check(header)
            self.id_columns = [name for name in header if name.lower() == "id"]
            good = stack.enter_context(self.job.result("successful").open("wb"))
            bad = stack.enter_context(self.job.result("failed").open("wb"))
            good.write(self._lines([["sf__Id", "sf__Created", *header]]))
            bad.write(self._lines([["sf__Id", "sf__Error", *header]]))
            while chunk := list(islice(reader, self._at_once(last))):
                self._write(header, chunk, good, bad)
                if self.job.stop.is_set():
                    break
            self._rest(header, reader)
        if self.job.stop.is_set():
            return "Aborted"
        if self.job.break_off is None:
            return "JobComplete"
        if self.job.break_off.state == "Failed":
            self.job.error = "InternalServerError : the job ended unexpectedly"
        return self.job.break_off.state

    def _at_once(self, last: int | None) -> int:
        """How many rows the next transaction takes; none where the job ends before them."""
        return _CHUNK if last is None else min(_CHUNK, last - self.job.processed)

    def leave_unprocessed(self) -> None:
        """Say of every row that nothing was done about it."""
        if not self.job.data.exists():
            return
        with ExitStack() as stack:
            reader = self._reader(stack)
            self._rest(next(reader, []), reader)

    def _reader(self, stack: ExitStack) -> Iterator[list[str]]:
        csv.field_size_limit(_FIELD_LIMIT)
        file = stack.enter_context(self.job.data.open(encoding="utf-8-sig", errors="replace", newline=""))
        return (row for row in csv.reader(file, delimiter=self.delimiter) if row)

    def _count(self) -> int:
        with ExitStack() as stack:
            return sum(1 for _ in self._reader(stack)) - 1

    def _check_encoding(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")()
        with self.job.data.open("rb") as file:
            try:
                while piece := file.read(_READ):
                    decoder.decode(piece)
                decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                raise _BadBatch("InvalidBatch : The CSV data is not encoded in UTF-8") from None

    def _check(self, header: list[str]) -> None:
        """What fails the job as a whole."""
        if not header:
            raise _BadBatch("InvalidBatch : Missing or invalid header row")
        with self.job.data.open("rb") as file:
            ends_crlf = file.readline().endswith(b"\r\n")
        if ends_crlf != (self.job.line_ending == "CRLF"):
            setting = self.job.line_ending
            raise _BadBatch(
                f"ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is {setting}"
            )
        known_names: set[str] = set()
        for name in header:
            if name.lower() in known_names:
                raise _BadBatch(f"InvalidBatch : Duplicate field name in the header row : {name}")
            known_names.add(name.lower())
            relationship = name.rpartition(":")[2].split(".", 1)[0]
            known = self.sobject.get(name) or ("." in name and self.sobject.parent(relationship))
            if not known:
                raise _BadBatch(f"InvalidBatch : Field name not found : {name}")

    def _rest(self, header: list[str], reader: Iterator[list[str]]) -> None:
        with self.job.result("unprocessed").open("wb") as file:
            file.write(self._lines([header]))
            while chunk := list(islice(reader, _CHUNK)):
                file.write(self._lines(chunk))

    def _write(self, header: list[str], rows: list[list[str]], good: IO[bytes], bad: IO[bytes]) -> None:
        """One transaction. What it wrote is told only once it is committed."""
        done: list[list[str]] = []
        failed: list[list[str]] = []
        with self.store.batch(self.job.user_id, self.job.origin) as batch:
            expect(batch, self.sobject, self.job.external_id, header, rows)
            for row in rows:
                record_id, created, error = self._row(batch, header, row)
                (failed if error else done).append([record_id, error or created, *row])
        good.write(self._lines(done))
        bad.write(self._lines(failed))
        self.job.processed += len(rows)
        self.job.failed += len(failed)

    def _lines(self, rows: Iterable[list[str]]) -> bytes:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=self.delimiter, quoting=csv.QUOTE_ALL, lineterminator=self.ending).writerows(rows)
        return text.getvalue().encode()

    def _row(self, session: Session, header: list[str], row: list[str]) -> tuple[str, str, str]:
        """One row: its id, "true" where it was created, its error."""
        if len(row) != len(header):
            return "", "", f"INVALID_NUMBER_OF_FIELDS:{len(row)} cells for {len(header)} columns:--"
        values = {n: None if v == NULL else v for n, v in zip(header, row, strict=True) if v != ""}
        given = ""
        for name in self.id_columns:
            if name in values:
                given = str(values.pop(name))
        try:
            with session.row():
                record_id, created = self._apply(session, given, values)
        except RecordError as error:
            fields = ", ".join(error.fields)
            return given, "", f"{error.code}:{error.message}:{fields + ' ' if fields else ''}--"
        except SeveralMatch as several:
            return "", "", f"DUPLICATE_EXTERNAL_ID:more than one record found: {several.record_ids}:--"
        return record_id, str(created).lower(), ""

    def _apply(self, session: Session, given: str, values: dict[str, Any]) -> tuple[str, bool]:
        name, operation = self.job.sobject.name, self.job.operation
        if operation == "insert":
            return session.insert(name, values), True
        if operation == "upsert" and self.job.external_id.lower() != "id":
            key = self.job.external_id
            keyed = next((v for n, v in values.items() if n.lower() == key.lower()), None)
            others = {n: v for n, v in values.items() if n.lower() != key.lower()}
            return session.upsert(name, key, keyed, others)
        if operation == "upsert" and not given:
            return session.insert(name, values), True
        try:
            record_id = ids.to18(given)
        except ValueError:
            code = "MALFORMED_ID" if given else "MISSING_ARGUMENT"
            raise RecordError(code, f"malformed id {given}" if given else "Id not specified") from None
        if operation in ("update", "upsert"):
            session.update(name, record_id, values)
        else:
            session.delete(name, record_id, hard=operation == "hardDelete")
        return record_id, False
