"""jsforce works against the org."""

from __future__ import annotations

import pytest
from tests.salesforce_emulator.clients.clients import ACCOUNTS, Clients, Json, answer


@pytest.fixture(scope="module")
def found(clients: Clients) -> Json:
    return answer(clients.node("with_jsforce.js"))


def test_it_gets_a_new_session_when_the_old_one_is_refused(clients: Clients, found: Json) -> None:
    assert found["refreshed"] == 1
    assert (found["identity"]["username"], found["identity"]["organization_id"]) == (
        clients.org.username,
        clients.org.store.organization_id,
    )


def test_it_reads(clients: Clients, found: Json) -> None:
    assert found["names"] == clients.account_names()
    assert found["total"] == found["streamed"] == found["bulkNames"] == ACCOUNTS
    assert found["contact"]["Account"]["Name"] == "Account 0000"
    (account,) = found["children"]
    assert [contact["LastName"] for contact in account["Contacts"]["records"]] == ["Müller"]
    schema = clients.org.store.schema
    assert found["fields"] == [field.name for field in schema["Account"].fields]
    assert set(found["objects"]) == {sobject.name for sobject in schema}
    used = found["limits"]["Max"] - found["limits"]["Remaining"]
    assert found["usage"] == {"used": used, "limit": clients.org.emulator.usage.allowance}


def test_it_writes_records(clients: Clients, found: Json) -> None:
    made, new = clients.account("made"), clients.account("new")
    assert made is not None
    assert new is not None
    assert (found["made"]["id"], found["readBack"]["Name"]) == (made["Id"], "Made, then changed")
    assert (made["Name"], made["NumberOfEmployees"]) == ("Made, then changed", 5)
    assert [(row["id"], row["created"]) for row in found["upserted"]] == [(made["Id"], False), (new["Id"], True)]
    assert found["refused"] == ["REQUIRED_FIELD_MISSING", "Required fields are missing: [Name]"]
    code, message = found["malformed"]
    assert code == "INVALID_FIELD"
    assert "ERROR at Row:1:Column:8" in message


def test_it_writes_collections(clients: Clients, found: Json) -> None:
    assert [row["success"] for row in found["collection"]] == [True, True, False]
    assert found["collection"][2]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert [row["success"] for row in found["collectionUpdate"]] == [True, True]
    assert found["collectionRead"] == ["One", "Two"]
    assert [row["created"] for row in found["collectionUpsert"]] == [False, True]
    assert [row["success"] for row in found["collectionDelete"]] == [True]
    first = clients.account("c1") or {}
    assert (first["Name"], first["NumberOfEmployees"]) == ("One again", 9)
    assert clients.account("c2") is None
    assert (clients.account("c3") or {}).get("Name") == "Three"


def test_it_writes_in_bulk(clients: Clients, found: Json) -> None:
    inserted, upserted = found["bulkInsert"], found["bulkUpsert"]
    assert [row["Key__c"] for row in inserted["successfulResults"]] == ["b1"]
    assert [row["Key__c"] for row in inserted["failedResults"]] == ["b2"]
    assert inserted["unprocessedRecords"] == upserted["failedResults"] == []
    created = {row["Key__c"]: row["sf__Created"] for row in upserted["successfulResults"]}
    assert created == {"b1": "false", "b3": "true"}
    assert (clients.account("b1") or {}).get("Name") == "Bulk again"
    assert (clients.account("b3") or {}).get("Name") == "Bulk three"
