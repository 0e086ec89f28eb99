"""Single records: what is written, what is refused and in which words."""

from __future__ import annotations

from typing import Any

import pytest
from tests.salesforce_emulator.client import DATA, Api

from salesforce_emulator.schema import BASE


def refused(answer: Any) -> tuple[int, str, str]:
    (error,) = answer.json()
    return answer.status_code, error["errorCode"], error["message"]


def test_create_read_update_delete(api: Api) -> None:
    """ "POST 201 {"id","success":true,"errors":[]}; PATCH 204; DELETE 204; second DELETE ENTITY_IS_DELETED 404"."""
    made = api.post("sobjects/Account", json={"Name": "Acme", "BillingCity": "Ulm"})
    assert made.status_code == 201
    assert made.json() == {"id": made.json()["id"], "success": True, "errors": []}
    record = f"sobjects/Account/{made.json()['id']}"
    read = api.get(record).json()
    assert read["attributes"] == {"type": "Account", "url": f"{DATA}/{record}"}
    assert (read["Name"], read["BillingAddress"]["city"], read["OwnerId"]) == ("Acme", "Ulm", BASE.integration)
    assert api.patch(record, json={"Name": "Acme 2"}).status_code == 204
    assert api.get(record, params={"fields": "Name,Industry"}).json() == {
        "attributes": read["attributes"],
        "Name": "Acme 2",
        "Industry": None,
        "Id": made.json()["id"],
    }
    assert api.delete(record).status_code == 204
    assert refused(api.delete(record)) == (404, "ENTITY_IS_DELETED", "entity is deleted")
    assert refused(api.get(record)) == (404, "NOT_FOUND", "The requested resource does not exist")


def test_a_fifteen_character_id_will_do(api: Api) -> None:
    record_id = api.create("Account", Name="A")
    assert api.get(f"sobjects/Account/{record_id[:15]}").json()["Id"] == record_id
    assert api.get(f"sobjects/Account/{record_id.lower()}").json()["Id"] == record_id


@pytest.mark.parametrize(
    ("sobject", "given", "missing"),
    [
        ("Lead", {}, "LastName, Company"),
        ("Contact", {"FirstName": "A"}, "LastName"),
        ("Account", {"Name": "  "}, "Name"),
        ("Opportunity", {}, "Name, StageName, CloseDate"),
    ],
)
def test_required_fields(api: Api, sobject: str, given: dict[str, str], missing: str) -> None:
    """ "Lead needs LastName and Company; Contact needs LastName; Account needs Name; Opportunity needs …"."""
    answer = api.post(f"sobjects/{sobject}", json=given)
    assert refused(answer) == (400, "REQUIRED_FIELD_MISSING", f"Required fields are missing: [{missing}]")
    assert answer.json()[0]["fields"] == missing.split(", ")


@pytest.mark.parametrize(
    ("values", "code", "message"),
    [
        ({"Nme": "x"}, "INVALID_FIELD", "No such column 'Nme' on sobject of type Account"),
        (
            {"Tier__c": "NURSE"},
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "Tier: bad value for restricted picklist field: NURSE",
        ),
        (
            {"AccountNumber": "x" * 41},
            "STRING_TOO_LONG",
            f"Account Number: data value too large: {'x' * 41} (max length=40)",
        ),
        (
            {"ParentId": "003gK0000000001"},
            "MALFORMED_ID",
            "Parent Account ID: id value of incorrect type: 003gK0000000001",
        ),
        ({"ParentId": "001gK0000009999"}, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"),
        ({"NumberOfEmployees": 1e9}, "NUMBER_OUTSIDE_VALID_RANGE", None),
        ({"NumberOfEmployees": "many"}, "JSON_PARSER_ERROR", None),
        ({"SLAExpirationDate__c": "2026-02-30"}, "JSON_PARSER_ERROR", None),
        ({"CreatedDate": "2020-01-01T00:00:00Z"}, "INVALID_FIELD_FOR_INSERT_UPDATE", None),
        ({"BillingAddress": {"city": "x"}}, "INVALID_FIELD_FOR_INSERT_UPDATE", None),
    ],
)
def test_values_that_are_refused(api: Api, values: dict[str, Any], code: str, message: str | None) -> None:
    status, found, text = refused(api.post("sobjects/Account", json={"Name": "A", **values}))
    assert (status, found) == (400, code)
    assert message is None or text == message


def test_values_that_are_made_fit(api: Api) -> None:
    """ "E-mail is lower-cased by Salesforce on save. "NumberOfEmployees":"10000" (a string) is accepted."""
    account = api.create("Account", Name=" Acme ", NumberOfEmployees="10000", Topics__c="a;C", AnnualRevenue=5)
    found = api.get(f"sobjects/Account/{account}").json()
    assert (found["Name"], found["NumberOfEmployees"], found["Topics__c"]) == ("Acme", 10000, "A;C")
    contact = api.create("Contact", LastName="Doe", Email="Jane.DOE@Example.COM", AccountId=account[:15])
    read = api.get(f"sobjects/Contact/{contact}").json()
    assert (read["Email"], read["AccountId"]) == ("jane.doe@example.com", account)
    assert refused(api.post("sobjects/Contact", json={"LastName": "D", "Email": "nonsense"}))[1:] == (
        "INVALID_EMAIL_ADDRESS",
        "Email: invalid email address: nonsense",
    )


def test_numbers_and_times_as_rest_prints_them(api: Api) -> None:
    """ "REST date-times 2020-10-22T21:03:23.000+0000 … Currency and double always print .0; int bare"."""
    account = api.create("Account", Name="A", AnnualRevenue=350000000, NumberOfEmployees=5)
    text = api.get("query", params={"q": "SELECT AnnualRevenue, NumberOfEmployees, CreatedDate FROM Account"}).text
    assert '"AnnualRevenue":350000000.0,"NumberOfEmployees":5,"CreatedDate":"' in text
    assert '.000+0000"' in text
    assert account in text


def test_stamps_move_with_the_writer(api: Api) -> None:
    record_id = api.create("Account", Name="A")
    with api.org.store.session(BASE.reps[0]) as session:
        session.update("Account", record_id, {"Name": "B"})
    (row,) = api.rows("SELECT CreatedById, LastModifiedById, LastModifiedDate, SystemModstamp FROM Account")
    assert (row["CreatedById"], row["LastModifiedById"]) == (BASE.integration, BASE.reps[0])
    assert row["LastModifiedDate"] == row["SystemModstamp"]


def test_a_broken_body(api: Api) -> None:
    assert refused(api.post("sobjects/Account", content="{"))[:2] == (400, "JSON_PARSER_ERROR")


def test_a_value_that_must_be_unique(api: Api) -> None:
    """ "duplicate value found: X__c duplicates value on record with id: 00Q58000003tW4u" (15 characters)."""
    first = api.create("Account", Name="A", External__c="e-1")
    answer = api.post("sobjects/Account", json={"Name": "B", "External__c": "E-1"})
    expected = f"duplicate value found: External__c duplicates value on record with id: {first[:15]}"
    assert refused(answer) == (400, "DUPLICATE_VALUE", expected)


def test_upsert_by_external_id(api: Api) -> None:
    """ "upsert by external id 201 / 200 (v46+, "created"), 300 with an array of URL strings where several match"."""
    path = "sobjects/Account/External__c/e%2F1"
    made = api.patch(path, json={"Name": "A"})
    assert (made.status_code, made.json()["created"]) == (201, True)
    again = api.patch(path, json={"Name": "B"})
    assert (again.status_code, again.json()["created"], again.json()["id"]) == (200, False, made.json()["id"])
    assert api.patch(f"/services/data/v45.0/{path}", json={"Name": "C"}).status_code == 204
    assert api.get(path).json()["Name"] == "C"
    assert refused(api.patch("sobjects/Account/Industry/x", json={"Name": "A"}))[:2] == (404, "NOT_FOUND")
    twins = [api.create("Account", Name=n, Code__c="same") for n in "DE"]
    several = api.patch("sobjects/Account/Code__c/same", json={"Name": "F"})
    assert several.status_code == 300
    assert several.json() == [f"{DATA}/sobjects/Account/{i}" for i in twins]


def test_a_parent_named_by_its_external_id(api: Api) -> None:
    parent = api.create("Account", Name="P", External__c="p")
    contact = api.create("Contact", LastName="D", Account={"External__c": "p"})
    assert api.get(f"sobjects/Contact/{contact}").json()["AccountId"] == parent
    assert refused(api.post("sobjects/Contact", json={"LastName": "D", "Account": {"External__c": "q"}})) == (
        400,
        "INVALID_FIELD",
        "Foreign key external ID: q not found for field External__c in entity Account",
    )


def test_an_opportunity_follows_its_stage(api: Api) -> None:
    record_id = api.create("Opportunity", Name="O", StageName="Prospecting", CloseDate="2026-12-31", Amount=1000)
    path = f"sobjects/Opportunity/{record_id}"
    before = api.get(path).json()
    assert (before["Probability"], before["IsClosed"], before["ExpectedRevenue"]) == (10.0, False, 100.0)
    assert (before["FiscalYear"], before["FiscalQuarter"], before["Fiscal"]) == (2026, 4, "2026 4")
    assert api.patch(path, json={"StageName": "Closed Won"}).status_code == 204
    after = api.get(path).json()
    assert (after["Probability"], after["IsWon"], after["ForecastCategory"]) == (100.0, True, "Closed")


def test_deleting_an_account_takes_its_own_along(api: Api) -> None:
    account = api.create("Account", Name="A")
    contact = api.create("Contact", LastName="C", AccountId=account)
    assert api.delete(f"sobjects/Account/{account}").status_code == 204
    assert api.rows("SELECT Id FROM Contact") == []
    assert api.rows("SELECT Id, IsDeleted FROM Contact", deleted=True) == [{"Id": contact, "IsDeleted": True}]
    with api.org.store.session() as session:
        session.undelete("Account", account)
    assert api.rows("SELECT Id FROM Contact") == [{"Id": contact}]


def test_users_are_not_deleted(api: Api) -> None:
    assert refused(api.delete(f"sobjects/User/{BASE.reps[0]}"))[1] == "INVALID_TYPE_FOR_OPERATION"
