"""Duplicate rules: they alert or block, tell what they found, and let pass who insists where they only alert."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from tests.salesforce_emulator.client import Api, Json, OpenApi

from salesforce_emulator import OrgStore
from salesforce_emulator.datafile import DataFile
from salesforce_emulator.schema import BASE

BY_EMAIL = {
    "object": "Contact",
    "fullName": "Contacts_DR",
    "matchingRule": "Contact_MR",
    "actionOnInsert": "Alert",
    "actionOnUpdate": "Alert",
    "alertText": "Use one of these records?",
    "matchOn": [[{"field": "Email", "method": "Exact"}]],
}
DONT_INSIST = {"Sforce-Duplicate-Rule-Header": "allowSave=false; includeRecordDetails=true"}
INSIST = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}


def lay_down(api: Api, *rules: dict[str, Any]) -> None:
    answer = api.post("/__emulator/rules", json={"duplicate_rules": list(rules)})
    assert answer.status_code == 200, answer.text


def result(answer: Any) -> Json:
    """What is told of a duplicate."""
    assert answer.status_code == 400, answer.text
    assert answer.json()[0]["errorCode"] == "DUPLICATES_DETECTED"
    return answer.json()[0]["duplicateResut"]


def matched(answer: Any) -> list[str]:
    return [m["record"]["Id"] for m in result(answer)["matchResults"][0]["matchRecords"]]


def test_an_alert_is_told_as_a_recorded_one(api: Api) -> None:
    there = api.create("Contact", LastName="Doe", Email="doe@acme.example")
    lay_down(api, BY_EMAIL)
    answer = api.post("sobjects/Contact", json={"LastName": "D.", "Email": "DOE@acme.example"})
    assert answer.status_code == 400
    assert answer.json() == [
        {
            "duplicateResut": {
                "allowSave": True,
                "duplicateRule": "Contacts_DR",
                "duplicateRuleEntityType": "Contact",
                "errorMessage": "Use one of these records?",
                "matchResults": [
                    {
                        "entityType": "Contact",
                        "errors": [],
                        "matchEngine": "ExactMatchEngine",
                        "matchRecords": [
                            {
                                "additionalInformation": [],
                                "fieldDiffs": [],
                                "matchConfidence": 100.0,
                                "record": {
                                    "attributes": {
                                        "type": "Contact",
                                        "url": f"/services/data/v60.0/sobjects/Contact/{there}",
                                    },
                                    "Id": there,
                                },
                            }
                        ],
                        "rule": "Contact_MR",
                        "size": 1,
                        "success": True,
                    }
                ],
            },
            "message": "Use one of these records?",
            "errorCode": "DUPLICATES_DETECTED",
        }
    ]
    assert api.query("SELECT count() FROM Contact")["totalSize"] == 1


def test_who_insists_passes_an_alert_and_no_block(api: Api) -> None:
    api.create("Contact", LastName="Doe", Email="doe@acme.example")
    twin = {"LastName": "Doe", "Email": "doe@acme.example"}
    lay_down(api, BY_EMAIL)
    assert api.post("sobjects/Contact", json=twin, headers=DONT_INSIST).status_code == 400
    assert api.post("sobjects/Contact", json=twin, headers=INSIST).status_code == 201
    part = {"method": "POST", "url": "/services/data/v60.0/sobjects/Contact", "referenceId": "a", "body": twin}
    parts = {"compositeRequest": [part, {**part, "referenceId": "b", "httpHeaders": INSIST}]}
    answers = api.post("composite", json=parts).json()["compositeResponse"]
    assert [a["httpStatusCode"] for a in answers] == [400, 201]
    lay_down(api, {**BY_EMAIL, "actionOnInsert": "Block"})
    assert result(api.post("sobjects/Contact", json=twin, headers=INSIST))["allowSave"] is False
    lay_down(api, {**BY_EMAIL, "actionOnInsert": "Allow"})
    assert api.post("sobjects/Contact", json=twin).status_code == 201


def test_an_update_is_looked_at_where_it_changes_what_is_matched(api: Api) -> None:
    first = api.create("Contact", LastName="Doe", Email="doe@acme.example")
    second = api.create("Contact", LastName="Doe", Email="jane@acme.example")
    lay_down(api, BY_EMAIL)
    path = f"sobjects/Contact/{second}"
    assert matched(api.patch(path, json={"Email": "doe@acme.example"})) == [first]
    assert api.patch(path, json={"Email": "doe@acme.example"}, headers=INSIST).status_code == 204
    assert api.patch(path, json={"Email": "doe@acme.example", "Phone": "1"}).status_code == 204
    assert api.patch(f"sobjects/Contact/{first}", json={"Title": "CEO"}).status_code == 204


def test_blanks_and_deleted_records_match_nothing(api: Api) -> None:
    there = api.create("Contact", LastName="Doe", Email="doe@acme.example")
    api.create("Contact", LastName="Nobody")
    lay_down(api, BY_EMAIL)
    api.create("Contact", LastName="Nobody")
    assert api.delete(f"sobjects/Contact/{there}").status_code == 204
    api.create("Contact", LastName="Doe", Email="doe@acme.example")


@pytest.mark.parametrize(
    ("stored", "twin", "same"),
    [
        ({"Name": "The Acme Corp.", "Website": "https://www.acme.example/about"}, ("ACME, Inc.", "acme.example"), True),
        ({"Name": "Müller & Söhne GmbH", "Website": "mueller.example"}, ("Muller Sohne", "MUELLER.example:80"), True),
        ({"Name": "Acme", "Website": "acme.example"}, ("Acme", "acme.test"), False),
        ({"Name": "Acme", "Website": "acme.example"}, ("Acme Paper", "acme.example"), False),
    ],
)
def test_the_standard_rule_for_accounts_matches_names_and_domains(
    api: Api, stored: dict[str, str], twin: tuple[str, str], same: bool
) -> None:
    api.create("Account", **stored)
    lay_down(api, {"standard": "Account"})
    answer = api.post("sobjects/Account", json={"Name": twin[0], "Website": twin[1]})
    assert answer.status_code == (400 if same else 201)
    if same:
        found = result(answer)
        assert found["duplicateRule"] == "Standard_Account_Duplicate_Rule"
        assert found["matchResults"][0]["matchEngine"] == "FuzzyMatchEngine"
        assert found["matchResults"][0]["rule"] == "Standard_Account_Match_Rule_v1_0"


def test_the_standard_rule_for_leads_leaves_converted_ones_alone(api: Api) -> None:
    lay_down(api, {"standard": "Lead"}, {"standard": "Contact"})
    lead = {"FirstName": "Ann", "LastName": "Doe", "Company": "Acme", "Phone": "+1 (555) 010-0199"}
    there = api.create("Lead", **lead)
    twin = {**lead, "LastName": "DOE", "Company": "Other", "Phone": "5550100199"}
    assert matched(api.post("sobjects/Lead", json=twin)) == [there]
    api.org.store.convert_lead(there)
    assert api.post("sobjects/Lead", json=twin).status_code == 201


def test_the_records_found_are_told_with_all_their_fields_on_request(api: Api) -> None:
    api.create("Contact", LastName="Doe", Email="doe@acme.example", Phone="1")
    lay_down(api, BY_EMAIL)
    headers = {"Sforce-Duplicate-Rule-Header": "includeRecordDetails=true; runAsCurrentUser=true"}
    twin = {"LastName": "Doe", "Email": "doe@acme.example"}
    record = result(api.post("sobjects/Contact", json=twin, headers=headers))["matchResults"][0]["matchRecords"][0]
    assert (record["record"]["LastName"], record["record"]["Phone"]) == ("Doe", "1")
    assert record["record"]["CreatedDate"].endswith("+0000")


def test_run_as_the_current_user_a_rule_sees_what_he_sees(api: Api) -> None:
    with api.org.store.session(BASE.reps[1]) as session:
        session.insert("Lead", {"LastName": "Doe", "Company": "Acme", "Email": "doe@acme.example"})
    lay_down(api, {**BY_EMAIL, "object": "Lead"})
    assert api.post("/__emulator/permissions", json={"sharing": {"Lead": "Private"}}).status_code == 200
    rita = {"Authorization": f"Bearer {api.org.access_token(BASE.reps[0])}"}
    twin = {"LastName": "Doe", "Company": "Acme", "Email": "doe@acme.example"}
    assert api.post("sobjects/Lead", json=twin, headers=rita).status_code == 400
    as_she = {**rita, "Sforce-Duplicate-Rule-Header": "runAsCurrentUser=true"}
    assert api.post("sobjects/Lead", json=twin, headers=as_she).status_code == 201


def test_rows_of_collections_and_bulk_jobs_fail_alone_and_match_each_other(api: Api) -> None:
    lay_down(api, BY_EMAIL)
    rows = [{"attributes": {"type": "Contact"}, "LastName": n, "Email": "doe@acme.example"} for n in ("A", "B")]
    first, second = api.post("composite/sobjects", json={"records": rows}).json()
    assert first["success"]
    assert second["errors"] == [
        {"statusCode": "DUPLICATES_DETECTED", "message": "Use one of these records?", "fields": []}
    ]
    info = api.ingest("Contact", "insert", "LastName,Email\nC,c@acme.example\nD,C@acme.example\nE,doe@acme.example\n")
    assert (info["numberRecordsProcessed"], info["numberRecordsFailed"]) == (3, 2)
    failed = list(csv.DictReader(io.StringIO(api.get(f"jobs/ingest/{info['id']}/failedResults").text)))
    assert {row["LastName"] for row in failed} == {"D", "E"}
    assert {row["sf__Error"] for row in failed} == {"DUPLICATES_DETECTED:Use one of these records?:--"}


def test_rules_are_listed_switched_off_and_removed_with_their_indexes(api: Api) -> None:
    def indexes() -> int:
        with api.org.store.reading() as conn:
            return int(conn.execute("SELECT count(*) FROM sqlite_master WHERE name LIKE 'duplicates %'").fetchone()[0])

    lay_down(api, BY_EMAIL, {"standard": "Account"})
    assert [r["fullName"] for r in api.get("/__emulator/rules").json()["duplicate_rules"]] == [
        "Contacts_DR",
        "Standard_Account_Duplicate_Rule",
    ]
    assert indexes() == 6
    lay_down(api, {"standard": "Account", "isActive": False})
    assert indexes() == 1
    assert api.delete("/__emulator/rules/Contact/Contacts_DR").status_code == 200
    assert indexes() == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"matchOn": [[{"field": "Name"}]]}, "Name is no field of Contact that records are matched by"),
        ({"matchOn": [[{"field": "Email", "method": "Guess"}]]}, "a method is Exact, CompanyName"),
        ({"matchOn": []}, "matchOn is a list of lists of fields"),
        ({"actionOnInsert": "Warn"}, "an action is Alert, Block, Allow, not 'Warn'"),
        ({"object": "Kontact"}, "there is no object Kontact"),
    ],
)
def test_a_rule_that_cant_be_followed_is_refused(api: Api, change: dict[str, object], message: str) -> None:
    answer = api.post("/__emulator/rules", json={"duplicate_rules": [{**BY_EMAIL, **change}]})
    assert (answer.status_code, message in answer.json()[0]["message"]) == (400, True)
    assert api.get("/__emulator/rules").json()["duplicate_rules"] == []


def test_a_data_file_lays_down_rules_that_look_into_its_records(open_api: OpenApi, tmp_path: Path) -> None:
    file, database = tmp_path / "org.json", tmp_path / "org.sqlite3"
    records = {"Account": [{"Name": "Acme", "Phone": "5550199"}]}
    told = {"duplicate_rules": [{"standard": "Account"}], "records": records}
    file.write_text(json.dumps(told))
    data = DataFile.read(file)
    OrgStore(database, loader=lambda conn: data.load(conn, "2026-01-01T00:00:00.000Z")).close()
    api = open_api(store=OrgStore(database))
    found = matched(api.post("sobjects/Account", json={"Name": "ACME Ltd", "Phone": "555-0199"}))
    assert found == [api.rows("SELECT Id FROM Account")[0]["Id"]]
