"""Many records in one call, and several calls in one."""

from __future__ import annotations

from typing import Any

from tests.salesforce_emulator.client import DATA, Api


def account(**values: Any) -> dict[str, Any]:
    return {"attributes": {"type": "Account"}, **values}


def test_one_result_a_row_in_order(api: Api) -> None:
    """ "200 with one result a row, in order; failed row {"success":false,"errors":[…]} without id"."""
    rows = [account(Name="A"), account(), account(Name="C")]
    answer = api.post("composite/sobjects", json={"records": rows})
    assert answer.status_code == 200
    first, second, third = answer.json()
    assert first == {"id": first["id"], "success": True, "errors": []}
    assert second == {
        "success": False,
        "errors": [
            {
                "statusCode": "REQUIRED_FIELD_MISSING",
                "message": "Required fields are missing: [Name]",
                "fields": ["Name"],
            }
        ],
    }
    assert api.rows("SELECT Id FROM Account ORDER BY Name") == [{"Id": first["id"]}, {"Id": third["id"]}]


def test_all_or_none(api: Api) -> None:
    """ "collections siblings ALL_OR_NONE_OPERATION_ROLLED_BACK"."""
    rows = [account(Name="A"), account()]
    answer = api.post("composite/sobjects", json={"allOrNone": True, "records": rows}).json()
    codes = [r["errors"][0]["statusCode"] for r in answer]
    assert codes == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING"]
    assert api.rows("SELECT Id FROM Account") == []


def test_two_hundred_at_most(api: Api) -> None:
    """ "Collections (composite/sobjects, ≤ 200 rows, allOrNone)"."""
    rows = [account(Name=str(n)) for n in range(201)]
    assert len(api.post("composite/sobjects", json={"records": rows[:200]}).json()) == 200
    answer = api.post("composite/sobjects", json={"records": rows})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "EXCEEDED_ID_LIMIT")


def test_update_upsert_delete_read(api: Api) -> None:
    made = [api.create("Account", Name=n, External__c=n) for n in "AB"]
    changed = [account(Id=made[0], Name="A2"), account(Id=made[1][:15], Name="B2"), account(Id="nonsense", Name="x")]
    results = api.patch("composite/sobjects", json={"records": changed}).json()
    assert [r["success"] for r in results] == [True, True, False]
    assert results[2]["errors"][0]["statusCode"] == "MALFORMED_ID"
    keyed = [account(External__c="A", Name="A3"), account(External__c="C", Name="C3")]
    upserted = api.patch("composite/sobjects/Account/External__c", json={"records": keyed}).json()
    assert [(r["success"], r["created"]) for r in upserted] == [(True, False), (True, True)]
    read = api.get("composite/sobjects/Account", params={"ids": f"{made[1]},{made[0]}", "fields": "Name"}).json()
    assert [r["Name"] for r in read] == ["B2", "A3"]
    gone = api.delete("composite/sobjects", params={"ids": f"{made[0]},{made[0]}"}).json()
    assert [r["success"] for r in gone] == [True, False]
    assert gone[1]["errors"][0]["statusCode"] == "ENTITY_IS_DELETED"


def composite(api: Api, *parts: tuple[str, str, str, Any], all_or_none: bool = True) -> list[dict[str, Any]]:
    asked = [{"referenceId": r, "method": m, "url": f"{DATA}/{u}", "body": b} for r, m, u, b in parts]
    answer = api.post("composite", json={"allOrNone": all_or_none, "compositeRequest": asked})
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.json()["compositeResponse"]
    return found


def test_composite_parts_use_earlier_answers(api: Api) -> None:
    parts = composite(
        api,
        ("a", "POST", "sobjects/Account", {"Name": "A"}),
        ("c", "POST", "sobjects/Contact", {"LastName": "C", "AccountId": "@{a.id}"}),
        ("q", "GET", "query?q=SELECT+Id+FROM+Contact+WHERE+AccountId='@{a.id}'", None),
    )
    assert [p["httpStatusCode"] for p in parts] == [201, 201, 200]
    assert parts[2]["body"]["totalSize"] == 1
    assert api.org.counted_calls() == 1


def test_composite_rolls_back(api: Api) -> None:
    """ "composite rollback: PROCESSING_HALTED"."""
    parts = composite(api, ("a", "POST", "sobjects/Account", {"Name": "A"}), ("b", "POST", "sobjects/Account", {}))
    assert [p["body"][0]["errorCode"] for p in parts] == ["PROCESSING_HALTED", "REQUIRED_FIELD_MISSING"]
    assert api.rows("SELECT Id FROM Account") == []


def test_composite_without_rollback(api: Api) -> None:
    parts = composite(
        api,
        ("a", "POST", "sobjects/Account", {}),
        ("b", "POST", "sobjects/Account", {"Name": "B"}),
        all_or_none=False,
    )
    assert [p["httpStatusCode"] for p in parts] == [400, 201]
