"""Before-save flows: the org's own automation, which changes what somebody saves, at every door."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.salesforce_emulator.client import Api, OpenApi

from salesforce_emulator import OrgStore
from salesforce_emulator.datafile import DataFile

CAPITALS = {
    "object": "Account",
    "fullName": "Cities_in_capitals",
    "assignments": [{"field": "BillingCity", "formula": "UPPER(BillingCity)"}],
}


def flow(field: str, formula: str, **more: Any) -> dict[str, Any]:
    return {"object": "Account", "fullName": "Flow", "assignments": [{"field": field, "formula": formula}], **more}


def lay_down(api: Api, *flows: dict[str, Any], **rules: Any) -> None:
    answer = api.post("/__emulator/rules", json={"before_save_flows": list(flows), **rules})
    assert answer.status_code == 200, answer.text


def city(api: Api, record_id: str) -> Any:
    return api.get(f"sobjects/Account/{record_id}").json()["BillingCity"]


def test_the_writer_is_told_of_success_and_reads_another_value(api: Api) -> None:
    lay_down(api, CAPITALS)
    made = api.create("Account", Name="Flowing", BillingCity="Graz")
    assert city(api, made) == "GRAZ"
    answer = api.patch(
        "composite/sobjects",
        json={"records": [{"attributes": {"type": "Account"}, "id": made, "BillingCity": "Linz"}]},
    )
    assert [row["success"] for row in answer.json()] == [True]
    assert city(api, made) == "LINZ"


def test_it_runs_whatever_field_was_written_where_its_filter_is_true(api: Api) -> None:
    lay_down(api, flow("BillingCity", "LEFT(BillingCity, 2)", filterFormula="ISPICKVAL(Industry, 'Banking')"))
    made = api.create("Account", Name="Flowing", BillingCity="Graz")
    assert city(api, made) == "Graz"
    api.patch(f"sobjects/Account/{made}", json={"Industry": "Banking"})
    assert city(api, made) == "Gr"


def test_it_runs_when_its_trigger_says(api: Api) -> None:
    lay_down(api, flow("BillingCity", "'Wien'", recordTriggerType="Create", filterFormula="ISBLANK(BillingCity)"))
    made = api.create("Account", Name="Flowing")
    assert city(api, made) == "Wien"
    api.patch(f"sobjects/Account/{made}", json={"BillingCity": None})
    assert city(api, made) is None


def test_it_clears_rounds_and_fills_what_is_required(api: Api) -> None:
    numbers = flow("AnnualRevenue", "ROUND(AnnualRevenue, -3)", fullName="Rounds")
    names = flow("Name", "'Nameless'", fullName="Names", filterFormula="ISBLANK(Name)")
    lay_down(api, numbers, names, flow("BillingCity", "''", fullName="Clears"))
    made = api.create("Account", AnnualRevenue=123456.78, BillingCity="Graz")
    read = api.get(f"sobjects/Account/{made}").json()
    assert (read["Name"], read["AnnualRevenue"], read["BillingCity"]) == ("Nameless", 123000.0, None)


def test_validation_rules_see_what_the_flow_made(api: Api) -> None:
    lay_down(
        api, CAPITALS,
        validation_rules=[{
            "object": "Account", "fullName": "No_capitals", "errorMessage": "Not so loud.",
            "errorConditionFormula": 'BillingCity = "GRAZ"',
        }],
    )  # fmt: skip
    answer = api.post("sobjects/Account", json={"Name": "Flowing", "BillingCity": "Graz"})
    assert [error["message"] for error in answer.json()] == ["Not so loud."]


def test_what_the_field_cannot_hold_refuses_the_record(api: Api) -> None:
    lay_down(api, flow("BillingCity", "Description"))
    answer = api.post("sobjects/Account", json={"Name": "Flowing", "Description": "x" * 50})
    assert [error["errorCode"] for error in answer.json()] == ["STRING_TOO_LONG"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (flow("Nowhere", "'x'"), "there is no field Nowhere"),
        (flow("CreatedDate", "NOW()"), "can be assigned"),
        (flow("AnnualRevenue", "'x'"), "incompatible"),
        (flow("BillingCity", "UPPER("), "Flow"),
        (flow("BillingCity", "'x'", recordTriggerType="Delete"), "recordTriggerType"),
        ({**CAPITALS, "assignments": []}, "assignments is empty"),
        ({**CAPITALS, "object": "Nothing"}, "no object Nothing"),
    ],
)
def test_a_flow_that_cannot_be_followed_is_refused(api: Api, wrong: dict[str, Any], said: str) -> None:
    answer = api.post("/__emulator/rules", json={"before_save_flows": [wrong]})
    assert answer.status_code == 400
    assert said in answer.json()[0]["message"]
    assert api.get("/__emulator/rules").json()["before_save_flows"] == []


def test_flows_are_listed_removed_and_kept_with_the_file(tmp_path: Path, open_api: OpenApi) -> None:
    data = tmp_path / "org.json"
    data.write_text(json.dumps({"before_save_flows": [CAPITALS]}), encoding="utf-8")
    path = tmp_path / "org.sqlite3"
    OrgStore(path, loader=lambda conn: DataFile.read(data).load(conn, "2026-01-01T00:00:00.000Z")).close()
    api = open_api(store=OrgStore(path))
    (kept,) = api.get("/__emulator/rules").json()["before_save_flows"]
    assert (kept["fullName"], kept["active"], kept["recordTriggerType"]) == (
        "Cities_in_capitals", True, "CreateAndUpdate",
    )  # fmt: skip
    assert city(api, api.create("Account", Name="Kept", BillingCity="Graz")) == "GRAZ"
    assert api.delete("/__emulator/rules/Account/Cities_in_capitals").status_code == 200
    assert city(api, api.create("Account", Name="Gone", BillingCity="Graz")) == "Graz"
