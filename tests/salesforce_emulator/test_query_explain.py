"""How a query would be looked for."""

from __future__ import annotations

from typing import Any

import pytest
from tests.salesforce_emulator.client import Api


@pytest.fixture
def customers(api: Api) -> Api:
    with api.org.store.session() as session:
        for number in range(40):
            session.insert("Account", {"Name": f"Account {number}", "External__c": f"X{number}", "Industry": "Energy"})
    return api


def _plans(api: Api, soql: str) -> list[dict[str, Any]]:
    answer = api.get("query", params={"explain": soql})
    assert answer.status_code == 200, answer.text
    assert answer.json()["sourceQuery"] == soql
    return list(answer.json()["plans"])


def test_an_index_that_finds_few_records_comes_first(customers: Api) -> None:
    index, scan = _plans(customers, "SELECT Id FROM Account WHERE External__c = 'X3' AND Industry = 'Energy' LIMIT 5")
    assert index == {
        "cardinality": 1, "fields": ["External__c"], "leadingOperationType": "Index", "relativeCost": 0.25,
        "sobjectCardinality": 40, "sobjectType": "Account", "notes": scan["notes"],
    }  # fmt: skip
    assert (scan["leadingOperationType"], scan["fields"], scan["cardinality"]) == ("TableScan", [], 1)
    assert scan["relativeCost"] > 1
    assert [n["fields"] for n in scan["notes"]] == [["IsDeleted"], ["Industry"]]
    assert scan["notes"][1] == {
        "description": "Not considering filter for optimization because unindexed",
        "fields": ["Industry"],
        "tableEnumOrId": "Account",
    }


def test_an_index_that_finds_nearly_all_is_not_worth_while(customers: Api) -> None:
    index, _ = _plans(customers, "SELECT Id FROM Account WHERE Name LIKE 'Account%' ORDER BY Name")
    assert (index["fields"], index["cardinality"]) == (["Name"], 40)
    assert index["relativeCost"] > 1


@pytest.mark.parametrize(
    "condition",
    ["Name != 'x'", "Name LIKE '%x'", "Name NOT IN ('x')", "Name = 'x' OR Industry = 'x'", "NOT Name = 'x'",
     "Owner.Name = 'x'"],
)  # fmt: skip
def test_what_leaves_indexes_unused(customers: Api, condition: str) -> None:
    (plan,) = _plans(customers, f"SELECT Id FROM Account WHERE {condition}")
    assert plan["leadingOperationType"] == "TableScan"


def test_an_empty_object_costs_nothing(api: Api) -> None:
    (plan,) = _plans(api, "SELECT count() FROM Lead")
    assert (plan["sobjectCardinality"], plan["relativeCost"]) == (0, 0.0)


def test_a_list_view_by_its_id(customers: Api) -> None:
    view = next(v for v in customers.get("sobjects/Account/listviews").json()["listviews"] if "My" in v["label"])
    answer = customers.get("query", params={"explain": view["id"]}).json()
    assert answer["plans"][0]["sobjectType"] == "Account"
    assert "USING SCOPE mine" in answer["sourceQuery"]


def test_what_cannot_be_explained(api: Api) -> None:
    for asked, code in (
        ("00B000000000999AAA", "INVALID_ID"),
        ("SELECT", "MALFORMED_QUERY"),
        ("SELECT Foo FROM Account", "INVALID_FIELD"),
        ("SELECT Id FROM Foo", "INVALID_TYPE"),
    ):
        answer = api.get("query", params={"explain": asked})
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)
    assert api.get("query").json()[0]["errorCode"] == "MALFORMED_QUERY"
