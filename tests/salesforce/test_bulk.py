"""Bulk query jobs: created once, waited for in good measure, read page by page."""

from __future__ import annotations

import datetime as dt
import email.utils
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from abmatic.salesforce import errors
from abmatic.salesforce.bulk import BulkQueryJob, ResultPage, select_list
from abmatic.salesforce.jobs import JobInfo, Polling

from .conftest import JOB_ID, Org, csv_page, in_turn, refusal

SOQL = "SELECT Id, Name, Owner.Name FROM Account WHERE SystemModstamp < 2026-11-24T00:00:00Z"
JOBS = "/services/data/v67.0/jobs/query"
JOB = f"{JOBS}/{JOB_ID}"
OTHER_ID = "750R0000000other18"
USER_ID = "00558000001c9TpAAI"
NOW = dt.datetime(2026, 11, 24, 12, 0, 0, tzinfo=dt.UTC)


def job(state: str = "JobComplete", records: int = 3, **more: Any) -> dict[str, Any]:
    return {
        "id": JOB_ID,
        "operation": "query",
        "object": "Account",
        "createdById": USER_ID,
        "createdDate": "2026-11-24T12:00:00.000+0000",
        "state": state,
        "apiVersion": 67.0,
        "jobType": "V2Query",
        "numberRecordsProcessed": records,
        **more,
    }


def answers(**by_resource: Any) -> Callable[[httpx2.Request], httpx2.Response]:
    """By the last part of the path ("create" for the POST); a list is answered in turn."""
    turns = {k: in_turn(*v) if isinstance(v, list) else v for k, v in by_resource.items()}

    def handle(request: httpx2.Request) -> httpx2.Response:
        name = request.url.path.rsplit("/", 1)[-1]
        name = "create" if request.method == "POST" else {JOB_ID: "job", "query": "list"}.get(name, name)
        name = {"PATCH": "abort", "DELETE": "delete"}.get(request.method, name)
        answer = turns[name]
        if callable(answer):
            return answer(request)
        return answer if isinstance(answer, httpx2.Response) else httpx2.Response(200, json=answer)

    return handle


def done(org: Org, **more: Any) -> BulkQueryJob:
    """A finished job of this org."""
    return BulkQueryJob(
        org.client()._wire, JobInfo(JOB_ID, "query", "Account", "JobComplete", 3, "67.0", "", None, ""), "67.0", **more
    )


def pages_list(*locators: str, following: str | None = None, **more: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "resultPages": [{"resultUrl": f"{JOB}/results?locator={name}"} for name in locators],
        "done": following is None,
    }
    if following:
        body["nextRecordUrl"] = f"{JOB}/resultPages?locator={following}"
    return body | more


# --- creating


def test_a_job_is_created_with_what_makes_its_csv_plain() -> None:
    org = Org(answers(create=job("UploadComplete", 0)))
    made = org.client().bulk_query(SOQL)
    assert made.id == JOB_ID
    assert httpx2.Response(200, content=org.requests[0].content).json() == {
        "operation": "query",
        "query": SOQL,
        "contentType": "CSV",
        "columnDelimiter": "COMMA",
        "lineEnding": "LF",
    }
    org.client().bulk_query(SOQL, include_deleted=True)
    assert b'"queryAll"' in org.requests[1].content


def test_a_creation_refused_for_good_is_sent_once() -> None:
    org = Org(answers(create=refusal(400, "INVALID_FIELD", "No such column 'X__c' on entity 'Account'.")))
    with pytest.raises(errors.InvalidField):
        org.client().bulk_query(SOQL)
    assert len(org.requests) == 1


@pytest.mark.parametrize(
    "trouble",
    [httpx2.ConnectError("no route"), refusal(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests Limit exceeded.")],
    ids=["not sent", "not taken"],
)
def test_a_creation_known_not_to_have_happened_is_sent_again(trouble: Any) -> None:
    org = Org(answers(create=[trouble, httpx2.Response(200, json=job("UploadComplete"))]))
    assert org.client().bulk_query(SOQL).id == JOB_ID
    assert org.paths() == [f"POST {JOBS}", f"POST {JOBS}"]


UNKNOWN = [
    httpx2.ReadTimeout("no answer"),
    httpx2.ReadError("reset"),
    httpx2.Response(502),
    httpx2.Response(200, content=b"<html>"),
]


def listed(*jobs: dict[str, Any]) -> httpx2.Response:
    return httpx2.Response(
        200, json={"done": True, "records": list(jobs)}, headers={"Date": email.utils.format_datetime(NOW, usegmt=True)}
    )


@pytest.mark.parametrize("outcome", UNKNOWN, ids=str)
def test_a_creation_whose_outcome_is_unknown_is_looked_up_not_repeated(outcome: Any) -> None:
    old = job(createdDate="2026-11-24T11:00:00.000+0000", id=OTHER_ID)
    foreign = job(createdById="00558000001c9TqAAI", id="750R0000000foreign")
    org = Org(
        answers(
            create=[outcome, httpx2.Response(500)],
            list=listed(old, foreign, job("InProgress")),
            userinfo={"user_id": USER_ID},
        )
    )
    assert org.client().bulk_query(SOQL).id == JOB_ID
    assert [path for path in org.paths() if path.startswith("POST")] == [f"POST {JOBS}"]


@pytest.mark.parametrize(
    "jobs",
    [
        [],
        [job(createdDate="2026-11-24T11:00:00.000+0000")],
        [job(operation="queryAll")],
        [job(object="Contact")],
        [job(), job(id=OTHER_ID)],
        [job(createdDate=None)],
    ],
    ids=["none", "older", "other operation", "other object", "two fit", "no date"],
)
def test_a_job_that_may_be_somebody_elses_is_not_taken(jobs: list[dict[str, Any]]) -> None:
    fresh = job("UploadComplete", id="750R0000000fresh18")
    org = Org(
        answers(
            create=[httpx2.ReadTimeout("no answer"), httpx2.Response(200, json=fresh)],
            list=listed(*jobs),
            userinfo={"user_id": USER_ID},
        )
    )
    assert org.client().bulk_query(SOQL).id == "750R0000000fresh18"


def test_a_job_this_client_made_before_is_not_taken_for_the_lost_one() -> None:
    fresh = httpx2.Response(200, json=job("UploadComplete", id="750R0000000fresh18"))
    org = Org(
        answers(
            create=[httpx2.Response(200, json=job()), httpx2.ReadTimeout("no answer"), fresh],
            list=listed(job()),
            userinfo={"user_id": USER_ID},
        )
    )
    client = org.client()
    assert client.bulk_query(SOQL).id == JOB_ID
    assert client.bulk_query(SOQL).id == "750R0000000fresh18"


def test_a_found_job_with_other_columns_is_left_alone() -> None:
    org = Org(
        answers(
            create=httpx2.ReadTimeout("no answer"),
            list=listed(job()),
            userinfo={"user_id": USER_ID},
            results=lambda _: csv_page(b'"Id","Phone"\n', records=3),
        )
    )
    org.handler = _raising(org.handler, httpx2.ReadTimeout("no answer"))
    found = org.client().bulk_query(SOQL)
    with pytest.raises(errors.JobGone), found.open_page(ResultPage(0, None)):
        pass


def _raising(handler: Any, error: Exception) -> Any:
    def handle(request: httpx2.Request) -> httpx2.Response:
        if request.method == "POST":
            raise error
        return handler(request)  # type: ignore[no-any-return]

    return handle


def test_the_columns_a_query_asks_for() -> None:
    assert select_list(SOQL) == ["Id", "Name", "Owner.Name"]
    assert select_list("select\n Id\n from Account") == ["Id"]
    assert select_list("nonsense") == []


# --- waiting


def test_a_job_of_three_seconds_costs_hardly_more_than_three_seconds() -> None:
    org = Org(lambda request: httpx2.Response(200, json=job("JobComplete" if org.now >= 1003.0 else "InProgress")))
    waiting = done(org)
    waiting.wait()
    assert 1003.0 <= org.now <= 1003.3
    assert len(org.requests) <= 20


def test_a_job_of_an_hour_does_not_cost_a_thousand_calls() -> None:
    org = Org(lambda request: httpx2.Response(200, json=job("JobComplete" if org.now >= 4600.0 else "InProgress")))
    done(org).wait()
    assert org.now <= 4630.0
    assert len(org.requests) < 250
    assert max(org.pauses) == 30.0


@pytest.mark.parametrize("waited", [0.0, 1.0, 10.0, 100.0, 1e6])
def test_a_pause_stays_within_its_share(waited: float) -> None:
    polling = Polling()
    pause = polling.first
    for _ in range(50):
        pause = polling.next_pause(pause, waited)
    assert pause == min(30.0, max(0.25, 0.05 * waited))


def test_progress_is_told() -> None:
    org = Org(answers(job=[httpx2.Response(200, json=job(s, n)) for s, n in (("InProgress", 1), ("JobComplete", 3))]))
    told: list[tuple[str, int]] = []
    running = done(org)
    running.wait(lambda info: told.append((info.state, info.records)))
    assert told == [("InProgress", 1), ("JobComplete", 3)]
    assert running.records == 3


def test_polling_ends_on_failed_with_the_reason_that_would_make_it_fail_again() -> None:
    message = "INVALID_FIELD: No such column 'X__c' on entity 'Account'."
    org = Org(answers(job=job("Failed", errorMessage=message)))
    with pytest.raises(errors.InvalidField) as missing:
        done(org).wait()
    assert missing.value.field == "X__c"
    assert isinstance(missing.value.__cause__, errors.JobFailed)
    assert missing.value.__cause__.job_id == JOB_ID


def test_polling_ends_on_failed_for_a_passing_reason() -> None:
    org = Org(
        answers(job=job("Failed", errorMessage="InvalidBatch : Failed to process query: QUERY_TIMEOUT: too long"))
    )
    with pytest.raises(errors.JobFailed) as failed:
        done(org).wait()
    assert isinstance(failed.value.reason, errors.QueryTimedOut)
    assert "took too long" in failed.value.meaning


def test_polling_ends_on_failed_without_a_reason() -> None:
    org = Org(answers(job=job("Failed", errorMessage="TooManyRetries : tried more than 15 times")))
    with pytest.raises(errors.JobFailed, match="15 times") as failed:
        done(org).wait()
    assert failed.value.reason is None


def test_polling_ends_on_aborted() -> None:
    org = Org(answers(job=job("Aborted")))
    with pytest.raises(errors.JobAborted):
        done(org).wait()


def test_polling_ends_when_the_job_is_gone() -> None:
    org = Org(answers(job=refusal(404, "NOT_FOUND")))
    with pytest.raises(errors.JobGone):
        done(org).wait()


@pytest.mark.parametrize("state", ["InProgress", "UploadComplete", "SomethingNew"])
def test_waiting_gives_up_after_its_limit_and_names_the_job(state: str) -> None:
    org = Org(answers(job=job(state)))
    with pytest.raises(errors.JobUnfinished) as unfinished:
        done(org).wait(polling=Polling(limit=60.0))
    assert unfinished.value.job_id == JOB_ID
    assert org.now <= 1065.0


def test_a_job_is_resumed_by_its_id_under_the_version_it_was_made_with() -> None:
    org = Org(answers(job=job(apiVersion=65.0), resultPages=refusal(400, "UNKNOWN")))
    resumed = org.client().resume_bulk_query(JOB_ID)
    with pytest.raises(errors.Rejected):
        resumed.pages()
    assert org.paths() == [f"GET {JOB}", f"GET {JOB.replace('67', '65')}/resultPages"]


@pytest.mark.parametrize("job_id", ["", "../../sobjects", "001R0000000zxr8IAA", JOB_ID + "/x", "750"])
def test_an_id_that_is_none_never_becomes_part_of_a_path(job_id: str) -> None:
    org = Org(answers())
    with pytest.raises(errors.NotFound):
        org.client().resume_bulk_query(job_id)
    assert org.requests == []


# --- pages


def test_pages_come_from_the_list_of_result_pages() -> None:
    lists = [
        httpx2.Response(200, json=pages_list("a", "b", following="x")),
        httpx2.Response(200, json=pages_list("c", following="y")),
        httpx2.Response(200, json=pages_list("d")),
    ]
    org = Org(answers(resultPages=lists))
    assert done(org).pages(50_000) == [ResultPage(n, name) for n, name in enumerate("abcd")]
    assert [dict(r.url.params) for r in org.requests] == [{"maxRecords": "50000"}, {"locator": "x"}, {"locator": "y"}]


def test_a_listed_page_is_asked_for_as_salesforce_cut_it() -> None:
    """With another maxRecords than the locator was cut for, records at the end of each page would be lost."""
    listed = {"resultPages": [{"resultUrl": f"{JOB}/results"}, {"resultUrl": f"{JOB}/results?maxRecords=9&locator=b"}]}
    org = Org(answers(resultPages={**listed, "done": True}, results=lambda _: csv_page(b'"Id"\n', records=1)))
    finished = done(org)
    for page in finished.pages(5):
        with finished.open_page(page):
            pass
    assert [dict(r.url.params) for r in org.requests[1:]] == [{}, {"maxRecords": "9", "locator": "b"}]


def test_a_job_that_says_no_number_is_read_all_the_same() -> None:
    silent = {name: value for name, value in job().items() if name != "numberRecordsProcessed"}
    url = {"resultUrl": f"{JOB}/results"}
    org = Org(answers(job=silent, resultPages={"resultPages": [url], "done": True}))
    finished = done(org)
    finished.wait()
    assert finished.records is None
    assert len(finished.pages()) == 1


def test_a_running_job_is_stopped_before_it_is_removed() -> None:
    org = Org(answers(job=job("InProgress"), abort=job("Aborted"), delete=httpx2.Response(204)))
    running = done(org)
    running.look()
    running.discard()
    assert [r.method for r in org.requests] == ["GET", "PATCH", "DELETE"]


def test_a_finished_job_is_removed_with_one_call() -> None:
    org = Org(answers(delete=httpx2.Response(204)))
    done(org).discard()
    assert [r.method for r in org.requests] == ["DELETE"]


def test_a_job_that_found_nothing_has_no_pages_and_costs_no_call() -> None:
    org = Org(answers(job=job(records=0)))
    empty = done(org)
    empty.wait()
    org.requests.clear()
    assert empty.pages() == []
    assert org.requests == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"resultPages": None, "done": True},
        {"resultPages": [{}], "done": True},
        {"resultPages": ["x"], "done": True},
        {"resultPages": [{"resultUrl": "https://evil.example/results?locator=a"}], "done": True},
        {"resultPages": [{"resultUrl": f"//evil.example{JOB}/results?locator=a"}], "done": True},
        {"resultPages": [{"resultUrl": f"{JOBS}/{OTHER_ID}/results?locator=a"}], "done": True},
        pages_list("a", "a"),
        pages_list("a", done=False),
        pages_list("a", done=False, nextRecordUrl="https://evil.example/resultPages"),
        pages_list("a", following="x"),
    ],
)
def test_a_list_of_pages_that_lies_is_refused(body: dict[str, Any]) -> None:
    org = Org(answers(resultPages=body))
    with pytest.raises(errors.BadAnswer):
        done(org).pages()
    assert all(request.url.host == "acme.my.salesforce.com" for request in org.requests)
    assert len(org.requests) < 5


def chain(locators: dict[str | None, str | None]) -> Callable[[httpx2.Request], httpx2.Response]:
    return lambda request: csv_page(
        b'"Id"\n"1"\n', records=1, locator=locators[dict(request.url.params).get("locator")]
    )


def test_without_a_list_the_pages_are_followed_by_locator() -> None:
    org = Org(
        answers(resultPages=refusal(404, "NOT_FOUND"), job=job(), results=chain({None: "b", "b": "c", "c": "null"}))
    )
    assert done(org).pages(1) == [ResultPage(0, None, 1), ResultPage(1, "b", 1), ResultPage(2, "c", 1)]
    assert all(r.url.params["maxRecords"] == "1" for r in org.requests[2:])


@pytest.mark.parametrize("end", ["null", "", None])
def test_a_missing_locator_ends_the_pages(end: str | None) -> None:
    org = Org(answers(resultPages=refusal(404, "NOT_FOUND"), job=job(), results=chain({None: end})))
    assert done(org).pages() == [ResultPage(0, None)]


def test_locators_that_go_round_in_a_circle_end() -> None:
    org = Org(answers(resultPages=refusal(404, "NOT_FOUND"), job=job(), results=chain({None: "b", "b": "c", "c": "b"})))
    with pytest.raises(errors.BadAnswer, match="already seen"):
        done(org).pages()
    assert len(org.requests) < 10


def test_pages_of_a_job_that_is_gone() -> None:
    org = Org(answers(resultPages=refusal(404, "NOT_FOUND"), job=refusal(404, "NOT_FOUND")))
    with pytest.raises(errors.JobGone):
        done(org).pages()


def test_a_page_is_asked_for_by_its_locator_and_streamed() -> None:
    org = Org(answers(results=lambda _: csv_page(b'"Id","Name"\n"1","x"\n', records=1, locator="next")))
    with done(org).open_page(ResultPage(3, "abc", 10)) as stream:
        assert stream.columns == ["Id", "Name"]
        assert stream.expected == 1
        assert b"".join(stream.chunks) == b'"1","x"\n'
    request = org.requests[0]
    assert dict(request.url.params) == {"maxRecords": "10", "locator": "abc"}
    assert request.headers["accept"] == "text/csv"


def test_opening_a_page_is_retried_but_reading_it_is_not() -> None:
    cut = csv_page(b'"Id"\n"1"\n', records=1, Content_Length="1000")
    org = Org(answers(results=[refusal(503, "SERVER_UNAVAILABLE"), cut]))
    with done(org).open_page(ResultPage(0, None)) as stream, pytest.raises(errors.BadAnswer, match="cut"):
        list(stream.chunks)
    assert len(org.requests) == 2


def test_a_result_that_is_gone_means_start_over() -> None:
    org = Org(answers(results=refusal(404, "NOT_FOUND")))
    with pytest.raises(errors.JobGone), done(org).open_page(ResultPage(0, None)):
        pass


# --- ending


def test_deleting_twice_is_no_error() -> None:
    org = Org(answers(delete=[httpx2.Response(204), refusal(404, "NOT_FOUND")]))
    ended = done(org)
    ended.delete()
    ended.delete()
    assert org.paths() == [f"DELETE {JOB}"] * 2


def test_aborting_a_job_that_has_ended_is_no_error() -> None:
    org = Org(answers(abort=[httpx2.Response(200, json=job("Aborted")), refusal(400, "INVALIDJOBSTATE")], job=job()))
    running = done(org)
    running.abort()
    running.abort()
    assert httpx2.Response(200, content=org.requests[0].content).json() == {"state": "Aborted"}


def test_aborting_a_running_job_that_refuses_is_an_error() -> None:
    org = Org(answers(abort=refusal(400, "INVALIDJOBSTATE"), job=job("InProgress")))
    with pytest.raises(errors.Rejected):
        done(org).abort()
