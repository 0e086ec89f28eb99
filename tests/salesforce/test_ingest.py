"""Bulk ingest jobs: nothing happens before they are closed, and nothing is written twice."""

from __future__ import annotations

from typing import Any

import httpx2
import orjson
import pytest

from abmatic.salesforce import errors
from abmatic.salesforce.jobs import Polling

from .conftest import JOB_ID, Org, csv_page, in_turn

JOBS = "/services/data/v67.0/jobs/ingest"
JOB = f"{JOBS}/{JOB_ID}"
CSV = b"Id,Name\n0015800000abcDEAAY,Acme\n"


def job(state: str = "Open", **more: Any) -> httpx2.Response:
    body = {
        "id": JOB_ID, "operation": "update", "object": "Account", "createdById": "00558000001c9TpAAI", "state": state,
        "createdDate": "2026-11-24T12:00:00.000+0000", "apiVersion": 67.0, **more,
    }  # fmt: skip
    return httpx2.Response(200, json=body)


class Salesforce:
    """Answers by method and last part of the path, in turn."""

    def __init__(self, **turns: list[httpx2.Response | Exception]) -> None:
        self._turns = {name: in_turn(*answers) for name, answers in turns.items()}

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        last = request.url.path.rstrip("/").rsplit("/", 1)[-1]
        name = {JOB_ID: request.method.lower()}.get(last, {"ingest": "create"}.get(last, last))
        return self._turns[name](request)


def opened(**turns: Any) -> tuple[Org, Any]:
    org = Org(Salesforce(create=[job()], batches=[httpx2.Response(201)], **turns))
    made = org.client().bulk_ingest("Account", "update", CSV)
    org.requests.clear()
    return org, made


def test_a_job_is_created_filled_and_left_open() -> None:
    org = Org(Salesforce(create=[job()], batches=[httpx2.Response(201)]))
    made = org.client().bulk_ingest("Account", "update", CSV, save_duplicates=True)
    assert made.id == JOB_ID
    assert org.paths() == [f"POST {JOBS}", f"PUT {JOB}/batches/"]
    create, upload = org.requests
    assert orjson.loads(create.content) == {
        "object": "Account", "operation": "update", "contentType": "CSV", "lineEnding": "LF",
    }  # fmt: skip
    assert create.headers["sforce-duplicate-rule-header"] == "allowSave=true"
    assert (upload.content, upload.headers["content-type"]) == (CSV, "text/csv; charset=UTF-8")


@pytest.mark.parametrize("lost", [httpx2.ReadTimeout("no answer"), httpx2.Response(502)], ids=["silence", "502"])
def test_an_upload_of_which_nothing_is_known_goes_into_another_job(lost: Any) -> None:
    other = "750R0000000other18"
    org = Org(Salesforce(create=[job(), job(id=other)], batches=[lost, httpx2.Response(201)]))
    assert org.client().bulk_ingest("Account", "update", CSV).id == other
    assert org.paths() == [f"POST {JOBS}", f"PUT {JOB}/batches/", f"POST {JOBS}", f"PUT {JOBS}/{other}/batches/"]


def test_an_upload_that_never_arrives_surely_is_given_up() -> None:
    org = Org(Salesforce(create=[job()], batches=[httpx2.ReadTimeout("no answer")]))
    with pytest.raises(errors.TimedOut):
        org.client().bulk_ingest("Account", "update", CSV)
    assert len(org.requests) == 6


def test_more_than_a_job_takes_is_refused_before_anything_is_sent() -> None:
    org = Org(Salesforce())
    with pytest.raises(ValueError, match="fit"):
        org.client().bulk_ingest("Account", "update", b"x" * 100_000_001)
    assert org.requests == []


def test_closing_lets_salesforce_begin() -> None:
    org, made = opened(get=[job()], patch=[job("UploadComplete")])
    made.close()
    assert org.paths() == [f"GET {JOB}", f"PATCH {JOB}"]
    assert orjson.loads(org.requests[1].content) == {"state": "UploadComplete"}


@pytest.mark.parametrize("state", ["UploadComplete", "InProgress", "JobComplete", "Failed", "Aborted"])
def test_a_job_that_was_closed_before_is_left_alone(state: str) -> None:
    org, made = opened(get=[job(state)])
    made.close()
    assert org.paths() == [f"GET {JOB}"]


def test_a_close_without_an_answer_is_looked_up() -> None:
    org, made = opened(get=[job(), job(), job("InProgress")], patch=[httpx2.ReadTimeout("no answer")])
    made.close()
    assert org.paths() == [f"GET {JOB}", f"PATCH {JOB}", f"GET {JOB}", f"PATCH {JOB}", f"GET {JOB}"]


def page() -> httpx2.Response:
    """What something between may put in the place of an answer."""
    return httpx2.Response(200, html="<html><title>Please sign in</title></html>")


@pytest.mark.parametrize("lost", [page(), httpx2.Response(502), job()], ids=["page", "502", "still open"])
def test_a_job_that_never_closes_is_given_up_after_growing_pauses(lost: httpx2.Response) -> None:
    org, made = opened(get=[job()], patch=[lost])
    with pytest.raises(errors.Transient) as given_up:
        made.close()
    assert given_up.value.outcome_unknown
    assert org.paths() == [f"GET {JOB}", f"PATCH {JOB}"] * 6
    assert len(org.pauses) == 5


def test_an_upload_that_a_page_answers_goes_into_another_job() -> None:
    other = "750R0000000other18"
    org = Org(Salesforce(create=[job(), job(id=other)], batches=[page(), httpx2.Response(201)]))
    assert org.client().bulk_ingest("Account", "update", CSV).id == other


def test_nobody_waits_for_a_job_that_is_still_open() -> None:
    org, made = opened(get=[job()])
    with pytest.raises(errors.JobUnfinished, match="still open"):
        made.wait()
    assert org.pauses == []


def test_waiting_ends_where_salesforce_never_does() -> None:
    org, made = opened(get=[job("InProgress")])
    with pytest.raises(errors.JobUnfinished, match="still InProgress"):
        made.wait(polling=Polling(limit=60.0))
    assert 60.0 <= sum(org.pauses) < 120.0


def test_a_job_that_failed_is_a_failed_job_whatever_the_reason() -> None:
    """Its results tell what was written all the same, so the reason must not hide them."""
    _, made = opened(get=[job("Failed", errorMessage="INVALID_FIELD: No such column 'X__c' on entity 'Account'.")])
    with pytest.raises(errors.JobFailed) as failed:
        made.wait()
    assert isinstance(failed.value.reason, errors.InvalidField)


def test_waiting_tells_how_many_were_refused() -> None:
    done = job("JobComplete", numberRecordsProcessed=3, numberRecordsFailed=1)
    org, made = opened(get=[job("InProgress"), done])
    info = made.wait()
    assert (info.records, info.failed) == (3, 1)
    assert len(org.pauses) == 1


@pytest.mark.parametrize(("state", "kind"), [("Failed", errors.JobFailed), ("Aborted", errors.JobAborted)])
def test_a_job_that_ends_badly_says_so(state: str, kind: type[Exception]) -> None:
    _, made = opened(get=[job(state, errorMessage="InvalidBatch : Field name not found : Nmae")])
    with pytest.raises(kind, match="Nmae"):
        made.wait()


def test_results_are_streamed() -> None:
    page = csv_page(b'"sf__Id","sf__Error","Id","Name"\n"","X:y:Name --","0015800000abcDEAAY","Acme"\n', locator=None)
    org, made = opened(failedResults=[page])
    with made.open_results("failedResults") as stream:
        assert stream.columns == ["sf__Id", "sf__Error", "Id", "Name"]
        assert b"".join(stream.chunks) == b'"","X:y:Name --","0015800000abcDEAAY","Acme"\n'
    assert org.paths() == [f"GET {JOB}/failedResults/"]


def test_a_job_is_found_again_by_its_id() -> None:
    org = Org(Salesforce(get=[job("InProgress")]))
    assert org.client().resume_bulk_ingest(JOB_ID).info.state == "InProgress"


@pytest.mark.parametrize("job_id", ["", "../query", "0015800000abcDEAAY"])
def test_what_is_no_jobs_id_is_never_asked_for(job_id: str) -> None:
    org = Org(Salesforce())
    with pytest.raises(errors.NotFound):
        org.client().resume_bulk_ingest(job_id)
    assert org.requests == []


def test_a_job_that_is_gone_says_so() -> None:
    gone = httpx2.Response(404, json=[{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}])
    _, made = opened(get=[gone])
    with pytest.raises(errors.JobGone):
        made.close()
    made.discard()


def test_discarding_stops_what_runs_and_removes_it() -> None:
    org, made = opened(get=[job("InProgress")], patch=[job("Aborted")], delete=[httpx2.Response(204)])
    made.discard()
    assert org.paths() == [f"GET {JOB}", f"PATCH {JOB}", f"DELETE {JOB}"]
