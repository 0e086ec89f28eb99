"""/jobs/query: the HTTP side of query jobs."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Iterator

from flask import Blueprint, Response, request

from salesforce_emulator import ids
from salesforce_emulator.api.answers import ApiError, json_answer, not_found
from salesforce_emulator.api.bodies import JsonObject, json_object
from salesforce_emulator.api.query import compile_for_api
from salesforce_emulator.bulk.csvfile import DELIMITERS, LINE_ENDINGS
from salesforce_emulator.bulk.query import QueryJob
from salesforce_emulator.runtime import api_session, api_version, emulator, job_fault
from salesforce_emulator.soql import Plan

blueprint = Blueprint("bulk_query", __name__)

PAGE_ROWS = 100_000
"""Rows of a page whose size nobody asked for."""
PAGES_AT_ONCE = 5
_RESULT_PAGES_SINCE = 58.0
_BASE = "/services/data/v<version>/jobs/query"
_LISTED = 1000


def choice(body: JsonObject, name: str, allowed: Iterable[str], default: str) -> str:
    """A setting of a new job that has a few allowed values."""
    value = str(body.get(name) or default)
    if value not in allowed:
        raise ApiError(400, "INVALIDJOB", f"{name}: {value} is not one of {', '.join(allowed)}")
    return value


@blueprint.post(_BASE)
@blueprint.post(f"{_BASE}/")
def create(version: str) -> Response:
    body = json_object()
    operation = choice(body, "operation", ("query", "queryAll"), "")
    choice(body, "contentType", ("CSV",), "CSV")
    delimiter = choice(body, "columnDelimiter", DELIMITERS, "COMMA")
    ending = choice(body, "lineEnding", LINE_ENDINGS, "LF")
    plan = compile_for_api(str(body.get("query") or ""), include_deleted=operation == "queryAll")
    refuse_what_bulk_cannot(plan)
    if not emulator().bulk_queries.take():
        raise ApiError(400, "LIMIT_EXCEEDED", "DailyBulkV2QueryJobs limit exceeded")
    job = emulator().query_jobs.start(
        plan,
        operation,
        api_session().user_id,
        api_version(),
        delimiter=delimiter,
        line_ending=ending,
        break_off=job_fault(),
    )
    return json_answer({**job.summary(), "state": "UploadComplete"})  # it may be under way already


def refuse_what_bulk_cannot(plan: Plan) -> None:
    if plan.kind != "rows":
        raise ApiError(400, "API_ERROR", "Aggregate functions are not supported in Bulk Query")
    if {"children", "typeof"} & set(plan.types):
        raise ApiError(400, "API_ERROR", "Aggregate Relationships not supported in Bulk Query")
    if {"address", "location"} & set(plan.types):
        raise ApiError(400, "FUNCTIONALITY_NOT_ENABLED", "Selecting compound data not supported in Bulk Query")
    if plan.offset is not None:
        raise ApiError(400, "API_ERROR", "OFFSET clause is not supported in Bulk Query")


def _job(job_id: str) -> QueryJob:
    try:
        found = emulator().query_jobs.get(ids.to18(job_id))
    except ValueError:
        found = None
    if found is None:
        raise not_found()
    return found


@blueprint.get(_BASE)
@blueprint.get(f"{_BASE}/")
def listing(version: str) -> Response:
    jobs = [{**j.summary(), "jobType": "V2Query"} for j in emulator().query_jobs.all()[:_LISTED]]
    return json_answer({"done": True, "records": jobs, "nextRecordsUrl": None})


@blueprint.get(f"{_BASE}/<job_id>")
@blueprint.get(f"{_BASE}/<job_id>/")
def status(version: str, job_id: str) -> Response:
    return json_answer(_job(job_id).info())


@blueprint.patch(f"{_BASE}/<job_id>")
@blueprint.patch(f"{_BASE}/<job_id>/")
def abort(version: str, job_id: str) -> Response:
    job = _job(job_id)
    if json_object().get("state") != "Aborted":
        raise ApiError(400, "INVALIDJOBSTATE", "the only state a query job can be given is Aborted")
    if not emulator().query_jobs.abort(job):
        raise ApiError(400, "INVALIDJOBSTATE", f"Aborting already {job.state} job not allowed")
    return json_answer(job.summary())


@blueprint.delete(f"{_BASE}/<job_id>")
@blueprint.delete(f"{_BASE}/<job_id>/")
def delete(version: str, job_id: str) -> Response:
    job = _job(job_id)
    if not emulator().query_jobs.delete(job):
        raise ApiError(400, "INVALIDJOBSTATE", f"a job in state {job.state} can't be deleted: abort it first")
    return Response(status=204)


# -- results


def _complete(job_id: str) -> QueryJob:
    job = _job(job_id)
    if job.version != api_version():
        message = f"use the API version the job was made with: v{job.version}"
        raise ApiError(409, "API_VERSION_MISMATCH", message)
    if job.state != "JobComplete":
        raise ApiError(400, "INVALIDJOBSTATE", f"no results: the job is in state {job.state}")
    return job


def locator_of(row: int) -> str:
    return base64.urlsafe_b64encode(str(row).encode()).decode().rstrip("=")


def _row_of(locator: str | None, rows: int) -> int:
    if not locator or locator == "0":
        return 0
    try:
        row = int(base64.urlsafe_b64decode(locator + "=" * (-len(locator) % 4)))
    except ValueError:
        row = -1
    if not 0 < row < rows:
        raise ApiError(400, "INVALID_QUERY_LOCATOR", f"invalid query locator: {locator}")
    return row


@blueprint.get(f"{_BASE}/<job_id>/results")
@blueprint.get(f"{_BASE}/<job_id>/results/")
def results(version: str, job_id: str) -> Response:
    """A page of the result: the header line, then rows, streamed from the file."""
    job = _complete(job_id)
    first = _row_of(request.args.get("locator"), job.file.rows)
    asked = request.args.get("maxRecords", str(PAGE_ROWS))
    if not asked.isdigit() or int(asked) < 1:
        raise ApiError(400, "INVALID_ARGUMENT", f"maxRecords: {asked} is not a positive number")
    count = min(int(asked), job.file.rows - first)
    more = first + count < job.file.rows
    pieces: Iterator[bytes] = job.file.read(first, count)
    zipped = "gzip" in request.headers.get("Accept-Encoding", "")
    answer = Response(_gzip(pieces) if zipped else pieces, content_type="text/csv;charset=UTF-8")
    if zipped:
        answer.headers["Content-Encoding"] = "gzip"
    else:
        answer.headers["Content-Length"] = str(job.file.size(first, count))
    answer.headers["Sforce-Locator"] = locator_of(first + count) if more else "null"
    answer.headers["Sforce-NumberOfRecords"] = str(count)
    return answer


def _gzip(pieces: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()


@blueprint.get(f"{_BASE}/<job_id>/resultPages")
def result_pages(version: str, job_id: str) -> Response:
    """Up to five pages to fetch side by side, and where to ask for the next five."""
    if float(api_version()) < _RESULT_PAGES_SINCE:
        raise not_found()
    job = _complete(job_id)
    base = f"/services/data/v{api_version()}/jobs/query/{job.id}"
    begins = list(range(_row_of(request.args.get("locator"), job.file.rows), max(1, job.file.rows), PAGE_ROWS))
    pages = [
        {"resultUrl": f"{base}/results" + (f"?locator={locator_of(row)}" if row else "")}
        for row in begins[:PAGES_AT_ONCE]
    ]
    if len(begins) <= PAGES_AT_ONCE:
        return json_answer({"resultPages": pages, "nextRecordsUrl": None, "done": True})
    following = f"{base}/resultPages?locator={locator_of(begins[PAGES_AT_ONCE])}"
    return json_answer({"resultPages": pages, "nextRecordsUrl": following, "done": False})
