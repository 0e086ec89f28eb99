"""What a field's type refuses or makes fit, in Salesforce's words, by whichever door it comes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from tests.salesforce_emulator.client import Api, OpenApi

from salesforce_emulator import OrgStore
from salesforce_emulator.schema.changes import apply
from salesforce_emulator.schema.custom import Customization

FIELDS: list[dict[str, Any]] = [
    {"name": "Score__c", "kind": "double", "precision": 5, "scale": 2, "label": "Score"},
    {"name": "Count__c", "kind": "int"},
    {"name": "Share__c", "kind": "percent", "precision": 4, "scale": 1, "default": 12.5},
    {"name": "Mail__c", "kind": "email", "label": "Mail"},
    {"name": "Site__c", "kind": "url"},
    {"name": "Key__c", "kind": "string", "unique": True, "caseSensitive": True, "length": 20},
    {"name": "Ref__c", "kind": "double", "scale": 0, "unique": True, "externalId": True},
    {"name": "Partner__c", "kind": "reference", "referenceTo": "Account", "childRelationship": "Partners"},
    {"name": "Free__c", "kind": "picklist", "values": ["A", "B"]},
    {"name": "Since__c", "kind": "date", "default": "TODAY()"},
    {"name": "Region__c", "kind": "picklist", "values": ["North", "South"]},
    {
        "name": "Town__c",
        "kind": "picklist",
        "controllerName": "Region__c",
        "values": [{"value": "Kiel", "validFor": ["North"]}, {"value": "Ulm", "validFor": ["South", "North"]}],
    },
]


@pytest.fixture
def org(open_api: OpenApi) -> Api:
    store = OrgStore()
    store.change_schema([{"action": "add_field", "object": "Account", "field": f} for f in FIELDS])
    return open_api(store=store)


def by_rest(api: Api, values: dict[str, Any]) -> str:
    answer = api.post("sobjects/Account", json={"Name": "A", **values})
    if answer.status_code == 201:
        return ""
    (error,) = answer.json()
    return f"{error['errorCode']}:{error['message']}"


def by_collection(api: Api, values: dict[str, Any]) -> str:
    record = {"attributes": {"type": "Account"}, "Name": "A", **values}
    (result,) = api.post("composite/sobjects", json={"records": [record]}).json()
    return "".join(f"{e['statusCode']}:{e['message']}" for e in result["errors"])


def by_bulk(api: Api, values: dict[str, Any]) -> str:
    cells = ",".join(f'"{v}"' for v in ["A", *values.values()])
    made = api.post("jobs/ingest", json={"object": "Account", "operation": "insert"}).json()["id"]
    csv = f"{','.join(['Name', *values])}\n{cells}\n"
    api.call("PUT", f"jobs/ingest/{made}/batches", content=csv, headers={"Content-Type": "text/csv"})
    api.patch(f"jobs/ingest/{made}", json={"state": "UploadComplete"})
    api.job_info("ingest", made)
    failed = api.get(f"jobs/ingest/{made}/failedResults").text.splitlines()[1:]
    found = re.match(r'"","(.*?):[\w, ]*--"', failed[0]) if failed else None
    return found[1] if found else ""


NO_ACCESS = "insufficient access rights on cross-reference id"
DOORS = (by_rest, by_collection, by_bulk)
every_door = pytest.mark.parametrize("write", DOORS, ids=[d.__name__ for d in DOORS])


@every_door
@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        (
            {"Score__c": 1000},
            "NUMBER_OUTSIDE_VALID_RANGE:Score: value outside of valid range on numeric field: 1000.0",
        ),
        (
            {"NumberOfEmployees": 1431655766},
            "NUMBER_OUTSIDE_VALID_RANGE:Employees: value outside of valid range on numeric field: 1431655766",
        ),
        (
            {"Score__c": 999.996},
            "NUMBER_OUTSIDE_VALID_RANGE:Score: value outside of valid range on numeric field: 1000.0",
        ),
        ({"Mail__c": "a@b"}, "INVALID_EMAIL_ADDRESS:Mail: invalid email address: a@b"),
        ({"Key__c": "k" * 21}, f"STRING_TOO_LONG:Key: data value too large: {'k' * 21} (max length=20)"),
        (
            {"Partner__c": "001gK0000009999"},
            f"INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY:{NO_ACCESS}: 001gK0000009999",
        ),
        (
            {"Partner__c": "003gK0000000001"},
            "MALFORMED_ID:Partner: id value of incorrect type: 003gK0000000001",
        ),
        ({"ParentId": "001gK0000009999"}, "INVALID_CROSS_REFERENCE_KEY:invalid cross reference id"),
    ],
)  # fmt: skip
def test_refused(org: Api, write: Callable[[Api, dict[str, Any]], str], values: dict[str, Any], refusal: str) -> None:
    assert write(org, values) == refusal
    assert org.rows("SELECT Id FROM Account") == []


@every_door
def test_a_deleted_record_is_not_referred_to(org: Api, write: Callable[[Api, dict[str, Any]], str]) -> None:
    gone = org.create("Account", Name="Gone")
    org.delete(f"sobjects/Account/{gone}")
    for field in ("Partner__c", "ParentId"):
        assert write(org, {field: gone}) == "ENTITY_IS_DELETED:entity is deleted"


@every_door
def test_made_fit(org: Api, write: Callable[[Api, dict[str, Any]], str]) -> None:
    """A half is rounded away from zero; URLs are not checked; a picklist that isn't restricted takes anything."""
    given = {"Score__c": 1.005, "Count__c": 7, "Site__c": "no url at all", "Free__c": "C", "Mail__c": "Me@X.Example"}
    assert write(org, given) == ""
    names = "Score__c, Count__c, Site__c, Free__c, Mail__c, Share__c, Since__c"
    (found,) = org.rows(f"SELECT {names}, CreatedDate FROM Account")
    assert found == {
        "Score__c": 1.01,
        "Count__c": 7,
        "Site__c": "no url at all",
        "Free__c": "C",
        "Mail__c": "me@x.example",
        "Share__c": 12.5,
        "Since__c": found["CreatedDate"][:10],
        "CreatedDate": found["CreatedDate"],
    }


@every_door
def test_unique_with_and_without_case(org: Api, write: Callable[[Api, dict[str, Any]], str]) -> None:
    first = org.create("Account", Name="First", Key__c="k", Ref__c=5)
    assert write(org, {"Key__c": "K"}) == ""
    same = write(org, {"Key__c": "k"})
    assert same == f"DUPLICATE_VALUE:duplicate value found: Key__c duplicates value on record with id: {first[:15]}"
    assert write(org, {"Ref__c": "5"}).startswith("DUPLICATE_VALUE")
    assert org.rows("SELECT Name FROM Account WHERE Key__c = 'K'") == [{"Name": "A"}]
    assert org.rows("SELECT Name FROM Account WHERE Key__c IN ('K', 'x')") == [{"Name": "A"}]


def test_case_counts_among_the_rows_of_a_file(org: Api) -> None:
    info = org.ingest("Account", "insert", "Name,Key__c\nA,x\nB,X\nC,x\n")
    assert (info["numberRecordsProcessed"], info["numberRecordsFailed"]) == (3, 1)


def test_a_dependent_picklist_is_described(org: Api) -> None:
    fields = {f["name"]: f for f in org.get("sobjects/Account/describe").json()["fields"]}
    town = fields["Town__c"]
    assert (town["controllerName"], town["dependentPicklist"]) == ("Region__c", True)
    assert {v["value"]: v["validFor"] for v in town["picklistValues"]} == {"Kiel": "gAAA", "Ulm": "wAAA"}


@every_door
def test_the_api_takes_any_value_of_a_dependent_picklist(org: Api, write: Callable[[Api, dict[str, Any]], str]) -> None:
    assert write(org, {"Region__c": "South", "Town__c": "Kiel"}) == ""


def test_a_page_does_not(org: Api) -> None:
    refused = "Town: bad value for restricted picklist field: Kiel"

    def post(path: str, **values: str) -> Any:
        csrf = re.findall(r'name="csrf" value="([^"]+)"', org.get(path).text)[0]
        return org.post(path, data={"csrf": csrf, **values})

    wrong = post("/o/Account/new", Name="A", Region__c="South", Town__c="Kiel")
    assert wrong.status_code == 422
    assert refused in wrong.text
    assert post("/o/Account/new", Name="A", Region__c="North", Town__c="Kiel").status_code == 302
    (account,) = org.rows("SELECT Id FROM Account")
    assert refused in post(f"/o/Account/{account['Id']}/edit", Name="A", Region__c="South", Town__c="Kiel").text
    assert post(f"/o/Account/{account['Id']}/edit", Name="A", Region__c="South", Town__c="Ulm").status_code == 302


def test_a_checkbox_controls_too() -> None:
    changes = [
        {"action": "add_field", "object": "Account", "field": {"name": "On__c", "kind": "boolean"}},
        {
            "action": "add_field",
            "object": "Account",
            "field": {
                "name": "Why__c",
                "kind": "picklist",
                "controllerName": "On__c",
                "values": [{"value": "so", "validFor": ["true"]}],
            },
        },
    ]
    with OrgStore() as store:
        assert apply(Customization(), changes, store.now()).fields["Account"]["Why__c"]["picklistValues"][0][
            "validFor"
        ] == "QAAA"  # fmt: skip
