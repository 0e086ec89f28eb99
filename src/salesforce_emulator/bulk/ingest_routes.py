"""/jobs/ingest: the HTTP side of ingest jobs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from flask import Blueprint, Response, request

from salesforce_emulator import ids
from salesforce_emulator.api.answers import ApiError, json_answer, not_found
from salesforce_emulator.api.bodies import json_object
from salesforce_emulator.bulk.csvfile import DELIMITERS, LINE_ENDINGS
from salesforce_emulator.bulk.ingest import OPERATIONS, IngestJob
from salesforce_emulator.bulk.query_routes import choice
from salesforce_emulator.changes import api_origin
from salesforce_emulator.runtime import api_session, api_version, emulator, job_fault, visible_schema

blueprint = Blueprint("bulk_ingest", __name__)

MAX_BYTES = 150 * 1024 * 1024
_BASE = "/services/data/v<version>/jobs/ingest"
_READ = 1 << 20
_LISTED = 1000
_RESULTS = {
    "successfulResults": "successful",
    "failedResults": "failed",
    "unprocessedrecords": "unprocessed",
}


@blueprint.post(_BASE)
@blueprint.post(f"{_BASE}/")
def create(version: str) -> Response:
    body = json_object()
    operation = choice(body, "operation", OPERATIONS, "")
    choice(body, "contentType", ("CSV",), "CSV")
    name = str(body.get("object") or "")
    sobject = visible_schema().get(name)
    if sobject is None:
        raise ApiError(400, "INVALIDJOB", f"InvalidJob : Unable to find object: {name}")
    external_id = str(body.get("externalIdFieldName") or "")
    if operation == "upsert":
        found = sobject.get(external_id)
        if found is None or not (found.external_id or found.describe["idLookup"]):
            message = (
                f"InvalidJob : Field name provided, {external_id} does not match an External ID for {sobject.name}"
            )
            raise ApiError(400, "INVALIDJOB", message)
        external_id = found.name
    if not emulator().bulk_batches.take():
        raise ApiError(400, "LIMIT_EXCEEDED", "DailyBulkApiBatches limit exceeded")
    job = emulator().ingest_jobs.create(
        sobject,
        operation,
        external_id,
        api_session().user_id,
        api_version(),
        delimiter=choice(body, "columnDelimiter", DELIMITERS, "COMMA"),
        line_ending=choice(body, "lineEnding", LINE_ENDINGS, "LF"),
        origin=api_origin("bulkapi", api_version(), request.headers.get("Sforce-Call-Options", "")),
        break_off=job_fault(),
    )
    return json_answer(job.summary())


def _job(job_id: str) -> IngestJob:
    try:
        found = emulator().ingest_jobs.get(ids.to18(job_id))
    except ValueError:
        found = None
    if found is None:
        raise not_found()
    return found


@blueprint.put(f"{_BASE}/<job_id>/batches")
@blueprint.put(f"{_BASE}/<job_id>/batches/")
def upload(version: str, job_id: str) -> Response:
    """The job's data, once."""
    job = _job(job_id)
    if job.state != "Open" or job.data.exists():
        raise ApiError(400, "INVALIDJOBSTATE", "Found multiple contents for job, a job takes one upload")
    if not (request.mimetype or "text/csv").startswith("text/csv"):
        raise ApiError(415, "UNSUPPORTED_MEDIA_TYPE", "the data of a job is text/csv")
    partial = job.data.with_suffix(".part")
    size = 0
    with partial.open("wb") as file:
        while piece := request.stream.read(_READ):
            size += len(piece)
            if size > MAX_BYTES:
                raise ApiError(400, "EXCEEDED_MAX_SIZE_REQUEST", "the data of a job has at most 150 MB")
            file.write(piece)
    partial.replace(job.data)
    return Response(status=201)


@blueprint.patch(f"{_BASE}/<job_id>")
@blueprint.patch(f"{_BASE}/<job_id>/")
def close_or_abort(version: str, job_id: str) -> Response:
    job, state = _job(job_id), json_object().get("state")
    jobs = emulator().ingest_jobs
    if state not in ("UploadComplete", "Aborted"):
        raise ApiError(400, "INVALIDJOBSTATE", "a job can be given the states UploadComplete and Aborted")
    done = jobs.upload_complete(job) if state == "UploadComplete" else jobs.abort(job)
    if not done:
        raise ApiError(400, "INVALIDJOBSTATE", f"a job in state {job.state} can't be given the state {state}")
    return json_answer({**job.short(), "state": state})


@blueprint.get(_BASE)
@blueprint.get(f"{_BASE}/")
def listing(version: str) -> Response:
    jobs = [{**j.summary(), "jobType": "V2Ingest"} for j in emulator().ingest_jobs.all()[:_LISTED]]
    return json_answer({"done": True, "records": jobs, "nextRecordsUrl": None})


@blueprint.get(f"{_BASE}/<job_id>")
@blueprint.get(f"{_BASE}/<job_id>/")
def status(version: str, job_id: str) -> Response:
    return json_answer(_job(job_id).info())


@blueprint.delete(f"{_BASE}/<job_id>")
@blueprint.delete(f"{_BASE}/<job_id>/")
def delete(version: str, job_id: str) -> Response:
    job = _job(job_id)
    if not emulator().ingest_jobs.delete(job):
        raise ApiError(400, "INVALIDJOBSTATE", f"a job in state {job.state} can't be deleted: abort it first")
    return Response(status=204)


@blueprint.get(f"{_BASE}/<job_id>/<any(successfulResults, failedResults, unprocessedrecords):which>")
@blueprint.get(f"{_BASE}/<job_id>/<any(successfulResults, failedResults, unprocessedrecords):which>/")
def results(version: str, job_id: str, which: str) -> Response:
    file = _job(job_id).result(_RESULTS[which])
    pieces = _pieces(file) if file.exists() else iter(())
    return Response(pieces, content_type="text/csv;charset=UTF-8")


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while piece := opened.read(_READ):
            yield piece
