"""Lead conversion and merge by SOAP: REST has nothing for them."""

from __future__ import annotations

import pytest
from tests.salesforce_emulator.client import Api
from tests.salesforce_emulator.soap_client import Soap, many, sobject, text, texts

from salesforce_emulator.schema import BASE

ALL_OR_NONE = "<AllOrNoneHeader><allOrNone>true</allOrNone></AllOrNoneHeader>"


@pytest.fixture
def soap(api: Api) -> Soap:
    return Soap(api, api.org.access_token(BASE.reps[0]))


def convert(lead: str, **options: str) -> str:
    asked = {"convertedStatus": "Closed - Converted", "leadId": lead, **options}
    return f"<leadConverts>{''.join(f'<{k}>{v}</{k}>' for k, v in asked.items())}</leadConverts>"


def test_leads_are_converted_each_by_itself(api: Api, soap: Soap) -> None:
    leads = [api.create("Lead", LastName=n, Company=f"{n} Ltd") for n in "ABC"]
    account = api.create("Account", Name="Kept")
    results = soap.call(
        "<convertLead>"
        + convert(leads[0], opportunityName="Deal", ownerId=BASE.reps[1])
        + convert(leads[1], accountId=account, doNotCreateOpportunity="true")
        + convert(leads[2], convertedStatus="Nonsense")
        + convert("00Q000000000099")
        + "</convertLead>"
    )
    assert [text(r, "success") for r in results] == ["true", "true", "false", "false"]
    assert text(results[1], "accountId") == account
    assert text(results[1], "opportunityId") is None
    assert [text(r, "leadId") for r in results[:3]] == leads
    assert (text(results[2], "errors/statusCode"), text(results[2], "errors/message")) == (
        "INVALID_STATUS",
        "invalid convertedStatus: Nonsense",
    )
    assert text(results[3], "errors/statusCode") == "INVALID_CROSS_REFERENCE_KEY"
    (deal,) = api.rows("SELECT Id, Name, OwnerId, CreatedById FROM Opportunity")
    assert deal == {
        "Id": text(results[0], "opportunityId"),
        "Name": "Deal",
        "OwnerId": BASE.reps[1],
        "CreatedById": BASE.reps[0],
    }
    rows = api.rows("SELECT Id, IsConverted FROM Lead")
    assert {r["Id"]: r["IsConverted"] for r in rows} == {leads[0]: True, leads[1]: True, leads[2]: False}
    (again,) = soap.call(f"<convertLead>{convert(leads[0])}</convertLead>")
    assert text(again, "errors/statusCode") == "CANNOT_UPDATE_CONVERTED_LEAD"


def test_conversion_all_or_none(api: Api, soap: Soap) -> None:
    lead = api.create("Lead", LastName="A", Company="A Ltd")
    both = convert(lead) + convert(lead, convertedStatus="Nonsense")
    results = soap.call(f"<convertLead>{both}</convertLead>", ALL_OR_NONE)
    codes = [text(r, "errors/statusCode") for r in results]
    assert codes == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "CANNOT_UPDATE_CONVERTED_LEAD"]
    assert api.rows("SELECT Id FROM Account") == []


def test_a_hundred_at_most(soap: Soap) -> None:
    assert soap.fault(f"<convertLead>{convert('00Q000000000099') * 101}</convertLead>")[0] == "EXCEEDED_ID_LIMIT"


@pytest.mark.parametrize(
    ("type_", "values"),
    [("Account", {"Name": "x"}), ("Contact", {"LastName": "x"}), ("Lead", {"LastName": "x", "Company": "y"})],
)
def test_merge(api: Api, soap: Soap, type_: str, values: dict[str, str]) -> None:
    """ "mergedRecordIds", "updatedRelatedIds"; the master's values given win."""
    master, *losers = [api.create(type_, **values) for _ in range(3)]
    moved = api.create("Contact", LastName="C", AccountId=losers[0]) if type_ == "Account" else None
    request = sobject("masterRecord", type_, Id=master, Phone="123") + many("recordToMergeIds", losers)
    (result,) = soap.call(f"<merge><request>{request}</request></merge>")
    assert (text(result, "success"), text(result, "id")) == ("true", master)
    assert texts(result, "mergedRecordIds") == losers
    assert texts(result, "updatedRelatedIds") == ([moved] if moved else [])
    rows = api.rows(
        f"SELECT Id, Phone, MasterRecordId FROM {type_} WHERE Id IN ('{master}', '{losers[0]}')", deleted=True
    )
    assert {r["Id"]: (r["Phone"], r["MasterRecordId"]) for r in rows} == {
        master: ("123", None),
        losers[0]: (None, master),
    }


def test_merges_that_are_refused(api: Api, soap: Soap) -> None:
    accounts = [api.create("Account", Name=n) for n in "ABCD"]
    contact = api.create("Contact", LastName="C")

    def code(master: str, losers: list[str]) -> str | None:
        request = master + many("recordToMergeIds", losers)
        (result,) = soap.call(f"<merge><request>{request}</request></merge>")
        return text(result, "errors/statusCode")

    master = sobject("masterRecord", "Account", Id=accounts[0])
    assert code(master, accounts[1:]) == "INVALID_OPERATION"
    assert code(master, []) == "INVALID_OPERATION"
    assert code(master, [contact]) == "INVALID_ID_FIELD"
    assert code(sobject("masterRecord", "Campaign", Id=accounts[0]), []) == "INVALID_TYPE_FOR_OPERATION"
    assert code(sobject("masterRecord", "Account", Name="x"), accounts[:1]) == "MISSING_ARGUMENT"
    assert code("", accounts[:1]) == "MISSING_ARGUMENT"
    assert len(api.rows("SELECT Id FROM Account")) == 4


def test_who_may_merge_and_convert(api: Api, soap: Soap) -> None:
    """Merging deletes, converting changes: who may do neither does neither."""
    rights = {"allowRead": True, "allowCreate": True, "allowEdit": True, "allowDelete": False}
    profile = {
        "fullName": "Standard User",
        "objectPermissions": [
            {"object": "Account", **rights},
            {"object": "Lead", "allowRead": True, "allowEdit": False, "allowCreate": False, "allowDelete": False},
        ],
    }
    accounts = [api.create("Account", Name=n) for n in "AB"]
    lead = api.create("Lead", LastName="L", Company="C")
    answer = api.post("/__emulator/permissions", json={"profiles": [profile]})
    assert answer.status_code == 200, answer.text
    request = sobject("masterRecord", "Account", Id=accounts[0]) + many("recordToMergeIds", accounts[1:])
    (merged,) = soap.call(f"<merge><request>{request}</request></merge>")
    assert text(merged, "errors/statusCode") == "INSUFFICIENT_ACCESS_OR_READONLY"
    (converted,) = soap.call(f"<convertLead>{convert(lead)}</convertLead>")
    assert text(converted, "errors/statusCode") == "INSUFFICIENT_ACCESS_OR_READONLY"
    assert len(api.rows("SELECT Id FROM Account")) == 2
