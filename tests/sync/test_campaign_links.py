"""A campaign made here is linked with one in Salesforce by hand, unlinked, or created there."""

from __future__ import annotations

import pytest
from tests.sync.live import Live, Orgs
from tests.sync.test_push import allow

from abmatic.audiences.models import Contact
from abmatic.campaigns import membership
from abmatic.campaigns.models import Campaign, CampaignMember
from abmatic.changes.models import Cause, Change
from abmatic.identity.models import User
from abmatic.sync import campaign_links
from abmatic.sync.execute import execute
from abmatic.sync.linking import NotLinked
from abmatic.sync.models import Due, MirrorCampaign, MirrorContact, MirrorMember, ObjectSetting, Write
from abmatic.sync.timeline import timeline

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def live(orgs: Orgs) -> Live:
    live = orgs.sample()
    live.sync_well()
    ObjectSetting.objects.filter(sobject="Campaign").update(create_in_abmatic=False)
    return live


def cause() -> Cause:
    return Cause.objects.create(kind=Cause.Kind.USER)


def made_here(name: str = "Expo") -> Campaign:
    return membership.make_campaign(name, cause())


def made_there(live: Live, name: str = "Expo 2026") -> tuple[str, Contact]:
    """A campaign with a member, neither of them here."""
    mirror = MirrorContact.objects.filter(role=1, is_deleted=False).order_by("sf_id").first()
    assert mirror is not None
    with live.editing() as session:
        campaign = str(session.insert("Campaign", {"Name": name, "Type": "Trade Show"}))
        session.insert("CampaignMemberStatus", {"CampaignId": campaign, "Label": "Visited"})
        session.insert("CampaignMember", {"CampaignId": campaign, "ContactId": mirror.sf_id, "Status": "Visited"})
    live.sync_well("Campaign")
    return campaign, Contact.objects.get(pk=mirror.local_id)


def linked(campaign: Campaign) -> list[str]:
    return list(MirrorCampaign.objects.filter(local_id=campaign.pk).values_list("sf_id", flat=True))


def put_in(campaign: Campaign, number: int, status: str | None = None) -> list[str]:
    """People whom Salesforce knows, by their Ids there."""
    found = MirrorContact.objects.filter(role=1, is_deleted=False).order_by("-sf_id")[:number]
    membership.put_in(campaign, [each.local_id for each in found if each.local_id is not None], cause(), status)
    return [each.sf_id for each in found]


def people_there(live: Live, campaign: str) -> set[str]:
    rows = live.rows('SELECT "ContactId" FROM "CampaignMember" WHERE "CampaignId" = ? AND "IsDeleted" = 0', campaign)
    return {person for (person,) in rows}


def member_there(campaign: str, person: str) -> str:
    return MirrorMember.objects.get(campaign_sf_id=campaign, contact_sf_id=person, is_deleted=False).sf_id


def names_there(live: Live) -> list[str]:
    return [name for (name,) in live.rows('SELECT "Name" FROM "Campaign" WHERE "IsDeleted" = 0 ORDER BY "Id"')]


@pytest.mark.parametrize("update_in_abmatic", [True, False])
def test_members_and_statuses_follow_a_link(live: Live, update_in_abmatic: bool) -> None:
    ObjectSetting.objects.filter(sobject="Campaign").update(update_in_abmatic=update_in_abmatic)
    ours = made_here()
    theirs, person = made_there(live)
    assert not ours.members.exists()
    (found,) = campaign_links.found("EXPO")
    assert (found.sf_id, found.name, found.facts[0], found.here) == (theirs, "Expo 2026", "Trade Show", None)
    campaign_links.link(ours, live.connection, theirs, cause)
    assert linked(ours) == [theirs]
    # It is made here by now: members are, where that is allowed.
    ObjectSetting.objects.filter(sobject="Campaign").update(create_in_abmatic=True)
    live.sync_well("Campaign")
    member = ours.members.get()
    assert (member.contact, member.status) == (person, "Visited")
    assert [each.label for each in membership.statuses(ours)] == ["Sent", "Responded", "Visited"]
    ours.refresh_from_db()
    assert (ours.name, ours.type) == (("Expo 2026", "Trade Show") if update_in_abmatic else ("Expo", None))
    calls = live.sync_well("Campaign")["Campaign"].api_calls
    assert calls == 1
    assert [entry.title for entry in timeline("campaign", ours, "links", "").entries][:1] == [
        f"Linked with Campaign {theirs} by hand"
    ]


def test_unlinked_each_goes_on_by_itself_and_may_be_linked_again(live: Live) -> None:
    allow("Campaign")
    ours = made_here()
    live.sync_well("Campaign")
    (sf_id,) = linked(ours)
    there = names_there(live)
    person = Contact.objects.order_by("pk").first()
    assert person is not None
    membership.put_in(ours, [person.pk], cause())
    live.sync_well("Campaign")
    assert MirrorMember.objects.filter(campaign_sf_id=sf_id, role=1).count() == 1
    campaign_links.unlink(ours, live.connection, sf_id, cause)
    with pytest.raises(NotLinked, match="not linked any more"):
        campaign_links.unlink(ours, live.connection, sf_id, cause)
    ours.name = "Expo again"
    ours.save()
    Change.objects.create(record="campaign", record_id=ours.pk, field="name", cause=cause())
    live.sync_well("Campaign")
    assert names_there(live) == there, "none is created anew"
    assert ours.members.filter(is_removed=False).count() == 1
    assert linked(ours) == []
    campaign_links.link(ours, live.connection, sf_id, cause)
    live.sync_well("Campaign")
    assert linked(ours) == [sf_id]
    member = MirrorMember.objects.get(campaign_sf_id=sf_id)
    assert (member.role, member.local_id) == (1, CampaignMember.objects.get(campaign=ours).pk)


def test_linked_with_another_one_its_members_become_members_there(live: Live) -> None:
    ours = made_here()
    first, _ = made_there(live)
    second, already = made_there(live, "Expo 2027")
    campaign_links.link(ours, live.connection, first, cause)
    allow("Campaign")
    people = put_in(ours, 2)
    live.sync_well("Campaign")
    assert people_there(live, first) >= set(people)
    campaign_links.unlink(ours, live.connection, first, cause)
    campaign_links.link(ours, live.connection, second, cause)
    live.sync_well("Campaign")
    assert people_there(live, second) == {*people, MirrorContact.objects.get(local_id=already.pk).sf_id}
    assert not Due.objects.exists()


def test_what_is_linked_already_is_refused_and_says_what_helps(live: Live) -> None:
    ours, other = made_here(), made_here("Other")
    theirs, _ = made_there(live)
    second, _ = made_there(live, "Expo 2027")
    campaign_links.link(ours, live.connection, theirs, cause)
    with pytest.raises(NotLinked, match=r"in Abmatic as “Expo” already\..*unlink it there"):
        campaign_links.link(other, live.connection, theirs, cause)
    with pytest.raises(NotLinked, match=f"linked with {theirs} of .* already: unlink that one first"):
        campaign_links.link(ours, live.connection, second, cause)
    with pytest.raises(NotLinked, match="not to be had"):
        campaign_links.link(other, live.connection, "701000000000000AAA", cause)
    assert [(each.here, each.here_name) for each in campaign_links.found("expo")] == [(None, ""), (ours.pk, "Expo")]
    assert [each.sf_id for each in campaign_links.found(theirs[:15])] == [theirs]
    assert campaign_links.orgs_without(ours) == []
    assert campaign_links.orgs_without(other) == [live.connection]


def test_one_is_created_there_where_that_is_allowed(live: Live) -> None:
    ours = made_here()
    user = User.objects.create_user("olga@example.com")
    with pytest.raises(NotLinked, match="may not get new campaigns: an administrator turns on"):
        campaign_links.create(ours, live.connection, user)
    condition = {"field": "name", "is": "is", "value": "Fair"}
    allow("Campaign", push_filter=condition)
    with pytest.raises(NotLinked, match="push filter of Campaigns leaves “Expo” out"):
        campaign_links.create(ours, live.connection, user)
    allow("Campaign", push_filter={})
    live.sync_well("Campaign")
    (first,) = linked(ours)
    gone, stayed = put_in(ours, 2)
    live.sync_well("Campaign")
    with live.editing() as session:
        session.delete("CampaignMember", member_there(first, gone))
    live.sync_well("Campaign")
    campaign_links.unlink(ours, live.connection, first, cause)
    before = names_there(live)
    assert people_there(live, first) == {stayed}
    begun = campaign_links.create(ours, live.connection, user)
    assert {each.sobject for each in begun} >= {"Campaign", "CampaignMember"}
    assert campaign_links.create(ours, live.connection, user) == [], "one is under way"
    for each in begun:
        execute(each.pk)
    assert names_there(live) == [*before, "Expo"]
    (second,) = linked(ours)
    assert second != first
    # However long they have been in it, and nobody who was taken out.
    assert people_there(live, second) == {stayed}
    with pytest.raises(NotLinked, match="already"):
        campaign_links.create(ours, live.connection, user)


def with_statuses_of_its_own(live: Live) -> str:
    """A campaign there that has no status of those that a campaign here begins with."""
    with live.editing() as session:
        campaign = str(session.insert("Campaign", {"Name": "Expo 2026"}))
    for label, other in (("Sent", "Invited"), ("Responded", "Attended")):
        ((status,),) = live.rows(
            'SELECT "Id" FROM "CampaignMemberStatus" WHERE "CampaignId" = ? AND "Label" = ?', campaign, label
        )
        with live.editing() as session:
            session.update("CampaignMemberStatus", status, {"Label": other})
    return campaign


def test_its_statuses_are_those_that_salesforce_has(live: Live) -> None:
    ours, used = made_here(), made_here("Used")
    put_in(used, 1)
    there = [with_statuses_of_its_own(live) for _ in range(2)]
    live.sync_well("Campaign")
    for campaign, theirs in zip((ours, used), there, strict=True):
        campaign_links.link(campaign, live.connection, theirs, cause)
    allow("Campaign")
    live.sync_well("Campaign")
    assert [(each.label, each.is_default) for each in membership.statuses(ours)] == [
        ("Invited", True), ("Attended", False),
    ]  # fmt: skip
    # What a member has stays, and nobody else gets it.
    assert {(each.label, each.is_default) for each in membership.statuses(used)} == {
        ("Sent", False), ("Invited", True), ("Attended", False),
    }  # fmt: skip
    (person,) = put_in(ours, 1)
    run = live.sync_well("Campaign")["CampaignMember"]
    assert (run.pushed["created"], run.pushed.get("refused", 0)) == (1, 0)
    assert live.rows('SELECT "ContactId", "Status" FROM "CampaignMember" WHERE "CampaignId" = ?', there[0]) == [
        (person, "Invited")
    ]
    assert Write.objects.get(sobject="CampaignMember", local_id=ours.members.get().pk).sent["Status"] == "Invited"
