"""Lead conversion and merge, as they happen on Salesforce's pages."""

from __future__ import annotations

import pytest
from tests.salesforce_emulator.client import Api

from salesforce_emulator.store import ConvertOptions, RecordError
from salesforce_emulator.store.convert import quarter_end


@pytest.fixture
def lead(api: Api) -> str:
    return api.create(
        "Lead", FirstName="Ann", LastName="Lee", Company="Lee Ltd", Email="ann@lee.example", City="Ulm",
        LeadSource="Web", AnnualRevenue=9,
    )  # fmt: skip


def test_a_lead_becomes_account_contact_and_opportunity(api: Api, lead: str) -> None:
    """ "Lead: IsConverted, ConvertedDate, ConvertedAccountId, ConvertedContactId, ConvertedOpportunityId"."""
    found = api.org.store.convert_lead(lead)
    (row,) = api.rows("SELECT IsConverted, ConvertedAccountId, ConvertedContactId, ConvertedOpportunityId FROM Lead")
    assert row == {
        "IsConverted": True,
        "ConvertedAccountId": found.account_id,
        "ConvertedContactId": found.contact_id,
        "ConvertedOpportunityId": found.opportunity_id,
    }
    (account,) = api.rows("SELECT Name, BillingCity, AnnualRevenue, AccountSource FROM Account")
    assert account == {"Name": "Lee Ltd", "BillingCity": "Ulm", "AnnualRevenue": 9.0, "AccountSource": "Web"}
    (contact,) = api.rows("SELECT Name, Email, MailingCity, AccountId FROM Contact")
    assert contact == {
        "Name": "Ann Lee", "Email": "ann@lee.example", "MailingCity": "Ulm", "AccountId": found.account_id,
    }  # fmt: skip
    (role,) = api.rows("SELECT ContactId, IsPrimary FROM OpportunityContactRole")
    assert role == {"ContactId": found.contact_id, "IsPrimary": True}
    (deal,) = api.rows("SELECT Name, StageName, ContactId FROM Opportunity")
    assert deal == {"Name": "Lee Ltd-", "StageName": "Prospecting", "ContactId": found.contact_id}


def test_a_converted_lead_is_closed_for_ever(api: Api, lead: str) -> None:
    """ "CANNOT_UPDATE_CONVERTED_LEAD 400"."""
    api.org.store.convert_lead(lead)
    answer = api.patch(f"sobjects/Lead/{lead}", json={"Title": "x"})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "CANNOT_UPDATE_CONVERTED_LEAD")
    with pytest.raises(RecordError, match="CANNOT_UPDATE_CONVERTED_LEAD"):
        api.org.store.convert_lead(lead)


def test_campaign_members_keep_the_lead_and_gain_the_contact(api: Api, lead: str) -> None:
    """ "A converted lead's CampaignMember keeps LeadId and gains ContactId"."""
    campaign = api.create("Campaign", Name="C")
    api.create("CampaignMember", CampaignId=campaign, LeadId=lead)
    found = api.org.store.convert_lead(lead)
    assert api.rows("SELECT LeadId, ContactId, Type FROM CampaignMember") == [
        {"LeadId": lead, "ContactId": found.contact_id, "Type": "Contact"}
    ]
    assert api.rows("SELECT CampaignId FROM Opportunity") == [{"CampaignId": campaign}]


def test_converting_into_what_is_there(api: Api, lead: str) -> None:
    account = api.create("Account", Name="Kept", BillingCity="Bonn")
    contact = api.create("Contact", LastName="Kept", AccountId=account)
    options = ConvertOptions(account_id=account, contact_id=contact, create_opportunity=False)
    assert api.org.store.convert_lead(lead, options).opportunity_id is None
    assert api.rows("SELECT Name, BillingCity FROM Account") == [{"Name": "Kept", "BillingCity": "Bonn"}]
    assert api.rows("SELECT Email FROM Contact") == [{"Email": "ann@lee.example"}]


def test_merge(api: Api) -> None:
    """ "queryAll shows deleted and merged rows (IsDeleted, MasterRecordId on Account, Contact, Lead)"."""
    master, loser = api.create("Account", Name="M"), api.create("Account", Name="L")
    contact = api.create("Contact", LastName="C", AccountId=loser)
    api.org.store.merge("Account", master, [loser], {"Industry": "Banking"})
    assert api.rows("SELECT Id, Industry FROM Account") == [{"Id": master, "Industry": "Banking"}]
    assert api.rows("SELECT Id, MasterRecordId FROM Account WHERE IsDeleted = true", deleted=True) == [
        {"Id": loser, "MasterRecordId": master}
    ]
    assert api.rows("SELECT Id, AccountId FROM Contact") == [{"Id": contact, "AccountId": master}]


def test_merged_contacts_are_in_a_campaign_once(api: Api) -> None:
    campaign = api.create("Campaign", Name="C")
    contacts = [api.create("Contact", LastName=n) for n in "AB"]
    for contact in contacts:
        api.create("CampaignMember", CampaignId=campaign, ContactId=contact)
    api.org.store.merge("Contact", contacts[0], contacts[1:])
    assert api.rows("SELECT ContactId FROM CampaignMember") == [{"ContactId": contacts[0]}]


def test_what_cannot_be_merged(api: Api, lead: str) -> None:
    other = api.create("Lead", LastName="B", Company="C")
    api.org.store.convert_lead(other)
    with pytest.raises(RecordError, match="CANNOT_UPDATE_CONVERTED_LEAD"):
        api.org.store.merge("Lead", lead, [other])
    with pytest.raises(RecordError, match="INVALID_ARGUMENT"):
        api.org.store.merge("Lead", lead, [lead])
    deal = api.create("Opportunity", Name="O", StageName="Prospecting", CloseDate="2026-01-01")
    with pytest.raises(RecordError, match="INVALID_TYPE_FOR_OPERATION"):
        api.org.store.merge("Opportunity", deal, [deal])


@pytest.mark.parametrize(("day", "end"), [("2026-01-01", "2026-03-31"), ("2026-12-31", "2026-12-31")])
def test_a_converted_leads_deal_closes_with_the_quarter(day: str, end: str) -> None:
    from datetime import date

    assert quarter_end(date.fromisoformat(day)) == date.fromisoformat(end)
