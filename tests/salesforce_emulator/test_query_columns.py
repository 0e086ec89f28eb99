"""``query?q=…&columns=true``: what Salesforce's command line asks after a query. Shapes as its tests quote them."""

from __future__ import annotations

from typing import Any

from tests.salesforce_emulator.client import Api, Json


def column(name: str, **known: Any) -> dict[str, Any]:
    return {
        "aggregate": False,
        "apexType": None,
        "booleanType": False,
        "columnName": name,
        "custom": False,
        "displayName": name,
        "foreignKeyName": None,
        "insertable": False,
        "joinColumns": [],
        "numberType": False,
        "textType": False,
        "updatable": False,
        **known,
    }


def text(name: str, **known: Any) -> dict[str, Any]:
    return column(name, apexType="String", textType=True, insertable=True, updatable=True, **known)


def columns(api: Api, soql: str) -> Json:
    answer = api.get("query", params={"q": soql, "columns": "true"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_fields_of_the_object_itself(api: Api) -> None:
    assert columns(api, "SELECT Id, Name, Code__c FROM Account") == {
        "columnMetadata": [column("Id", apexType="Id"), text("Name"), text("Code__c", custom=True)],
        "entityName": "Account",
        "groupBy": False,
        "idSelected": True,
        "keyPrefix": "001",
    }


def test_fields_of_a_parent_and_of_children(api: Api) -> None:
    found = columns(api, "SELECT Owner.Username, (SELECT LastName FROM Contacts) FROM Account")
    user_name = text("Username")
    assert found["columnMetadata"] == [
        column("Owner", foreignKeyName="OwnerId", joinColumns=[user_name]),
        column("Contacts", aggregate=True, joinColumns=[text("LastName")]),
    ]
    assert found["idSelected"] is False


def test_aggregates(api: Api) -> None:
    found = columns(api, "SELECT CampaignId, AVG(Amount), COUNT(Id) total FROM Opportunity GROUP BY CampaignId")
    assert found["columnMetadata"] == [
        column("CampaignId", apexType="Id", insertable=True, updatable=True),
        column("expr0", aggregate=True, displayName="avg(Amount)", numberType=True),
        column("total", aggregate=True, displayName="count(Id)", numberType=True),
    ]
    assert found["groupBy"] is True
    assert columns(api, "SELECT COUNT() FROM Account")["columnMetadata"] == [
        column("expr0", aggregate=True, displayName="count()", numberType=True)
    ]


def test_nothing_is_fetched_and_a_wrong_query_is_refused_as_ever(api: Api) -> None:
    assert "records" not in columns(api, "SELECT Name FROM Account")
    answer = api.get("query", params={"q": "SELECT Nothing FROM Account", "columns": "true"})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_FIELD")
