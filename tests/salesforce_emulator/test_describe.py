"""Global describe and describe, with the caching that clients rely on."""

from __future__ import annotations

import pytest
from tests.salesforce_emulator.client import DATA, Api

RECORDED = {"Account": "001", "Contact": "003", "Lead": "00Q", "Opportunity": "006", "OpportunityContactRole": "00K"}
BY_HAND = {
    "Campaign": "701", "CampaignMember": "00v", "CampaignMemberStatus": "01Y", "User": "005", "Organization": "00D",
    "Profile": "00e",
}  # fmt: skip


def test_global_describe_lists_the_objects(api: Api) -> None:
    body = api.get("sobjects").json()
    assert body["encoding"] == "UTF-8"
    prefixes = {o["name"]: o["keyPrefix"] for o in body["sobjects"]}
    assert {**RECORDED, **BY_HAND}.items() <= prefixes.items()
    account = next(o for o in body["sobjects"] if o["name"] == "Account")
    assert account["urls"] == {
        "rowTemplate": f"{DATA}/sobjects/Account/{{ID}}",
        "describe": f"{DATA}/sobjects/Account/describe",
        "sobject": f"{DATA}/sobjects/Account",
    }


@pytest.mark.parametrize("name", [*RECORDED, *BY_HAND])
def test_every_describe_has_the_recorded_shape(api: Api, name: str) -> None:
    shape = api.get("sobjects/Account/describe").json()
    found = api.get(f"sobjects/{name.lower()}/describe").json()
    assert found["name"] == name
    assert set(shape) - set(found) <= {"sobjectDescribeOption"}
    keys = set(shape["fields"][0])
    assert all(set(f) == keys for f in found["fields"])
    names = {f["name"] for f in found["fields"]}
    assert {"Id", "SystemModstamp"} <= names


def test_compound_fields_are_described(api: Api) -> None:
    """ "Compound fields (BillingAddress, Name on person objects): present in describe and REST"."""
    fields = {f["name"]: f for f in api.get("sobjects/Account/describe").json()["fields"]}
    assert fields["BillingAddress"]["type"] == "address"
    assert fields["BillingCity"]["compoundFieldName"] == "BillingAddress"
    assert not {n for n in fields if n.endswith("CountryCode")}, "state and country picklists are off"


def test_types_are_the_recorded_ones(api: Api) -> None:
    """ "Email, phone and url types are text; NumberOfEmployees int; AnnualRevenue and Amount currency"."""
    account = {f["name"]: f["type"] for f in api.get("sobjects/Account/describe").json()["fields"]}
    assert (account["Website"], account["Phone"]) == ("url", "phone")
    assert (account["NumberOfEmployees"], account["AnnualRevenue"]) == ("int", "currency")


def test_describe_is_not_sent_again_unchanged(api: Api) -> None:
    first = api.get("sobjects/Account/describe")
    etag, modified = first.headers["ETag"], first.headers["Last-Modified"]
    for header in ({"If-None-Match": etag}, {"If-Modified-Since": modified}):
        again = api.get("sobjects/Account/describe", headers=header)
        assert (again.status_code, again.content) == (304, b"")
    for header in ({"If-None-Match": '"other"'}, {"If-Modified-Since": "Mon, 01 Jan 2024 00:00:00 GMT"}):
        assert api.get("sobjects/Account/describe", headers=header).status_code == 200


def test_custom_fields_are_described(api: Api) -> None:
    fields = {f["name"]: f for f in api.get("sobjects/Account/describe").json()["fields"]}
    assert fields["External__c"]["custom"]
    assert fields["External__c"]["idLookup"]
    assert [p["value"] for p in fields["Tier__c"]["picklistValues"]] == ["Gold", "Silver"]


def test_basic_information(api: Api) -> None:
    assert api.get("sobjects/Lead").json()["objectDescribe"]["keyPrefix"] == "00Q"
