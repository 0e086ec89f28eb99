"""An org with state and country picklists: text and code say the same, and nothing else is taken."""

from __future__ import annotations

from typing import Any

import pytest
from tests.salesforce_emulator.client import Api, OpenApi

from salesforce_emulator import OrgStore
from salesforce_emulator.data import sample
from salesforce_emulator.schema import Customization

ON = Customization(features=frozenset({"state_country_picklists"}))
BILLING = "BillingState, BillingStateCode, BillingCountry, BillingCountryCode"
COUNTRY = (
    "There's a problem with this country, even though it may appear correct. Please select a country/territory from "
    "the list of valid countries."
)
STATE = (
    "There's a problem with this state, even though it may appear correct. Please select a state from the list of "
    "valid states."
)
CALIFORNIA = {
    "BillingState": "California",
    "BillingStateCode": "CA",
    "BillingCountry": "United States",
    "BillingCountryCode": "US",
}


@pytest.fixture
def org(open_api: OpenApi) -> Api:
    return open_api(store=OrgStore(custom=ON))


def test_every_address_has_its_codes(org: Api) -> None:
    for sobject, prefixes in {
        "Account": ("Billing", "Shipping"),
        "Contact": ("Mailing", "Other"),
        "Lead": ("",),
        "User": ("",),
    }.items():
        fields = {f["name"]: f for f in org.get(f"sobjects/{sobject}/describe").json()["fields"]}
        for prefix in prefixes:
            state = fields[f"{prefix}StateCode"]
            assert state["controllerName"] == f"{prefix}CountryCode"
            assert state["restrictedPicklist"]
            assert state["compoundFieldName"] == f"{prefix}Address"
            assert "US" in [v["value"] for v in fields[f"{prefix}CountryCode"]["picklistValues"]]


@pytest.mark.parametrize(
    "given",
    [
        {"BillingState": "california", "BillingCountry": "united states"},
        {"BillingStateCode": "CA", "BillingCountryCode": "US"},
        {"BillingState": "California", "BillingCountryCode": "us"},
        {"BillingStateCode": "ca", "BillingCountry": "United States"},
    ],
)
def test_either_brings_the_other(org: Api, given: dict[str, str]) -> None:
    account = org.create("Account", Name="A", **given)
    assert org.rows(f"SELECT {BILLING} FROM Account") == [CALIFORNIA]
    address = org.get(f"sobjects/Account/{account}").json()["BillingAddress"]
    assert (address["stateCode"], address["countryCode"]) == ("CA", "US")


@pytest.mark.parametrize(
    ("given", "code", "message", "field"),
    [
        (
            {"BillingCountry": "US"},
            "FIELD_INTEGRITY_EXCEPTION",
            f"{COUNTRY}: Billing Country",
            "BillingCountry",
        ),
        (
            {"BillingCountry": "Germany", "BillingState": "California"},
            "FIELD_INTEGRITY_EXCEPTION",
            f"{STATE}: Billing State/Province",
            "BillingState",
        ),
        (
            {"BillingState": "California"},
            "FIELD_INTEGRITY_EXCEPTION",
            "A country/territory must be specified before specifying a state value for field: Billing State/Province",
            "BillingState",
        ),
        (
            {"BillingCountryCode": "DE", "BillingStateCode": "CA"},
            "FIELD_INTEGRITY_EXCEPTION",
            "The existing country/territory doesn't recognize the state value for field: Billing State/Province Code",
            "BillingStateCode",
        ),
        (
            {"BillingCountryCode": "XX"},
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "Billing Country Code: bad value for restricted picklist field: XX",
            "BillingCountryCode",
        ),
    ],
)  # fmt: skip
def test_what_is_not_listed_is_refused(org: Api, given: dict[str, str], code: str, message: str, field: str) -> None:
    answer = org.post("sobjects/Account", json={"Name": "A", **given})
    assert answer.json() == [{"message": message, "errorCode": code, "fields": [field]}]


def patch(org: Api, record: str, values: dict[str, Any]) -> str:
    answer = org.patch(record, json=values)
    return "" if answer.status_code == 204 else str(answer.json()[0]["message"])


def test_a_change_of_one_is_held_against_the_other(org: Api) -> None:
    record = f"sobjects/Account/{org.create('Account', Name='A', **CALIFORNIA)}"
    assert patch(org, record, {"BillingState": "Texas"}) == ""
    assert org.rows(f"SELECT {BILLING} FROM Account")[0]["BillingStateCode"] == "TX"
    assert "doesn't recognize the state value" in patch(org, record, {"BillingCountryCode": "DE"})
    assert "must be specified before" in patch(org, record, {"BillingCountry": None})
    assert patch(org, record, {"BillingCountryCode": "DE", "BillingState": None}) == ""
    assert org.rows(f"SELECT {BILLING} FROM Account") == [
        {"BillingState": None, "BillingStateCode": None, "BillingCountry": "Germany", "BillingCountryCode": "DE"}
    ]
    assert patch(org, record, {"Name": "B"}) == ""


def test_rows_of_a_file_too(org: Api) -> None:
    csv = "Name,BillingCountry,BillingState\nA,Canada,Ontario\nB,Canada,Texas\nC,Kanada,\n"
    info = org.ingest("Account", "insert", csv)
    assert (info["numberRecordsProcessed"], info["numberRecordsFailed"]) == (3, 2)
    (found,) = org.rows("SELECT Id, BillingStateCode FROM Account")
    assert found["BillingStateCode"] == "ON"
    csv = f"Id,BillingStateCode\n{found['Id']},QC\n"
    assert org.ingest("Account", "update", csv)["numberRecordsFailed"] == 0
    assert org.rows("SELECT BillingState FROM Account WHERE BillingStateCode = 'QC'") == [{"BillingState": "Quebec"}]


def test_what_was_there_before_keeps_its_text(open_api: OpenApi) -> None:
    """As in an org that switched the picklists on and left its records unconverted."""
    org = open_api(store=OrgStore(custom=ON, loader=sample.load))
    rows = org.rows("SELECT BillingCountry, BillingCountryCode FROM Account WHERE BillingCountry != null")
    assert {(r["BillingCountry"], r["BillingCountryCode"]) for r in rows if r["BillingCountry"] == "US"} == {
        ("US", None)
    }


def test_without_the_picklists_anything_goes(api: Api) -> None:
    api.create("Account", Name="A", BillingCountry="Atlantis", BillingState="Deep")
    assert api.refused("SELECT BillingCountryCode FROM Account")[0] == "INVALID_FIELD"
