"""Validation rules: laid down by a data file or while the org runs, they hold at every door."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.salesforce_emulator.client import Api, OpenApi

from salesforce_emulator import OrgStore
from salesforce_emulator.datafile import BadDataFile, DataFile

BANKS = {
    "object": "Account",
    "fullName": "Banks_have_a_site",
    "errorConditionFormula": 'AND(ISPICKVAL(Industry, "Banking"), ISBLANK(Website))',
    "errorMessage": "A bank needs a website.",
    "errorDisplayField": "Website",
}


def lay_down(api: Api, *rules: dict[str, Any]) -> None:
    answer = api.post("/__emulator/rules", json={"validation_rules": list(rules)})
    assert answer.status_code == 200, answer.text


def rule(formula: str, *, on: str = "Account", name: str = "Rule", **more: Any) -> dict[str, Any]:
    return {
        "object": on,
        "fullName": name,
        "errorConditionFormula": formula,
        "errorMessage": f"{name} is broken",
        **more,
    }


def codes(api: Api, method: str, path: str, **values: object) -> list[str]:
    """The messages of a write that is refused; none of one that isn't."""
    answer = api.call(method, path, json=values)
    return [e["message"] for e in answer.json()] if answer.status_code >= 400 else []


def test_a_broken_rule_answers_with_its_message_and_its_field(api: Api) -> None:
    lay_down(api, BANKS)
    answer = api.post("sobjects/Account", json={"Name": "Old Bank", "Industry": "Banking"})
    assert answer.status_code == 400
    assert answer.json() == [
        {
            "message": "A bank needs a website.",
            "errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION",
            "fields": ["Website"],
        }
    ]
    assert api.rows("SELECT Id FROM Account WHERE Name = 'Old Bank'") == []
    api.create("Account", Name="New Bank", Industry="Banking", Website="bank.example")
    api.create("Account", Name="Shop", Industry="Retail")


def test_an_error_at_the_top_of_the_page_names_no_field_and_all_broken_rules_speak(api: Api) -> None:
    lay_down(api, rule("AnnualRevenue < 0", name="Negative"), rule("LEN(Name) < 3", name="Short"))
    answer = api.post("sobjects/Account", json={"Name": "X", "AnnualRevenue": -1})
    code = "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    assert answer.json() == [
        {"message": "Negative is broken", "errorCode": code, "fields": []},
        {"message": "Short is broken", "errorCode": code, "fields": []},
    ]


def test_an_update_is_judged_by_the_whole_record_and_by_what_it_was(api: Api) -> None:
    account = api.create("Account", Name="Acme", Industry="Banking")
    path = f"sobjects/Account/{account}"
    lay_down(
        api,
        BANKS,
        rule('ISCHANGED(Name) && PRIORVALUE(Name) = "Acme"', name="Renamed"),
        rule("NOT(ISNEW()) && AnnualRevenue < PRIORVALUE(AnnualRevenue)", name="Shrunk"),
    )
    assert codes(api, "PATCH", path, Phone="1") == ["A bank needs a website."]
    assert codes(api, "PATCH", path, Website="acme.example", AnnualRevenue=100, Name="Acme") == []
    assert codes(api, "PATCH", path, AnnualRevenue=90, Name="Acme 2") == ["Renamed is broken", "Shrunk is broken"]
    assert api.rows("SELECT Name, AnnualRevenue FROM Account") == [{"Name": "Acme", "AnnualRevenue": 100.0}]


def test_a_rule_sees_parents_computed_fields_and_the_user(api: Api) -> None:
    bank = api.create("Account", Name="Bank", Industry="Banking")
    lay_down(
        api,
        rule('ISPICKVAL(Account.Industry, "Banking") && CONTAINS(Name, "Ann Doe")', on="Contact", name="Parent"),
        rule('Account.Owner.Username <> $User.Username || $Profile.Name = "Guest"', on="Contact", name="Owner"),
        rule("CloseDate < TODAY()", on="Opportunity", name="Past", errorDisplayField="CloseDate"),
    )
    assert codes(api, "POST", "sobjects/Contact", FirstName="Ann", LastName="Doe", AccountId=bank) == [
        "Parent is broken"
    ]
    contact = api.create("Contact", FirstName="Bob", LastName="Doe", AccountId=bank)
    assert codes(api, "PATCH", f"sobjects/Contact/{contact}", FirstName="Ann") == ["Parent is broken"]
    rita = api.rows("SELECT Id FROM User WHERE FirstName = 'Rita'")[0]["Id"]
    assert codes(api, "PATCH", f"sobjects/Account/{bank}", OwnerId=rita) == []
    assert codes(api, "PATCH", f"sobjects/Contact/{contact}", Phone="1") == ["Owner is broken"]
    deal = {"Name": "Deal", "StageName": "Prospecting", "CloseDate": "2020-01-01"}
    assert codes(api, "POST", "sobjects/Opportunity", **deal) == ["Past is broken"]


def test_rows_of_a_collection_fail_alone_and_composite_parts_too(api: Api) -> None:
    lay_down(api, BANKS)
    good, bad = {"Name": "Shop"}, {"Name": "Bank", "Industry": "Banking"}
    records = [{"attributes": {"type": "Account"}, **one} for one in (bad, good)]
    first, second = api.post("composite/sobjects", json={"records": records}).json()
    assert first["errors"] == [
        {
            "statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION",
            "message": "A bank needs a website.",
            "fields": ["Website"],
        }
    ]
    assert second["success"]
    url = "/services/data/v60.0/sobjects/Account"
    parts = [{"method": "POST", "url": url, "referenceId": "a", "body": bad}]
    answer = api.post("composite", json={"compositeRequest": parts}).json()["compositeResponse"][0]
    assert (answer["httpStatusCode"], answer["body"][0]["message"]) == (400, "A bank needs a website.")


def test_rows_of_a_bulk_job_fail_alone(api: Api) -> None:
    there = api.create("Account", Name="Old", Code__c="1", Industry="Retail")
    lay_down(api, BANKS, rule('Name = "Evil"', name="Evil"))
    rows = "Code__c,Name,Industry,Website\n1,Old,Banking,\n2,Shop,Retail,\n3,Bank,Banking,bank.example\n4,Evil,,\n"
    info = api.ingest("Account", "upsert", rows, externalIdFieldName="Code__c")
    assert (info["state"], info["numberRecordsProcessed"], info["numberRecordsFailed"]) == ("JobComplete", 4, 2)
    failed = list(csv.DictReader(io.StringIO(api.get(f"jobs/ingest/{info['id']}/failedResults").text)))
    assert {row["Code__c"]: row["sf__Error"] for row in failed} == {
        "1": "FIELD_CUSTOM_VALIDATION_EXCEPTION:A bank needs a website.:Website --",
        "4": "FIELD_CUSTOM_VALIDATION_EXCEPTION:Evil is broken:--",
    }
    assert api.rows(f"SELECT Industry FROM Account WHERE Id = '{there}'") == [{"Industry": "Retail"}]
    assert api.query("SELECT count() FROM Account")["totalSize"] == 3


def test_a_person_reads_the_message_on_the_page(api: Api) -> None:
    lay_down(api, BANKS)
    page = api.get("/o/Account/new").text
    token = re.search(r'name="csrf" value="([^"]+)"', page)
    assert token
    form = {"csrf": token[1], "Name": "Bank", "Industry": "Banking"}
    answer = api.post("/o/Account/new", data=form)
    assert answer.status_code == 422
    assert "A bank needs a website." in answer.text


def test_what_follows_from_a_write_isnt_held_to_rules_about_people(api: Api) -> None:
    lay_down(api, rule("TRUE", on="CampaignMemberStatus"))
    api.create("Campaign", Name="Fair")
    assert api.query("SELECT count() FROM CampaignMemberStatus")["totalSize"] == 2


def test_rules_are_listed_replaced_switched_off_and_removed(api: Api) -> None:
    lay_down(api, BANKS, rule("TRUE", name="Never"), rule("TRUE", on="Lead", name="Never"))
    lay_down(api, rule("TRUE", name="Never", active=False))
    listed = api.get("/__emulator/rules").json()["validation_rules"]
    assert [(r["object"], r["fullName"], r["active"]) for r in listed] == [
        ("Account", "Banks_have_a_site", True),
        ("Account", "Never", False),
        ("Lead", "Never", True),
    ]
    api.create("Account", Name="Acme")
    assert api.delete("/__emulator/rules/Lead/Never").status_code == 200
    api.create("Lead", LastName="Doe", Company="Acme")
    assert api.delete("/__emulator/rules/Lead/Never").status_code == 404
    assert api.delete("/__emulator/rules").json()["validation_rules"] == []
    api.create("Account", Name="Bank", Industry="Banking")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"errorConditionFormula": "VLOOKUP(Name) = 1"},
            "Banks_have_a_site: Unknown function VLOOKUP.",
        ),
        ({"errorConditionFormula": "Name"}, "incompatible with expected data type (true or false)"),
        ({"object": "Acount"}, "there is no object Acount"),
        ({"errorDisplayField": "Webside"}, "there is no field Webside on Account"),
        ({"errorMessage": ""}, "errorMessage is missing"),
        ({"active": "yes"}, "active is true or false, not 'yes'"),
        ({"severity": 1}, "unknown severity"),
    ],
)
def test_a_rule_that_cant_be_followed_is_refused_and_none_of_its_list_is_laid_down(
    api: Api, change: dict[str, object], message: str
) -> None:
    answer = api.post("/__emulator/rules", json={"validation_rules": [rule("TRUE"), {**BANKS, **change}]})
    assert answer.status_code == 400
    assert message in answer.json()[0]["message"]
    assert api.get("/__emulator/rules").json()["validation_rules"] == []


def test_a_data_file_lays_down_rules_which_the_org_keeps(open_api: OpenApi, tmp_path: Path) -> None:
    file, database = tmp_path / "org.json", tmp_path / "org.sqlite3"
    records = {"Account": [{"Name": "Older than the rule", "Industry": "Banking"}]}
    file.write_text(json.dumps({"validation_rules": [BANKS], "records": records}))
    data = DataFile.read(file)
    OrgStore(database, loader=lambda conn: data.load(conn, "2026-01-01T00:00:00.000Z")).close()
    api = open_api(store=OrgStore(database))
    assert codes(api, "POST", "sobjects/Account", Name="B", Industry="Banking") == ["A bank needs a website."]
    lay_down(api, rule("TRUE", name="Never"))
    with OrgStore(database) as again, again.session() as session, pytest.raises(Exception, match="Never is broken"):
        session.insert("Account", {"Name": "Acme"})


def test_a_data_file_with_a_bad_rule_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "org.json"
    file.write_text(json.dumps({"validation_rules": [{**BANKS, "errorConditionFormula": "1 +"}]}))
    data = DataFile.read(file)
    with pytest.raises(BadDataFile, match="Banks_have_a_site: Syntax error"):
        OrgStore(tmp_path / "org.sqlite3", loader=lambda conn: data.load(conn, "2026-01-01T00:00:00.000Z"))
