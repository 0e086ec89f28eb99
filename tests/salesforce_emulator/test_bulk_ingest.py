"""Bulk API 2.0 ingest jobs."""

from __future__ import annotations

import csv
import io

import pytest
from tests.salesforce_emulator.client import DATA, Api


def rows(api: Api, job_id: str, which: str) -> list[list[str]]:
    answer = api.get(f"jobs/ingest/{job_id}/{which}")
    assert answer.status_code == 200
    return list(csv.reader(io.StringIO(answer.text, newline="")))


def test_the_life_of_a_job(api: Api) -> None:
    """ "→ Open; PUT batches (CSV) 201 empty; PATCH {"state":"UploadComplete"} answers the short body; then InProgress
    → JobComplete"; "contentUrl has no leading slash and is gone after close. apiVersion is a number"."""
    made = api.post("jobs/ingest", json={"object": "Account", "operation": "insert"}).json()
    job = made["id"]
    assert (made["state"], made["apiVersion"]) == ("Open", 60.0)
    assert made["contentUrl"] == f"{DATA[1:]}/jobs/ingest/{job}/batches"
    nothing = api.patch(f"jobs/ingest/{job}", json={"state": "UploadComplete"})
    assert nothing.status_code == 400
    url = f"/{made['contentUrl']}"
    sent = api.call("PUT", url, content="Name\nA\n", headers={"Content-Type": "text/csv"})
    assert (sent.status_code, sent.content) == (201, b"")
    assert api.call("PUT", url, content="Name\nB\n", headers={"Content-Type": "text/csv"}).status_code == 400
    closed = api.patch(f"jobs/ingest/{job}", json={"state": "UploadComplete"}).json()
    assert closed["state"] == "UploadComplete"
    assert not {"contentUrl", "lineEnding", "numberRecordsProcessed"} & set(closed)
    info = api.job_info("ingest", job)
    assert (info["state"], info["numberRecordsProcessed"], info["numberRecordsFailed"]) == ("JobComplete", 1, 0)
    assert info["jobType"] == "V2Ingest"
    assert [j["id"] for j in api.get("jobs/ingest").json()["records"]] == [job]
    assert api.delete(f"jobs/ingest/{job}").status_code == 204
    assert api.get(f"jobs/ingest/{job}").status_code == 404


def test_every_row_has_its_outcome(api: Api) -> None:
    """successfulResults "sf__Id","sf__Created",<columns as sent>; failedResults "sf__Id","sf__Error",… e.g.
    `REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --`."""
    info = api.ingest("Account", "insert", 'Name,Industry\n"A, ""b""",Banking\n,Energy\n"two\nlines",\n')
    assert (info["numberRecordsProcessed"], info["numberRecordsFailed"]) == (3, 1)
    good, bad = rows(api, info["id"], "successfulResults"), rows(api, info["id"], "failedResults")
    assert good[0] == ["sf__Id", "sf__Created", "Name", "Industry"]
    assert [r[1:] for r in good[1:]] == [["true", 'A, "b"', "Banking"], ["true", "two\nlines", ""]]
    error = "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --"
    assert bad == [["sf__Id", "sf__Error", "Name", "Industry"], ["", error, "", "Energy"]]
    assert rows(api, info["id"], "unprocessedrecords") == [["Name", "Industry"]]
    raw = api.get(f"jobs/ingest/{info['id']}/successfulResults").text
    assert raw.startswith('"sf__Id","sf__Created","Name","Industry"\n')


def test_an_empty_cell_leaves_and_na_clears(api: Api) -> None:
    """ "An empty cell means "leave as is"; `#N/A` means null"."""
    record = api.create("Account", Name="A", Industry="Banking", Site="Ulm")
    info = api.ingest("Account", "update", f"Id,Name,Industry,Site\n{record},A2,,#N/A\n")
    assert info["numberRecordsFailed"] == 0
    assert api.rows("SELECT Name, Industry, Site FROM Account") == [{"Name": "A2", "Industry": "Banking", "Site": None}]


def test_upsert_and_parents_by_external_id(api: Api) -> None:
    api.create("Account", Name="Old", External__c="e1")
    csv_text = "External__c,Name,Parent.External__c\ne1,New,\ne2,Child,e1\n,None,\n"
    info = api.ingest("Account", "upsert", csv_text, externalIdFieldName="External__c")
    assert info["externalIdFieldName"] == "External__c"
    assert [r[1:3] for r in rows(api, info["id"], "successfulResults")[1:]] == [["false", "e1"], ["true", "e2"]]
    assert info["numberRecordsFailed"] == 1
    assert api.rows("SELECT Name, Parent.Name FROM Account ORDER BY Name")[0]["Name"] == "Child"


def test_delete(api: Api) -> None:
    record = api.create("Account", Name="A")
    info = api.ingest("Account", "delete", f"Id\n{record}\n{record}\nnonsense\n")
    errors = [r[1].split(":")[0] for r in rows(api, info["id"], "failedResults")[1:]]
    assert errors == ["ENTITY_IS_DELETED", "MALFORMED_ID"]
    assert api.rows("SELECT Id FROM Account WHERE IsDeleted = true", deleted=True) == [{"Id": record}]
    other = api.create("Account", Name="B")
    assert api.ingest("Account", "hardDelete", f"Id\n{other}\n")["numberRecordsFailed"] == 0
    assert api.query("SELECT COUNT() FROM Account", deleted=True)["totalSize"] == 1


def test_a_value_of_the_wrong_type(api: Api) -> None:
    info = api.ingest("Account", "insert", "Name,NumberOfEmployees\nA,many\n")
    (_, failed) = rows(api, info["id"], "failedResults")
    assert failed[1] == (
        "INVALID_TYPE_ON_FIELD_IN_RECORD:Employees: value not of required type: many:NumberOfEmployees --"
    )


@pytest.mark.parametrize(
    ("csv_text", "settings", "message"),
    [
        ("Nme\nA\n", {}, "InvalidBatch : Field name not found : Nme"),
        (
            "Name\r\nA\r\n",
            {},
            "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is LF",
        ),
    ],
)
def test_files_that_fail_the_job(api: Api, csv_text: str, settings: dict[str, str], message: str) -> None:
    info = api.ingest("Account", "insert", csv_text, **settings)
    assert (info["state"], info["errorMessage"]) == ("Failed", message)
    assert rows(api, info["id"], "unprocessedrecords")[1:] == [["A"]]


def test_crlf_semicolons_and_a_byte_order_mark(api: Api) -> None:
    info = api.ingest(
        "Account", "insert", "\ufeffName;Site\r\nA;Ulm\r\n", lineEnding="CRLF", columnDelimiter="SEMICOLON"
    )
    assert (info["state"], info["numberRecordsFailed"]) == ("JobComplete", 0)
    assert api.rows("SELECT Name, Site FROM Account") == [{"Name": "A", "Site": "Ulm"}]


def test_an_aborted_job_leaves_its_rows(api: Api) -> None:
    job = api.post("jobs/ingest", json={"object": "Account", "operation": "insert"}).json()["id"]
    api.call("PUT", f"jobs/ingest/{job}/batches", content="Name\nA\n", headers={"Content-Type": "text/csv"})
    assert api.patch(f"jobs/ingest/{job}", json={"state": "Aborted"}).json()["state"] == "Aborted"
    assert rows(api, job, "unprocessedrecords") == [["Name"], ["A"]]
    assert api.rows("SELECT Id FROM Account") == []


def test_a_job_that_fails_half_way(api: Api) -> None:
    """ "bulk job Failed … half-way with part of the rows done"."""
    api.org.fault("job_failed", {"method": "POST", "path": "jobs/ingest"})
    info = api.ingest("Account", "insert", "Name\n" + "".join(f"A{n}\n" for n in range(10)))
    assert (info["state"], info["numberRecordsProcessed"]) == ("Failed", 5)
    assert len(rows(api, info["id"], "successfulResults")) == 6
    assert len(rows(api, info["id"], "unprocessedrecords")) == 6
    assert api.query("SELECT COUNT() FROM Account")["totalSize"] == 5


def test_jobs_that_cannot_be_made(api: Api) -> None:
    for body in (
        {"object": "Nothing", "operation": "insert"},
        {"object": "Account", "operation": "explode"},
        {"object": "Account", "operation": "upsert", "externalIdFieldName": "Industry"},
    ):
        answer = api.post("jobs/ingest", json=body)
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALIDJOB")
