"""The client writes to a whole org: the emulator, over real HTTP."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest

from abmatic.salesforce import AccessToken, Client, StaticTokens, errors
from abmatic.salesforce.ingest import BulkIngestJob, Results
from salesforce_emulator.testing import RunningOrg, running


@pytest.fixture
def org() -> Iterator[RunningOrg]:
    with running() as org:
        yield org


@pytest.fixture
def client(org: RunningOrg) -> Iterator[Client]:
    with Client(StaticTokens(AccessToken(org.access_token(), org.url)), sleep=lambda _: None) as found:
        yield found


def names(client: Client) -> dict[str, str]:
    return {str(row["Id"]): str(row["Name"]) for row in client.query_rows("SELECT Id, Name FROM Account")}


def results(job: BulkIngestJob, which: Results) -> list[dict[str, Any]]:
    with job.open_results(which) as page:
        text = b"".join(page.chunks).decode()
    return [dict(zip(page.columns, row, strict=True)) for row in csv.reader(io.StringIO(text, newline=""))]


def test_one_bad_record_costs_its_neighbours_nothing(client: Client) -> None:
    made = client.create_records("Account", [{"Name": "Acme"}, {"Website": "no name"}, {"Name": "Globex"}])
    assert [outcome.is_written for outcome in made] == [True, False, True]
    (refused,) = made[1].errors
    assert (refused.code, refused.fields) == ("REQUIRED_FIELD_MISSING", ("Name",))
    assert names(client) == {made[0].id: "Acme", made[2].id: "Globex"}


def test_updates_change_and_empty_fields(client: Client) -> None:
    (made,) = client.create_records("Account", [{"Name": "Acme", "Industry": "Energy", "NumberOfEmployees": 0}])
    (changed,) = client.update_records("Account", [{"Id": made.id, "Name": "Acme GmbH", "Industry": None}])
    assert changed.id == made.id
    (row,) = client.query_rows("SELECT Name, Industry, NumberOfEmployees FROM Account")
    assert row == {"Name": "Acme GmbH", "Industry": None, "NumberOfEmployees": 0}


def test_an_answer_lost_after_the_work_was_done_is_unknown_and_done_once(org: RunningOrg, client: Client) -> None:
    org.fault("reset", {"path": "/composite/sobjects"}, when="after")
    with pytest.raises(errors.Transient) as caught:
        client.create_records("Account", [{"Name": "Acme"}])
    assert caught.value.outcome_unknown
    assert list(names(client).values()) == ["Acme"]


def test_a_bulk_job_writes_nothing_before_it_is_closed(client: Client) -> None:
    job = client.bulk_ingest("Account", "insert", b"Name,Website\nAcme,acme.example\n")
    assert names(client) == {}
    job.close()
    job.wait()
    assert list(names(client).values()) == ["Acme"]


def test_what_became_of_each_row_is_told_with_what_was_sent(client: Client) -> None:
    (made,) = client.create_records("Account", [{"Name": "Acme", "Industry": "Energy"}])
    sent = f'Id,Name,Industry\n{made.id},"Acme, ""the"" firm\nof two lines",#N/A\n001000000000000AAA,Nobody,\n'
    job = client.bulk_ingest("Account", "update", sent.encode())
    again = client.resume_bulk_ingest(job.id)
    again.close()
    info = again.wait()
    assert (info.records, info.failed) == (2, 1)
    (written,) = results(again, "successfulResults")
    assert written == {
        "sf__Id": made.id, "sf__Created": "false", "Id": made.id, "Name": 'Acme, "the" firm\nof two lines',
        "Industry": "#N/A",
    }  # fmt: skip
    (refused,) = results(again, "failedResults")
    assert refused["Id"] == "001000000000000AAA"
    assert refused["sf__Error"]
    assert results(again, "unprocessedrecords") == []
    (row,) = client.query_rows("SELECT Industry FROM Account")
    assert row["Industry"] is None
    again.discard()
    with pytest.raises(errors.JobGone):
        client.resume_bulk_ingest(job.id)


def test_an_upload_whose_answer_is_lost_writes_its_rows_once(org: RunningOrg, client: Client) -> None:
    org.fault("reset", {"method": "PUT", "path": "/batches"}, when="after")
    job = client.bulk_ingest("Account", "insert", b"Name\nAcme\n")
    job.close()
    job.wait()
    assert list(names(client).values()) == ["Acme"]
