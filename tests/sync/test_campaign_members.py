"""Campaign members: who is in which campaign, whatever comes first, and whichever record of a person it is."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from tests.sync.org import Org, contact, lead, new_connection, sf_id

from abmatic.audiences.models import Contact
from abmatic.campaigns.models import Campaign, CampaignMember
from abmatic.changes.models import Change
from abmatic.sync.models import Finding, MirrorMember, ObjectSetting
from abmatic.sync.pull.campaigns import MemberRules

pytestmark = pytest.mark.django_db(transaction=True)

FAIR = sf_id("701", 1)
# In the campaign's own order.
STATUSES = (("Sent", False), ("Opened", False), ("Responded", True), ("Attended", True))


def member(number: int) -> str:
    return sf_id("00v", number)


class People(Org):
    """An org with one campaign."""

    def __init__(self) -> None:
        super().__init__(new_connection())
        self.pull("Campaign", [self.record(Id=FAIR, Name="Fair")])
        self.pull("CampaignMemberStatus", [
            self.record(Id=sf_id("01Y", place), CampaignId=FAIR, Label=label, SortOrder=place, HasResponded=responded,
                        IsDefault=place == 1)
            for place, (label, responded) in enumerate(STATUSES, 1)
        ])  # fmt: skip

    def member(self, number: int, status: str, **person: Any) -> dict[str, Any]:
        responded = dict(STATUSES)[status]
        return self.record(
            Id=member(number), CampaignId=FAIR, Status=status, HasResponded=responded,
            FirstRespondedDate=f"2026-03-0{number}" if responded else None,
            **{"LeadId": None, "ContactId": None, **person},
        )  # fmt: skip

    def contact(self, number: int, email: str | None = None) -> None:
        self.pull("Contact", [self.record(Id=contact(number), LastName=f"C{number}", Email=email)])

    def lead(self, number: int, email: str | None = None, **more: Any) -> None:
        fields = {"IsConverted": False, "LastName": f"L{number}", "Email": email, "Company": "Acme", **more}
        self.pull("Lead", [self.record(Id=lead(number), **fields)])


@pytest.fixture
def org() -> People:
    return People()


def memberships() -> list[tuple[str, str | None, bool, date | None, bool]]:
    return [
        (str(each.contact), each.status, each.has_responded, each.first_responded, each.is_removed)
        for each in CampaignMember.objects.select_related("contact").order_by("contact__last_name", "id")
    ]


def counted(counts: Any) -> dict[str, int]:
    names = ("read", "created", "linked", "duplicate", "updated", "deleted", "skipped", "unchanged")
    return {name: n for name in names if (n := getattr(counts, name))}


def test_members_are_leads_and_contacts(org: People) -> None:
    org.contact(1)
    org.lead(2)
    counts = org.pull("CampaignMember", [
        org.member(1, "Responded", ContactId=contact(1)), org.member(2, "Sent", LeadId=lead(2)),
    ])  # fmt: skip
    assert counted(counts) == {"read": 2, "created": 2}
    assert memberships() == [("C1", "Responded", True, date(2026, 3, 1), False), ("L2", "Sent", False, None, False)]
    assert CampaignMember.objects.filter(campaign=Campaign.objects.get(), created_by__isnull=False).count() == 2
    assert not Change.objects.filter(record="campaign_member").exists(), "a creation is no change"


def test_read_again_nothing_happens(org: People) -> None:
    org.contact(1)
    records = [org.member(1, "Sent", ContactId=contact(1)), org.member(2, "Sent", LeadId=lead(9))]
    org.pull("CampaignMember", records)
    before = [list(MirrorMember.objects.order_by("sf_id").values()), list(CampaignMember.objects.values())]
    counts = org.pull("CampaignMember", records)
    assert counted(counts) == {"read": 2, "unchanged": 2}
    assert counts.reasons == {}
    assert [list(MirrorMember.objects.order_by("sf_id").values()), list(CampaignMember.objects.values())] == before


def test_a_status_changed_in_salesforce_is_a_change(org: People) -> None:
    org.contact(1)
    org.pull("CampaignMember", [org.member(1, "Sent", ContactId=contact(1))])
    counts = org.pull("CampaignMember", [org.member(1, "Responded", ContactId=contact(1))])
    assert counted(counts) == {"read": 1, "updated": 1}
    assert memberships() == [("C1", "Responded", True, date(2026, 3, 1), False)]
    changes = Change.objects.filter(record="campaign_member", record_id=CampaignMember.objects.get().pk)
    assert {change.field: (change.before, change.after) for change in changes} == {
        "status": ("Sent", "Responded"), "has_responded": (False, True), "first_responded": (None, "2026-03-01"),
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["contact", "lead"])
def test_one_who_is_not_here_yet_waits_and_is_linked_when_he_comes(org: People, kind: str) -> None:
    person = {"ContactId": contact(1)} if kind == "contact" else {"LeadId": lead(1)}
    counts = org.pull("CampaignMember", [org.member(1, "Sent", **person)])
    assert counted(counts) == {"read": 1, "skipped": 1}
    assert counts.reasons == {"awaits_record": 1}
    assert not CampaignMember.objects.exists()
    org.contact(1) if kind == "contact" else org.lead(1)
    assert [each[1] for each in memberships()] == ["Sent"]
    assert not MirrorMember.objects.exclude(waiting_for=None).exists()


def test_members_before_their_campaign(org: People) -> None:
    org.contact(1)
    record = org.member(1, "Sent", ContactId=contact(1)) | {"CampaignId": sf_id("701", 2)}
    org.pull("CampaignMember", [record])
    assert not CampaignMember.objects.exists()
    org.pull("Campaign", [org.record(Id=sf_id("701", 2), Name="Later")])
    assert CampaignMember.objects.get().campaign.name == "Later"


class TestOnePersonTwice:
    @pytest.mark.parametrize("order", [(1, 2), (2, 1)])
    def test_the_status_that_is_further_counts_in_whichever_order(self, org: People, order: tuple[int, int]) -> None:
        org.contact(1, "a@acme.com")
        org.lead(1, "a@acme.com")
        records = {
            1: org.member(1, "Responded", LeadId=lead(1)),
            2: org.member(2, "Opened", ContactId=contact(1)),
        }
        counts = org.pull("CampaignMember", [records[number] for number in order])
        assert counted(counts) == {"read": 2, "created": 1, "duplicate": 1}
        assert counts.reasons == {"same_person": 1}
        assert memberships() == [("C1", "Responded", True, date(2026, 3, 1), False)]
        entry = Finding.objects.get(reason="same_person")
        assert (entry.sf_id, entry.value) == (member(2), member(1))

    def test_in_two_runs(self, org: People) -> None:
        org.contact(1, "a@acme.com")
        org.lead(1, "a@acme.com")
        org.pull("CampaignMember", [org.member(2, "Opened", ContactId=contact(1))])
        counts = org.pull("CampaignMember", [org.member(1, "Attended", LeadId=lead(1))])
        assert counted(counts) == {"read": 1, "linked": 1}
        assert [each[1] for each in memberships()] == ["Attended"]
        counts = org.pull("CampaignMember", [org.member(2, "Sent", ContactId=contact(1))])
        assert counted(counts) == {"read": 1, "unchanged": 1}
        assert [each[1] for each in memberships()] == ["Attended"], "going back, the other one doesn't count"

    def test_the_one_that_counts_goes_and_the_other_takes_its_place(self, org: People) -> None:
        org.contact(1, "a@acme.com")
        org.lead(1, "a@acme.com")
        attended = org.member(1, "Attended", LeadId=lead(1))
        org.pull("CampaignMember", [attended, org.member(2, "Opened", ContactId=contact(1))])
        org.pull("CampaignMember", [attended | org.record(IsDeleted=True)])
        assert memberships() == [("C1", "Opened", False, date(2026, 3, 1), False)]


class TestRemoved:
    def test_it_stays_and_says_so_and_comes_back(self, org: People) -> None:
        org.contact(1)
        record = org.member(1, "Sent", ContactId=contact(1))
        org.pull("CampaignMember", [record])
        counts = org.pull("CampaignMember", [record | org.record(IsDeleted=True)])
        assert counted(counts) == {"read": 1, "deleted": 1}
        assert memberships() == [("C1", "Sent", False, None, True)]
        # Salesforce makes a new member of a person who is put in once more.
        org.pull("CampaignMember", [org.member(2, "Opened", ContactId=contact(1))])
        assert memberships() == [("C1", "Opened", False, None, False)]
        assert [c.after for c in Change.objects.filter(field="is_removed").order_by("id")] == [True, False]

    def test_one_that_was_never_here_is_no_news(self, org: People) -> None:
        org.contact(1)
        record = org.member(1, "Sent", ContactId=contact(1)) | {"IsDeleted": True}
        assert counted(org.pull("CampaignMember", [record])) == {"read": 1, "skipped": 1}
        assert not CampaignMember.objects.exists()


class TestConversion:
    def test_a_lead_that_converts_keeps_one_membership(self, org: People) -> None:
        org.lead(1, "a@acme.com")
        org.pull("CampaignMember", [org.member(1, "Sent", LeadId=lead(1))])
        kept = CampaignMember.objects.get()
        # Salesforce moves the contact's Id onto the member, and stamps it.
        org.contact(1, "other@acme.com")
        org.lead(1, "a@acme.com", IsConverted=True, ConvertedContactId=contact(1))
        org.pull("CampaignMember", [org.member(1, "Responded", LeadId=lead(1), ContactId=contact(1))])
        assert CampaignMember.objects.get().pk == kept.pk
        assert Contact.objects.count() == 1
        assert [each[1:3] for each in memberships()] == [("Responded", True)]

    def test_the_member_is_read_before_the_conversion_is(self, org: People) -> None:
        org.lead(1, "a@acme.com")
        org.pull("CampaignMember", [org.member(1, "Sent", LeadId=lead(1))])
        org.pull("CampaignMember", [org.member(1, "Responded", LeadId=lead(1), ContactId=contact(1))])
        org.contact(1, "other@acme.com")
        org.lead(1, "a@acme.com", IsConverted=True, ConvertedContactId=contact(1))
        assert Contact.objects.count() == CampaignMember.objects.count() == 1
        assert [each[1:3] for each in memberships()] == [("Responded", True)]

    @pytest.mark.parametrize(("of_lead", "of_contact"), [("Attended", "Sent"), ("Sent", "Attended")])
    def test_lead_and_contact_were_both_in_the_campaign(self, org: People, of_lead: str, of_contact: str) -> None:
        org.lead(1, "a@acme.com")
        org.contact(1, "other@acme.com")
        org.pull("CampaignMember", [
            org.member(1, of_lead, LeadId=lead(1)), org.member(2, of_contact, ContactId=contact(1)),
        ])  # fmt: skip
        assert CampaignMember.objects.count() == 2
        org.lead(1, "a@acme.com", IsConverted=True, ConvertedContactId=contact(1))
        assert Contact.objects.count() == 1
        assert [each[1:3] for each in memberships()] == [("Attended", True)]
        (primary,) = MirrorMember.objects.filter(role=1)
        assert primary.values["Status"] == "Attended"
        assert primary.base is None
        assert {each.local_id for each in MirrorMember.objects.all()} == {CampaignMember.objects.get().pk}
        # The one that Salesforce gave up, and the one that is left.
        gone, left = (1, 2) if of_contact == "Attended" else (2, 1)
        records = {1: org.member(1, of_lead, LeadId=lead(1), ContactId=contact(1)),
                   2: org.member(2, of_contact, ContactId=contact(1))}  # fmt: skip
        org.pull("CampaignMember", [records[gone] | {"IsDeleted": True}, records[left]])
        assert [each[1:3] for each in memberships()] == [("Attended", True)]


class TestMerge:
    def test_the_membership_that_is_over_tells_where_it_lives_on(self, org: People) -> None:
        org.contact(1)
        org.contact(2)
        org.pull("CampaignMember", [org.member(2, "Responded", ContactId=contact(2))])
        gone = [org.record(Id=contact(2), LastName="C2", IsDeleted=True, MasterRecordId=contact(1))]
        org.pull("Contact", gone)
        org.pull("CampaignMember", [org.member(2, "Responded", ContactId=contact(1))])
        now, before = CampaignMember.objects.order_by("contact__last_name")
        assert [each[3:] for each in memberships()] == [(date(2026, 3, 2), False), (date(2026, 3, 2), True)]
        assert (before.lives_on_id, now.lives_on_id) == (now.pk, None)

    def test_both_were_in_the_campaign_and_salesforce_kept_one(self, org: People) -> None:
        org.contact(1)
        org.contact(2)
        records = [org.member(number, "Responded", ContactId=contact(number)) for number in (1, 2)]
        org.pull("CampaignMember", records)
        gone = [org.record(Id=contact(2), LastName="C2", IsDeleted=True, MasterRecordId=contact(1))]
        org.pull("Contact", gone)
        org.pull("CampaignMember", [records[1] | {"IsDeleted": True}])
        assert [each[4] for each in memberships()] == [False, True]
        now, before = CampaignMember.objects.order_by("contact__last_name")
        assert (before.lives_on_id, now.lives_on_id) == (now.pk, None)

    def test_who_was_merely_taken_out_lives_on_nowhere(self, org: People) -> None:
        org.contact(1)
        record = org.member(1, "Responded", ContactId=contact(1))
        org.pull("CampaignMember", [record])
        org.pull("CampaignMember", [record | {"IsDeleted": True}])
        left = CampaignMember.objects.get()
        assert (left.is_removed, left.lives_on_id) == (True, None)


class TestSettings:
    def test_update_is_off(self, org: People) -> None:
        org.contact(1)
        org.pull("CampaignMember", [org.member(1, "Sent", ContactId=contact(1))])
        ObjectSetting.objects.filter(sobject="Campaign").update(update_in_abmatic=False)
        org.members = MemberRules(update=False)
        org.pull("CampaignMember", [org.member(1, "Responded", ContactId=contact(1))])
        assert [each[1] for each in memberships()] == ["Sent"]

    def test_create_is_off(self, org: People) -> None:
        org.contact(1)
        org.members = MemberRules(create=False)
        record = org.member(1, "Sent", ContactId=contact(1))
        counts = org.pull("CampaignMember", [record])
        assert (counted(counts), counts.reasons) == ({"read": 1, "skipped": 1}, {"create_is_off": 1})
        assert not CampaignMember.objects.exists()
        org.members = MemberRules()
        org.pull("CampaignMember", [record])
        assert [each[1] for each in memberships()] == ["Sent"]
