"""Custom objects and fields that a data file describes: through every door, like those of every org."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from tests.salesforce_emulator.client import Api, OpenApi

from salesforce_emulator import OrgStore
from salesforce_emulator.datafile import BadDataFile, DataFile

FILE: dict[str, Any] = {
    "custom_objects": [
        {"name": "Project__c", "label": "Project"},
        {
            "name": "Task_Item__c",
            "label": "Task Item",
            "nameField": {"label": "Item No.", "kind": "autonumber", "displayFormat": "TI-{0000}"},
            "fields": [
                {
                    "name": "Project__c",
                    "kind": "masterdetail",
                    "referenceTo": "Project__c",
                    "childRelationship": "Items",
                },
                {"name": "Hours__c", "kind": "double", "precision": 5, "scale": 1},
                {"name": "Done__c", "kind": "boolean", "default": True},
            ],
        },
    ],
    "custom_fields": {
        "Project__c": [
            {"name": "Account__c", "kind": "reference", "referenceTo": "Account", "childRelationship": "Projects"},
            {"name": "Code__c", "kind": "string", "length": 20, "unique": True, "externalId": True},
            {"name": "Phase__c", "kind": "picklist", "values": ["Plan", {"value": "Build", "default": True}]},
            {"name": "Notes__c", "kind": "textarea", "length": 5000},
            {"name": "Due__c", "kind": "date", "required": True},
            {"name": "Number__c", "kind": "autonumber", "displayFormat": "P{00}"},
        ]
    },
    "records": {
        "Account": [{"@key": "acme", "Name": "Acme"}],
        "Project__c": [{"@key": "p", "Name": "Move", "Account__c": "@acme", "Code__c": "m-1", "Due__c": "2026-12-01"}],
        "Task_Item__c": [{"Project__c": "@p", "Hours__c": 1.25}, {"Project__c": "@p", "Done__c": False}],
    },
}


def store_of(folder: Path, data: dict[str, Any]) -> OrgStore:
    """An org made of a data file."""
    path = folder / "org.json"
    path.write_text(json.dumps(data))
    file = DataFile.read(path)

    def load(conn: sqlite3.Connection) -> None:
        file.load(conn, "2026-11-24T08:00:00.000Z")

    return OrgStore(folder / "org.sqlite3", loader=load, custom=file.custom)


@pytest.fixture
def org(open_api: OpenApi, tmp_path: Path) -> Api:
    return open_api(store=store_of(tmp_path, FILE))


def test_they_are_described(org: Api) -> None:
    listed = {o["name"]: o for o in org.get("sobjects").json()["sobjects"]}
    assert (listed["Project__c"]["keyPrefix"], listed["Task_Item__c"]["keyPrefix"]) == ("a00", "a01")
    assert listed["Project__c"]["custom"]
    project = org.get("sobjects/Project__c/describe").json()
    assert (project["label"], project["labelPlural"]) == ("Project", "Projects")
    fields = {f["name"]: f for f in project["fields"]}
    shape = set(org.get("sobjects/Account/describe").json()["fields"][0])
    assert all(set(f) == shape for f in fields.values())
    assert (fields["Account__c"]["relationshipName"], fields["Account__c"]["referenceTo"]) == (
        "Account__r",
        ["Account"],
    )
    assert (fields["Code__c"]["unique"], fields["Code__c"]["idLookup"], fields["Code__c"]["length"]) == (True, True, 20)
    assert (fields["Due__c"]["nillable"], fields["Number__c"]["autoNumber"]) == (False, True)
    assert not fields["Notes__c"]["filterable"]
    relations = {c["relationshipName"]: c for c in project["childRelationships"]}
    assert relations["Items__r"]["childSObject"] == "Task_Item__c"
    assert relations["Items__r"]["cascadeDelete"]
    account = org.get("sobjects/Account/describe").json()
    assert "Projects__r" in [c["relationshipName"] for c in account["childRelationships"]]
    items = {f["name"]: f for f in org.get("sobjects/Task_Item__c/describe").json()["fields"]}
    assert "OwnerId" not in items, "a detail has the owner of its master"
    assert (items["Project__c"]["cascadeDelete"], items["Project__c"]["updateable"]) == (True, False)
    assert (items["Name"]["autoNumber"], items["Name"]["createable"]) == (True, False)


def test_they_are_queried_up_and_down(org: Api) -> None:
    (found,) = org.rows(
        "SELECT Name, Account__r.Name, Phase__c, Number__c, (SELECT Name, Hours__c, Done__c FROM Items__r)"
        " FROM Project__c WHERE Code__c = 'M-1'"
    )
    assert (found["Name"], found["Account__r"]["Name"]) == ("Move", "Acme")
    assert (found["Phase__c"], found["Number__c"]) == ("Build", "P01")
    items = [(i["Name"], i["Hours__c"], i["Done__c"]) for i in found["Items__r"]["records"]]
    assert items == [("TI-0001", 1.3, True), ("TI-0002", None, False)], "a half is rounded away from zero"
    (account,) = org.rows("SELECT Name, (SELECT Name FROM Projects__r) FROM Account")
    assert account["Projects__r"]["totalSize"] == 1
    assert (
        org.rows("SELECT Project__r.Account__r.Name FROM Task_Item__c LIMIT 1")[0]["Project__r"]["Account__r"]["Name"]
        == "Acme"
    )


def test_they_are_written(org: Api) -> None:
    made = org.create("Project__c", Due__c="2027-01-01")
    assert made.startswith("a00")
    read = org.get(f"sobjects/Project__c/{made}").json()
    assert read["Name"] == made[:15], "without a name it is called by its id"
    assert read["Number__c"] == "P02"
    upserted = org.patch("sobjects/Project__c/Code__c/x", json={"Name": "X", "Due__c": "2027-01-01"})
    assert upserted.status_code == 201
    refused = org.post("sobjects/Project__c", json={"Name": "No date"}).json()
    assert refused[0]["message"] == "Required fields are missing: [Due__c]"
    refused = org.post("sobjects/Project__c", json={"Name": "N", "Due__c": "2027-01-01", "Number__c": "P99"}).json()
    assert refused[0]["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_deleting_a_master_deletes_its_details(org: Api) -> None:
    (project,) = org.rows("SELECT Id FROM Project__c")
    assert org.delete(f"sobjects/Project__c/{project['Id']}").status_code == 204
    assert org.rows("SELECT Id FROM Task_Item__c") == []
    assert len(org.rows("SELECT Id FROM Task_Item__c", deleted=True)) == 2


def test_bulk_jobs_know_them(org: Api) -> None:
    csv = "Name,Code__c,Due__c,Account__r.Name\n" + "".join(f"P{n},c{n},2027-01-01,\n" for n in range(30))
    assert org.ingest("Project__c", "insert", csv)["state"] == "JobComplete"
    csv = "Project__r.Code__c,Hours__c\n" + "".join(f"c{n},{n}\n" for n in range(30)) + "nobody,1\n"
    info = org.ingest("Task_Item__c", "insert", csv)
    assert (info["numberRecordsProcessed"], info["numberRecordsFailed"]) == (31, 1)
    names = [r["Name"] for r in org.rows("SELECT Name FROM Task_Item__c ORDER BY Name")]
    assert names == [f"TI-{n:04}" for n in range(1, 33)]
    job = org.bulk_query("SELECT Name, Project__r.Code__c FROM Task_Item__c WHERE Hours__c = 7")
    assert org.get(f"jobs/query/{job}/results").text == '"Name","Project__r.Code__c"\n"TI-0010","c7"\n'


def test_pages_show_them(org: Api) -> None:
    (project,) = org.rows("SELECT Id FROM Project__c")
    assert "Move" in org.get("/o/Project__c").text
    page = org.get(f"/o/Project__c/{project['Id']}").text
    assert "TI-0001" in page
    assert "Acme" in page


def test_a_restart_has_them(org: Api, tmp_path: Path) -> None:
    with OrgStore(tmp_path / "org.sqlite3") as again:
        assert again.schema["Task_Item__c"].prefix == "a01"
        with again.session() as session:
            project = session.insert("Project__c", {"Due__c": "2027-01-01"})
            assert (session.fetch("Project__c", project) or {})["Number__c"] == "P02"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"custom_objects": [{"name": "Project"}]}, "a custom object can't be called 'Project'"),
        ({"custom_objects": [{"name": "A__c"}, {"name": "a__c"}]}, "there is an object a__c already"),
        ({"custom_fields": {"Nothing": [{"name": "A__c", "kind": "date"}]}}, "there is no object 'Nothing'"),
        ({"custom_fields": {"Account": [{"name": "A", "kind": "date"}]}}, "a custom field can't be called 'A'"),
        ({"custom_fields": {"Account": [{"name": "A__c", "kind": "dote"}]}}, "A__c: no kind 'dote'"),
        (
            {"custom_fields": {"Account": [{"name": "A__c", "kind": "string", "length": 256}]}},
            "A__c: length is a whole number from 1 to 255, not 256",
        ),
        (
            {"custom_fields": {"Account": [{"name": "A__c", "kind": "date", "unique": True}]}},
            "A__c: unknown unique",
        ),
        (
            {"custom_fields": {"Account": [{"name": "A__c", "kind": "reference", "referenceTo": "Nobody"}]}},
            "Account.A__c: there is no object Nobody to refer to",
        ),
        (
            {"custom_fields": {"Account": [{"name": "A__c", "kind": "picklist", "values": ["a", "A"]}]}},
            "A__c: the value a is there twice",
        ),
        (
            {"custom_fields": {"Account": [{"name": "A__c", "kind": "autonumber", "displayFormat": "A-"}]}},
            "has no place for the number",
        ),
    ],
)
def test_what_can_not_be_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = tmp_path / "org.json"
    path.write_text(json.dumps(change))
    with pytest.raises(BadDataFile, match=r"org\.json") as refused:
        DataFile.read(path)
    assert message in str(refused.value)
