"""Permissions: what a profile hides or forbids at every door, changed while the org runs; whose records one sees."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.salesforce_emulator.client import Api, Json, OpenApi

from salesforce_emulator import OrgStore
from salesforce_emulator.datafile import BadDataFile, DataFile
from salesforce_emulator.schema import BASE
from salesforce_emulator.schema.entries import custom_field

AsUser = Callable[[Api, str], Api]
ADMIN, REP = "System Administrator", "Standard User"
RITA, SAM = BASE.reps[0], BASE.reps[1]
NO_EDIT = (
    "Unable to create/update fields: {}. Please check the security settings of this field and verify that it is "
    "read/write for your profile or permission set."
)


def permit(api: Api, **given: Any) -> None:
    answer = api.post("/__emulator/permissions", json=given)
    assert answer.status_code == 200, answer.text


def field_rights(api: Api, field: str, profile: str = ADMIN, **rights: bool) -> None:
    permit(api, profiles=[{"fullName": profile, "fieldPermissions": [{"field": field, **rights}]}])


def object_rights(api: Api, sobject: str, profile: str = ADMIN, **rights: bool) -> None:
    permit(api, profiles=[{"fullName": profile, "objectPermissions": [{"object": sobject, **rights}]}])


def described(api: Api, sobject: str = "Account") -> dict[str, Json]:
    return {f["name"]: f for f in api.get(f"sobjects/{sobject}/describe").json()["fields"]}


@pytest.fixture
def as_user() -> Iterator[AsUser]:
    """The same org, for somebody else."""
    with ExitStack() as stack:

        def sign_in(api: Api, user_id: str) -> Api:
            http = stack.enter_context(httpx2.Client(base_url=api.org.url, timeout=30))
            http.headers["Authorization"] = f"Bearer {api.org.access_token(user_id)}"
            return Api(api.org, http)

        yield sign_in


def error(answer: Any) -> tuple[int, str, str]:
    body = answer.json()[0]
    return answer.status_code, body["errorCode"], body["message"]


# -- fields


def test_a_field_that_is_hidden_is_nowhere(api: Api, as_user: AsUser) -> None:
    account = api.create("Account", Name="Acme", AnnualRevenue=5)
    field_rights(api, "Account.AnnualRevenue", readable=False)
    assert "AnnualRevenue" not in described(api)
    assert "AnnualRevenue" not in api.get(f"sobjects/Account/{account}").json()
    code, message = api.refused("SELECT Id, AnnualRevenue FROM Account")
    assert code == "INVALID_FIELD"
    assert "No such column 'AnnualRevenue' on entity 'Account'" in message
    assert api.refused("SELECT Id FROM Account WHERE AnnualRevenue > 1")[0] == "INVALID_FIELD"
    assert api.refused("SELECT Account.AnnualRevenue FROM Contact")[0] == "INVALID_FIELD"
    assert "AnnualRevenue" not in api.query("SELECT FIELDS(ALL) FROM Account LIMIT 1")["records"][0]
    job = api.post("jobs/query", json={"operation": "query", "query": "SELECT AnnualRevenue FROM Account"})
    assert job.json()[0]["errorCode"] == "INVALID_FIELD"
    written = api.patch(f"sobjects/Account/{account}", json={"AnnualRevenue": 1})
    assert error(written) == (400, "INVALID_FIELD", "No such column 'AnnualRevenue' on sobject of type Account")
    info = api.ingest("Account", "insert", "Name,AnnualRevenue\nBank,1\n")
    assert (info["state"], info["errorMessage"]) == ("Failed", "InvalidBatch : Field name not found : AnnualRevenue")
    # others still see it
    assert "AnnualRevenue" in described(as_user(api, RITA))
    field_rights(api, "Account.AnnualRevenue", readable=True)
    assert api.rows("SELECT AnnualRevenue FROM Account") == [{"AnnualRevenue": 5.0}]


def test_a_field_hidden_between_two_pages_of_a_job_goes_missing_from_the_next_query_only(api: Api) -> None:
    for number in range(3):
        api.create("Account", Name=f"Account {number}", AnnualRevenue=number)
    job = api.bulk_query("SELECT Name, AnnualRevenue FROM Account")
    first = api.get(f"jobs/query/{job}/results", params={"maxRecords": 1})
    field_rights(api, "Account.AnnualRevenue", readable=False)
    second = api.get(f"jobs/query/{job}/results", params={"locator": first.headers["Sforce-Locator"]})
    assert second.text.splitlines()[0] == '"Name","AnnualRevenue"'
    assert api.refused("SELECT Name, AnnualRevenue FROM Account")[0] == "INVALID_FIELD"


def test_a_field_that_is_read_only_is_shown_and_not_written(api: Api) -> None:
    account = api.create("Account", Name="Acme", Industry="Banking", Phone="1")
    field_rights(api, "Account.Industry", editable=False)
    field_rights(api, "Account.Phone", editable=False)
    fields = described(api)
    assert (fields["Industry"]["createable"], fields["Industry"]["updateable"]) == (False, False)
    assert api.rows("SELECT Industry FROM Account") == [{"Industry": "Banking"}]
    written = api.patch(f"sobjects/Account/{account}", json={"Industry": "Retail", "Name": "Acme", "Phone": "2"})
    assert error(written) == (400, "INVALID_FIELD_FOR_INSERT_UPDATE", NO_EDIT.format("Industry, Phone"))
    assert written.json()[0]["fields"] == ["Industry", "Phone"]
    assert api.post("sobjects/Account", json={"Name": "B", "Phone": "2"}).status_code == 400
    info = api.ingest("Account", "update", f"Id,Phone\n{account},2\n")
    failed = list(csv.DictReader(io.StringIO(api.get(f"jobs/ingest/{info['id']}/failedResults").text)))
    assert failed[0]["sf__Error"] == f"INVALID_FIELD_FOR_INSERT_UPDATE:{NO_EDIT.format('Phone')}:Phone --"


def test_an_address_is_one_field_and_a_hidden_lookup_leads_nowhere(api: Api) -> None:
    field_rights(api, "Account.BillingAddress", readable=False)
    assert not [name for name in described(api) if name.startswith("Billing")]
    field_rights(api, "Contact.AccountId", readable=False)
    assert "Didn't understand relationship 'Account'" in api.refused("SELECT Account.Name FROM Contact")[1]
    assert "Didn't understand relationship" in api.refused("SELECT (SELECT Id FROM Contacts) FROM Account")[1]
    children = api.get("sobjects/Account/describe").json()["childRelationships"]
    assert not [c for c in children if (c["childSObject"], c["field"]) == ("Contact", "AccountId")]


def test_an_external_id_that_is_hidden_is_no_key(api: Api) -> None:
    field_rights(api, "Account.Code__c", readable=False)
    written = api.patch("sobjects/Account/Code__c/1", json={"Name": "Acme"})
    message = "Provided external ID field does not exist or is not accessible: Code__c"
    assert error(written) == (404, "NOT_FOUND", message)


def test_the_describes_headers_tell_that_permissions_changed(api: Api) -> None:
    path = "sobjects/Account/describe"
    seen = [api.get(path)]
    field_rights(api, "Account.AnnualRevenue", readable=False)
    seen.append(api.get(path))
    field_rights(api, "Account.AnnualRevenue", readable=True)
    seen.append(api.get(path))
    assert seen[0].headers["ETag"] == seen[2].headers["ETag"] != seen[1].headers["ETag"]
    assert len({answer.headers["Last-Modified"] for answer in seen}) == 3
    for stale in seen[:2]:
        assert api.get(path, headers={"If-Modified-Since": stale.headers["Last-Modified"]}).status_code == 200
    fresh = {"If-Modified-Since": seen[2].headers["Last-Modified"]}
    assert api.get(path, headers=fresh).status_code == 304
    assert (
        api.get("sobjects/Lead/describe", headers={"If-Modified-Since": seen[0].headers["Last-Modified"]}).content
        == b""
    )
    assert api.delete("/__emulator/permissions").status_code == 200
    assert api.get(path, headers=fresh).status_code == 200


# -- objects


def test_an_object_that_is_hidden_is_nowhere(api: Api) -> None:
    campaign = api.create("Campaign", Name="Fair")
    object_rights(api, "Campaign", allowRead=False)
    listed = api.get("sobjects").json()["sobjects"]
    assert "Campaign" not in [s["name"] for s in listed]
    gone = (404, "NOT_FOUND", "The requested resource does not exist")
    assert error(api.get("sobjects/Campaign/describe")) == gone
    assert error(api.get(f"sobjects/Campaign/{campaign}")) == gone
    assert error(api.post("sobjects/Campaign", json={"Name": "X"})) == gone
    code, message = api.refused("SELECT Id FROM Campaign")
    assert (code, "sObject type 'Campaign' is not supported" in message) == ("INVALID_TYPE", True)
    assert api.refused("SELECT Id FROM Account WHERE Id IN (SELECT Id FROM Campaign)")[0] == "INVALID_TYPE"
    counts = api.get("limits/recordCount").json()["sObjects"]
    assert "Campaign" not in [c["name"] for c in counts]
    made = api.post("jobs/ingest", json={"object": "Campaign", "operation": "insert"})
    assert error(made)[1:] == ("INVALIDJOB", "InvalidJob : Unable to find object: Campaign")
    lead = api.create("Lead", LastName="Doe", Company="Acme")
    member = {"attributes": {"type": "CampaignMember"}, "CampaignId": campaign, "LeadId": lead}
    refused = api.post("composite/sobjects", json={"records": [member]}).json()[0]["errors"][0]
    assert refused["statusCode"] == "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"
    assert refused["message"] == f"insufficient access rights on cross-reference id: {campaign[:15]}"


def test_what_may_be_done_with_an_objects_records(api: Api) -> None:
    account = api.create("Account", Name="Acme")
    object_rights(api, "Account", allowCreate=False, allowEdit=False, allowDelete=False)
    body = api.get("sobjects/Account/describe").json()
    assert (body["createable"], body["updateable"], body["deletable"], body["queryable"]) == (False, False, False, True)
    assert error(api.post("sobjects/Account", json={"Name": "B"})) == (
        400,
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
        "entity type cannot be inserted: Account",
    )
    no_access = (403, "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")
    assert error(api.patch(f"sobjects/Account/{account}", json={"Name": "B"})) == no_access
    assert error(api.delete(f"sobjects/Account/{account}")) == no_access
    assert api.rows("SELECT Name FROM Account") == [{"Name": "Acme"}]


def test_all_objects_but_some(api: Api, as_user: AsUser) -> None:
    object_rights(api, "*", REP, allowRead=False)
    object_rights(api, "Account", REP, allowEdit=False)
    rita = as_user(api, RITA)
    listed = {s["name"] for s in rita.get("sobjects").json()["sobjects"]}
    assert listed >= {"Account", "User"}
    assert not listed & {"Campaign", "Contact", "Lead", "Opportunity", "OpportunityHistory", "Task"}
    assert rita.query("SELECT count() FROM Account")["totalSize"] == 0


def test_a_permission_set_adds_to_what_a_profile_allows(api: Api, as_user: AsUser) -> None:
    field_rights(api, "Account.AnnualRevenue", REP, readable=False)
    rights = [{"field": "Account.AnnualRevenue", "readable": True}]
    assignees = ["rita@emulator.example"]
    permit(api, permission_sets=[{"fullName": "Revenue", "assignees": assignees, "fieldPermissions": rights}])
    assert not described(as_user(api, RITA))["AnnualRevenue"]["updateable"]
    assert "AnnualRevenue" not in described(as_user(api, SAM))


def test_a_conversion_fills_fields_that_its_user_doesnt_see(api: Api) -> None:
    lead = api.create("Lead", LastName="Doe", Company="Acme", Industry="Banking")
    field_rights(api, "Account.Industry", REP, readable=False)
    api.org.store.convert_lead(lead, user_id=RITA)
    assert api.rows("SELECT Industry FROM Account") == [{"Industry": "Banking"}]


# -- records


@pytest.fixture
def deals(api: Api) -> tuple[Api, str, str]:
    """An org where opportunities are private; one of Rita's, one of Sam's."""
    made = []
    for owner, name in ((RITA, "Rita's"), (SAM, "Sam's")):
        with api.org.store.session(owner) as session:
            values = {"Name": name, "StageName": "Prospecting", "CloseDate": "2027-01-01"}
            made.append(session.insert("Opportunity", values))
    permit(api, sharing={"Opportunity": "Private"})
    return api, made[0], made[1]


def test_private_records_are_seen_by_owner_and_by_who_views_all(deals: tuple[Api, str, str], as_user: AsUser) -> None:
    api, _, sams = deals
    rita = as_user(api, RITA)
    assert rita.rows("SELECT Name FROM Opportunity") == [{"Name": "Rita's"}]
    assert rita.query("SELECT count() FROM Opportunity")["totalSize"] == 1
    assert rita.rows("SELECT count(Id) n FROM Opportunity") == [{"n": 1}]
    assert rita.get(f"sobjects/Opportunity/{sams}").status_code == 404
    job = rita.bulk_query("SELECT Name FROM Opportunity")
    assert rita.get(f"jobs/query/{job}/results").text.splitlines() == ['"Name"', '"Rita\'s"']
    assert api.query("SELECT count() FROM Opportunity")["totalSize"] == 2  # an administrator views all data
    object_rights(api, "Opportunity", REP, viewAllRecords=True)
    assert rita.query("SELECT count() FROM Opportunity")["totalSize"] == 2
    changed = rita.patch(f"sobjects/Opportunity/{sams}", json={"Name": "Mine"})
    assert error(changed) == (403, "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")
    object_rights(api, "Opportunity", REP, modifyAllRecords=True)
    assert rita.patch(f"sobjects/Opportunity/{sams}", json={"Name": "Mine"}).status_code == 204


def test_what_one_doesnt_see_one_can_neither_change_nor_refer_to(deals: tuple[Api, str, str], as_user: AsUser) -> None:
    api, ritas, sams = deals
    rita = as_user(api, RITA)
    hidden = (
        400,
        "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
        f"insufficient access rights on cross-reference id: {sams[:15]}",
    )
    assert error(rita.patch(f"sobjects/Opportunity/{sams}", json={"Name": "Mine"})) == hidden
    assert error(rita.delete(f"sobjects/Opportunity/{sams}")) == hidden
    contact = api.create("Contact", LastName="Doe")
    role = {"ContactId": contact, "OpportunityId": sams}
    assert error(rita.post("sobjects/OpportunityContactRole", json=role)) == hidden
    assert rita.post("sobjects/OpportunityContactRole", json={**role, "OpportunityId": ritas}).status_code == 201
    assert rita.patch(f"sobjects/Opportunity/{ritas}", json={"Name": "Still mine"}).status_code == 204
    info = rita.ingest("Opportunity", "update", f"Id,Name\n{sams},Mine\n{ritas},Mine\n")
    assert (info["numberRecordsProcessed"], info["numberRecordsFailed"]) == (2, 1)


# -- how it is written


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"objectPermissions": [{"object": "Acount"}]}, "there is no object Acount"),
        ({"objectPermissions": [{"object": "User"}]}, "no permissions are given on User"),
        ({"objectPermissions": [{"object": "Account", "allowRead": False, "allowEdit": True}]}, "without allowRead"),
        ({"fieldPermissions": [{"field": "Account.Name", "readable": False}]}, "Account.Name is always visible"),
        ({"fieldPermissions": [{"field": "Account.BillingCity"}]}, "is a part of Account.BillingAddress"),
        ({"fieldPermissions": [{"field": "Industry"}]}, "there is no field Industry; fields are named as"),
        ({"fieldPermissions": [{"field": "Account.Phone", "readable": False, "editable": True}]}, "can't be editable"),
        ({"userPermissions": [{"name": "Fly", "enabled": True}]}, "there is no user permission Fly; known are"),
        ({"tabs": []}, "unknown tabs"),
    ],
)
def test_permissions_that_cant_be_followed_are_refused(api: Api, given: dict[str, Any], message: str) -> None:
    answer = api.post("/__emulator/permissions", json={"profiles": [{"fullName": "Robot", **given}]})
    assert answer.status_code == 400
    assert message in answer.json()[0]["message"]
    assert api.get("/__emulator/permissions").json()["profiles"] == []
    assert api.query("SELECT count() FROM Profile WHERE Name = 'Robot'")["totalSize"] == 0


def test_a_data_file_makes_profiles_and_gives_permissions_which_the_org_keeps(
    open_api: OpenApi, tmp_path: Path, as_user: AsUser
) -> None:
    file, database = tmp_path / "org.json", tmp_path / "org.sqlite3"
    robot = {
        "fullName": "Robot",
        "userPermissions": [{"name": "ViewAllData", "enabled": True}],
        "fieldPermissions": [{"field": "Account.Score__c", "editable": False}],
    }
    user = {"Username": "robot@acme.example", "LastName": "Robot", "Profile": "Robot"}
    told = {"profiles": [robot], "sharing": {"Lead": "Private"}, "users": [user]}
    fields = {"custom_fields": {"Account": [{"name": "Score__c", "kind": "double"}]}}
    file.write_text(json.dumps({**told, **fields}))
    data = DataFile.read(file)
    moment = "2026-01-01T00:00:00.000Z"
    OrgStore(database, custom=data.custom, loader=lambda conn: data.load(conn, moment)).close()
    api = open_api(store=OrgStore(database))
    api.create("Lead", LastName="Doe", Company="Acme")
    robot_id = api.rows("SELECT Id FROM User WHERE Username = 'robot@acme.example'")[0]["Id"]
    it = as_user(api, robot_id)
    assert not described(it)["Score__c"]["updateable"]
    assert described(api)["Score__c"]["updateable"]
    assert it.query("SELECT count() FROM Lead")["totalSize"] == 1
    assert as_user(api, RITA).query("SELECT count() FROM Lead")["totalSize"] == 0


def test_a_data_file_with_a_bad_permission_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "org.json"
    file.write_text(json.dumps({"sharing": {"CampaignMember": "Private"}}))
    data = DataFile.read(file)
    with pytest.raises(BadDataFile, match="CampaignMember is no object whose records have owners"):
        OrgStore(tmp_path / "org.sqlite3", loader=lambda conn: data.load(conn, "2026-01-01T00:00:00.000Z"))


def test_a_field_that_was_added_later_is_seen_unless_it_is_hidden(open_api: OpenApi) -> None:
    fields = [custom_field("Tier__c", "string")]
    api = open_api(store=OrgStore(custom_fields={"Account": fields}))
    field_rights(api, "Account.Tier__c", readable=False)
    added = {"action": "add_field", "object": "Account", "field": {"name": "Later__c", "kind": "string"}}
    assert api.post("/__emulator/schema", json=added).status_code == 200
    assert {"Later__c", "Tier__c"} & set(described(api)) == {"Later__c"}
