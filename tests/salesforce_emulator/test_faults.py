"""Faults on request: what each does to a call, to a job, to a record."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx2
import pytest
from tests.salesforce_emulator.client import DATA, Api, OpenApi, wait_for

from salesforce_emulator import Settings


def test_after_and_times(api: Api) -> None:
    plan = [{"match": {"method": "GET", "path": "limits"}, "after": 1, "times": 2, "action": "status", "status": 500}]
    assert api.post("/__emulator/faults", json=plan).json() == {"rules": 1}
    assert [api.get("limits").status_code for _ in range(4)] == [200, 500, 500, 200]
    assert api.get("sobjects").status_code == 200
    assert api.get("/__emulator/faults").json() == {"seed": 0, "rules": [{**plan[0], "seen": 4, "struck": 2}]}


def test_control_can_be_off(open_api: OpenApi) -> None:
    assert open_api(settings=Settings(control=False)).get("/__emulator/calls").status_code == 403


def test_html_and_headers(api: Api) -> None:
    api.org.fault("html")
    answer = api.get("limits")
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (200, "text/html")
    api.org.fault("status", status=503, headers={"Retry-After": "7"}, body={"x": 1})
    answer = api.get("limits")
    assert (answer.status_code, answer.headers["Retry-After"], answer.json()) == (503, "7", {"x": 1})


def test_a_body_cut_short(api: Api) -> None:
    api.org.fault("cut", {"path": "describe"}, bytes=100)
    with pytest.raises(httpx2.RemoteProtocolError):
        api.get("sobjects/Account/describe")


def test_a_connection_reset_before_and_after_the_work(api: Api) -> None:
    for when, kept in (("before", 0), ("after", 1)):
        api.org.fault("reset", {"method": "POST"}, when=when)
        with pytest.raises(httpx2.RemoteProtocolError):
            api.post("sobjects/Account", json={"Name": "A"})
        assert api.query("SELECT COUNT() FROM Account")["totalSize"] == kept


def test_locators_and_sessions_expire(api: Api) -> None:
    with api.org.store.session() as session:
        for number in range(201):
            session.insert("Account", {"Name": str(number)})
    options = {"params": {"q": "SELECT Id FROM Account"}, "headers": {"Sforce-Query-Options": "batchSize=200"}}
    url = api.get("query", **options).json()["nextRecordsUrl"]
    api.org.fault("locator_expired", {"path": "query/0r8"})
    assert api.get(url).json()[0]["errorCode"] == "INVALID_QUERY_LOCATOR"
    api.org.fault("session_expired", {"path": "limits"})
    assert [api.get("limits").status_code for _ in range(2)] == [401, 401]


def test_a_field_that_vanishes(accounts: Api) -> None:
    accounts.org.fault("field_missing", {"path": "query"}, field="Name", times=0)
    assert "Name" not in accounts.rows("SELECT Id, Name FROM Account LIMIT 1")[0]
    job = accounts.bulk_query("SELECT Id, Name, NumberOfEmployees FROM Account")
    answer = accounts.get(f"jobs/query/{job}/results", headers={"Accept-Encoding": "identity"})
    assert answer.text.split("\n")[0] == '"Id","NumberOfEmployees"'


def test_headers_of_bulk_results(accounts: Api) -> None:
    job = accounts.bulk_query("SELECT Id FROM Account")
    accounts.org.fault("no_locator", {"path": "results"})
    assert "Sforce-Locator" not in accounts.get(f"jobs/query/{job}/results").headers
    accounts.org.fault("row_count", {"path": "results"}, count=99)
    assert accounts.get(f"jobs/query/{job}/results").headers["Sforce-NumberOfRecords"] == "99"


def test_the_limit(api: Api) -> None:
    api.org.fault("limit")
    assert api.get("limits").json()[0]["errorCode"] == "REQUEST_LIMIT_EXCEEDED"


def test_slow(api: Api) -> None:
    api.org.fault("slow", {"path": "limits"}, seconds=0.2)
    api.get("limits")
    call = api.org.calls()[-1]
    assert call["fault"] == "slow"
    assert float(str(call["ms"])) >= 200


def test_refusals_that_pass(api: Api) -> None:
    api.org.fault("unauthorized", {"path": "limits"})
    answers = [api.get("limits") for _ in range(2)]
    assert [a.status_code for a in answers] == [401, 200]
    assert answers[0].headers["WWW-Authenticate"] == "Token"
    api.org.fault("status", {"path": "limits"}, status=503, retry_after=30)
    assert api.get("limits").headers["Retry-After"] == "30"


@pytest.mark.parametrize(
    ("which", "message"),
    [
        ("ConcurrentRequests", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."),
        ("ConcurrentPerOrgLongTxn", "ConcurrentPerOrgLongTxn Limit exceeded."),
    ],
)
def test_limits_on_concurrency(api: Api, which: str, message: str) -> None:
    api.org.fault("limit", which=which)
    answer = api.get("limits")
    assert answer.status_code == 403
    assert answer.json() == [{"message": message, "errorCode": "REQUEST_LIMIT_EXCEEDED"}]
    api.org.fault("limit", which=which, status=429, retry_after=2)
    answer = api.get("limits")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "2")


def test_too_many_calls_at_a_time(api: Api) -> None:
    """With one call held up, the next is one too many; once it is answered there is room again."""
    plan = [
        {"match": {"path": "limits"}, "action": "stalled", "until": "headers"},
        {"match": {"path": "sobjects", "under_way": 1}, "times": 0, "action": "limit", "which": "ConcurrentRequests"},
    ]
    api.org.emulator.faults.set(plan)
    with api.http.stream("GET", f"{DATA}/limits") as held:
        assert api.get("sobjects").status_code == 403
        assert api.post("/__emulator/faults/release").status_code == 204
        assert held.read()
    assert wait_for(lambda: api.get("sobjects").status_code == 200)


@pytest.mark.parametrize(("until", "arrived"), [("headers", 0), ("body", 1)])
def test_an_answer_that_stalls_until_it_is_released(api: Api, until: str, arrived: int) -> None:
    whole = api.get("sobjects/Account/describe").content
    api.org.fault("stalled", {"path": "describe"}, until=until)
    with api.http.stream("GET", f"{DATA}/sobjects/Account/describe", headers={"Accept-Encoding": "identity"}) as answer:
        assert answer.status_code == 200
        pieces = answer.iter_raw()
        got = b"".join(next(pieces) for _ in range(arrived))
        assert len(got) < len(whole)
        api.post("/__emulator/faults/release")
        assert got + b"".join(pieces) == whole


def test_an_answer_that_stalls_for_good(api: Api) -> None:
    api.org.fault("stalled", {"path": "describe"}, seconds=0)
    with pytest.raises(httpx2.RemoteProtocolError):
        api.get("sobjects/Account/describe")


def test_a_content_length_that_is_wrong(api: Api) -> None:
    whole = api.get("sobjects/Account/describe").content
    api.org.fault("wrong_length", {"path": "describe"}, by=10)
    with pytest.raises(httpx2.RemoteProtocolError):
        api.get("sobjects/Account/describe")
    api.org.fault("wrong_length", {"path": "describe"}, by=-10)
    assert api.get("sobjects/Account/describe").content == whole[:-10]


def test_a_locator_of_a_bulk_result_expires(accounts: Api) -> None:
    job = accounts.bulk_query("SELECT Id FROM Account")
    results = f"jobs/query/{job}/results"
    locator = accounts.get(results, params={"maxRecords": "5"}).headers["Sforce-Locator"]
    accounts.org.fault("locator_expired", {"path": "results"})
    refused = accounts.get(results, params={"locator": locator})
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (400, "INVALID_QUERY_LOCATOR")
    assert accounts.get(results, params={"locator": locator}).status_code == 200


@pytest.mark.parametrize(("action", "state"), [("job_failed", "Failed"), ("job_aborted", "Aborted")])
def test_an_ingest_job_that_ends_before_its_time(api: Api, action: str, state: str) -> None:
    """A part of the rows is done, with its outcomes; the rest is told as unprocessed, and wasn't touched."""
    api.org.fault(action, {"method": "POST", "path": "jobs/ingest"}, share=0.7)
    rows = [f"Account {n}" if n else "" for n in range(10)]
    info = api.ingest("Account", "insert", "Name\n" + "\n".join(f'"{name}"' for name in rows) + "\n", lineEnding="LF")
    assert (info["state"], info["numberRecordsProcessed"], info["numberRecordsFailed"]) == (state, 7, 1)
    files = {
        name: api.get(f"jobs/ingest/{info['id']}/{name}").text.splitlines()
        for name in ("successfulResults", "failedResults", "unprocessedrecords")
    }
    assert [len(lines) - 1 for lines in files.values()] == [6, 1, 3]
    assert files["unprocessedrecords"] == ['"Name"', '"Account 7"', '"Account 8"', '"Account 9"']
    assert api.query("SELECT COUNT() FROM Account")["totalSize"] == 6


def test_a_query_job_that_ends_before_its_time(accounts: Api) -> None:
    accounts.org.fault("job_failed", {"method": "POST", "path": "jobs/query"}, share=0.3)
    made = accounts.post("jobs/query", json={"operation": "query", "query": "SELECT Id FROM Account"})
    info = accounts.job_info("query", made.json()["id"])
    assert (info["state"], info["numberRecordsProcessed"]) == ("Failed", 3)
    assert accounts.get(f"jobs/query/{info['id']}/results").status_code == 400


# -- row locks


def test_a_locked_record_is_refused_as_a_server_error(accounts: Api) -> None:
    record_id = accounts.rows("SELECT Id FROM Account")[0]["Id"]
    accounts.org.fault("row_locks", share=1, attempts=1)
    record = f"sobjects/Account/{record_id}"
    answers = [accounts.patch(record, json={"Name": "B"}) for _ in range(2)]
    assert [a.status_code for a in answers] == [500, 204]
    message = f"unable to obtain exclusive access to this record or 1 records: {record_id}"
    assert answers[0].json() == [{"message": message, "errorCode": "UNABLE_TO_LOCK_ROW", "fields": []}]
    child = accounts.post("sobjects/Contact", json={"LastName": "A", "AccountId": record_id})
    assert child.status_code == 201, "the record's first attempt is over"


def test_a_share_of_the_rows_is_locked_whatever_the_order(accounts: Api) -> None:
    """By record and attempt: another order, or another number of rows beside it, changes nothing for a record."""
    ids = [r["Id"] for r in accounts.rows("SELECT Id FROM Account")]
    plan = {"seed": 11, "rules": [{"action": "row_locks", "share": 0.5}]}

    def attempt(order: list[str]) -> dict[str, bool]:
        body = {"records": [{"attributes": {"type": "Account"}, "Id": i, "Name": "N"} for i in order]}
        results = accounts.patch("composite/sobjects", json=body).json()
        codes = {e["statusCode"] for r in results for e in r["errors"]}
        assert codes <= {"UNABLE_TO_LOCK_ROW"}
        return dict(zip(order, (r["success"] for r in results), strict=True))

    accounts.org.emulator.faults.set(plan)
    first, second = attempt(ids), attempt(ids)
    assert {True, False} == {*first.values()}
    assert first != second
    accounts.org.emulator.faults.set(plan)
    assert attempt(ids[::-1]) == first
    assert attempt(ids[:5]) == {i: second[i] for i in ids[:5]}
    accounts.org.emulator.faults.set({**plan, "seed": 12})
    assert attempt(ids) != first


def test_locked_rows_of_an_ingest_job_fail_one_by_one(accounts: Api) -> None:
    ids = [r["Id"] for r in accounts.rows("SELECT Id FROM Account")]
    accounts.org.fault("row_locks", {"path": "jobs/ingest$"}, share=0.5)
    info = accounts.ingest("Account", "update", "Id,Name\n" + "".join(f"{i},New\n" for i in ids), lineEnding="LF")
    assert info["state"] == "JobComplete"
    failed = accounts.get(f"jobs/ingest/{info['id']}/failedResults").text.splitlines()[1:]
    assert 0 < len(failed) == info["numberRecordsFailed"] < 10
    for line in failed:
        record_id = line[1:19]
        error = f"UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record or 1 records: {record_id}:--"
        assert line == f'"{record_id}","{error}","{record_id}","New"'
    assert accounts.query("SELECT COUNT() FROM Account WHERE Name = 'New'")["totalSize"] == 10 - len(failed)
    assert accounts.get("/__emulator/faults").json()["rules"][0]["rows"] == len(failed)


# -- what lags


def test_queries_lag_behind_while_a_record_is_current(accounts: Api) -> None:
    """Eventual consistency: a query sees a write only after some seconds of the org's clock, a read by id at once."""
    accounts.org.store.set_clock(runs=False)
    accounts.org.fault("lag", {"path": "query"}, seconds=10)
    new = accounts.create("Account", Name="New")
    asked = {"q": "SELECT COUNT() FROM Account WHERE Name = 'New'"}

    def found() -> int:
        return int(accounts.get("query", params=asked).json()["totalSize"])

    def exported() -> int:
        job = accounts.bulk_query("SELECT Id FROM Account WHERE Name = 'New'")
        return int(accounts.get(f"jobs/query/{job}/results").headers["Sforce-NumberOfRecords"])

    assert (found(), exported()) == (0, 0)
    assert accounts.get(f"sobjects/Account/{new}").json()["Name"] == "New"
    accounts.org.store.set_clock(by=6)
    newer = accounts.create("Account", Name="New")
    assert (found(), exported()) == (0, 0)
    accounts.org.store.set_clock(by=4)
    assert (found(), exported()) == (1, 1)
    accounts.delete(f"sobjects/Account/{newer}")
    accounts.org.store.set_clock(by=6)
    assert found() == 2, "the deletion isn't seen yet"
    accounts.org.store.set_clock(by=4)
    assert (found(), exported()) == (1, 1)
    accounts.create("Account", Name="New")
    accounts.org.emulator.faults.set([])
    assert found() == 2


def test_a_clock_that_is_off(open_api: OpenApi) -> None:
    """Stamps and Date come from whichever machine answered."""
    accounts = open_api(settings=Settings(session_seconds=10**9))
    accounts.org.store.set_clock(to=datetime(2030, 5, 1, 12, tzinfo=UTC), runs=False)
    accounts.org.fault("clock_skew", {"method": "POST"}, seconds=-90)
    answer = accounts.post("sobjects/Account", json={"Name": "Skewed"})
    assert answer.headers["Date"] == "Wed, 01 May 2030 11:58:30 GMT"
    (row,) = accounts.rows("SELECT SystemModstamp, CreatedDate FROM Account WHERE Name = 'Skewed'")
    assert {*row.values()} == {"2030-05-01T11:58:30.000+0000"}
    assert accounts.get("limits").headers["Date"] == "Wed, 01 May 2030 12:00:00 GMT"
