"""aiosalesforce works against the org."""

from __future__ import annotations

import pytest
from tests.salesforce_emulator.clients.clients import Clients, Json, answer

MISSING_NAME = "Required fields are missing: [Name]"


@pytest.fixture(scope="module")
def found(clients: Clients) -> Json:
    return answer(clients.python("with_aiosalesforce.py"))


def test_it_reads(clients: Clients, found: Json) -> None:
    assert found["names"] == clients.account_names()
    assert found["limits"]["Max"] == clients.org.emulator.usage.allowance
    account = clients.account("K7")
    assert account is not None
    assert {name: found["by key"][name] for name in account} == account


def test_it_writes_records(clients: Clients, found: Json) -> None:
    assert found["read back"]["Name"] == "Made, then changed"
    made, new = clients.account("made"), clients.account("new")
    assert made is not None
    assert new is not None
    assert (made["Id"], made["Name"], made["NumberOfEmployees"]) == (found["made"], "Upserted made", 5)
    assert found["upserted made"] == [made["Id"], False]
    assert found["upserted new"] == [new["Id"], True]
    assert clients.account("gone") is None
    assert found["refused"] == ["REQUIRED_FIELD_MISSING", MISSING_NAME]


def test_it_sends_several_calls_in_one(clients: Clients, found: Json) -> None:
    account, contact = found["composite"]
    assert clients.rows('SELECT "AccountId" FROM "Contact" WHERE "Id" = ?', contact) == [(account,)]
    name, made, wrong, halted = found["batch"]
    assert (name, wrong, halted) == ("Account 0001", 400, 412)
    assert (clients.account("batched") or {}).get("Id") == made
    assert clients.account("halted") is None


def test_it_writes_in_bulk(clients: Clients, found: Json) -> None:
    (state, (good,), (bad,), unprocessed), = found["bulk insert"]  # fmt: skip
    assert (state, unprocessed) == ("JobComplete", [])
    assert (good["sf__Created"], good["Key__c"], bad["Key__c"]) == ("true", "b1", "b2")
    assert bad["sf__Error"] == f"REQUIRED_FIELD_MISSING:{MISSING_NAME}:Name --"
    (_, upserted, _, _), = found["bulk upsert"]  # fmt: skip
    assert {row["Key__c"]: row["sf__Created"] for row in upserted} == {"b1": "false", "b2": "true"}
    assert (clients.account("b1") or {}).get("Name") == "Bulk again"
    assert len(found["bulk delete"][0][1]) == 1
    assert clients.account("b2") is None
