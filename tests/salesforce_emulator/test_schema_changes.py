"""The schema changed while the org runs, by POST /__emulator/schema: what clients find then, and after a restart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.salesforce_emulator.client import Api, OpenApi

from salesforce_emulator import OrgStore, Settings

SCORE = {"name": "Score__c", "kind": "double", "precision": 6, "scale": 1, "label": "Score"}


def change(api: Api, *changes: dict[str, Any]) -> httpx2.Response:
    return api.post("/__emulator/schema", json=list(changes))


def changed(api: Api, action: str, sobject: str = "Account", **more: Any) -> None:
    answer = change(api, {"action": action, "object": sobject, **more})
    assert answer.status_code == 200, answer.text


def fields_of(api: Api, sobject: str = "Account") -> dict[str, dict[str, Any]]:
    return {f["name"]: f for f in api.get(f"sobjects/{sobject}/describe").json()["fields"]}


def test_a_field_comes_and_goes(api: Api) -> None:
    account = api.create("Account", Name="A")
    assert "No such column 'Score__c'" in api.refused("SELECT Score__c FROM Account")[1]
    changed(api, "add_field", field=SCORE)
    assert fields_of(api)["Score__c"]["precision"] == 6
    assert api.rows("SELECT Score__c FROM Account") == [{"Score__c": None}]
    assert api.patch(f"sobjects/Account/{account}", json={"Score__c": 4.5}).status_code == 204
    assert api.rows("SELECT Score__c FROM Account WHERE Score__c > 4") == [{"Score__c": 4.5}]
    changed(api, "remove_field", field="Score__c")
    assert "Score__c" not in fields_of(api)
    assert api.refused("SELECT Score__c FROM Account")[0] == "INVALID_FIELD"
    assert api.patch(f"sobjects/Account/{account}", json={"Score__c": 5}).json() == [
        {"message": "No such column 'Score__c' on sobject of type Account", "errorCode": "INVALID_FIELD"}
    ]
    answer = api.post("jobs/query", json={"operation": "query", "query": "SELECT Score__c FROM Account"})
    assert answer.status_code == 400


def test_a_field_of_the_same_name_is_another(api: Api) -> None:
    changed(api, "add_field", field={**SCORE, "externalId": True})
    api.create("Account", Name="A", Score__c=1)
    for _ in range(2):
        changed(api, "remove_field", field="Score__c")
        changed(api, "add_field", field={"name": "Score__c", "kind": "string", "externalId": True})
        assert api.rows("SELECT Score__c FROM Account") == [{"Score__c": None}]
    assert api.patch("sobjects/Account/Score__c/x", json={"Name": "B"}).status_code == 201


def test_describe_is_sent_again(api: Api) -> None:
    """Whatever the client compares by, every change reaches it, and nothing that it does not concern."""
    paths = ("sobjects", "sobjects/Account/describe", "sobjects/Contact/describe")
    for number in range(3):
        before = {p: api.get(p) for p in paths}
        changed(api, "add_field", field={**SCORE, "name": f"Score{number}__c"})
        for path, known in before.items():
            by_tag = api.get(path, headers={"If-None-Match": known.headers["ETag"]})
            by_date = api.get(path, headers={"If-Modified-Since": known.headers["Last-Modified"]})
            assert by_tag.status_code == (200 if "Account" in path else 304)
            assert by_date.status_code == (304 if "Contact" in path else 200)


def test_a_query_under_way_is_read_to_its_end(api: Api) -> None:
    changed(api, "add_field", field=SCORE)
    with api.org.store.session() as session:
        for number in range(300):
            session.insert("Account", {"Name": f"A{number}", "Score__c": number})
    first = api.get(
        "query", params={"q": "SELECT Score__c FROM Account"}, headers={"Sforce-Query-Options": "batchSize=200"}
    ).json()
    changed(api, "remove_field", field="Score__c")
    rest = api.get(first["nextRecordsUrl"]).json()
    assert sorted(r["Score__c"] for r in first["records"] + rest["records"]) == [float(n) for n in range(300)]


def test_a_type_changes_and_values_with_it(api: Api) -> None:
    changed(api, "add_field", field={"name": "Size__c", "kind": "string"})
    for name, size in (("A", "12"), ("B", "large"), ("C", None)):
        api.create("Account", Name=name, Size__c=size)
    changed(api, "change_field", field="Size__c", set={"kind": "double", "scale": 0})
    assert fields_of(api)["Size__c"]["type"] == "double"
    assert [r["Size__c"] for r in api.rows("SELECT Size__c FROM Account ORDER BY Name")] == [12.0, None, None]
    changed(api, "change_field", field="Size__c", set={"kind": "boolean"})
    assert [r["Size__c"] for r in api.rows("SELECT Size__c FROM Account ORDER BY Name")] == [False, False, False]


def test_a_field_changes(api: Api) -> None:
    changed(api, "change_field", field="Code__c", set={"label": "Our code", "length": 3, "required": True})
    found = fields_of(api)["Code__c"]
    assert (found["label"], found["length"], found["nillable"]) == ("Our code", 3, False)
    answer = api.post("sobjects/Account", json={"Name": "A", "Code__c": "four"}).json()
    assert answer[0]["message"] == "Our code: data value too large: four (max length=3)"
    assert api.post("sobjects/Account", json={"Name": "A"}).json()[0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    changed(api, "change_field", field="Code__c", set={"required": False, "default": "abc"})
    account = api.create("Account", Name="A")
    assert api.get(f"sobjects/Account/{account}").json()["Code__c"] == "abc"


def test_values_of_a_picklist_come_and_go(api: Api) -> None:
    changed(api, "add_picklist_value", field="Tier__c", value="Bronze", label="Bronze!", default=True)
    account = api.create("Account", Name="A")
    assert api.rows("SELECT Tier__c, toLabel(Tier__c) shown FROM Account") == [
        {"Tier__c": "Bronze", "shown": "Bronze!"}
    ]
    changed(api, "deactivate_picklist_value", field="Tier__c", value="Bronze")
    values = {v["value"]: v["active"] for v in fields_of(api)["Tier__c"]["picklistValues"]}
    assert values == {"Gold": True, "Silver": True, "Bronze": False}
    answer = api.patch(f"sobjects/Account/{account}", json={"Tier__c": "Bronze"})
    assert answer.json()[0]["errorCode"] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    assert api.get(f"sobjects/Account/{account}").json()["Tier__c"] == "Bronze", "what is there stays"
    changed(api, "activate_picklist_value", field="Tier__c", value="Bronze")
    assert api.patch(f"sobjects/Account/{account}", json={"Tier__c": "bronze"}).status_code == 204


def test_a_standard_picklist_grows(api: Api) -> None:
    changed(api, "add_picklist_value", field="Industry", value="Space")
    assert "Space" in [v["value"] for v in fields_of(api)["Industry"]["picklistValues"]]


def test_what_is_hidden_keeps_its_values(api: Api) -> None:
    api.create("Account", Name="A", Industry="Energy", Code__c="x")
    for field in ("Industry", "Code__c"):
        changed(api, "hide", field=field)
        assert field not in fields_of(api)
        assert api.refused(f"SELECT {field} FROM Account")[0] == "INVALID_FIELD"
        changed(api, "show", field=field)
    assert api.rows("SELECT Industry, Code__c FROM Account") == [{"Industry": "Energy", "Code__c": "x"}]
    changed(api, "hide", "Campaign")
    assert api.refused("SELECT Id FROM Campaign")[0] == "INVALID_TYPE"
    assert api.get("sobjects/Campaign/describe").status_code == 404
    assert api.get("/").status_code == 200
    changed(api, "show", "Campaign")
    assert api.rows("SELECT Id FROM Campaign") == []


def test_what_the_org_computes_of_a_hidden_field_is_kept(api: Api) -> None:
    changed(api, "hide", "Opportunity", field="Probability")
    deal = api.create("Opportunity", Name="O", StageName="Prospecting", CloseDate="2026-12-31")
    assert api.patch(f"sobjects/Opportunity/{deal}", json={"StageName": "Closed Won"}).status_code == 204
    changed(api, "show", "Opportunity", field="Probability")
    assert api.rows("SELECT Probability FROM Opportunity") == [{"Probability": 100.0}]


def test_objects_come_and_go(api: Api) -> None:
    thing = {"action": "add_object", "name": "Thing__c", "fields": [SCORE]}
    lookup = {"name": "Thing__c", "kind": "reference", "referenceTo": "Thing__c", "childRelationship": "Accounts"}
    assert change(api, thing, {"action": "add_field", "object": "Account", "field": lookup}).status_code == 200
    made = api.create("Thing__c", Name="T", Score__c=1)
    api.create("Account", Name="A", Thing__c=made)
    assert api.rows("SELECT Name, (SELECT Name FROM Accounts__r) FROM Thing__c")[0]["Accounts__r"]["totalSize"] == 1
    changed(api, "remove_object", "Thing__c")
    assert api.refused("SELECT Id FROM Thing__c")[0] == "INVALID_TYPE"
    assert "Thing__c" not in fields_of(api), "nothing refers to what isn't there"
    assert change(api, thing).status_code == 200
    assert api.create("Thing__c", Name="T").startswith("a01"), "a key prefix is given once"


def test_a_value_that_is_there_twice_can_not_become_unique(api: Api) -> None:
    for name in "AB":
        api.create("Account", Name=name, Code__c="same")
    answer = change(api, {"action": "change_field", "object": "Account", "field": "Code__c", "set": {"unique": True}})
    assert answer.status_code == 400
    assert "'same' is there more than once" in answer.json()[0]["message"]
    assert not fields_of(api)["Code__c"]["unique"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"action": "explode"}, "no action 'explode'"),
        ({"action": "remove_field", "object": "Account", "field": "Name"}, "standard field"),
        ({"action": "remove_object", "object": "Account"}, "standard object"),
        ({"action": "hide", "object": "Account", "field": "Id"}, "can't be hidden"),
        ({"action": "hide", "object": "User"}, "can't be hidden"),
        ({"action": "change_field", "object": "Account", "field": "Name", "set": {"length": 3}}, "unknown length"),
        ({"action": "add_picklist_value", "object": "Account", "field": "Name", "value": "x"}, "no picklist"),
        ({"action": "add_picklist_value", "object": "Account", "field": "Tier__c", "value": "gold"}, "already"),
        ({"action": "add_field", "object": "Account", "field": {**SCORE, "name": "Tier__c"}}, "already"),
    ],
)
def test_all_changes_are_made_or_none(api: Api, wrong: dict[str, Any], message: str) -> None:
    answer = change(api, {"action": "add_field", "object": "Account", "field": SCORE}, wrong)
    assert answer.status_code == 400
    assert message in answer.json()[0]["message"]
    assert "Score__c" not in fields_of(api)


def test_nonsense_is_refused(api: Api) -> None:
    for nonsense in ("[]", "3", "{", "[1]"):
        assert api.post("/__emulator/schema", content=nonsense).status_code == 400


def test_not_without_control(open_api: OpenApi) -> None:
    api = open_api(store=OrgStore(), settings=Settings(control=False))
    assert change(api, {"action": "hide", "object": "Campaign"}).status_code == 403


def test_a_restart_has_the_changes(open_api: OpenApi, tmp_path: Path) -> None:
    api = open_api(store=OrgStore(tmp_path / "org.sqlite3"))
    changed(api, "add_field", field=SCORE)
    changed(api, "hide", field="Industry")
    api.create("Account", Name="A", Score__c=3)
    again = open_api(store=OrgStore(tmp_path / "org.sqlite3"))
    assert again.rows("SELECT Score__c FROM Account") == [{"Score__c": 3.0}]
    assert "Industry" not in fields_of(again)
    assert again.get("/__emulator/schema").json() == {
        "version": 2,
        "features": [],
        "objects": [],
        "fields": {"Account": ["Score__c"]},
        "hidden": ["Account.Industry"],
    }


def test_an_upload_meets_the_schema_as_it_is_then(api: Api) -> None:
    """A field removed between the making of a job and its rows: they are refused as Salesforce refuses them."""
    changed(api, "add_field", field=SCORE)
    made = api.post("jobs/ingest", json={"object": "Account", "operation": "insert"}).json()["id"]
    csv = "Name,Score__c\nA,1\n"
    api.call("PUT", f"jobs/ingest/{made}/batches", content=csv, headers={"Content-Type": "text/csv"})
    changed(api, "remove_field", field="Score__c")
    api.patch(f"jobs/ingest/{made}", json={"state": "UploadComplete"})
    info = api.job_info("ingest", made)
    assert (info["state"], info["numberRecordsProcessed"]) == ("Failed", 0)
    assert "Score__c" in info["errorMessage"]
