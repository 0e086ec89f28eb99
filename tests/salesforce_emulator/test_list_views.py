"""List views: which there are, what they say of themselves, and what is in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.salesforce_emulator.client import DATA, Api, OpenApi

from salesforce_emulator import OrgStore
from salesforce_emulator.datafile import BadDataFile, DataFile
from salesforce_emulator.schema import BASE

BASE_URL = "sobjects/Account/listviews"


def view(api: Api, developer_name: str, sobject: str = "Account") -> dict[str, Any]:
    listed = api.get(f"sobjects/{sobject}/listviews").json()["listviews"]
    return next(v for v in listed if v["developerName"] == developer_name)


def shown(api: Api, found: dict[str, Any], **params: Any) -> list[dict[str, Any]]:
    answer = api.get(found["resultsUrl"], params=params)
    assert answer.status_code == 200, answer.text
    return [{c["fieldNameOrPath"]: c["value"] for c in r["columns"]} for r in answer.json()["records"]]


def test_they_are_listed(api: Api) -> None:
    body = api.get(BASE_URL).json()
    assert (body["done"], body["nextRecordsUrl"], body["sobjectType"]) == (True, None, "Account")
    assert [v["developerName"] for v in body["listviews"]] == [
        "AllAccounts", "MyAccounts", "NewLastWeek", "NewThisWeek", "RecentlyViewedAccounts",
    ]  # fmt: skip
    assert body["size"] == 5
    first = body["listviews"][0]
    url = f"{DATA}/sobjects/Account/listviews/{first['id']}"
    assert first == {
        "describeUrl": f"{url}/describe", "developerName": "AllAccounts", "id": first["id"], "label": "All Accounts",
        "resultsUrl": f"{url}/results", "soqlCompatible": True, "url": url,
    }  # fmt: skip
    assert api.get(f"{BASE_URL}/{first['id'][:15]}").json() == first


def test_they_are_records_too(api: Api) -> None:
    found = api.rows("SELECT Name FROM ListView WHERE SobjectType = 'Lead' AND IsSoqlCompatible = true ORDER BY Name")
    assert [r["Name"] for r in found] == [
        "All Open Leads", "My Unread Leads", "Recently Viewed Leads", "Today's Leads",
    ]  # fmt: skip


@pytest.mark.parametrize("sobject", ["Account", "Campaign", "Contact", "Lead", "Opportunity"])
def test_every_view_has_results_and_its_query_runs(api: Api, sobject: str) -> None:
    for found in api.get(f"sobjects/{sobject}/listviews").json()["listviews"]:
        assert shown(api, found) == []
        assert api.query(api.get(found["describeUrl"]).json()["query"])["totalSize"] == 0


def test_a_view_describes_itself(api: Api) -> None:
    found = api.get(view(api, "NewThisWeek")["describeUrl"]).json()
    assert found["query"] == (
        "SELECT Name, BillingState, Phone, toLabel(Type), Owner.Alias, Id, CreatedDate, LastModifiedDate, "
        "SystemModstamp FROM Account WHERE CreatedDate = THIS_WEEK ORDER BY Name ASC NULLS FIRST, Id ASC NULLS FIRST"
    )
    assert found["whereCondition"] == {"field": "CreatedDate", "operator": "equals", "values": ["THIS_WEEK"]}
    assert found["orderBy"][0] == {"fieldNameOrPath": "Name", "nullsPosition": "first", "sortDirection": "ascending"}
    assert (found["scope"], found["sobjectType"]) == (None, "Account")
    columns = {c["fieldNameOrPath"]: c for c in found["columns"]}
    assert columns["Name"] == {
        "ascendingLabel": "A-Z", "descendingLabel": "Z-A", "fieldNameOrPath": "Name", "hidden": False,
        "label": "Account Name", "selectListItem": "Name", "sortDirection": "ascending", "sortIndex": 0,
        "sortable": True, "type": "string",
    }  # fmt: skip
    assert (columns["Type"]["selectListItem"], columns["Type"]["sortIndex"]) == ("toLabel(Type)", None)
    assert [n for n, c in columns.items() if c["hidden"]] == ["Id", "CreatedDate", "LastModifiedDate", "SystemModstamp"]


def test_results_are_text_in_pages(accounts: Api) -> None:
    everything = view(accounts, "AllAccounts")
    rows = shown(accounts, everything, limit=3, offset=4)
    assert [r["Name"] for r in rows] == ["Account 4", "Account 5", "Account 6"]
    assert (rows[0]["Owner.Alias"], rows[0]["Phone"]) == ("aadmin", None)
    assert rows[0]["CreatedDate"].split()[4] == "GMT"
    for params in ({"limit": 0}, {"limit": 2001}, {"offset": -1}):
        assert accounts.get(everything["resultsUrl"], params=params).status_code == 400


def test_my_records_are_mine(accounts: Api) -> None:
    mine = view(accounts, "MyAccounts")
    assert shown(accounts, mine) == []  # the administrator made them, the integration user asks
    accounts.create("Account", Name="Mine")
    accounts.create("Account", Name="Not mine", OwnerId=BASE.reps[0])
    assert [r["Name"] for r in shown(accounts, mine)] == ["Mine"]


def test_recent_views_are_those_looked_at(api: Api) -> None:
    assert api.get(f"{BASE_URL}/recent").json()["listviews"] == []
    found = view(api, "MyAccounts")
    shown(api, found)
    assert api.get(f"{BASE_URL}/recent").json()["listviews"] == [found]


def test_what_is_not_there(api: Api) -> None:
    lead = view(api, "AllOpenLeads", "Lead")["id"]
    for path in ("Nobody/listviews", "Account/listviews/xyz", f"Account/listviews/{lead}/results"):
        assert api.get(f"sobjects/{path}").status_code == 404
    assert api.get("sobjects/Organization/listviews").json()["size"] == 0


def data_file(tmp_path: Path, **view: Any) -> DataFile:
    path = tmp_path / "org.json"
    records = {"Account": [{"Name": "Big", "NumberOfEmployees": 500, "Type": "Other"}, {"Name": "Small"}]}
    path.write_text(json.dumps({"records": records, "list_views": [view]}))
    return DataFile.read(path)


def test_a_data_file_adds_views(tmp_path: Path, open_api: OpenApi) -> None:
    where = "(NumberOfEmployees > 100 OR Name LIKE 'X\\'%') AND (NOT Type IN ('Partner', 'Press'))"
    file = data_file(
        tmp_path, sobject="Account", name="Big_Ones", columns=["Name", "Owner.Name", "NumberOfEmployees", "IsDeleted"],
        where=where, order_by="NumberOfEmployees DESC NULLS LAST",
    )  # fmt: skip
    api = open_api(store=OrgStore(loader=lambda conn: file.load(conn, "2026-01-01T00:00:00.000Z")))
    found = view(api, "Big_Ones")
    assert found["label"] == "Big Ones"
    (row,) = shown(api, found)
    assert (row["Name"], row["Owner.Name"], row["NumberOfEmployees"], row["IsDeleted"]) == (
        "Big", "Ada Admin", "500", "false",
    )  # fmt: skip
    described = api.get(found["describeUrl"]).json()
    assert described["whereCondition"] == {
        "conjunction": "and",
        "conditions": [
            {"conjunction": "or", "conditions": [
                {"field": "NumberOfEmployees", "operator": "greaterThan", "values": ["100"]},
                {"field": "Name", "operator": "like", "values": ["'X\\'%'"]},
            ]},
            {"condition": {"field": "Type", "operator": "in", "values": ["'Partner'", "'Press'"]}},
        ],
    }  # fmt: skip
    assert [v["developerName"] for v in api.get(BASE_URL).json()["listviews"]][:2] == ["AllAccounts", "Big_Ones"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"sobject": "Account", "name": "Bad", "columns": ["Nope"]}, "No such column 'Nope'"),
        ({"sobject": "Account", "name": "Bad"}, "missing ['columns']"),
        ({"sobject": "Account", "name": "Bad", "columns": ["Name"], "filter": "x"}, "unknown ['filter']"),
    ],
)
def test_a_view_that_cannot_be_is_refused(tmp_path: Path, given: dict[str, Any], said: str) -> None:
    with pytest.raises(BadDataFile) as caught:
        OrgStore(loader=lambda conn: data_file(tmp_path, **given).load(conn, "2026-01-01T00:00:00.000Z"))
    assert said in str(caught.value)
