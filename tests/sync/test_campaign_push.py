"""What is written to Salesforce of campaigns and their members, over the wire."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sync.live import Live, Orgs, late_clock
from tests.sync.test_push import allow, mode

from abmatic.audiences.models import Contact
from abmatic.campaigns import membership
from abmatic.campaigns.models import Campaign, CampaignMember, CampaignMemberStatus
from abmatic.changes.models import Cause, Change
from abmatic.sync import runs
from abmatic.sync.auto_push import AutoPush
from abmatic.sync.execute import execute
from abmatic.sync.models import (
    Due,
    Issue,
    MirrorCampaign,
    MirrorContact,
    MirrorLead,
    MirrorMember,
    ObjectSetting,
    Run,
    Write,
)
from abmatic.sync.preview import preview

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def live(orgs: Orgs) -> Live:
    live = orgs.generated(12)
    live.sync_well()
    return live


def person() -> Cause:
    return Cause.objects.create(kind=Cause.Kind.USER)


def sent_member() -> tuple[CampaignMember, MirrorMember]:
    """One who is in a campaign, alone under that name, and has not responded."""
    member = CampaignMember.objects.filter(status="Sent", is_removed=False).order_by("id").first()
    assert member is not None
    return member, MirrorMember.objects.get(local_id=member.pk, role=1, is_deleted=False)


def status_there(live: Live, sf_id: str) -> str:
    ((status,),) = live.rows('SELECT "Status" FROM "CampaignMember" WHERE "Id" = ?', sf_id)
    return str(status)


def outsider(mirror: Any) -> Contact:
    """A linked person who is in no campaign."""
    linked = mirror.objects.filter(role=1, is_deleted=False).values("local_id")
    found = Contact.objects.filter(pk__in=linked).exclude(pk__in=CampaignMember.objects.values("contact_id"))
    if mirror is MirrorLead:
        found = found.filter(kind="lead")
    first = found.order_by("pk").first()
    assert first is not None
    return first


def test_nothing_is_written_until_it_is_allowed(live: Live) -> None:
    member, mirror = sent_member()
    membership.set_status(member.campaign, [member.pk], "Responded", person())
    done = live.sync_well("Campaign")
    assert not Write.objects.exists()
    assert status_there(live, mirror.sf_id) == "Sent"
    assert CampaignMember.objects.get(pk=member.pk).status == "Responded", "ours, and not trampled either"
    assert done["CampaignMember"].direction == Run.Direction.PULL


def test_a_status_changed_here_is_written_and_comes_back_as_no_change(live: Live) -> None:
    allow("Campaign", create_in_salesforce=False)
    live.sync_well("Campaign")
    assert not Write.objects.exists(), "both sides agree"
    member, mirror = sent_member()
    assert membership.set_status(member.campaign, [member.pk], "responded", person()) == 1
    run = live.sync_well("Campaign")["CampaignMember"]
    assert run.pushed["updated"] == 1
    write = Write.objects.get()
    assert (write.sobject, write.before, write.sent) == (
        "CampaignMember", {"Status": "Sent"}, {"Status": "Responded"},
    )  # fmt: skip
    assert status_there(live, mirror.sf_id) == "Responded"
    changes = Change.objects.count()
    again = live.sync_well("Campaign")["CampaignMember"]
    assert (again.pushed["updated"], Write.objects.count(), Change.objects.count()) == (0, 1, changes)
    assert again.counts["unchanged"] == again.counts["read"]
    assert again.api_calls == 1
    here = CampaignMember.objects.get(pk=member.pk)
    assert (here.status, here.has_responded) == ("Responded", True)


def test_changed_on_both_sides_the_policy_decides(live: Live) -> None:
    allow("Campaign", policy="abmatic")
    live.sync_well("Campaign")
    member, mirror = sent_member()
    with live.editing() as session:
        session.insert("CampaignMemberStatus", {"CampaignId": mirror.campaign_sf_id, "Label": "Called"})
        session.update("CampaignMember", mirror.sf_id, {"Status": "Called"})
    membership.set_status(member.campaign, [member.pk], "Responded", person())
    run = live.sync_well("Campaign")["CampaignMember"]
    assert run.counts["reasons"]["conflict"] == 1
    assert status_there(live, mirror.sf_id) == "Responded"
    assert CampaignMember.objects.get(pk=member.pk).status == "Responded"


def test_a_status_that_the_campaign_does_not_have_is_an_issue_and_costs_nobody_else_anything(live: Live) -> None:
    allow("Campaign")
    live.sync_well("Campaign")
    member, mirror = sent_member()
    with pytest.raises(membership.StatusUnknown, match="these are: Sent, Responded"):
        membership.set_status(member.campaign, [member.pk], "Danced", person())
    CampaignMember.objects.filter(pk=member.pk).update(status="Danced")
    Change.objects.create(record="campaign_member", record_id=member.pk, field="status", cause=person())
    live.sync_well("Campaign")
    issue = Issue.objects.get(is_open=True)
    assert (issue.sobject, issue.field, issue.code) == (
        "CampaignMember", "Status", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
    )  # fmt: skip
    assert status_there(live, mirror.sf_id) == "Sent"
    membership.set_status(member.campaign, [member.pk], "Responded", person())
    live.sync_well("Campaign")
    assert not Issue.objects.filter(is_open=True).exists()


def test_people_put_in_here_become_members_there(live: Live) -> None:
    allow("Campaign")
    live.sync_well("Campaign")
    campaign = Campaign.objects.get(pk=sent_member()[0].campaign_id)
    contact, lead = outsider(MirrorContact), outsider(MirrorLead)
    stranger = Contact.objects.create(last_name="Stranger")
    assert membership.put_in(campaign, [contact.pk, lead.pk, stranger.pk], person(), "Responded") == 3
    run = live.sync_well("Campaign")["CampaignMember"]
    assert run.pushed["created"] == 2
    sf_campaign = MirrorCampaign.objects.get(local_id=campaign.pk).sf_id
    sf_contact, sf_lead = (
        MirrorContact.objects.get(local_id=contact.pk, role=1),
        MirrorLead.objects.get(local_id=lead.pk),
    )
    assert set(
        live.rows(
            'SELECT "ContactId", "LeadId", "Status" FROM "CampaignMember" WHERE "CampaignId" = ? '
            'AND ("ContactId" = ? OR "LeadId" = ?)',
            sf_campaign, sf_contact.sf_id, sf_lead.sf_id,
        )
    ) == {(sf_contact.sf_id, None, "Responded"), (None, sf_lead.sf_id, "Responded")}  # fmt: skip
    again = live.sync_well("Campaign")["CampaignMember"]
    assert (again.pushed["created"], again.counts["created"], again.api_calls) == (0, 0, 1), "no echo"
    # Whoever isn't in Salesforce stays due, and is put in when he is.
    assert [due.sobject for due in Due.objects.all()] == ["CampaignMember"]
    allow("Lead")
    Contact.objects.filter(pk=stranger.pk).update(company="Nowhere")
    Change.objects.create(record="contact", record_id=stranger.pk, field="", cause=person())
    live.sync_well("Lead")
    assert live.sync_well("Campaign")["CampaignMember"].pushed["created"] == 1
    assert not Due.objects.exists()


def test_a_campaign_made_here_is_made_there_with_its_members(live: Live) -> None:
    allow("Campaign")
    live.sync_well("Campaign")
    parent = MirrorCampaign.objects.filter(role=1).order_by("sf_id").first()
    assert parent is not None
    made = membership.make_campaign("Abmatic evening", person(), parent_id=parent.local_id, is_active=True)
    contact = outsider(MirrorContact)
    membership.put_in(made, [contact.pk], person())
    done = live.sync_well("Campaign")
    assert done["Campaign"].pushed["created"] == done["CampaignMember"].pushed["created"] == 1
    ((sf_id, parent_id, is_active),) = live.rows(
        'SELECT "Id", "ParentId", "IsActive" FROM "Campaign" WHERE "Name" = ?', "Abmatic evening"
    )
    assert (parent_id, is_active) == (parent.sf_id, 1)
    assert live.rows('SELECT "Status" FROM "CampaignMember" WHERE "CampaignId" = ?', sf_id) == [("Sent",)]
    again = live.sync_well("Campaign")
    assert Campaign.objects.filter(name="Abmatic evening").count() == 1
    assert CampaignMemberStatus.objects.filter(campaign=made).count() == 2, "those that Salesforce made are the same"
    assert {run.pushed.get("created", 0) for run in again.values()} == {0}


def test_a_campaigns_fields_are_filled_and_overwritten_like_any_others(live: Live) -> None:
    allow("Campaign")
    mode("Campaign", "ActualCost", to_salesforce="overwrite")
    live.sync_well("Campaign")
    record = MirrorCampaign.objects.filter(role=1).order_by("sf_id").first()
    assert record is not None
    Campaign.objects.filter(pk=record.local_id).update(actual_cost=99)
    Change.objects.create(
        record="campaign", record_id=record.local_id, field="actual_cost", before=None, after=99, cause=person()
    )
    live.sync_well("Campaign")
    assert live.rows('SELECT "ActualCost" FROM "Campaign" WHERE "Id" = ?', record.sf_id) == [(99.0,)]


def test_one_who_was_removed_there_is_never_put_in_again_by_us(live: Live) -> None:
    allow("Campaign")
    live.sync_well("Campaign")
    member, mirror = sent_member()
    with live.editing() as session:
        session.delete("CampaignMember", mirror.sf_id)
    live.sync_well("Campaign")
    ObjectSetting.objects.filter(sobject="Campaign").update(compared={})  # everything is due
    live.sync_well("Campaign")
    assert not Write.objects.exists()
    assert CampaignMember.objects.get(pk=member.pk).is_removed


def test_an_undo_puts_a_status_back_on_either_side_and_it_stays_so(live: Live) -> None:
    allow("Campaign")
    live.sync_well("Campaign")
    member, mirror = sent_member()
    membership.set_status(member.campaign, [member.pk], "Responded", person())
    pushed = live.sync_well("Campaign")["CampaignMember"]
    undone = runs.undo(pushed)
    execute(undone.pk)
    undone.refresh_from_db()
    assert undone.state == Run.State.SUCCEEDED, undone.error_message
    assert status_there(live, mirror.sf_id) == "Sent"
    writes = Write.objects.count()
    live.sync_well("Campaign")
    assert status_there(live, mirror.sf_id) == "Sent"
    assert CampaignMember.objects.get(pk=member.pk).status == "Responded"
    assert Write.objects.count() == writes
    # And what a pull wrote here.
    with live.editing() as session:
        session.update("CampaignMember", mirror.sf_id, {"Status": "Responded"})
    live.sync_well("Campaign")
    other = CampaignMember.objects.filter(status="Sent", is_removed=False).order_by("-id").first()
    assert other is not None
    there = MirrorMember.objects.get(local_id=other.pk, role=1, is_deleted=False)
    with live.editing() as session:
        session.update("CampaignMember", there.sf_id, {"Status": "Responded"})
    pulled = live.sync_well("Campaign")["CampaignMember"]
    assert CampaignMember.objects.get(pk=other.pk).status == "Responded"
    execute(runs.undo(pulled).pk)
    back = CampaignMember.objects.get(pk=other.pk)
    assert (back.status, back.has_responded, back.first_responded) == ("Sent", False, None)
    live.sync_well("Campaign")
    assert CampaignMember.objects.get(pk=other.pk).status == "Sent"
    assert status_there(live, there.sf_id) == "Responded"


def test_a_changed_status_is_pushed_within_seconds_where_that_is_wanted(live: Live) -> None:
    allow("Campaign", auto_push=True)
    live.sync_well("Campaign")
    Run.objects.update(finished_at=late_clock())
    auto = AutoPush()
    assert auto.start_due() == []
    member, mirror = sent_member()
    membership.set_status(member.campaign, [member.pk], "Responded", person())
    started = auto.start_due()
    assert [run.sobject for run in started] == ["Campaign", "CampaignMember"]
    for run in started:
        execute(run.pk)
    assert status_there(live, mirror.sf_id) == "Responded"
    assert auto.start_due() == []


def test_a_preview_of_members_shows_both_sides_and_writes_nothing(live: Live) -> None:
    allow("Campaign")
    live.sync_well("Campaign")
    member, mirror = sent_member()
    other = CampaignMember.objects.filter(status="Sent", is_removed=False).order_by("-id").first()
    assert other is not None
    there = MirrorMember.objects.get(local_id=other.pk, role=1, is_deleted=False)
    with live.editing() as session:
        session.update("CampaignMember", there.sf_id, {"Status": "Responded"})
    membership.set_status(member.campaign, [member.pk], "Responded", person())
    found = preview(live.connection, "CampaignMember")
    assert found.to_abmatic["updated"] == 1
    assert found.to_salesforce == {"created": 0, "updated": 1, "held": 0}
    (sample,) = found.samples["to_salesforce"]["updated"]
    assert sample.fields == {"Status": {"before": "Sent", "after": "Responded"}}
    assert str(member.campaign) in sample.name
    (sample,) = found.samples["to_abmatic"]["updated"]
    assert sample.fields["status"] == {"before": "Sent", "after": "Responded"}
    assert CampaignMember.objects.get(pk=other.pk).status == "Sent"
    assert status_there(live, mirror.sf_id) == "Sent"
    assert not Write.objects.exists()
