"""simple-salesforce works against the org."""

from __future__ import annotations

import csv
import io

import pytest
from tests.salesforce_emulator.clients.clients import ACCOUNTS, Clients, Json, answer


@pytest.fixture(scope="module")
def found(clients: Clients) -> Json:
    return answer(clients.python("with_simple_salesforce.py"))


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_it_reads(clients: Clients, found: Json) -> None:
    assert found["names"] == clients.account_names()
    assert found["by SOAP"] == "Account 0007"
    assert found["iterated"] == ACCOUNTS
    assert (found["contact"]["LastName"], found["contact"]["Account"]["Name"]) == ("Müller", "Account 0000")
    account = clients.account("K7")
    assert account is not None
    assert {name: found["by key"][name] for name in account} == account
    schema = clients.org.store.schema
    assert found["fields"] == [field.name for field in schema["Account"].fields]
    assert set(found["objects"]) == {sobject.name for sobject in schema}
    assert found["recent"]["objectDescribe"]["name"] == "Account"
    assert found["limits"]["Max"] == clients.org.emulator.usage.allowance
    assert found["usage"] == [found["limits"]["Max"] - found["limits"]["Remaining"], found["limits"]["Max"]]
    assert found["is sandbox"] is False
    assert found["bulk pages"] == [1_001, 1_001, ACCOUNTS - 2_000 + 1]


def test_it_writes_records(clients: Clients, found: Json) -> None:
    made = found["made"]
    assert made == {"id": made["id"], "success": True, "errors": []}
    assert (found["updated"], found["upserted"], found["deleted"]) == (204, [200, 201], 204)
    expected = {"Id": made["id"], "Name": "Made, then changed", "NumberOfEmployees": 5, "AnnualRevenue": 12.5}
    assert clients.account("made") == expected
    assert {name: found["read back"][name] for name in expected} == expected
    assert clients.account("new") is not None
    assert clients.account("gone") is None
    assert found["in the recycle bin"]["records"][0]["IsDeleted"] is True


def test_it_understands_refusals(found: Json) -> None:
    status, (error,) = found["refused"]
    assert (status, error["errorCode"], error["fields"]) == (400, "REQUIRED_FIELD_MISSING", ["Name"])
    status, (error,) = found["not found"]
    assert (status, error["errorCode"]) == (404, "NOT_FOUND")


def test_it_writes_in_bulk(clients: Clients, found: Json) -> None:
    counts = {"numberRecordsFailed": 1, "numberRecordsProcessed": 3, "numberRecordsTotal": 3}
    assert {name: found["bulk insert"][name] for name in counts} == counts
    failed, = rows(found["bulk failed"])  # fmt: skip
    assert (failed["Key__c"], failed["sf__Error"]) == (
        "b3",
        "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --",
    )
    assert {row["Name"] for row in rows(found["bulk successful"])} == {"Bulk, one", 'Bulk "two"'}
    assert found["bulk upsert"][0]["numberRecordsFailed"] == found["bulk delete"][0]["numberRecordsFailed"] == 0
    names = [(clients.account(key) or {}).get("Name") for key in ("b1", "b2", "b3", "b4")]
    assert names == ["Bulk, one again", None, None, "Bulk four"]
