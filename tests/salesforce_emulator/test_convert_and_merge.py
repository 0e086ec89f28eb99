"""Lead conversion and merge, as they happen on Salesforce's pages."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from tests.salesforce_emulator.client import Api, OpenApi

from salesforce_emulator import OrgStore
from salesforce_emulator.schema import BASE
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


def test_a_membership_of_both_becomes_one(api: Api, lead: str) -> None:
    """One membership is kept: it "keeps LeadId and gains ContactId", and the status that is further along."""
    account = api.create("Account", Name="A")
    contact = api.create("Contact", LastName="Lee", AccountId=account)
    ahead, behind = api.create("Campaign", Name="Ahead"), api.create("Campaign", Name="Behind")
    api.create("CampaignMember", CampaignId=ahead, LeadId=lead, Status="Sent")
    api.create("CampaignMember", CampaignId=ahead, ContactId=contact, Status="Responded")
    api.create("CampaignMember", CampaignId=behind, LeadId=lead, Status="Responded")
    api.create("CampaignMember", CampaignId=behind, ContactId=contact, Status="Sent")
    api.org.store.convert_lead(lead, ConvertOptions(account_id=account, contact_id=contact))
    both = {"LeadId": lead, "ContactId": contact, "Status": "Responded", "HasResponded": True}
    assert api.rows("SELECT LeadId, ContactId, Status, HasResponded FROM CampaignMember") == [both, both]
    (row,) = api.rows(f"SELECT NumberOfLeads, NumberOfContacts, NumberOfConvertedLeads, NumberOfResponses "
                      f"FROM Campaign WHERE Id = '{ahead}'")  # fmt: skip
    assert row == {"NumberOfLeads": 0, "NumberOfContacts": 1, "NumberOfConvertedLeads": 1, "NumberOfResponses": 1}


def refused(api: Api, lead: str, **options: Any) -> str:
    with pytest.raises(RecordError) as caught:
        api.org.store.convert_lead(lead, ConvertOptions(**options))
    return str(caught.value)


def test_the_status_is_one_that_means_converted(api: Api, lead: str) -> None:
    """ "invalid convertedStatus"; LeadStatus.IsConverted says which are valid."""
    wrong = "INVALID_STATUS: invalid convertedStatus: Closed - Not Converted"
    assert refused(api, lead, status="Closed - Not Converted") == wrong
    api.org.store.convert_lead(lead, ConvertOptions(status="closed - converted"))
    assert api.rows("SELECT Status FROM Lead") == [{"Status": "Closed - Converted"}]


def test_what_a_conversion_needs(api: Api, lead: str) -> None:
    account = api.create("Account", Name="A")
    contact = api.create("Contact", LastName="C", AccountId=account)
    assert refused(api, lead, contact_id=contact).startswith("MISSING_ARGUMENT")
    assert refused(api, lead, overwrite_lead_source=True).startswith("MISSING_ARGUMENT")
    other = api.create("Account", Name="B")
    assert refused(api, lead, account_id=other, contact_id=contact).startswith("INVALID_CROSS_REFERENCE_KEY")
    gone = api.create("Account", Name="G")
    api.delete(f"sobjects/Account/{gone}")
    assert refused(api, lead, account_id=gone) == "ENTITY_IS_DELETED: entity is deleted"
    with api.org.store.session() as session:
        session.update("User", BASE.reps[0], {"IsActive": False})
    assert refused(api, lead, owner_id=BASE.reps[0]).startswith("INACTIVE_OWNER_OR_USER")
    assert api.rows("SELECT IsConverted FROM Lead") == [{"IsConverted": False}]


def test_owner_and_lead_source(api: Api, lead: str) -> None:
    """New records go to the owner named; the contact's LeadSource is overwritten only on request."""
    account = api.create("Account", Name="A")
    contact = api.create("Contact", LastName="C", AccountId=account, LeadSource="Other")
    second = api.create("Lead", LastName="Two", Company="Two Ltd", LeadSource="Web")
    store = api.org.store
    store.convert_lead(lead, ConvertOptions(account_id=account, contact_id=contact, create_opportunity=False))
    assert api.rows("SELECT LeadSource FROM Contact") == [{"LeadSource": "Other"}]
    into = ConvertOptions(
        account_id=account, contact_id=contact, overwrite_lead_source=True, owner_id=BASE.reps[1],
        opportunity_name="Named",
    )  # fmt: skip
    store.convert_lead(second, into)
    assert api.rows("SELECT LeadSource FROM Contact") == [{"LeadSource": "Web"}]
    assert api.rows("SELECT Name, OwnerId FROM Opportunity") == [{"Name": "Named", "OwnerId": BASE.reps[1]}]


def test_into_an_opportunity_that_is_there(api: Api, lead: str) -> None:
    account = api.create("Account", Name="A")
    deal = api.create("Opportunity", Name="O", StageName="Proposal/Price Quote", CloseDate="2026-12-01",
                      AccountId=account)  # fmt: skip
    found = api.org.store.convert_lead(lead, ConvertOptions(account_id=account, opportunity_id=deal))
    assert found.opportunity_id == deal
    assert api.rows("SELECT Id, LeadSource, ContactId FROM Opportunity") == [
        {"Id": deal, "LeadSource": "Web", "ContactId": found.contact_id}
    ]


def test_who_converted_and_when(open_api: OpenApi) -> None:
    """Stamps and users of all that a conversion touched, and of nothing else."""
    moment = datetime(2026, 11, 20, 12, tzinfo=UTC)
    store = OrgStore(clock=lambda: moment)
    api = open_api(store=store)
    lead = api.create("Lead", LastName="Lee", Company="Lee Ltd", LeadSource="Web")
    account = api.create("Account", Name="A", AccountSource="Web")
    campaign = api.create("Campaign", Name="C")
    api.create("CampaignMember", CampaignId=campaign, LeadId=lead)
    moment += timedelta(hours=1)
    store.convert_lead(lead, ConvertOptions(account_id=account), user_id=BASE.reps[2])
    later, earlier = "2026-11-20T13:00:00.000+0000", "2026-11-20T12:00:00.000+0000"
    for sobject in ("Lead", "Contact", "Opportunity", "OpportunityContactRole", "CampaignMember"):
        (row,) = api.rows(f"SELECT LastModifiedById, LastModifiedDate, SystemModstamp FROM {sobject}")
        assert row == {"LastModifiedById": BASE.reps[2], "LastModifiedDate": later, "SystemModstamp": later}, sobject
    for sobject in ("Account", "Campaign"):  # the account lacked nothing; a campaign's counts are roll-ups
        assert api.rows(f"SELECT SystemModstamp FROM {sobject}") == [{"SystemModstamp": earlier}], sobject
    for sobject in ("Contact", "Opportunity"):
        assert api.rows(f"SELECT CreatedById FROM {sobject}") == [{"CreatedById": BASE.reps[2]}], sobject


def test_a_long_company_still_makes_an_opportunity(api: Api) -> None:
    lead = api.create("Lead", LastName="L", Company="x" * 255)
    api.org.store.convert_lead(lead)
    (row,) = api.rows("SELECT Name FROM Opportunity")
    assert row["Name"] == "x" * 79 + "-"


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


def test_of_two_memberships_the_further_is_kept(api: Api) -> None:
    campaign = api.create("Campaign", Name="C")
    master, loser = (api.create("Contact", LastName=n) for n in "AB")
    kept = api.create("CampaignMember", CampaignId=campaign, ContactId=master)
    api.create("CampaignMember", CampaignId=campaign, ContactId=loser, Status="Responded")
    found = api.org.store.merge("Contact", master, [loser])
    assert api.rows("SELECT Id, Status FROM CampaignMember") == [{"Id": kept, "Status": "Responded"}]
    assert found.updated_related_ids == []
    assert api.rows("SELECT Id FROM CampaignMember", deleted=True) == [{"Id": kept}], "the other is removed at once"


def test_what_a_merge_moves_and_stamps(open_api: OpenApi) -> None:
    """Contacts, opportunities, child accounts; the winner's own parent is emptied where it was a loser."""
    moment = datetime(2026, 11, 20, 12, tzinfo=UTC)
    store = OrgStore(clock=lambda: moment)
    api = open_api(store=store)
    first, second = api.create("Account", Name="L1"), api.create("Account", Name="L2")
    master = api.create("Account", Name="M", ParentId=first)
    child = api.create("Account", Name="Child", ParentId=first)
    contact = api.create("Contact", LastName="C", AccountId=second)
    untouched = api.create("Contact", LastName="U", AccountId=master)
    deal = api.create("Opportunity", Name="O", StageName="Prospecting", CloseDate="2026-12-01", AccountId=first)
    moment += timedelta(hours=1)
    found = store.merge("Account", master, [first, second], {"Phone": "1"}, user_id=BASE.reps[0])
    assert (found.merged_ids, set(found.updated_related_ids)) == ([first, second], {child, contact, deal})
    rows = api.rows("SELECT Id, ParentId, MasterRecordId, IsDeleted FROM Account", deleted=True)
    assert {r.pop("Id"): tuple(r.values()) for r in rows} == {
        master: (None, None, False),
        child: (master, None, False),
        first: (None, master, True),
        second: (None, master, True),
    }
    later = "2026-11-20T13:00:00.000+0000"
    rows = api.rows("SELECT Id, AccountId, SystemModstamp, LastModifiedById FROM Contact")
    moved = {r["Id"]: (r["AccountId"], r["SystemModstamp"] == later, r["LastModifiedById"]) for r in rows}
    assert moved == {contact: (master, True, BASE.reps[0]), untouched: (master, False, BASE.integration)}


def test_the_loser_comes_back_without_its_children(api: Api) -> None:
    """ "You can undelete records deleted in a merge, but their child objects have been reparented"."""
    master, loser = api.create("Account", Name="M"), api.create("Account", Name="L")
    contact = api.create("Contact", LastName="C", AccountId=loser)
    binned = api.create("Contact", LastName="Binned", AccountId=loser)
    api.delete(f"sobjects/Contact/{binned}")
    api.org.store.merge("Account", master, [loser])
    with api.org.store.session() as session:
        session.undelete("Contact", binned)
        session.undelete("Account", loser)
    assert api.rows("SELECT Id, MasterRecordId FROM Account WHERE Name = 'L'") == [
        {"Id": loser, "MasterRecordId": None}
    ]
    rows = api.rows("SELECT Id, AccountId FROM Contact")
    assert {r["Id"]: r["AccountId"] for r in rows} == {contact: master, binned: master}


def test_what_cannot_be_merged(api: Api, lead: str) -> None:
    other = api.create("Lead", LastName="B", Company="C")
    api.org.store.convert_lead(other)
    with pytest.raises(RecordError, match="CANNOT_UPDATE_CONVERTED_LEAD"):
        api.org.store.merge("Lead", lead, [other])
    with pytest.raises(RecordError, match="INVALID_OPERATION"):
        api.org.store.merge("Lead", lead, [lead])
    deal = api.create("Opportunity", Name="O", StageName="Prospecting", CloseDate="2026-01-01")
    with pytest.raises(RecordError, match="INVALID_TYPE_FOR_OPERATION"):
        api.org.store.merge("Opportunity", deal, [deal])


@pytest.mark.parametrize(("day", "end"), [("2026-01-01", "2026-03-31"), ("2026-12-31", "2026-12-31")])
def test_a_converted_leads_deal_closes_with_the_quarter(day: str, end: str) -> None:
    assert quarter_end(date.fromisoformat(day)) == date.fromisoformat(end)
