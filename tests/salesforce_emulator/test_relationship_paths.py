"""Related records by their path."""

from __future__ import annotations

import pytest
from tests.salesforce_emulator.client import Api

NOT_FOUND = [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}]


@pytest.fixture
def family(api: Api) -> dict[str, str]:
    parent = api.create("Account", Name="Holding")
    account = api.create("Account", Name="Acme", ParentId=parent)
    contact = api.create("Contact", LastName="Doe", AccountId=account)
    api.create("Contact", LastName="Poe", AccountId=account)
    return {"parent": parent, "account": account, "contact": contact}


def test_a_parent_is_a_record(api: Api, family: dict[str, str]) -> None:
    path = f"sobjects/Contact/{family['contact']}/Account"
    whole = api.get(path).json()
    assert (whole["attributes"]["type"], whole["Id"], whole["Name"]) == ("Account", family["account"], "Acme")
    assert "CreatedDate" in whole
    some = api.get(path, params={"fields": "Name"}).json()
    assert {k for k in some if k != "attributes"} == {"Id", "Name"}
    assert api.get(f"sobjects/contact/{family['contact'][:15]}/account/parent").json()["Name"] == "Holding"
    assert api.get(f"sobjects/Account/{family['account']}/Owner").json()["attributes"]["type"] == "User"


def test_children_are_answered_like_a_query(api: Api, family: dict[str, str]) -> None:
    answer = api.get(f"sobjects/Account/{family['account']}/Contacts", params={"fields": "LastName"}).json()
    assert (answer["totalSize"], answer["done"]) == (2, True)
    assert sorted(r["LastName"] for r in answer["records"]) == ["Doe", "Poe"]
    assert api.get(f"sobjects/Account/{family['account']}/Contacts").json()["records"][0]["Id"]
    assert api.get(f"sobjects/Contact/{family['contact']}/Account/Contacts").json()["totalSize"] == 2
    none = api.get(f"sobjects/Account/{family['parent']}/Opportunities")
    assert (none.status_code, none.json()) == (200, {"totalSize": 0, "done": True, "records": []})


def test_a_parent_is_changed_and_deleted_by_its_path(api: Api, family: dict[str, str]) -> None:
    path = f"sobjects/Account/{family['account']}/Parent"
    assert api.patch(path, json={"Name": "Group"}).status_code == 204
    assert api.get(path).json()["Name"] == "Group"
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404
    refused = api.patch(f"sobjects/Account/{family['account']}/Contacts", json={"LastName": "X"})
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (405, "METHOD_NOT_ALLOWED")


def test_paths_that_lead_nowhere(api: Api, family: dict[str, str]) -> None:
    paths = (
        f"Account/{family['parent']}/Parent",
        f"Account/{family['account']}/Nothing",
        f"Account/{family['account']}/Contacts/Account",
        f"Account/{family['contact']}/Contacts",
        "Account/001000000000999AAA/Contacts",
        f"Nothing/{family['account']}/Contacts",
    )
    for path in paths:
        answer = api.get(f"sobjects/{path}")
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND), path
    answer = api.get(f"sobjects/Contact/{family['contact']}/Account", params={"fields": "Nothing"})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_FIELD")


def test_paths_by_external_id_are_as_they_were(api: Api) -> None:
    made = api.patch("sobjects/Account/External__c/abcdefghijklmno", json={"Name": "Acme"})
    assert made.status_code == 201
    assert api.get("sobjects/Account/External__c/abcdefghijklmno").json()["Id"] == made.json()["id"]
