"""The first Bulk API: jobs of queries, told in XML or JSON, answered as CSV."""

from __future__ import annotations

import csv
import io
import re
import time

import httpx2
from tests.salesforce_emulator.client import Api, Json

BASE = "/services/async/60.0/job"
JOB = (
    '<?xml version="1.0" encoding="UTF-8"?><jobInfo xmlns="http://www.force.com/2009/06/asyncapi/dataload">'
    "<operation>{}</operation><object>Account</object><concurrencyMode>Parallel</concurrencyMode>"
    "<contentType>CSV</contentType></jobInfo>"
)


def call(api: Api, method: str, path: str = "", content: str = "", kind: str = "application/xml") -> httpx2.Response:
    headers = {"X-SFDC-Session": api.org.access_token(), "Content-Type": kind}
    return httpx2.request(method, f"{api.org.url}{BASE}{path}", content=content, headers=headers, timeout=30)


def told(answer: httpx2.Response) -> Json:
    """The elements of a flat answer."""
    assert answer.headers["Content-Type"] == "application/xml"
    assert answer.text.startswith('<?xml version="1.0" encoding="UTF-8"?>')
    return dict(re.findall(r"<([\w-]+)>([^<>]*)</\1>", answer.text))


def job(api: Api, operation: str = "query") -> str:
    answer = call(api, "POST", content=JOB.format(operation))
    assert answer.status_code == 201, answer.text
    return str(told(answer)["id"])


def batch(api: Api, job_id: str, soql: str) -> Json:
    """A batch once it has ended."""
    answer = call(api, "POST", f"/{job_id}/batch", soql, "text/csv; charset=UTF-8")
    assert answer.status_code == 201, answer.text
    batch_id = told(answer)["id"]
    end = time.monotonic() + 20
    while (info := told(call(api, "GET", f"/{job_id}/batch/{batch_id}")))["state"] in ("Queued", "InProgress"):
        assert time.monotonic() < end, info
    return info


def result(api: Api, found: Json) -> str:
    path = f"/{found['jobId']}/batch/{found['id']}/result"
    (result_id,) = re.findall("<result>(.*?)</result>", call(api, "GET", path).text)
    answer = call(api, "GET", f"{path}/{result_id}")
    assert answer.headers["Content-Type"].startswith("text/csv")
    return answer.text


def test_a_query(accounts: Api) -> None:
    job_id = job(accounts)
    assert job_id[:3] == "750"
    found = batch(accounts, job_id, "SELECT Id, Name FROM Account ORDER BY Name")
    assert (found["state"], found["id"][:3], found["numberRecordsProcessed"]) == ("Completed", "751", "10")
    rows = list(csv.DictReader(io.StringIO(result(accounts, found))))
    assert rows == accounts.rows("SELECT Id, Name FROM Account ORDER BY Name")
    info = told(call(accounts, "GET", f"/{job_id}"))
    assert (info["state"], info["numberBatchesCompleted"], info["numberBatchesTotal"]) == ("Open", "1", "1")
    closed = call(accounts, "POST", f"/{job_id}", "<jobInfo><state>Closed</state></jobInfo>")
    assert told(closed)["state"] == "Closed"
    late = call(accounts, "POST", f"/{job_id}/batch", "SELECT Id FROM Account", "text/csv")
    assert (late.status_code, told(late)["exceptionCode"]) == (400, "InvalidJobState")


def test_query_all_reads_what_was_deleted(accounts: Api) -> None:
    (first, *_) = accounts.rows("SELECT Id FROM Account")
    accounts.delete(f"sobjects/Account/{first['Id']}")
    soql = "SELECT Id FROM Account"
    assert batch(accounts, job(accounts), soql)["numberRecordsProcessed"] == "9"
    assert batch(accounts, job(accounts, "queryAll"), soql)["numberRecordsProcessed"] == "10"


def test_nothing_found(api: Api) -> None:
    assert result(api, batch(api, job(api), "SELECT Id FROM Account")) == "Records not found for this query"


def test_a_wrong_query_fails_its_batch(api: Api) -> None:
    job_id = job(api)
    for soql, code in (
        ("SELECT Nothing FROM Account", "INVALID_FIELD"),
        ("SELECT COUNT(Id) FROM Account", "API_ERROR"),
        ("SELECT Id FROM Contact", "INVALID_TYPE"),
    ):
        found = batch(api, job_id, soql)
        assert found["state"] == "Failed"
        assert found["stateMessage"].startswith(f"InvalidBatch : Failed to process query: {code}")
        path = f"/{job_id}/batch/{found['id']}/result"
        assert told(call(api, "GET", path))["exceptionCode"] == "InvalidBatch"
    assert told(call(api, "GET", f"/{job_id}"))["numberBatchesFailed"] == "3"


def test_json_is_answered_as_json(api: Api) -> None:
    body = '{"operation": "query", "object": "account", "contentType": "CSV"}'
    made = call(api, "POST", content=body, kind="application/json")
    info = made.json()
    assert (made.status_code, made.headers["Content-Type"]) == (201, "application/json")
    assert (info["object"], info["state"], info["apiVersion"]) == ("Account", "Open", 60.0)
    assert info["createdDate"].endswith("+0000")
    unknown = call(api, "GET", "/750gK0000000zzz", kind="application/json")
    assert (unknown.status_code, unknown.headers["Content-Type"]) == (400, "application/json")
    assert unknown.json()["exceptionCode"] == "InvalidJob"


def test_what_is_refused(api: Api) -> None:
    """What isn't emulated says so; it isn't taken for done."""
    assert told(call(api, "POST", content=JOB.format("insert")))["exceptionCode"] == "FeatureNotEnabled"
    nobody = httpx2.get(f"{api.org.url}{BASE}/{job(api)}", headers={"X-SFDC-Session": "nobody"})
    assert (nobody.status_code, told(nobody)["exceptionCode"]) == (400, "InvalidSessionId")
    typed = call(api, "POST", f"/{job(api)}/batch", "SELECT Id FROM Account", "application/xml")
    assert told(typed)["exceptionCode"] == "InvalidBatch"


def test_batches_count_against_their_allowance(api: Api) -> None:
    job_id = job(api)
    left = api.get("limits").json()["DailyBulkApiBatches"]["Remaining"]
    batch(api, job_id, "SELECT Id FROM Account")
    assert api.get("limits").json()["DailyBulkApiBatches"]["Remaining"] == left - 1
    listed = call(api, "GET", f"/{job_id}/batch").text
    assert listed.count("<batchInfo>") == 1
