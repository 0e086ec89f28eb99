"""Campaigns and the statuses of their members, over the wire, against a whole org."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection as database
from tests.sync.live import Live, Orgs, late_clock
from tests.sync.org import Org, account, new_connection, sf_id

from abmatic.audiences.models import Opportunity
from abmatic.campaigns.models import Campaign, CampaignMember, CampaignMemberStatus
from abmatic.changes.models import Change
from abmatic.sync.models import FieldMapping, MirrorCampaign, MirrorMember, MirrorOpportunity, ObjectSetting
from abmatic.sync.objects import OBJECTS
from abmatic.sync.pull import removals

pytestmark = pytest.mark.django_db(transaction=True)


def ours(statement: str) -> set[tuple[Any, ...]]:
    with database.cursor() as cursor:
        cursor.execute(statement)
        return set(cursor.fetchall())


def campaign(number: int) -> str:
    return sf_id("701", number)


@pytest.fixture
def live(orgs: Orgs) -> Live:
    live = orgs.generated(12)
    live.sync_well()
    return live


def test_the_first_import_holds_what_the_org_says(live: Live) -> None:
    assert Campaign.objects.count() == live.number('SELECT count(*) FROM "Campaign" WHERE "IsDeleted" = 0') > 5
    theirs = live.rows(
        'SELECT "Id", "Name", "Type", "Status", "IsActive" = 1, "StartDate", "EndDate", "BudgetedCost", "ActualCost", '
        '"ExpectedRevenue", "ParentId" FROM "Campaign"'
    )
    assert {tuple(None if v is None else str(v) for v in row) for row in theirs} == {
        tuple(None if v is None else str(v) for v in row)
        for row in ours(
            "SELECT m.sf_id, c.name, c.type, c.status, c.is_active::int, c.start_date, c.end_date, "
            "c.budgeted_cost::float, c.actual_cost::float, c.expected_revenue::float, p.sf_id "
            "FROM campaign AS c JOIN mirror_campaign AS m ON m.local_id = c.id "
            "LEFT JOIN mirror_campaign AS p ON p.local_id = c.parent_id"
        )
    }
    assert Campaign.objects.filter(parent__isnull=False, owner__isnull=False, created_by__isnull=False).exists()


def test_the_statuses_of_members_are_their_campaigns(live: Live) -> None:
    theirs = live.rows(
        'SELECT "CampaignId", "Label", "SortOrder", "IsDefault", "HasResponded" FROM "CampaignMemberStatus" '
        'WHERE "IsDeleted" = 0'
    )
    assert set(theirs) == ours(
        "SELECT m.sf_id, s.label, s.position, s.is_default::int, s.is_responded::int FROM campaign_member_status AS s "
        "JOIN mirror_campaign AS m ON m.local_id = s.campaign_id"
    )
    (sf_id,), *_ = live.rows('SELECT "Id" FROM "CampaignMemberStatus" WHERE "Label" = \'Sent\'')
    kept = CampaignMemberStatus.objects.count()
    with live.editing() as session:
        session.update("CampaignMemberStatus", sf_id, {"Label": "Invited"})
    live.sync_well("Campaign")
    assert CampaignMemberStatus.objects.count() == kept
    assert CampaignMemberStatus.objects.filter(label="Invited").count() == 1
    with live.editing() as session:
        session.delete("CampaignMemberStatus", sf_id)
    live.sync_well("Campaign")
    assert CampaignMemberStatus.objects.count() == kept - 1


def test_members_are_the_people_of_their_campaigns(live: Live) -> None:
    theirs = live.rows(
        'SELECT "CampaignId", coalesce("ContactId", "LeadId"), "Status" '
        'FROM "CampaignMember" WHERE "IsDeleted" = 0 AND "CampaignId" IN (SELECT "Id" FROM "Campaign")'
    )
    assert len(theirs) > 3
    # One person may be there twice: then the other status counts.
    ours_by_row = ours(
        "SELECT c.sf_id, coalesce(m.contact_sf_id, m.lead_sf_id), t.status "
        "FROM campaign_member AS t JOIN mirror_campaign_member AS m ON m.local_id = t.id AND m.role = 1 "
        "JOIN mirror_campaign AS c ON c.local_id = t.campaign_id WHERE NOT t.is_removed"
    )
    assert ours_by_row <= set(theirs)
    assert len(ours_by_row) == CampaignMember.objects.filter(is_removed=False).count()
    people = ours(
        "SELECT m.sf_id FROM mirror_campaign_member AS m JOIN campaign_member AS t ON t.id = m.local_id "
        "WHERE NOT m.is_deleted AND t.contact_id = coalesce("
        "(SELECT local_id FROM mirror_contact WHERE sf_id = m.contact_sf_id), "
        "(SELECT local_id FROM mirror_lead WHERE sf_id = m.lead_sf_id))"
    )
    assert len(people) == len(theirs)


def test_a_members_status_changed_in_salesforce(live: Live) -> None:
    ((sf_id,),) = live.rows('SELECT "Id" FROM "CampaignMember" WHERE "IsDeleted" = 0 AND "Status" = \'Sent\' LIMIT 1')
    with live.editing() as session:
        session.update("CampaignMember", sf_id, {"Status": "Responded"})
    run = live.sync_well("Campaign")["CampaignMember"]
    assert run.counts["updated"] == 1
    mirror = MirrorMember.objects.get(sf_id=sf_id)
    here = CampaignMember.objects.get(pk=mirror.local_id)
    assert (here.status, here.has_responded, here.first_responded is None) == ("Responded", True, False)
    again = live.sync_well("Campaign")["CampaignMember"]
    assert again.counts["unchanged"] == again.counts["read"] > 0


def test_a_member_who_was_removed_leaves_no_trace_but_the_log_and_is_found_by_one_call(live: Live) -> None:
    ((sf_id,),) = live.rows('SELECT "Id" FROM "CampaignMember" WHERE "IsDeleted" = 0 LIMIT 1')
    mirror = MirrorMember.objects.get(sf_id=sf_id)
    with live.editing() as session:
        session.delete("CampaignMember", sf_id)
    assert not live.rows('SELECT 1 FROM "CampaignMember" WHERE "Id" = ?', sf_id)
    run = live.sync_well("Campaign")["CampaignMember"]
    assert run.counts["deleted"] == 1
    assert run.api_calls == 1
    assert CampaignMember.objects.get(pk=mirror.local_id).is_removed
    assert Change.objects.filter(record="campaign_member", record_id=mirror.local_id, field="is_removed").exists()
    again = live.sync_well("Campaign")["CampaignMember"]
    assert again.counts["deleted"] == 0
    assert not ObjectSetting.objects.get(sobject="Campaign").removals["CampaignMember"]["missed"]


def test_what_salesforce_has_forgotten_is_known_to_be_missed(live: Live) -> None:
    setting = ObjectSetting.objects.get(sobject="Campaign")
    long_ago = late_clock() - timedelta(days=40)
    setting.removals = {"CampaignMember": {"until": long_ago.isoformat(), "missed": False}}
    setting.save()
    live.sync_well("Campaign")
    setting.refresh_from_db()
    entry = setting.removals["CampaignMember"]
    assert entry["missed"], "only a comparison of all records tells what went in between"
    assert datetime.fromisoformat(entry["until"]) > late_clock() - timedelta(minutes=5)
    removals.compared(setting, OBJECTS["CampaignMember"], late_clock())
    assert not setting.removals["CampaignMember"]["missed"]


def test_deals_are_put_down_to_their_campaign(live: Live) -> None:
    linked = live.rows('SELECT "Id", "CampaignId" FROM "Opportunity" WHERE "IsDeleted" = 0 AND "CampaignId" <> \'\'')
    assert linked
    assert set(linked) == ours(
        "SELECT m.sf_id, c.sf_id FROM opportunity AS o JOIN mirror_opportunity AS m ON m.local_id = o.id "
        "JOIN mirror_campaign AS c ON c.local_id = o.campaign_id"
    )
    deal = MirrorOpportunity.objects.get(sf_id=linked[0][0])
    with live.editing() as session:
        session.update("Opportunity", deal.sf_id, {"CampaignId": None})
    live.sync_well("Opportunity")
    assert Opportunity.objects.get(pk=deal.local_id).campaign_id is None
    assert Change.objects.get(record="opportunity", record_id=deal.local_id, field="campaign_id").after is None


def test_what_changes_in_salesforce_is_a_change_here_and_then_all_is_quiet(live: Live) -> None:
    record = MirrorCampaign.objects.exclude(local_id=None).order_by("sf_id").first()
    assert record is not None
    with live.editing() as session:
        session.update("Campaign", record.sf_id, {"Status": "Aborted", "IsActive": True, "ActualCost": 12.5})
        session.insert("Campaign", {"Name": "Fair", "ParentId": record.sf_id})
    run = live.sync_well("Campaign")["Campaign"]
    assert (run.counts["created"], run.counts["updated"]) == (1, 1)
    assert Campaign.objects.get(name="Fair").parent_id == record.local_id
    changes = Change.objects.filter(record="campaign", record_id=record.local_id, cause=run.cause)
    assert {c.field: c.after for c in changes}.items() >= {"status": "Aborted", "actual_cost": 12.5}.items()
    again = live.sync_well("Campaign")["Campaign"]
    assert again.counts["unchanged"] == again.counts["read"] > 0


def test_an_idle_sync_of_everything_costs_a_call_an_object(live: Live) -> None:
    for setting in ObjectSetting.objects.all():
        # The window goes back five minutes: only an org that was quiet for that long has nothing to read.
        setting.cursor = max(setting.cursor or late_clock(), late_clock())
        setting.riders = dict.fromkeys(setting.riders, setting.cursor.isoformat())
        setting.save()
    before = live.org.counted_calls()
    again = live.sync_well()
    assert {run.api_calls for run in again.values()} == {1}
    assert live.org.counted_calls() - before == len(again)


def test_a_field_that_the_org_lacks_is_skipped_and_nothing_is_emptied(live: Live) -> None:
    FieldMapping.objects.filter(setting__sobject="Campaign", sf_field="Type").update(sf_field="Kind__c")
    before = ours("SELECT id, type FROM campaign")
    live.sync_well("Campaign", full=True)
    assert ours("SELECT id, type FROM campaign") == before
    assert FieldMapping.objects.get(setting__sobject="Campaign", sf_field="Kind__c").broken


class TestWhatWaits:
    def test_a_campaign_whose_parent_comes_in_the_same_page_or_later(self) -> None:
        org = Org(new_connection())
        org.pull("Campaign", [
            org.record(Id=campaign(2), Name="Child", ParentId=campaign(1)),
            org.record(Id=campaign(3), Name="Grandchild", ParentId=campaign(2)),
        ])  # fmt: skip
        assert Campaign.objects.get(name="Grandchild").parent == Campaign.objects.get(name="Child")
        assert Campaign.objects.get(name="Child").parent is None
        org.pull("Campaign", [org.record(Id=campaign(1), Name="Parent")])
        assert Campaign.objects.get(name="Child").parent == Campaign.objects.get(name="Parent")
        assert not MirrorCampaign.objects.exclude(waiting_for=None).exists()

    @pytest.mark.parametrize("order", ["account first", "campaign first"])
    def test_a_deal_that_lacks_both_its_account_and_its_campaign(self, order: str) -> None:
        org = Org(new_connection())
        org.pull("Opportunity", [
            org.record(Id=sf_id("006", 1), Name="Deal", AccountId=account(1), CampaignId=campaign(1),
                       IsClosed=False, IsWon=False)
        ])  # fmt: skip
        pulls = [
            ("Account", org.record(Id=account(1), Name="Acme")),
            ("Campaign", org.record(Id=campaign(1), Name="Fair")),
        ]
        for sobject, record in pulls if order == "account first" else reversed(pulls):
            org.pull(sobject, [record])
        deal = Opportunity.objects.get()
        assert deal.account is not None
        assert deal.campaign_id == Campaign.objects.get().pk
        assert not MirrorOpportunity.objects.exclude(waiting_for=None).exists()

    def test_statuses_of_a_campaign_that_may_not_be_created_here(self) -> None:
        org = Org(new_connection())
        ObjectSetting.objects.filter(sobject="Campaign").update(create_in_abmatic=False)
        org.pull("Campaign", [org.record(Id=campaign(1), Name="Fair")])
        org.pull("CampaignMemberStatus", [
            org.record(Id=sf_id("01Y", 1), CampaignId=campaign(1), Label="Sent", SortOrder=3, IsDefault=True)
        ])  # fmt: skip
        assert not CampaignMemberStatus.objects.exists()
        ObjectSetting.objects.filter(sobject="Campaign").update(create_in_abmatic=True)
        org.pull("Campaign", [org.record(Id=campaign(1), Name="Fair")])
        assert CampaignMemberStatus.objects.get().campaign.name == "Fair"
