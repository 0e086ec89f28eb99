"""/services/async/NN.0/job: the HTTP side of the first Bulk API, for queries answered as CSV.

Jobs and batches are told as XML, or as JSON where the client sent JSON; errors have a form of their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape, unescape

from flask import Blueprint, Response, request

from salesforce_emulator.api.answers import ApiError, dumps
from salesforce_emulator.api.bodies import BadJson, read_json
from salesforce_emulator.api.gate import admit
from salesforce_emulator.api.query import compile_for_api
from salesforce_emulator.bulk.classic import OPERATIONS, Batch, ClassicJob, Info
from salesforce_emulator.bulk.query_routes import refuse_what_bulk_cannot
from salesforce_emulator.runtime import (
    NEWEST_VERSION,
    OLDEST_VERSION,
    api_session,
    api_version,
    call_state,
    emulator,
    job_fault,
    visible_schema,
)
from salesforce_emulator.soql.values import json_datetime

blueprint = Blueprint("bulk_classic", __name__)

_BASE = "/services/async/<version>/job"
_SCHEMA = "http://www.force.com/2009/06/asyncapi/dataload"
_ELEMENT = re.compile(r"<(\w+)>([^<>]*)</\1>")
_VERSION = re.compile(r"(\d+)\.0")
_NO_RECORDS = b"Records not found for this query"
_DATES = ("createdDate", "systemModstamp")
_CONCURRENCY = ("Parallel", "Serial")


class Refused(Exception):
    """A call that is refused, as this API words it."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


@blueprint.errorhandler(Refused)
def refused(error: Refused) -> Response:
    body: Info = {"exceptionCode": error.code, "exceptionMessage": error.message}
    return _answer("error", body, error.status)


@blueprint.before_request
def enter() -> None:
    """The session comes in a header of this API's own."""
    org, state = emulator(), call_state()
    version = str((request.view_args or {})["version"])
    found = _VERSION.fullmatch(version)
    if found is None or not OLDEST_VERSION <= int(found[1]) <= NEWEST_VERSION:
        raise Refused("InvalidVersion", f"Api version {version} is not supported")
    state.version = version
    try:
        admit(org, state, org.tokens.access(request.headers.get("X-SFDC-Session", "")))
    except ApiError as error:
        if error.status == 401:
            raise Refused("InvalidSessionId", "Invalid session id") from None
        raise Refused("FeatureNotEnabled", error.message) from None


def _is_json() -> bool:
    return request.mimetype == "application/json"


def _body() -> Mapping[str, object]:
    """A job as the client describes it, in XML or JSON."""
    data = request.get_data()
    if not _is_json():
        text = data.decode("utf-8", "replace")
        return {name: unescape(value.strip()) for name, value in _ELEMENT.findall(text)}
    try:
        body = read_json(data)
    except BadJson:
        body = None
    if not isinstance(body, dict):
        raise Refused("InvalidJob", "Unable to parse Job")
    return body


def _answer(kind: str, content: Info, status: int = 200, *, as_json: bool | None = None) -> Response:
    if _is_json() if as_json is None else as_json:
        dates = {name: json_datetime(str(content[name])) for name in _DATES if name in content}
        return Response(dumps({**content, **dates}), status, content_type="application/json")
    return _xml(f'<{kind} xmlns="{_SCHEMA}">{_elements(content)}</{kind}>', status)


def _xml(text: str, status: int = 200) -> Response:
    return Response(f'<?xml version="1.0" encoding="UTF-8"?>{text}', status, content_type="application/xml")


def _elements(content: Info) -> str:
    return "".join(f"<{name}>{escape(str(value), quote=False)}</{name}>" for name, value in content.items())


# -- jobs


@blueprint.post(_BASE)
def create(version: str) -> Response:
    body = _body()
    operation, name = str(body.get("operation", "")), str(body.get("object", ""))
    kind, concurrency = str(body.get("contentType", "XML")), str(body.get("concurrencyMode", "Parallel"))
    sobject = visible_schema().get(name)
    if sobject is None:
        raise Refused("InvalidJob", f"Unable to find object: {name}")
    if concurrency not in _CONCURRENCY:
        raise Refused("InvalidJob", f"concurrencyMode: {concurrency} is not one of {', '.join(_CONCURRENCY)}")
    if operation not in OPERATIONS or kind != "CSV":
        message = f"This emulator runs query and queryAll with CSV here, not {operation} with {kind}: use Bulk API 2.0"
        raise Refused("FeatureNotEnabled", message)
    jobs = emulator().classic_jobs
    job = jobs.create(operation, sobject.name, api_session().user_id, api_version(), concurrency)
    return _answer("jobInfo", job.info(), 201)


def _job(job_id: str) -> ClassicJob:
    found = emulator().classic_jobs.get(job_id)
    if found is None:
        raise Refused("InvalidJob", f"Unable to find job: {job_id}")
    return found


@blueprint.get(f"{_BASE}/<job_id>")
def status(version: str, job_id: str) -> Response:
    return _answer("jobInfo", _job(job_id).info(), as_json=False)


@blueprint.post(f"{_BASE}/<job_id>")
def close_or_abort(version: str, job_id: str) -> Response:
    job, state = _job(job_id), _body().get("state")
    if job.state != "Open" or state not in ("Closed", "Aborted"):
        raise Refused("InvalidJobState", f"A job in state {job.state} can't be given the state {state}")
    if state == "Aborted":
        emulator().classic_jobs.abort(job)
    job.state = str(state)
    return _answer("jobInfo", job.info())


# -- batches


@blueprint.post(f"{_BASE}/<job_id>/batch")
def add_batch(version: str, job_id: str) -> Response:
    """A query, as plain text. What is wrong with it is told by the batch's state."""
    job, jobs = _job(job_id), emulator().classic_jobs
    if job.state != "Open":
        raise Refused("InvalidJobState", f"A batch can't be added to a job in state {job.state}")
    if request.mimetype != "text/csv":
        raise Refused("InvalidBatch", f"The content type of the batch, {request.mimetype}, is not that of the job, CSV")
    if not emulator().bulk_batches.take():
        raise Refused("ExceededQuota", "DailyBulkApiBatches limit exceeded")
    try:
        plan = compile_for_api(
            request.get_data().decode("utf-8", "replace"), include_deleted=job.operation == "queryAll"
        )
        refuse_what_bulk_cannot(plan)
        if plan.sobject.name != job.object:
            raise ApiError(400, "INVALID_TYPE", f"the query is of {plan.sobject.name}, the job of {job.object}")
        run = jobs.runs.start(plan, job.operation, api_session().user_id, api_version(), break_off=job_fault())
        batch = jobs.add(job, run)
    except ApiError as error:
        batch = jobs.add(job, None, f"InvalidBatch : Failed to process query: {error.code}: {error.message}")
    return _answer("batchInfo", batch.info(), 201, as_json=False)


@blueprint.get(f"{_BASE}/<job_id>/batch")
def batches(version: str, job_id: str) -> Response:
    listed = "".join(f"<batchInfo>{_elements(batch.info())}</batchInfo>" for batch in _job(job_id).batches)
    return _xml(f'<batchInfoList xmlns="{_SCHEMA}">{listed}</batchInfoList>')


def _batch(job_id: str, batch_id: str) -> Batch:
    found = _job(job_id).batch(batch_id)
    if found is None:
        raise Refused("InvalidBatch", f"Unable to find batch: {batch_id}")
    return found


@blueprint.get(f"{_BASE}/<job_id>/batch/<batch_id>")
def batch_status(version: str, job_id: str, batch_id: str) -> Response:
    return _answer("batchInfo", _batch(job_id, batch_id).info(), as_json=False)


def _completed(job_id: str, batch_id: str) -> Batch:
    batch = _batch(job_id, batch_id)
    if batch.state != "Completed":
        raise Refused("InvalidBatch", f"Batch not completed: it is {batch.state}")
    return batch


@blueprint.get(f"{_BASE}/<job_id>/batch/<batch_id>/result")
def result_list(version: str, job_id: str, batch_id: str) -> Response:
    batch = _completed(job_id, batch_id)
    return _xml(f'<result-list xmlns="{_SCHEMA}"><result>{batch.result_id}</result></result-list>')


@blueprint.get(f"{_BASE}/<job_id>/batch/<batch_id>/result/<result_id>")
def result(version: str, job_id: str, batch_id: str, result_id: str) -> Response:
    batch = _completed(job_id, batch_id)
    if result_id != batch.result_id or batch.run is None:
        raise Refused("InvalidBatch", f"Unable to find result: {result_id}")
    file = batch.run.file
    pieces = file.read(0, file.rows) if file.rows else iter((_NO_RECORDS,))
    return Response(pieces, content_type="text/csv;charset=UTF-8")
