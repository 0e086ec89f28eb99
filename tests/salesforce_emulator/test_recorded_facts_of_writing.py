"""What was recorded of real orgs, fact by fact: writing by ingest jobs, single records, collections, composite.

Each docstring quotes the fact as it was written down.
"""

from __future__ import annotations

import csv
import io
from typing import Any

import httpx2
import pytest
from tests.salesforce_emulator.client import Api


def refused(answer: httpx2.Response) -> tuple[int, str, str]:
    """Status, code and message of a refusal, which is a list of one."""
    (error,) = answer.json()
    return answer.status_code, error["errorCode"], error["message"]


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


# -- ingest


def test_the_life_of_an_ingest_job(api: Api) -> None:
    """POST `jobs/ingest` {object, operation …} → Open; PUT `batches` (CSV) 201 empty; PATCH {"state":"UploadComplete"}
    answers the short body; then InProgress → JobComplete | Failed | Aborted. contentUrl has no leading slash and is
    gone after close. apiVersion is a number."""
    made = api.post("jobs/ingest", json={"object": "Account", "operation": "insert"}).json()
    assert (made["state"], made["apiVersion"]) == ("Open", 60.0)
    assert made["contentUrl"] == f"services/data/v60.0/jobs/ingest/{made['id']}/batches"
    csv_type = {"Content-Type": "text/csv"}
    sent = api.call("PUT", f"jobs/ingest/{made['id']}/batches", content="Name\nA\n", headers=csv_type)
    assert (sent.status_code, sent.content) == (201, b"")
    closed = api.patch(f"jobs/ingest/{made['id']}", json={"state": "UploadComplete"}).json()
    assert closed["state"] == "UploadComplete"
    assert not {"contentUrl", "numberRecordsProcessed", "retries"} & set(closed), "the short body"
    done = api.job_info("ingest", made["id"])
    assert done["state"] == "JobComplete"
    assert "contentUrl" not in done


def test_results_of_an_ingest_job(api: Api) -> None:
    """`successfulResults` `"sf__Id","sf__Created",<columns as sent>`; `failedResults` `"sf__Id","sf__Error",…` e.g.
    `REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --`; `unprocessedrecords` as sent."""
    job = api.ingest("Account", "insert", "Phone,Name\n1,A\n2,\n")["id"]
    good = api.get(f"jobs/ingest/{job}/successfulResults").text
    assert good.split("\n")[0] == '"sf__Id","sf__Created","Phone","Name"'
    (row,) = rows(good)
    assert (row["sf__Created"], row["Name"]) == ("true", "A")
    bad = api.get(f"jobs/ingest/{job}/failedResults").text
    assert bad.split("\n")[0] == '"sf__Id","sf__Error","Phone","Name"'
    (row,) = rows(bad)
    assert row["sf__Error"] == "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --"
    assert (row["sf__Id"], row["Phone"]) == ("", "2")
    assert rows(api.get(f"jobs/ingest/{job}/unprocessedrecords").text) == []


def test_an_empty_cell_and_na(api: Api) -> None:
    """**An empty cell means "leave as is"; `#N/A` means null.**"""
    record = api.create("Account", Name="A", Phone="1", Fax="2")
    api.ingest("Account", "update", f"Id,Phone,Fax\n{record},,#N/A\n")
    assert api.rows("SELECT Phone, Fax FROM Account") == [{"Phone": "1", "Fax": None}]


# -- single records


def test_statuses_of_single_records(api: Api) -> None:
    """POST 201 `{"id","success":true,"errors":[]}`; PATCH 204; DELETE 204; second DELETE ENTITY_IS_DELETED 404 "entity
    is deleted"."""
    made = api.post("sobjects/Account", json={"Name": "A"})
    record = made.json()["id"]
    assert (made.status_code, made.json()) == (201, {"id": record, "success": True, "errors": []})
    here = f"sobjects/Account/{record}"
    assert (api.patch(here, json={"Name": "B"}).status_code, api.delete(here).status_code) == (204, 204)
    assert refused(api.delete(here)) == (404, "ENTITY_IS_DELETED", "entity is deleted")


def test_statuses_of_upsert(api: Api) -> None:
    """Upsert by external id 201 / 200 (v46+, `"created"`), 300 with an array of URL strings where several match."""
    path = "sobjects/Account/Code__c/X"
    first, second = api.patch(path, json={"Name": "A"}), api.patch(path, json={"Name": "B"})
    assert (first.status_code, first.json()["created"]) == (201, True)
    assert (second.status_code, second.json()["created"]) == (200, False)
    api.create("Account", Name="C", Code__c="X")
    several = api.patch(path, json={"Name": "D"})
    assert several.status_code == 300
    assert [url.rsplit("/", 1)[0] for url in several.json()] == ["/services/data/v60.0/sobjects/Account"] * 2


TOO_LONG = "v" * 41
REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("Account", {}, "REQUIRED_FIELD_MISSING", "Required fields are missing: [Name]"),
    ("Contact", {}, "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]"),
    ("Lead", {}, "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName, Company]"),
    ("Opportunity", {}, "REQUIRED_FIELD_MISSING", "Required fields are missing: [Name, StageName, CloseDate]"),
    (
        "Account", {"Name": "A", "Tier__c": "NURSE"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "Tier: bad value for restricted picklist field: NURSE",
    ),
    (
        "Account", {"Name": "A", "Phone": TOO_LONG}, "STRING_TOO_LONG",
        f"Account Phone: data value too large: {TOO_LONG} (max length=40)",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("sobject", "values", "code", "message"), REFUSED)
def test_refusals(api: Api, sobject: str, values: dict[str, Any], code: str, message: str) -> None:
    """REQUIRED_FIELD_MISSING 400 "Required fields are missing: [Name]" · INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST 400
    "Job Category: bad value for restricted picklist field: NURSE" · STRING_TOO_LONG 400 "Topic Name: data value too
    large: VALUE (max length=25)". Lead needs LastName and Company; Contact needs LastName; Account needs Name;
    Opportunity needs Name, StageName, CloseDate."""
    assert refused(api.post(f"sobjects/{sobject}", json=values)) == (400, code, message)


def test_a_validation_rule(api: Api) -> None:
    """FIELD_CUSTOM_VALIDATION_EXCEPTION 400."""
    rule = {"object": "Account", "fullName": "R", "errorConditionFormula": "ISBLANK(Phone)", "errorMessage": "Call?"}
    assert api.post("/__emulator/rules", json={"validation_rules": [rule]}).status_code == 200
    answer = api.post("sobjects/Account", json={"Name": "A"})
    assert refused(answer) == (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "Call?")


def test_a_duplicate_value(api: Api) -> None:
    """DUPLICATE_VALUE 400 "duplicate value found: X__c duplicates value on record with id: 00Q58000003tW4u"."""
    first = api.create("Account", Name="A", External__c="1")
    message = f"duplicate value found: External__c duplicates value on record with id: {first[:15]}"
    assert refused(api.post("sobjects/Account", json={"Name": "B", "External__c": "1"})) == (
        400, "DUPLICATE_VALUE", message,
    )  # fmt: skip


def test_a_duplicate_of_the_orgs_rules(api: Api) -> None:
    """DUPLICATES_DETECTED 400 with a body key misspelt `duplicateResut`; passes with `Sforce-Duplicate-Rule-Header:
    allowSave=true` where the rule only alerts."""
    rule = {
        "object": "Contact", "fullName": "R", "matchingRule": "M", "actionOnInsert": "Alert",
        "alertText": "Use one of these?", "matchOn": [[{"field": "Email", "method": "Exact"}]],
    }  # fmt: skip
    assert api.post("/__emulator/rules", json={"duplicate_rules": [rule]}).status_code == 200
    twin = {"LastName": "C", "Email": "c@example.com"}
    api.create("Contact", **twin)
    answer = api.post("sobjects/Contact", json=twin)
    assert refused(answer)[:2] == (400, "DUPLICATES_DETECTED")
    assert answer.json()[0]["duplicateResut"]["allowSave"] is True
    insisting = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
    assert api.post("sobjects/Contact", json=twin, headers=insisting).status_code == 201


def test_a_locked_row(api: Api) -> None:
    """UNABLE_TO_LOCK_ROW **500** "unable to obtain exclusive access to this record or 1 records: 0035c…"."""
    record = api.create("Contact", LastName="C")
    api.org.fault("row_locks", share=1.0)
    status, code, message = refused(api.patch(f"sobjects/Contact/{record}", json={"LastName": "D"}))
    assert (status, code) == (500, "UNABLE_TO_LOCK_ROW")
    assert message.startswith("unable to obtain exclusive access to this record or 1 records: 003")


def test_references_ids_and_fields_that_are_none(api: Api) -> None:
    """INVALID_FIELD_FOR_INSERT_UPDATE 400 · INVALID_CROSS_REFERENCE_KEY · MALFORMED_ID 400 · NOT_FOUND 404."""
    record = api.create("Account", Name="A")

    def code(**values: str) -> tuple[int, str]:
        return refused(api.patch(f"sobjects/Account/{record}", json=values))[:2]

    assert code(CreatedDate="2020-01-01T00:00:00Z") == (400, "INVALID_FIELD_FOR_INSERT_UPDATE")
    assert code(OwnerId="005000000000000AAA")[1] == "INVALID_CROSS_REFERENCE_KEY"
    assert code(OwnerId="nonsense") == (400, "MALFORMED_ID")
    assert refused(api.patch("sobjects/Account/001000000000000AAA", json={"Name": "B"}))[:2] == (404, "NOT_FOUND")


def test_a_converted_lead(api: Api) -> None:
    """CANNOT_UPDATE_CONVERTED_LEAD 400. Lead: IsConverted, ConvertedDate, ConvertedAccountId, ConvertedContactId,
    ConvertedOpportunityId."""
    lead = api.create("Lead", LastName="L", Company="C")
    done = api.org.store.convert_lead(lead)
    assert refused(api.patch(f"sobjects/Lead/{lead}", json={"Title": "X"}))[:2] == (400, "CANNOT_UPDATE_CONVERTED_LEAD")
    (row,) = api.rows("SELECT IsConverted, ConvertedAccountId, ConvertedContactId, ConvertedOpportunityId FROM Lead")
    assert row == {
        "IsConverted": True, "ConvertedAccountId": done.account_id, "ConvertedContactId": done.contact_id,
        "ConvertedOpportunityId": done.opportunity_id,
    }  # fmt: skip
    assert api.rows("SELECT Id FROM Lead WHERE ConvertedDate = null") == []


def test_campaign_members(api: Api) -> None:
    """CampaignMember needs CampaignId and exactly one of LeadId, ContactId; its Status must be one of the campaign's
    CampaignMemberStatus labels. A converted lead's CampaignMember keeps LeadId and gains ContactId."""
    campaign, contact = api.create("Campaign", Name="C"), api.create("Contact", LastName="C")
    lead = api.create("Lead", LastName="L", Company="C")

    def status(**values: str) -> int:
        return api.post("sobjects/CampaignMember", json=values).status_code

    assert status(LeadId=lead) == 400
    assert status(CampaignId=campaign) == 400
    assert status(CampaignId=campaign, LeadId=lead, ContactId=contact) == 400
    assert status(CampaignId=campaign, LeadId=lead, Status="Nonsense") == 400
    assert status(CampaignId=campaign, LeadId=lead, Status="Responded") == 201
    done = api.org.store.convert_lead(lead)
    assert api.rows("SELECT LeadId, ContactId FROM CampaignMember") == [{"LeadId": lead, "ContactId": done.contact_id}]


# -- many records in one call


def test_collections(api: Api) -> None:
    """Collections (`composite/sobjects`, ≤ 200 rows, `allOrNone`): 200 with one result a row, in order; failed row
    `{"success":false,"errors":[{"statusCode","message","fields"}]}` without id; collections siblings
    ALL_OR_NONE_OPERATION_ROLLED_BACK."""
    records = [{"attributes": {"type": "Account"}, **values} for values in ({"Name": "A"}, {}, {"Name": "B"})]
    answer = api.post("composite/sobjects", json={"allOrNone": False, "records": records})
    assert answer.status_code == 200
    first, failed, last = answer.json()
    assert (first["success"], last["success"]) == (True, True)
    missing = {
        "statusCode": "REQUIRED_FIELD_MISSING", "message": "Required fields are missing: [Name]", "fields": ["Name"],
    }  # fmt: skip
    assert failed == {"success": False, "errors": [missing]}
    answer = api.post("composite/sobjects", json={"allOrNone": True, "records": records})
    assert [r["errors"][0]["statusCode"] for r in answer.json()] == [
        "ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING", "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    ]  # fmt: skip
    too_many = {"records": [records[0]] * 201}
    assert api.post("composite/sobjects", json=too_many).status_code == 400


def test_composite(api: Api) -> None:
    """`composite` rollback: PROCESSING_HALTED."""
    url = "/services/data/v60.0/sobjects/Account"
    parts = [
        {"method": "POST", "url": url, "referenceId": "good", "body": {"Name": "A"}},
        {"method": "POST", "url": url, "referenceId": "bad", "body": {}},
    ]
    answer = api.post("composite", json={"allOrNone": True, "compositeRequest": parts}).json()["compositeResponse"]
    codes = [part["body"][0]["errorCode"] for part in answer]
    assert codes == ["PROCESSING_HALTED", "REQUIRED_FIELD_MISSING"]
    assert api.rows("SELECT Id FROM Account") == []


def test_a_roll_up_does_not_move_the_stamp(api: Api) -> None:
    """Formulas and roll-ups don't move SystemModstamp; equal SystemModstamps are common (bulk loads)."""
    campaign = api.create("Campaign", Name="C")
    with api.org.store.writing() as conn:
        conn.execute('UPDATE "Campaign" SET "SystemModstamp" = ?', ("2020-01-01T00:00:00.000Z",))
    lead = api.create("Lead", LastName="L", Company="C")
    api.create("CampaignMember", CampaignId=campaign, LeadId=lead)
    assert api.rows("SELECT NumberOfLeads, SystemModstamp FROM Campaign") == [
        {"NumberOfLeads": 1, "SystemModstamp": "2020-01-01T00:00:00.000+0000"}
    ]
    api.ingest("Account", "insert", "Name\n" + "".join(f"A{n}\n" for n in range(50)))
    (stamps,) = api.query("SELECT count_distinct(SystemModstamp) n FROM Account")["records"]
    assert stamps["n"] == 1
