"""Bulk API 2.0 query jobs."""

from __future__ import annotations

import csv
import gzip
import io
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.salesforce_emulator.client import DATA, Api, OpenApi

from salesforce_emulator import Settings
from salesforce_emulator.bulk.csvfile import INDEX_EVERY, CsvFile, row_sql
from salesforce_emulator.bulk.query_routes import PAGE_ROWS


@pytest.fixture
def many(api: Api) -> Api:
    """1,203 accounts whose descriptions are all a CSV reader could fear."""
    with api.org.store.session() as session:
        for number in range(1203):
            name = f'Account {number:04d} "quoted", and\nmore'
            session.insert("Account", {"Name": name, "NumberOfEmployees": number or None})
    return api


def results(api: Api, job_id: str, **params: str) -> httpx2.Response:
    return api.get(f"jobs/query/{job_id}/results", params=params)


def parsed(answer: httpx2.Response) -> list[list[str]]:
    assert answer.status_code == 200, answer.text
    return list(csv.reader(io.StringIO(answer.content.decode(), newline="")))


def test_a_job_from_beginning_to_end(open_api: OpenApi) -> None:
    """ "POST jobs/query {operation, query} → state "UploadComplete" → InProgress → JobComplete"; job JSON ``+0000``;
    "apiVersion is a number"."""
    api = open_api(settings=Settings(job_seconds=0.3))
    api.create("Account", Name="A")
    made = api.post("jobs/query", json={"operation": "query", "query": "SELECT Id FROM Account"}).json()
    assert (made["state"], made["object"], made["apiVersion"]) == ("UploadComplete", "Account", 60.0)
    assert made["createdDate"].endswith("+0000")
    assert api.job_info("query", made["id"], until=("InProgress",))["jobType"] == "V2Query"
    info = api.job_info("query", made["id"])
    assert (info["state"], info["numberRecordsProcessed"]) == ("JobComplete", 1)
    assert [j["id"] for j in api.get("jobs/query").json()["records"]] == [made["id"]]
    assert api.delete(f"jobs/query/{made['id']}").status_code == 204
    assert api.get(f"jobs/query/{made['id']}").status_code == 404


def test_cells(api: Api) -> None:
    """ "All cells quoted, null is "", columns in the order asked, LF"; "Bulk 2.0 CSV 2023-10-22T06:25:12.000Z"."""
    api.create("Account", Name='A "b", c', AnnualRevenue=350000000, NumberOfEmployees=7)
    api.create("Account", Name="B", AnnualRevenue=1e15)
    soql = "SELECT Name, AnnualRevenue, NumberOfEmployees, Industry, IsDeleted, Parent.Name FROM Account ORDER BY Name"
    answer = results(api, api.bulk_query(soql))
    assert answer.content == (
        b'"Name","AnnualRevenue","NumberOfEmployees","Industry","IsDeleted","Parent.Name"\n'
        b'"A ""b"", c","350000000.0","7","","false",""\n'
        b'"B","1000000000000000.0","","","false",""\n'
    )
    stamps = results(api, api.bulk_query("SELECT SystemModstamp FROM Account LIMIT 1"))
    assert stamps.text.split("\n")[1].strip('"').endswith(".000Z")


def test_crlf_and_other_delimiters(api: Api) -> None:
    """ "LF (or CRLF when asked)"."""
    api.create("Account", Name="A", Industry="Banking")
    job = api.bulk_query("SELECT Name, Industry FROM Account", lineEnding="CRLF", columnDelimiter="PIPE")
    assert results(api, job).content == b'"Name"|"Industry"\r\n"A"|"Banking"\r\n'


def test_pages_by_locator(many: Api) -> None:
    """ "headers Sforce-Locator (the **string** `null` on the last page) and Sforce-NumberOfRecords"."""
    job = many.bulk_query("SELECT Name, NumberOfEmployees FROM Account ORDER BY Name")
    rows: list[list[str]] = []
    locator, sizes = "", []
    while locator != "null":
        answer = results(many, job, maxRecords="501", **({"locator": locator} if locator else {}))
        header, *page = parsed(answer)
        assert header == ["Name", "NumberOfEmployees"]
        assert int(answer.headers["Sforce-NumberOfRecords"]) == len(page)
        rows += page
        sizes.append(len(page))
        locator = answer.headers["Sforce-Locator"]
    assert sizes == [501, 501, 201]
    assert [r[0] for r in rows] == [f'Account {n:04d} "quoted", and\nmore' for n in range(1203)]
    assert results(many, job, locator="nonsense").status_code == 400


def test_an_empty_result_is_a_header(api: Api) -> None:
    answer = results(api, api.bulk_query("SELECT Id, Name FROM Account"))
    assert answer.content == b'"Id","Name"\n'
    assert (answer.headers["Sforce-Locator"], answer.headers["Sforce-NumberOfRecords"]) == ("null", "0")


def test_gzip_where_it_is_asked_for(many: Api) -> None:
    job = many.bulk_query("SELECT Name FROM Account")
    plain = many.get(f"jobs/query/{job}/results", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert int(plain.headers["Content-Length"]) == len(plain.content)
    with many.http.stream("GET", f"{DATA}/jobs/query/{job}/results", headers={"Accept-Encoding": "gzip"}) as answer:
        packed = b"".join(answer.iter_raw())
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed) == plain.content


def test_result_pages(many: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """ "…/resultPages (v58+) lists pages for parallel fetch"."""
    monkeypatch.setattr("salesforce_emulator.bulk.query_routes.PAGE_ROWS", 200)
    job = many.bulk_query("SELECT Id, Name FROM Account")
    body = many.get(f"jobs/query/{job}/resultPages").json()
    assert len(body["resultPages"]) == 5
    assert not body["done"]
    rest = many.get(body["nextRecordsUrl"]).json()
    assert (len(rest["resultPages"]), rest["done"]) == (2, True)
    urls = [p["resultUrl"] for p in body["resultPages"] + rest["resultPages"]]
    names = [row[1] for url in urls for row in parsed(many.get(url))[1:]]
    assert names == [row[1] for row in parsed(results(many, job, maxRecords="5000"))[1:]]
    old = many.post("/services/data/v57.0/jobs/query", json={"operation": "query", "query": "SELECT Id FROM Account"})
    many.job_info("query", old.json()["id"])
    assert many.get(f"/services/data/v57.0/jobs/query/{old.json()['id']}/resultPages").status_code == 404
    assert PAGE_ROWS > 1000


def test_results_under_another_version(api: Api) -> None:
    """ "Fetching under another API version → 409"."""
    job = api.bulk_query("SELECT Id FROM Account")
    assert api.get(f"/services/data/v61.0/jobs/query/{job}/results").status_code == 409


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT Id, BillingAddress FROM Account", "FUNCTIONALITY_NOT_ENABLED"),
        ("SELECT COUNT() FROM Account", "API_ERROR"),
        ("SELECT Industry, COUNT(Id) FROM Account GROUP BY Industry", "API_ERROR"),
        ("SELECT Id, (SELECT Id FROM Contacts) FROM Account", "API_ERROR"),
        ("SELECT Id, Foo FROM Account", "INVALID_FIELD"),
    ],
)
def test_what_bulk_cannot(api: Api, soql: str, code: str) -> None:
    """ "No subqueries, no aggregates, no compound fields"."""
    answer = api.post("jobs/query", json={"operation": "query", "query": soql})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)


def test_query_all_brings_what_is_deleted(accounts: Api) -> None:
    record = accounts.rows("SELECT Id FROM Account LIMIT 1")[0]["Id"]
    accounts.delete(f"sobjects/Account/{record}")
    body = {"operation": "queryAll", "query": "SELECT Id FROM Account WHERE IsDeleted = true"}
    job = accounts.post("jobs/query", json=body).json()["id"]
    accounts.job_info("query", job)
    assert parsed(results(accounts, job))[1:] == [[record]]


def test_abort(open_api: OpenApi) -> None:
    api = open_api(settings=Settings(job_seconds=30))
    job = api.post("jobs/query", json={"operation": "query", "query": "SELECT Id FROM Account"}).json()["id"]
    assert results(api, job).status_code == 400
    assert api.delete(f"jobs/query/{job}").status_code == 400
    assert api.patch(f"jobs/query/{job}", json={"state": "Aborted"}).json()["state"] == "Aborted"
    assert api.job_info("query", job)["state"] == "Aborted"
    assert api.patch(f"jobs/query/{job}", json={"state": "Aborted"}).status_code == 400


@pytest.mark.parametrize(("action", "state"), [("job_failed", "Failed"), ("job_aborted", "Aborted")])
def test_a_job_that_ends_half_way(many: Api, action: str, state: str) -> None:
    many.org.fault(action, {"method": "POST", "path": "jobs/query"})
    job = many.post("jobs/query", json={"operation": "query", "query": "SELECT Id FROM Account"}).json()["id"]
    info = many.job_info("query", job)
    assert info["state"] == state
    assert 0 < info["numberRecordsProcessed"] < 1203
    assert ("errorMessage" in info) == (state == "Failed")
    assert results(many, job).status_code == 400


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rows")


@settings(deadline=None, max_examples=50)
@given(
    texts=st.lists(st.text(alphabet=st.sampled_from('a",\n\r;é'), max_size=6), min_size=1, max_size=3),
    row=st.integers(1, 1200),
)
def test_any_row_is_found_by_its_number(folder: Path, texts: list[str], row: int) -> None:
    """Whatever the cells hold, a range of rows begins where a reader of the whole file would begin it."""
    with closing(sqlite3.connect(":memory:")) as conn:
        sql = row_sql([("?1", "string"), ("?2", "int")], ",")
        made = (conn.execute(f"SELECT {sql}", (texts[n % len(texts)], n)).fetchone()[0] for n in range(1200))
        data = [f"{line}\n".encode() for line in made]
    file = CsvFile(folder / "rows.csv", b"", rows=len(data))
    file.path.write_bytes(b"".join(data))
    file.starts.extend(sum(map(len, data[:n])) for n in range(0, len(data), INDEX_EVERY))
    assert file.offset(row) == sum(map(len, data[:row]))
    assert b"".join(file.read(row, 5)) == b"".join(data[row : row + 5])
