"""Writing many records: Bulk API 2.0 ingest jobs.

Salesforce processes nothing of a job before it is closed. So `open_job` may begin again with another job whenever it
can't tell what became of the first: one that is never closed writes nothing, and is thrown away by Salesforce after a
week. Whoever keeps the job's Id before closing it finds it again after a crash, whatever state it is in by then.

In the CSV an empty cell leaves a field as it is and ``#N/A`` empties it. The results come in no promised order: they
carry the columns that were sent, and whoever has to know which is which compares those.
Source: "Bulk API 2.0 and Bulk API Developer Guide", Ingest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Literal, TypeVar

from . import errors
from .answers import Answer, Json
from .collections import duplicate_rules
from .jobs import ENDED, JobInfo, Polling, check_job_id, gone, read_job, wait
from .streams import CHUNK, PageStream, read_page
from .wire import Wire

T = TypeVar("T")

NULL: Final = "#N/A"
# Bytes of one job's CSV. Salesforce takes 150 MB after its own encoding, and advises against more than 100 MB.
MOST_BYTES = 100_000_000
_UPLOADS = 3

Results = Literal["successfulResults", "failedResults", "unprocessedrecords"]


class BulkIngestJob:
    """One ingest job."""

    def __init__(self, wire: Wire, info: JobInfo, version: str) -> None:
        self._path = f"/services/data/v{info.version or version}/jobs/ingest/{info.id}"
        self._wire = wire
        self.info = info

    @property
    def id(self) -> str:
        return self.info.id

    def look(self) -> JobInfo:
        """Asks for the job's state, once. Raises JobGone."""
        self.info = self._ask("GET", read_job)
        return self.info

    def close(self) -> None:
        """Lets Salesforce begin. Does nothing where it was let before.

        Where it can't be told whether it was heard, the job is looked at before it is told again, with growing pauses
        and as often as any call is repeated; then the error says ``outcome_unknown``.
        """
        attempt = 1
        while self.look().state == "Open":
            try:
                self._ask("PATCH", _read_closed, body={"state": "UploadComplete"}, repeat=False)
            except errors.Transient as trouble:
                if not trouble.outcome_unknown:
                    raise
                self._wire.pause_or_raise(attempt, trouble)
                attempt += 1
            else:
                return

    def wait(self, on_progress: Callable[[JobInfo], None] | None = None, polling: Polling | None = None) -> JobInfo:
        """Waits until every record has its outcome.

        Raises JobFailed, JobAborted (of both, part of the records may have been written: the results tell), JobGone,
        or JobUnfinished: at ``polling.limit``, and at once where the job was never closed.
        """
        return wait(self._wire, self._look_closed, on_progress, polling or Polling())

    @contextmanager
    def open_results(self, which: Results, *, chunk_size: int = CHUNK) -> Iterator[PageStream]:
        """Streams the records that were written, refused, or never tried.

        Before the columns that were sent come ``sf__Id`` and ``sf__Created``, of those refused ``sf__Id`` and
        ``sf__Error``, of those never tried nothing.
        """
        with gone(), self._wire.stream(f"{self._path}/{which}/", params={}, accept="text/csv") as response:
            yield read_page(response, chunk_size)

    def discard(self) -> None:
        """Stops the job where it still runs, and removes it with its results."""
        try:
            if self.look().state not in ENDED:
                self._ask("PATCH", _nothing, body={"state": "Aborted"})
            self._ask("DELETE", _nothing)
        except errors.JobGone:
            return

    def abort(self) -> JobInfo:
        """Stops the job where it still runs. Answers how it is then: it may have ended, or begun, a moment before."""
        if self.look().state not in ENDED:
            try:
                self._ask("PATCH", _nothing, body={"state": "Aborted"})
            except errors.Transient:
                raise
            except errors.SalesforceError:
                if self.look().state == "Open":
                    raise
        return self.look()

    def upload(self, csv: bytes) -> None:
        """Sends the records. Where it can't be told whether they arrived, the error says ``outcome_unknown``."""
        with gone():
            self._wire.call("PUT", f"{self._path}/batches/", _read_uploaded, content=csv, repeat=False)

    def _look_closed(self) -> JobInfo:
        if self.look().state == "Open":
            raise errors.JobUnfinished("it is still open, and Salesforce begins when it is closed", job_id=self.id)
        return self.info

    def _ask(
        self, method: str, read: Callable[[Answer], T], *, body: dict[str, Json] | None = None, repeat: bool = True
    ) -> T:
        with gone():
            return self._wire.call(method, self._path, read, body=body, repeat=repeat)


def open_job(
    wire: Wire, version: str, sobject: str, operation: Literal["insert", "update"], csv: bytes, *, save_duplicates: bool
) -> BulkIngestJob:
    """A job with its records sent and still to be closed. ``csv`` has a header line and LF line ends."""
    if len(csv) > MOST_BYTES:
        raise ValueError(f"{len(csv)} bytes in one job; {MOST_BYTES} fit")
    body: dict[str, Json] = {"object": sobject, "operation": operation, "contentType": "CSV", "lineEnding": "LF"}
    for attempt in range(1, _UPLOADS + 1):
        # A job that was made without saying so holds nothing and does nothing.
        info = wire.call(
            "POST", f"/services/data/v{version}/jobs/ingest", read_job, body=body,
            headers=duplicate_rules(save_duplicates),
        )  # fmt: skip
        job = BulkIngestJob(wire, info, version)
        try:
            job.upload(csv)
        except errors.Transient as trouble:
            if not trouble.outcome_unknown or attempt == _UPLOADS:
                raise
        else:
            return job
    raise AssertionError("unreachable: the last attempt raises")


def resume(wire: Wire, version: str, job_id: str) -> BulkIngestJob:
    """A job opened earlier, perhaps by another process or release. Raises JobGone."""
    path = f"/services/data/v{version}/jobs/ingest/{check_job_id(job_id)}"
    with gone():
        return BulkIngestJob(wire, wire.call("GET", path, read_job), version)


def _read_closed(answer: Answer) -> None:
    """A page that something between put there is no answer, whatever its status: nobody would wait for an open job."""
    if (state := read_job(answer).state) == "Open":
        raise errors.BadAnswer(f"a bulk job that was closed is still {state}")


def _read_uploaded(answer: Answer) -> None:
    if answer.status != 201:
        raise errors.BadAnswer(f"an upload was answered with {answer.status} instead of 201")


def _nothing(_: Answer) -> None:
    return None
