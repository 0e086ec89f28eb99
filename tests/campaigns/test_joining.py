"""People who are put into campaigns, and those who join by themselves."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from tests.web import org

from abmatic.audiences import collections, editing
from abmatic.audiences.editing import Edit
from abmatic.audiences.models import Collection
from abmatic.audiences.selection import Selection
from abmatic.campaigns import joining, membership
from abmatic.campaigns.joining import JoiningRefused
from abmatic.campaigns.membership import StatusUnknown
from abmatic.campaigns.models import Campaign, CampaignJoining, CampaignMember, CampaignMemberStatus
from abmatic.changes.models import Cause, Change
from abmatic.identity.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return User.objects.create_user("olga@example.com")


def cause() -> Cause:
    return Cause.objects.create(kind=Cause.Kind.USER)


@pytest.fixture
def fair() -> Campaign:
    return membership.make_campaign("Fair", cause(), is_active=True)


def members(campaign: Campaign) -> set[int]:
    return set(campaign.members.filter(is_removed=False).values_list("contact_id", flat=True))


def test_each_part_of_a_large_collection_begins_where_the_one_before_ended(
    fair: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joining, "_AT_ONCE", 2)
    people = [org.contact(f"Name {number}").pk for number in range(5)]
    guests = collections.create("contact", "Guests")
    collections.add(guests, Selection("contact", ids=tuple(people)))
    with CaptureQueriesContext(connection) as asked:
        assert joining.put_in_once(fair, guests, cause()) == 5
    looked = [each["sql"] for each in asked if "collection_member AS m JOIN contact" in each["sql"]]
    assert len(looked) == 3
    for statement, after in zip(looked, (0, people[1], people[3]), strict=True):
        assert f"c.id > {after}" in statement
    assert members(fair) == set(people)


class TestMaking:
    def test_a_campaign_begins_with_two_statuses_and_a_change(self, fair: Campaign) -> None:
        labels = [(each.label, each.is_default, each.is_responded) for each in membership.statuses(fair)]
        assert labels == [("Sent", True, False), ("Responded", False, True)]
        assert fair.is_active
        assert Change.objects.filter(record="campaign", record_id=fair.pk, field="").count() == 1

    def test_one_that_is_refused_leaves_nothing(self) -> None:
        (saved,) = membership.save([Edit({"type": "Webinar"})], cause)
        assert (saved.status, [problem.field for problem in saved.problems]) == ("refused", ["name"])
        assert not Campaign.objects.exists()
        assert not CampaignMemberStatus.objects.exists()

    def test_an_edit_adds_no_status(self, fair: Campaign) -> None:
        membership.save([Edit({"name": "Autumn fair"}, id=fair.pk)], cause)
        assert len(membership.statuses(fair)) == 2


class TestJoining:
    def test_who_is_in_the_collection_joins_and_whoever_comes_into_it(self, fair: Campaign, user: User) -> None:
        first, second, third = (org.contact(name) for name in ("One", "Two", "Three"))
        guests = collections.create("contact", "Guests")
        collections.add(guests, Selection("contact", ids=(first.pk, second.pk)))
        made = joining.join(fair, guests, user)
        assert members(fair) == {first.pk, second.pk}
        collections.add(guests, Selection("contact", ids=(third.pk,)))
        assert joining.follow_due() == 1
        assert members(fair) == {first.pk, second.pk, third.pk}
        member = CampaignMember.objects.get(contact=third)
        assert (member.status, member.created_by and member.created_by.note) == ("Sent", "in “Guests”")
        # Whoever leaves the collection stays.
        collections.remove(guests, Selection("contact", ids=(first.pk,)))
        joining.follow(made)
        assert first.pk in members(fair)

    def test_the_people_of_accounts_join(self, fair: Campaign, user: User) -> None:
        acme, other = org.account("Acme"), org.account("Other")
        inside, _ = org.contact("In", account=acme), org.contact("Out", account=other)
        targets = collections.create("account", "Targets")
        collections.add(targets, Selection("account", ids=(acme.pk,)))
        made = joining.join(fair, targets, user, "responded")
        assert members(fair) == {inside.pk}
        assert CampaignMember.objects.get(contact=inside).has_responded
        # Nothing tells the collection that an account has somebody new: that is looked for now and then.
        Collection.objects.update(updated_at=timezone.now() - timedelta(hours=1))
        late = org.contact("Late", account=acme)
        assert joining.follow_due() == 0
        CampaignJoining.objects.filter(pk=made.pk).update(as_of=timezone.now() - timedelta(hours=1))
        assert joining.follow_due() == 1
        assert members(fair) == {inside.pk, late.pk}

    def test_whoever_was_taken_out_stays_out(self, fair: Campaign, user: User) -> None:
        gone = org.contact("Gone")
        org.member(fair, gone, is_removed=True)
        guests = collections.create("contact", "Guests")
        collections.add(guests, Selection("contact", ids=(gone.pk,)))
        joining.join(fair, guests, user)
        assert members(fair) == set()
        # By hand it is meant.
        assert membership.put_in(fair, [gone.pk], cause()) == 1
        assert members(fair) == {gone.pk}

    def test_nobody_joins_twice_and_nothing_is_written_where_nobody_does(self, fair: Campaign, user: User) -> None:
        guests = collections.create("contact", "Guests")
        collections.add(guests, Selection("contact", ids=(org.contact().pk,)))
        made = joining.join(fair, guests, user)
        before = Change.objects.count(), Cause.objects.count()
        assert joining.follow(made) == 0
        assert (Change.objects.count(), Cause.objects.count()) == before
        with pytest.raises(JoiningRefused, match="already"):
            joining.join(fair, guests, user)

    def test_a_dynamic_collection_brings_whom_its_rule_finds(self, fair: Campaign, user: User) -> None:
        chiefs = collections.create(
            "contact", "Chiefs", rule={"field": "job_title", "is": "contains", "value": "Chief"}
        )
        joining.join(fair, chiefs, user)
        (saved,) = editing.save("contact", [Edit({"last_name": "Boss", "job_title": "Chief of all"})], cause)
        collections.refresh(chiefs)
        assert joining.follow_due() == 1
        assert members(fair) == {saved.id}

    def test_deals_join_nothing(self, fair: Campaign, user: User) -> None:
        with pytest.raises(JoiningRefused, match="contacts or of accounts"):
            joining.join(fair, collections.create("opportunity", "Deals"), user)
        assert not CampaignJoining.objects.exists()

    def test_a_status_that_is_gone_says_so_and_others_join(self, fair: Campaign, user: User) -> None:
        guests, press = (collections.create("contact", name) for name in ("Guests", "Press"))
        lost, found = org.contact("Lost"), org.contact("Found")
        made = joining.join(fair, guests, user, "Responded")
        joining.join(fair, press, user)
        fair.statuses.filter(label="Responded").delete()
        collections.add(guests, Selection("contact", ids=(lost.pk,)))
        collections.add(press, Selection("contact", ids=(found.pk,)))
        joining.follow_due()
        made.refresh_from_db()
        assert "“Responded” is no status of Fair; these are: Sent" in made.problem
        assert members(fair) == {found.pk}
        with pytest.raises(StatusUnknown):
            joining.join(fair, collections.create("contact", "More"), user, "Responded")

    def test_it_ends_with_its_collection_and_the_members_stay(self, fair: Campaign, user: User) -> None:
        guests = collections.create("contact", "Guests")
        person = org.contact()
        collections.add(guests, Selection("contact", ids=(person.pk,)))
        joining.join(fair, guests, user)
        collections.delete(Collection.objects.get(pk=guests.pk))
        assert not CampaignJoining.objects.exists()
        assert members(fair) == {person.pk}


class TestForwards:
    @pytest.mark.parametrize(
        ("was", "wanted", "becomes"),
        [
            ("Invited", "Registered", "Registered"), ("Registered", "Invited", "Registered"),
            ("Registered", "Attended", "Attended"), ("Attended", "Registered", "Attended"),
            ("Attended", "Invited", "Attended"), (None, "Invited", "Invited"), ("Of old", "Invited", "Invited"),
            # A response is further than what is none, whatever the order says.
            ("Attended", "Declined", "Attended"), ("Declined", "Attended", "Attended"),
        ],
    )  # fmt: skip
    def test_a_status_only_moves_on(self, fair: Campaign, was: str | None, wanted: str, becomes: str) -> None:
        fair.statuses.all().delete()
        order = ["Invited", "Registered", "Attended", "Declined"]
        for place, label in enumerate(order, 1):
            CampaignMemberStatus.objects.create(
                campaign=fair, label=label, position=place, is_responded=label == "Attended"
            )
        member = org.member(fair, org.contact(), status=was)  # type: ignore[arg-type]
        changed = membership.advance(fair, [member.pk], wanted, cause())
        member.refresh_from_db()
        assert member.status == becomes
        assert changed == (was != becomes)


def test_a_selection_of_all_is_put_in(fair: Campaign) -> None:
    people = [org.contact(f"Name {number}", job_title="Buyer" if number % 2 else "") for number in range(8)]
    buyers = Selection("contact", {"field": "job_title", "is": "equals", "value": "Buyer"}, excluded=(people[1].pk,))
    before = Cause.objects.count()
    assert membership.put_in_selected(fair, buyers, cause) == 3
    assert members(fair) == {people[number].pk for number in (3, 5, 7)}
    assert Cause.objects.count() == before + 1
    with pytest.raises(StatusUnknown):
        membership.put_in_selected(fair, buyers, cause, "Danced")
