"""What the org says of its objects: typed, complete, and asked for again only when it changed."""

from __future__ import annotations

import copy
import gzip
from importlib.resources import files
from typing import Any

import httpx2
import orjson
import pytest

from abmatic.salesforce import errors
from abmatic.salesforce.describe import parse_describe

from .conftest import Org, in_turn, refusal

PATH = "/services/data/v67.0/sobjects/Account/describe"


def real(sobject: str) -> dict[str, Any]:
    """A describe as an org gave it."""
    folder = files("salesforce_emulator") / "describe"
    name = next(f for f in folder.iterdir() if f.name.split(".")[0] == sobject)
    value = orjson.loads(gzip.decompress(name.read_bytes()))
    return value.get("result", value)  # type: ignore[no-any-return]


def test_a_field_is_read_with_all_that_matters() -> None:
    account = parse_describe(real("Account"))
    assert (account.name, account.key_prefix, account.queryable) == ("Account", "001", True)
    website = account.fields["Website"]
    assert (website.type, website.length, website.nillable, website.updateable) == ("url", 255, True, True)
    industry = account.fields["Industry"]
    assert industry.type == "picklist"
    assert "Banking" in {value.value for value in industry.picklist_values if value.active}
    owner = account.fields["OwnerId"]
    assert (owner.reference_to, owner.relationship_name) == (("User",), "Owner")
    assert account.get("website") is website
    assert account.get("Nowhere__c") is None


def test_every_field_of_a_real_describe_is_there() -> None:
    for sobject in ("Account", "Contact", "Lead", "Opportunity", "OpportunityContactRole"):
        value = real(sobject)
        assert list(parse_describe(value).fields) == [f["name"] for f in value["fields"]]


def test_compound_fields_are_not_for_bulk() -> None:
    account, contact = parse_describe(real("Account")), parse_describe(real("Contact"))
    assert not account.fields["BillingAddress"].in_bulk
    assert account.fields["BillingCity"].in_bulk
    assert account.fields["Name"].in_bulk
    assert not contact.fields["Name"].in_bulk
    assert contact.fields["LastName"].in_bulk


def test_what_a_new_record_needs() -> None:
    lead = parse_describe(real("Lead"))
    assert {"LastName", "Company"} <= {f.name for f in lead.fields.values() if f.required_on_create}
    assert not lead.fields["Email"].required_on_create


@pytest.mark.parametrize("sent", [{"ETag": '"abc--gzip"'}, {"Last-Modified": "Wed, 25 Jul 2026 00:00:00 GMT"}])
def test_an_unchanged_describe_is_not_sent_again(sent: dict[str, str]) -> None:
    org = Org(in_turn(httpx2.Response(200, json=real("Account"), headers=sent), httpx2.Response(304)))
    client = org.client()
    first = client.describe("Account")
    assert client.describe("Account") is first
    assert client.describe("Account") is first
    asked = {"ETag": "if-none-match", "Last-Modified": "if-modified-since"}
    for name, value in sent.items():
        assert asked[name] not in org.requests[0].headers
        assert org.requests[1].headers[asked[name]] == value
        assert org.requests[2].headers[asked[name]] == value


def test_a_field_that_vanished_is_gone_from_the_describe() -> None:
    """Never read as empty: the mapping that names it is broken, and shown so by the sync."""
    before, after = real("Account"), copy.deepcopy(real("Account"))
    after["fields"] = [f for f in after["fields"] if f["name"] != "Industry"]
    org = Org(
        in_turn(
            httpx2.Response(200, json=before, headers={"ETag": '"1"'}),
            httpx2.Response(200, json=after, headers={"ETag": '"2"'}),
        )
    )
    client = org.client()
    assert client.describe("Account").get("Industry")
    assert client.describe("Account").get("Industry") is None


def test_an_object_the_user_cannot_see_is_named() -> None:
    org = Org(in_turn(refusal(404, "NOT_FOUND", "The requested resource does not exist")))
    with pytest.raises(errors.InvalidType) as missing:
        org.client().describe("Campaign")
    assert missing.value.sobject == "Campaign"


@pytest.mark.parametrize("name", ["", "../limits", "Account/describe", "Account?x", "1Account", "Account\n"])
def test_a_name_that_is_none_never_becomes_part_of_a_path(name: str) -> None:
    org = Org(in_turn(httpx2.Response(200, json={})))
    with pytest.raises(errors.InvalidType):
        org.client().describe(name)
    assert org.requests == []


@pytest.mark.parametrize("body", [{}, {"fields": None}, {"name": "A", "label": "A", "fields": [{"name": "x"}]}, [], 1])
def test_a_describe_of_another_shape_is_refused(body: Any) -> None:
    with pytest.raises(errors.BadAnswer):
        Org(in_turn(httpx2.Response(200, json=body))).client().describe("Account")


def test_the_global_describe_lists_what_the_user_can_see() -> None:
    body = {
        "encoding": "UTF-8",
        "maxBatchSize": 200,
        "sobjects": [{k: v for k, v in real("Account").items() if k != "fields"}],
    }
    seen = Org(in_turn(httpx2.Response(200, json=body))).client().describe_global()
    assert list(seen.objects) == ["Account"]
    assert seen.objects["Account"].queryable
    with pytest.raises(errors.BadAnswer):
        Org(in_turn(httpx2.Response(200, json={"sobjects": [{}]}))).client().describe_global()
