"""What bulk query jobs and bulk ingest jobs have in common: how they are described, and waited for.

A job is waited for with short polls that grow with the time already spent, so that a job of three seconds costs hardly
more than three seconds and one of an hour not a thousand calls.
Source: "Bulk API 2.0 and Bulk API Developer Guide".
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from . import errors
from .answers import Answer, Json, named_error
from .wire import Wire

ENDED = frozenset({"JobComplete", "Failed", "Aborted"})
_JOB_ID = re.compile(r"750[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?", re.ASCII)
_CODE = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")


@dataclass(frozen=True)
class Polling:
    """How often to look at a running job. Seconds.

    The pause starts at ``first``, grows by ``growth``, and stays below the larger of ``floor`` and
    ``share`` of the time already waited, and below ``longest``. ``limit`` is when to stop waiting.
    """

    first: float = 0.1
    growth: float = 1.5
    floor: float = 0.25
    share: float = 0.05
    longest: float = 30.0
    limit: float = 6 * 3600.0

    def next_pause(self, pause: float, waited: float) -> float:
        return min(pause * self.growth, max(self.floor, self.share * waited), self.longest)


@dataclass(frozen=True)
class JobInfo:
    """A job as Salesforce describes it.

    ``records`` are those processed so far, ``failed`` those of them that were refused (ingest jobs); None where it
    doesn't say.
    """

    id: str
    operation: str
    sobject: str
    state: str
    records: int | None
    version: str
    created_by: str
    created_at: dt.datetime | None
    error_message: str
    failed: int | None = None


def check_job_id(job_id: str) -> str:
    """The id, if it is a job's. Raises NotFound: an id becomes part of a path."""
    if not _JOB_ID.fullmatch(job_id):
        raise errors.NotFound("this is not the Id of a bulk job", code="malformed_job_id")
    return job_id


def read_job(answer: Answer) -> JobInfo:
    """Raises BadAnswer where the answer is no job."""
    return parse_job(answer.object())


def parse_job(value: Json) -> JobInfo:
    """The same of JSON that is parsed already."""
    job_id, state = (value.get("id"), value.get("state")) if isinstance(value, dict) else (None, None)
    if not isinstance(job_id, str) or not _JOB_ID.fullmatch(job_id) or not isinstance(state, str):
        raise errors.BadAnswer("an answer about a bulk job without its id or state")
    records, failed, version = (
        value.get(name) for name in ("numberRecordsProcessed", "numberRecordsFailed", "apiVersion")
    )
    return JobInfo(
        id=job_id,
        operation=str(value.get("operation") or ""),
        sobject=str(value.get("object") or ""),
        state=state,
        records=records if isinstance(records, int) else None,
        version=f"{float(version):.1f}" if isinstance(version, int | float) else "",
        created_by=str(value.get("createdById") or ""),
        created_at=_moment(value.get("createdDate")),
        error_message=str(value.get("errorMessage") or ""),
        failed=failed if isinstance(failed, int) else None,
    )


def _moment(value: Json) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None


def wait(
    wire: Wire, look: Callable[[], JobInfo], on_progress: Callable[[JobInfo], None] | None, polling: Polling
) -> JobInfo:
    """Waits until the job is complete.

    Raises JobFailed, JobAborted, JobGone, or JobUnfinished at ``polling.limit``. What ``on_progress`` raises ends the
    waiting.
    """
    started = wire.clock()
    pause = polling.first
    while True:
        info = look()
        if on_progress:
            on_progress(info)
        if info.state == "JobComplete":
            return info
        if info.state == "Failed":
            raise _failure(info)
        if info.state == "Aborted":
            raise errors.JobAborted(info.error_message, job_id=info.id)
        waited = wire.clock() - started
        if waited >= polling.limit:
            raise errors.JobUnfinished(f"still {info.state} after {waited:.0f} s", job_id=info.id)
        wire.sleep(pause)
        pause = polling.next_pause(pause, waited)


@contextmanager
def gone() -> Iterator[None]:
    """Below a job's path, "not found" means that the job or its result is no longer there."""
    try:
        yield
    except errors.NotFound as missing:
        raise errors.JobGone(missing.message, code=missing.code, status=missing.status) from missing


def _failure(info: JobInfo) -> errors.JobFailed:
    """The error of a failed job. Its message often carries the code that explains it."""
    known = (named_error(code, info.error_message) for code in _CODE.findall(info.error_message))
    reason = next((error for error in known if error), None)
    code = reason.code if reason else ""
    return errors.JobFailed(info.error_message, job_id=info.id, code=code, reason=reason)
