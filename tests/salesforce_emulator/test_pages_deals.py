"""What a rep does with several records at once: convert, merge, campaign members, an opportunity's stage."""

from __future__ import annotations

import re

import pytest
from tests.salesforce_emulator.client import Api
from tests.salesforce_emulator.rep import Rep

from salesforce_emulator.schema import BASE


@pytest.fixture
def rep(api: Api) -> Rep:
    return Rep(api)


# -- converting


def test_a_lead_becomes_an_account_a_contact_and_an_opportunity(api: Api, rep: Rep) -> None:
    lead = api.create("Lead", LastName="Lee", FirstName="Ana", Company="Lee Ltd")
    page = rep.send(f"/o/Lead/{lead}/convert", opportunity_name="Lee, first deal")
    assert "The lead has been converted." in page
    assert "<bdi>Lee Ltd</bdi></h1>" in page
    (row,) = api.rows("SELECT IsConverted, Status, LastModifiedById FROM Lead")
    assert row == {"IsConverted": True, "Status": "Closed - Converted", "LastModifiedById": BASE.reps[0]}
    assert api.rows("SELECT Name FROM Opportunity") == [{"Name": "Lee, first deal"}]
    assert api.rows("SELECT Account.Name, Name FROM Contact")[0]["Name"] == "Ana Lee"
    shown = rep.open(f"/o/Lead/{lead}")
    assert "This lead has been converted" in shown
    assert "Edit</a>" not in shown


def test_a_lead_is_converted_into_what_is_there(api: Api, rep: Rep) -> None:
    lead = api.create("Lead", LastName="Lee", Company="Lee Ltd")
    account = api.create("Account", Name="Lee Ltd")
    contact = api.create("Contact", LastName="Lee", AccountId=account)
    page = rep.open(f"/o/Lead/{lead}/convert")
    assert f'data-id="{account}"' in page, "the account of the lead's company is proposed"
    assert f'data-id="{contact}"' in page
    rep.send(
        f"/o/Lead/{lead}/convert", account="existing", AccountId="Lee Ltd", contact="existing", ContactId="Lee",
        opportunity="none", OwnerId="Sam Sato",
    )  # fmt: skip
    ids = "ConvertedAccountId, ConvertedContactId, ConvertedOpportunityId"
    assert api.rows(f"SELECT {ids} FROM Lead") == [
        {"ConvertedAccountId": account, "ConvertedContactId": contact, "ConvertedOpportunityId": None}
    ]


def test_a_lead_joins_an_opportunity_that_is_there(api: Api, rep: Rep) -> None:
    lead = api.create("Lead", LastName="Lee", Company="Lee Ltd")
    account = api.create("Account", Name="Lee Ltd")
    deal = api.create("Opportunity", Name="Deal", StageName="Prospecting", CloseDate="2026-12-31", AccountId=account)
    existing = {"account": "existing", "AccountId": account, "opportunity": "existing", "OpportunityId": "Deal"}
    rep.send(f"/o/Lead/{lead}/convert", **existing)
    assert api.rows("SELECT ConvertedOpportunityId FROM Lead") == [{"ConvertedOpportunityId": deal}]
    assert len(api.rows("SELECT Id FROM Opportunity")) == 1


def test_what_is_missing_for_a_conversion_is_said(api: Api, rep: Rep) -> None:
    lead = api.create("Lead", LastName="Lee", Company="Lee Ltd")
    other = api.create("Contact", LastName="Elsewhere", AccountId=api.create("Account", Name="Other"))
    page = rep.send(f"/o/Lead/{lead}/convert", status=422, account="existing")
    assert "Choose the account." in page
    api.create("Account", Name="Lee Ltd")
    page = rep.send(
        f"/o/Lead/{lead}/convert", status=422, account="existing", AccountId="Lee Ltd", contact="existing",
        ContactId=other, opportunity_name="Kept",
    )  # fmt: skip
    assert "parent account does not match" in page.replace("&#39;", "'")
    assert 'value="Kept"' in page
    assert api.rows("SELECT IsConverted FROM Lead") == [{"IsConverted": False}]


def test_a_converted_lead_is_not_converted_again(api: Api, rep: Rep) -> None:
    lead = api.create("Lead", LastName="L", Company="Lee Ltd")
    rep.send(f"/o/Lead/{lead}/convert")
    assert "cannot reference converted lead" in rep.send(f"/o/Lead/{lead}/convert", status=422)


# -- merging


def test_three_accounts_become_one_with_values_of_each(api: Api, rep: Rep) -> None:
    first = api.create("Account", Name="Acme", Phone="1", Industry="Banking")
    second = api.create("Account", Name="Acme Inc", Phone="2", AnnualRevenue=5)
    third = api.create("Account", Name="ACME", NumberOfEmployees=9)
    contact = api.create("Contact", LastName="C", AccountId=third)
    path = f"/o/Account/merge?id={first}&id={second}&id={third}"
    page = rep.send(path, to="/o/Account/merge", master=second, **{"field.Name": third, "field.Phone": first})
    assert "Merged 3 records." in page
    fields = "Id, Name, Phone, Industry, AnnualRevenue, NumberOfEmployees, LastModifiedById"
    assert api.rows(f"SELECT {fields} FROM Account") == [
        {
            "Id": second, "Name": "ACME", "Phone": "1", "Industry": "Banking", "AnnualRevenue": 5.0,
            "NumberOfEmployees": 9, "LastModifiedById": BASE.reps[0],
        }
    ]  # fmt: skip
    assert api.rows("SELECT AccountId FROM Contact") == [{"AccountId": second}]
    loser = rep.open(f"/{first}")
    assert "This record was merged into" in loser
    assert "Undelete" not in loser
    assert contact


def test_records_to_merge_are_chosen_by_name(api: Api, rep: Rep) -> None:
    first, twin = api.create("Lead", LastName="Lee", Company="A"), api.create("Lead", LastName="Lee", Company="B")
    other = api.create("Lead", LastName="Other", Company="C")
    page = rep.open(f"/o/Lead/merge?id={first}")
    assert f'value="{twin}"' in page, "one of the same name is proposed"
    compared = rep.open(f"/o/Lead/merge?id={first}&other2.name=Other&other2=&go=1")
    assert set(re.findall(r'name="id" value="(\w+)"', compared)) == {first, other}
    assert "No record is called" in rep.open(f"/o/Lead/merge?id={first}&other2.name=Nobody&go=1", 422)
    assert "Choose two or three" in rep.open(f"/o/Lead/merge?id={first}&go=1", 422)
    four = "&".join(f"id={api.create('Lead', LastName='X', Company='Y')}" for _ in range(4))
    assert "At most 3" in rep.open(f"/o/Lead/merge?{four}", 422)
    rep.open("/o/Opportunity/merge", 404)


# -- campaign members


def test_a_contact_and_a_lead_join_a_campaign_and_change_their_status(api: Api, rep: Rep) -> None:
    campaign = api.create("Campaign", Name="Fair")
    api.create("CampaignMemberStatus", CampaignId=campaign, Label="Visited", HasResponded=True)
    api.create("Contact", LastName="Con")
    lead = api.create("Lead", LastName="Lead", Company="C")
    add = f"/o/Campaign/{campaign}/add-member"
    assert "Added to the campaign." in rep.send(add, ContactId="Con", Status="Visited")
    rep.send(f"/o/Lead/{lead}/join", CampaignId="Fair")
    rows = api.rows("SELECT Name, Status, HasResponded, CreatedById FROM CampaignMember ORDER BY Name")
    assert rows == [
        {"Name": "Con", "Status": "Visited", "HasResponded": True, "CreatedById": BASE.reps[0]},
        {"Name": "Lead", "Status": "Sent", "HasResponded": False, "CreatedById": BASE.reps[0]},
    ]
    assert "Already a campaign member." in rep.send(add, status=422, ContactId="Con")
    assert "Required fields are missing: [LeadId, ContactId]" in rep.send(f"{add}?kind=Lead", status=422)
    (member,) = api.rows("SELECT Id FROM CampaignMember WHERE Name = 'Lead'")
    rep.send(f"/o/Campaign/{campaign}/members", to=f"/o/CampaignMember/{member['Id']}/step", value="Responded")
    assert api.rows("SELECT Status FROM CampaignMember WHERE Name = 'Lead'") == [{"Status": "Responded"}]


# -- the path


def test_an_opportunitys_stage_is_changed_by_one_click(api: Api, rep: Rep) -> None:
    record = api.create("Opportunity", Name="O", StageName="Prospecting", CloseDate="2026-12-31")
    here = f"/o/Opportunity/{record}"
    page = rep.open(here)
    assert re.search(r'value="Prospecting" aria-current="step"', page)
    assert 'value="Negotiation/Review"' in page
    rep.send(here, to=f"{here}/step", value="Closed Won")
    assert api.rows("SELECT StageName, IsWon, Probability, LastModifiedById FROM Opportunity") == [
        {"StageName": "Closed Won", "IsWon": True, "Probability": 100.0, "LastModifiedById": BASE.reps[0]}
    ]


def test_a_step_that_is_refused_is_said(api: Api, rep: Rep) -> None:
    campaign, contact = api.create("Campaign", Name="Fair"), api.create("Contact", LastName="C")
    here = f"/o/CampaignMember/{api.create('CampaignMember', CampaignId=campaign, ContactId=contact)}"
    page = rep.send(here, to=f"{here}/step", value="Nonsense")
    assert "Status: bad value for restricted picklist field: Nonsense" in page
    account = api.create("Account", Name="A")
    token = dict(rep.form("/", "/acting"))["csrf"]
    assert rep.http.post(f"/o/Account/{account}/step", data={"csrf": token, "value": "x"}).status_code == 404


def test_a_leads_path_leaves_converting_to_its_page(api: Api, rep: Rep) -> None:
    page = rep.open(f"/{api.create('Lead', LastName='L', Company='C')}")
    assert 'value="Working - Contacted"' in page
    assert 'value="Closed - Converted"' not in page
