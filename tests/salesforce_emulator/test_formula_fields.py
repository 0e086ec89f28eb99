"""Formula fields: computed when read, wherever a field can be read, and refused where they can't be."""

from __future__ import annotations

from typing import Any

import pytest
from tests.salesforce_emulator.client import Api

FIELDS: list[dict[str, Any]] = [
    {"name": "PerHead__c", "returns": "currency", "scale": 2, "formula": "AnnualRevenue / NumberOfEmployees"},
    {"name": "Big__c", "returns": "boolean", "formula": "NumberOfEmployees > 100"},
    {"name": "Said__c", "returns": "string", "formula": "IF(Big__c, UPPER(Name), Name) & ' of ' & Parent.Name"},
    {"name": "Since__c", "returns": "date", "formula": "DATEVALUE(CreatedDate) + 1"},
]


def add(api: Api, field: dict[str, Any], sobject: str = "Account") -> Any:
    change = {"action": "add_field", "object": sobject, "field": {"kind": "formula", **field}}
    return api.post("/__emulator/schema", json=change)


@pytest.fixture
def computed(api: Api) -> Api:
    for field in FIELDS:
        assert add(api, field).status_code == 200
    return api


def test_they_are_computed(computed: Api) -> None:
    parent = computed.create("Account", Name="Group", NumberOfEmployees=7, AnnualRevenue=1000)
    child = computed.create("Account", Name="Part", ParentId=parent, NumberOfEmployees=200)
    read = computed.get(f"sobjects/Account/{child}").json()
    assert (read["PerHead__c"], read["Big__c"], read["Said__c"]) == (None, True, "PART of Group")
    assert read["Since__c"] > read["CreatedDate"][:10]
    assert computed.rows("SELECT PerHead__c FROM Account WHERE PerHead__c > 142") == [{"PerHead__c": 142.86}]
    rows = computed.rows("SELECT Parent.PerHead__c FROM Account WHERE Said__c LIKE '%GROUP' ORDER BY Said__c")
    assert rows[0]["Parent"]["PerHead__c"] == 142.86
    job = computed.bulk_query("SELECT Said__c, Big__c FROM Account WHERE Big__c = TRUE")
    assert computed.get(f"jobs/query/{job}/results").text == '"Said__c","Big__c"\n"PART of Group","true"\n'


def test_what_they_read_moves_them_without_a_stamp(computed: Api) -> None:
    parent = computed.create("Account", Name="Group")
    child = computed.create("Account", Name="Part", ParentId=parent)
    before = computed.get(f"sobjects/Account/{child}").json()
    computed.patch(f"sobjects/Account/{parent}", json={"Name": "Holding"})
    after = computed.get(f"sobjects/Account/{child}").json()
    assert after["Said__c"] == "Part of Holding"
    assert after["SystemModstamp"] == before["SystemModstamp"]


def test_they_are_described_and_can_not_be_written(computed: Api) -> None:
    fields = {f["name"]: f for f in computed.get("sobjects/Account/describe").json()["fields"]}
    found = fields["PerHead__c"]
    assert (found["type"], found["calculated"], found["calculatedFormula"]) == (
        "currency",
        True,
        "AnnualRevenue / NumberOfEmployees",
    )
    assert not found["createable"]
    assert not found["updateable"]
    answer = computed.post("sobjects/Account", json={"Name": "A", "Big__c": True}).json()
    assert answer[0]["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    assert answer[0]["fields"] == ["Big__c"]


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ({"name": "X__c", "returns": "double", "formula": "Nothing__c + 1"}, "Nothing__c does not exist"),
        ({"name": "X__c", "returns": "double", "formula": "Name"}, "incompatible with expected data type"),
        ({"name": "X__c", "returns": "double", "formula": "X__c + 1"}, "refers to itself"),
        ({"name": "X__c", "returns": "boolean", "formula": "ISNEW()"}, "ISNEW may not be used"),
        ({"name": "X__c", "returns": "picklist", "formula": "Name"}, "returns 'picklist' is none of"),
        ({"name": "X__c", "returns": "double"}, "formula says how it is computed"),
    ],
)
def test_a_formula_that_can_not_be(api: Api, field: dict[str, Any], message: str) -> None:
    answer = add(api, field)
    assert answer.status_code == 400
    assert message in answer.json()[0]["message"]


def test_what_a_formula_reads_stays(computed: Api) -> None:
    """A field can't be removed while a formula reads it; hidden, it is still read."""
    assert add(computed, {"name": "Double__c", "returns": "double", "formula": "Points__c * 2"}).status_code == 400
    points = {"action": "add_field", "object": "Account", "field": {"name": "Points__c", "kind": "double"}}
    computed.post("/__emulator/schema", json=points)
    assert add(computed, {"name": "Double__c", "returns": "double", "formula": "Points__c * 2"}).status_code == 200
    computed.create("Account", Name="A", Points__c=4)
    gone = computed.post(
        "/__emulator/schema", json={"action": "remove_field", "object": "Account", "field": "Points__c"}
    )
    assert gone.status_code == 400
    hidden = computed.post("/__emulator/schema", json={"action": "hide", "object": "Account", "field": "Points__c"})
    assert hidden.status_code == 200
    assert computed.rows("SELECT Double__c FROM Account") == [{"Double__c": 8.0}]
