"""Reports: described, run, run with other filters, and more rows than one run shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.salesforce_emulator.client import DATA, Api, OpenApi

from salesforce_emulator import OrgStore
from salesforce_emulator.datafile import BadDataFile, DataFile

STAMP = "2026-01-01T00:00:00.000Z"
RECORDS = {
    "Account": [
        {"@key": "a", "Name": "Acme", "AnnualRevenue": 1000, "Industry": "Banking", "NumberOfEmployees": 10},
        {"Name": "Bolt", "Industry": "Energy", "NumberOfEmployees": 20, "Type": "Other"},
        {"Name": "Cube", "NumberOfEmployees": 30, "SLAExpirationDate__c": "2026-02-10"},
    ],
    "Contact": [{"FirstName": "Jane", "LastName": "Doe", "AccountId": "@a"}, {"LastName": "Poe"}],
}
ACCOUNTS = {
    "sobject": "Account", "name": "All accounts", "description": "Everyone",
    "columns": ["Account.Name", "Account.AnnualRevenue", "Account.Industry"],
    "sort_by": [{"sortColumn": "Account.Name", "sortOrder": "Desc"}],
}  # fmt: skip
CONTACTS = {
    "sobject": "Contact", "name": "Contacts",
    "columns": ["Contact.Name", "Contact.Account.Name", "Contact.IsDeleted", "Contact.CreatedDate"],
    "filters": [{"column": "Contact.Account.Industry", "operator": "equals", "value": "Banking"}],
}  # fmt: skip


def data_file(tmp_path: Path, *reports: Any) -> DataFile:
    path = tmp_path / "org.json"
    path.write_text(json.dumps({"records": RECORDS, "reports": reports}))
    return DataFile.read(path)


@pytest.fixture(scope="module")
def org(module_api: OpenApi, tmp_path_factory: pytest.TempPathFactory) -> Api:
    file = data_file(tmp_path_factory.mktemp("reports"), ACCOUNTS, CONTACTS)
    return module_api(store=OrgStore(loader=lambda conn: file.load(conn, STAMP)))


def url_of(org: Api, name: str) -> str:
    return next(r["url"] for r in org.get("analytics/reports").json() if r["name"] == name)


def cells(answer: Any) -> list[list[tuple[str, Any]]]:
    rows = answer.json()["factMap"]["T!T"]["rows"]
    return [[(c["label"], c["value"]) for c in row["dataCells"]] for row in rows]


def labels(answer: Any) -> list[str]:
    return [row[0][0] for row in cells(answer)]


def run(org: Api, **changed: Any) -> Any:
    return org.post(f"{url_of(org, 'All accounts')}?includeDetails=true", json={"reportMetadata": changed})


def test_they_are_listed(org: Api) -> None:
    listed = org.get("analytics/reports").json()
    assert [r["name"] for r in listed] == ["All accounts", "Contacts"]
    url = f"{DATA}/analytics/reports/{listed[0]['id']}"
    assert listed[0] == {
        "describeUrl": f"{url}/describe", "instancesUrl": f"{url}/instances", "url": url, "id": listed[0]["id"],
        "name": "All accounts",
    }  # fmt: skip
    (kept,) = org.rows("SELECT Name, DeveloperName, Format FROM Report WHERE DeveloperName = 'All_accounts'")
    assert kept == {"Name": "All accounts", "DeveloperName": "All_accounts", "Format": "Tabular"}


def test_a_report_describes_itself(org: Api) -> None:
    found = org.get(f"{url_of(org, 'Contacts')}/describe").json()
    meta = found["reportMetadata"]
    assert (meta["reportFormat"], meta["reportType"]["type"]) == ("TABULAR", "ContactList")
    assert meta["detailColumns"] == CONTACTS["columns"]
    assert meta["reportFilters"] == CONTACTS["filters"]
    info = found["reportExtendedMetadata"]["detailColumnInfo"]
    assert info["Contact.Name"] == {"dataType": "string", "label": "Full Name"}
    assert info["Contact.CreatedDate"]["dataType"] == "datetime"
    (category,) = found["reportTypeMetadata"]["categories"]
    assert category["columns"]["Contact.Email"] == {"dataType": "email", "filterable": True, "label": "Email"}


def test_a_run_counts_and_shows_details_when_asked(org: Api) -> None:
    url = url_of(org, "All accounts")
    plain = org.get(url).json()
    assert plain["factMap"] == {"T!T": {"aggregates": [{"label": "3", "value": 3}]}}
    assert (plain["allData"], plain["hasDetailRows"]) == (True, False)
    answer = org.get(url, params={"includeDetails": "true"})
    assert answer.json()["attributes"]["reportName"] == "All accounts"
    cube, _, acme = cells(answer)
    (account,) = org.rows("SELECT Id FROM Account WHERE Name = 'Acme'")
    assert acme == [
        ("Acme", account["Id"]), ("$1,000.00", {"amount": 1000.0, "currency": None}), ("Banking", "Banking"),
    ]  # fmt: skip
    assert cube[1:] == [("-", None), ("-", None)]


def test_parents_and_filters(org: Api) -> None:
    ((name, account, deleted, created),) = cells(org.get(url_of(org, "Contacts"), params={"includeDetails": "true"}))
    assert (name[0], account[0], deleted) == ("Jane Doe", "Acme", ("false", False))
    assert created == ("12/31/2025 4:00 PM", "2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("column", "operator", "value", "found"),
    [
        ("Name", "equals", "acme,Bolt", ["Bolt", "Acme"]),
        ("Name", "notEqual", "Acme,Bolt", ["Cube"]),
        ("Name", "contains", "b", ["Cube", "Bolt"]),
        ("Name", "notContain", "b", ["Acme"]),
        ("Name", "startsWith", "a,c", ["Cube", "Acme"]),
        ("Industry", "equals", "", ["Cube"]),
        ("NumberOfEmployees", "greaterThan", "10", ["Cube", "Bolt"]),
        ("NumberOfEmployees", "lessOrEqual", "20", ["Bolt", "Acme"]),
        ("SLAExpirationDate__c", "equals", "2026-02-10", ["Cube"]),
        ("CreatedDate", "lessThan", "2026-01-02", ["Cube", "Bolt", "Acme"]),
        ("CreatedDate", "equals", "NEXT_N_DAYS:5", []),
        ("IsDeleted", "equals", "False", ["Cube", "Bolt", "Acme"]),
    ],
)
def test_filters_of_the_call(org: Api, column: str, operator: str, value: str, found: list[str]) -> None:
    answer = run(org, reportFilters=[{"column": f"Account.{column}", "operator": operator, "value": value}])
    assert answer.status_code == 200, answer.text
    assert labels(answer) == found
    assert answer.json()["factMap"]["T!T"]["aggregates"] == [{"label": str(len(found)), "value": len(found)}]


def test_filter_logic_columns_order_and_scope_of_the_call(org: Api) -> None:
    name, size = "Account.Name", "Account.NumberOfEmployees"
    filters = [
        {"column": name, "operator": "equals", "value": "Acme"},
        {"column": name, "operator": "equals", "value": "Cube"},
        {"column": size, "operator": "lessThan", "value": "20"},
    ]  # fmt: skip
    answer = run(
        org, reportFilters=filters, reportBooleanFilter="(1 OR 2) and not 3", detailColumns=[size],
        sortBy=[{"sortColumn": size, "sortOrder": "Asc"}],
    )  # fmt: skip
    assert cells(answer) == [[("30", 30)]]
    assert labels(run(org, scope="user")) == []
    assert org.get(f"{url_of(org, 'All accounts')}/describe").json()["reportMetadata"]["reportFilters"] == []


@pytest.mark.parametrize(
    "changed",
    [
        {"detailColumns": ["Account.Nope"]},
        {"detailColumns": ["Contact.Name"]},
        {"reportFilters": [{"column": "Account.Name", "operator": "like", "value": "x"}]},
        {"reportFilters": [{"column": "Account.NumberOfEmployees", "operator": "contains", "value": "1"}]},
        {"reportFilters": [{"column": "Account.Name", "operator": "equals", "value": "x"}], "reportBooleanFilter": "2"},
        {"reportBooleanFilter": "1"},
        {"scope": "team"},
        {"sortBy": [{"sortColumn": "Account.Nope"}]},
    ],
)
def test_what_cannot_be_run(org: Api, changed: dict[str, Any]) -> None:
    answer = run(org, **changed)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "BAD_REQUEST")


def test_what_is_not_there(org: Api) -> None:
    assert org.get("analytics/reports/00OgK0000000zzz").status_code == 404
    assert org.get(f"{url_of(org, 'Contacts')}/instances").status_code == 404


def test_more_than_two_thousand_rows_are_not_all_data(tmp_path: Path, open_api: OpenApi) -> None:
    path = tmp_path / "org.json"
    records = {"Account": [{"Name": f"A{n}"} for n in range(2001)]}
    path.write_text(json.dumps({"records": records, "reports": [ACCOUNTS]}))
    file = DataFile.read(path)
    api = open_api(store=OrgStore(loader=lambda conn: file.load(conn, STAMP)))
    answer = api.get(url_of(api, "All accounts"), params={"includeDetails": "true"})
    assert (answer.json()["allData"], len(cells(answer))) == (False, 2000)
    assert answer.json()["factMap"]["T!T"]["aggregates"] == [{"label": "2,001", "value": 2001}]


def test_a_report_that_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadDataFile, match=r"Account\.Nope"):
        OrgStore(loader=lambda c: data_file(tmp_path, {**ACCOUNTS, "columns": ["Account.Nope"]}).load(c, STAMP))
    with pytest.raises(BadDataFile, match="scope"):
        data_file(tmp_path, {**ACCOUNTS, "scope": "team"})
