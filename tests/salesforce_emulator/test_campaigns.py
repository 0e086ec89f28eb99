"""Campaigns, their members and the statuses a member may have."""

from __future__ import annotations

import pytest
from tests.salesforce_emulator.client import Api


@pytest.fixture
def campaign(api: Api) -> str:
    return api.create("Campaign", Name="Webinar")


def members(api: Api, **values: str) -> tuple[int, str]:
    answer = api.post("sobjects/CampaignMember", json=values)
    return answer.status_code, "" if answer.status_code == 201 else answer.json()[0]["errorCode"]


def test_a_new_campaign_has_two_statuses(api: Api, campaign: str) -> None:
    rows = api.rows("SELECT Label, IsDefault, HasResponded FROM CampaignMemberStatus ORDER BY SortOrder")
    assert rows == [
        {"Label": "Sent", "IsDefault": True, "HasResponded": False},
        {"Label": "Responded", "IsDefault": False, "HasResponded": True},
    ]


def test_a_member_is_a_lead_or_a_contact(api: Api, campaign: str) -> None:
    """ "CampaignMember needs CampaignId and exactly one of LeadId, ContactId"."""
    lead = api.create("Lead", LastName="L", Company="C", Email="l@c.example")
    contact = api.create("Contact", LastName="C")
    assert members(api, CampaignId=campaign) == (400, "REQUIRED_FIELD_MISSING")
    assert members(api, LeadId=lead) == (400, "REQUIRED_FIELD_MISSING")
    assert members(api, CampaignId=campaign, LeadId=lead, ContactId=contact)[0] == 400
    assert members(api, CampaignId=campaign, LeadId=lead) == (201, "")
    assert members(api, CampaignId=campaign, LeadId=lead) == (400, "DUPLICATE_VALUE")
    (row,) = api.rows("SELECT Status, HasResponded, Name, Email, CompanyOrAccount, Type FROM CampaignMember")
    assert row == {
        "Status": "Sent", "HasResponded": False, "Name": "L", "Email": "l@c.example", "CompanyOrAccount": "C",
        "Type": "Lead",
    }  # fmt: skip


def test_a_status_must_be_one_of_the_campaigns(api: Api, campaign: str) -> None:
    """ "its Status must be one of the campaign's CampaignMemberStatus labels"."""
    contact = api.create("Contact", LastName="C")
    wrong = members(api, CampaignId=campaign, ContactId=contact, Status="Attended")
    assert wrong == (400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")
    api.create("CampaignMemberStatus", CampaignId=campaign, Label="Attended", HasResponded=True)
    assert members(api, CampaignId=campaign, ContactId=contact, Status="Attended") == (201, "")
    (row,) = api.rows("SELECT HasResponded, FirstRespondedDate FROM CampaignMember")
    assert row["HasResponded"]
    assert row["FirstRespondedDate"]


def test_counts_do_not_move_the_stamp(api: Api, campaign: str) -> None:
    """ "formulas and roll-ups don't move SystemModstamp"."""
    before = api.rows("SELECT SystemModstamp FROM Campaign")
    contact = api.create("Contact", LastName="C")
    members(api, CampaignId=campaign, ContactId=contact)
    api.create("Opportunity", Name="O", StageName="Closed Won", CloseDate="2026-01-31", Amount=7, CampaignId=campaign)
    (row,) = api.rows("SELECT NumberOfContacts, NumberOfLeads, AmountWonOpportunities FROM Campaign")
    assert row == {"NumberOfContacts": 1, "NumberOfLeads": 0, "AmountWonOpportunities": 7.0}
    assert api.rows("SELECT SystemModstamp FROM Campaign") == before
