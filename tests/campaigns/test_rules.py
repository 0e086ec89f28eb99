"""What people do on the website brings them further in a campaign: forwards only, whatever the order it is told in."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
import time_machine
from tests.engagement.test_identifying import come, said, sent
from tests.engagement.visits import BEGIN, did, site_that_makes_people
from tests.web import org

from abmatic.audiences.models import Contact
from abmatic.campaigns import following, membership, removing, rules
from abmatic.campaigns.following import Followed, Outlook
from abmatic.campaigns.membership import StatusUnknown
from abmatic.campaigns.models import (
    Campaign,
    CampaignMember,
    CampaignMemberStatus,
    CampaignRule,
    CampaignRuleHit,
    RulesFollowed,
)
from abmatic.campaigns.rules import RuleRefused, Wanted
from abmatic.changes.models import Cause, Change
from abmatic.engagement.people import erase
from abmatic.personalisation.models import Experience, Variant
from abmatic.tracking.events import Kind, WebEvent

pytestmark = pytest.mark.django_db(transaction=True)

SINCE = BEGIN - timedelta(days=1)
# (label, whether it counts as a response), in the order of the campaign.
STATUSES = (("Invited", False), ("Sent", False), ("Visited", False), ("Responded", True), ("No show", False))
FURTHEST = ("Invited", "Sent", "Visited", "No show", "Responded")


@pytest.fixture(autouse=True)
def days_later() -> Iterator[None]:
    """All of it has been done by now."""
    with time_machine.travel(BEGIN + timedelta(days=6)):
        yield


@pytest.fixture
def fair(transactional_db: None) -> Campaign:
    """A campaign whose second status is what it gives."""
    site_that_makes_people()
    return _campaign("Fair")


def _variant(campaign: Campaign, name: str) -> Variant:
    """Content of a campaign that somebody may have been shown."""
    made = Experience.objects.create(campaign=campaign, site_id=1, name=name, pages=["/*"])
    return Variant.objects.create(experience=made, name=name, position=1)


def _campaign(name: str) -> Campaign:
    made = org.campaign(name, is_active=True)
    for place, (label, responded) in enumerate(STATUSES, 1):
        CampaignMemberStatus.objects.create(
            campaign=made, label=label, position=place, is_default=label == "Sent", is_responded=responded
        )
    return made


def cause() -> Cause:
    return Cause.objects.create(kind=Cause.Kind.USER)


def rule(campaign: Campaign, kind: str, pattern: str, status: str | None = None, joins: bool = False) -> CampaignRule:
    return rules.add(campaign, Wanted(kind, pattern, status, joins, SINCE), None)


def known(name: str) -> Contact:
    """Somebody who is known by `said`."""
    return org.contact(name.title(), work_email=f"{name}@acme.com", email_key=f"{name}@acme.com")


def tell(*events: WebEvent, batch: int = following.BATCH) -> Followed:
    come(*events)
    return following.follow(batch)


def status(campaign: Campaign, contact: Contact) -> str | None:
    return CampaignMember.objects.filter(campaign=campaign, contact=contact).values_list("status", flat=True).first()


class TestWhatCounts:
    @pytest.mark.parametrize(
        ("kind", "pattern", "event", "counts"),
        [
            ("page", "/prices", did(1), True),
            ("page", "https://www.acme.com/prices/?a=1#b", did(1, path="/Prices/"), True),
            ("page", "/price", did(1), False),
            ("page", "/blog/*", did(1, path="/blog/2026/may"), True),
            ("page", "/blog/*", did(1, path="/blogs"), False),
            ("page", "/a_b%", did(1, path="/axbc"), False),
            ("page", "/", did(1, path="/"), True),
            ("page", "/", did(1, path="/prices"), False),
            ("page", "/prices", did(1, Kind.FORM, properties={"form": "x"}), False),
            ("form", "Demo", did(1, Kind.FORM, properties={"form": "demo"}), True),
            ("form", "demo", did(1, Kind.FORM, properties={"form": "other"}), False),
            ("form", "/prices", did(1, Kind.FORM, properties={"form": "other"}), True),
            ("form", "*", did(1, Kind.FORM, properties={}), True),
            ("event", "Webinar_attended", did(1, Kind.TRACK, properties={"name": "webinar_attended"}), True),
            ("event", "webinar*", did(1, Kind.TRACK, properties={"name": "demo"}), False),
            ("event", "x", did(1), False),
        ],
    )
    def test_a_pattern(self, fair: Campaign, kind: str, pattern: str, event: WebEvent, counts: bool) -> None:
        rule(fair, kind, pattern, "Visited")
        ann = known("ann")
        org.member(fair, ann)
        tell(said(0, "ann@acme.com"), event)
        assert status(fair, ann) == ("Visited" if counts else "Sent")

    def test_a_click_counts_for_the_campaign_whose_content_it_was(self, fair: Campaign) -> None:
        other, ann = _campaign("Other"), known("ann")
        a, b, c = (_variant(campaign, name) for campaign, name in ((fair, "a"), (fair, "b"), (other, "b")))
        for campaign in (fair, other):
            rule(campaign, "click", "", "Visited")
            org.member(campaign, ann)
        tell(
            said(0, "ann@acme.com"),
            did(1, Kind.PERSONALISED_CLICK, properties={"experience": b.experience_id, "variant": b.pk}),
            did(2, Kind.IMPRESSION, properties={"experience": c.experience_id, "variant": c.pk}),
            did(3, Kind.PERSONALISED_CLICK, properties={"experience": c.experience_id, "variant": 0}),
        )
        assert (status(fair, ann), status(other, ann)) == ("Visited", "Sent")
        rule(fair, "click", "A", "Responded")
        tell(did(4, Kind.PERSONALISED_CLICK, properties={"experience": b.experience_id, "variant": b.pk}))
        assert status(fair, ann) == "Visited"
        tell(did(5, Kind.PERSONALISED_CLICK, properties={"experience": a.experience_id, "variant": a.pk}))
        assert status(fair, ann) == "Responded"

    def test_what_was_done_before_the_rule_counts_from_the_day_that_it_says(self, fair: Campaign) -> None:
        ann = known("ann")
        org.member(fair, ann)
        tell(said(0, "ann@acme.com"), did(1), did(60 * 24 * 2, path="/late"))
        rules.add(fair, Wanted("page", "/prices", "Visited", counts_from=BEGIN + timedelta(days=1)), None)
        rules.add(fair, Wanted("page", "/late", "No show", counts_from=None), None)
        assert following.follow() == Followed()
        rules.add(fair, Wanted("page", "/late*", "Responded", counts_from=BEGIN + timedelta(days=1)), None)
        assert following.follow() == Followed(0, 1)
        member = CampaignMember.objects.get()
        # On the day that it was done.
        assert (member.status, member.first_responded) == ("Responded", date(2026, 11, 22))

    def test_one_that_cannot_be_is_refused(self, fair: Campaign) -> None:
        rule(fair, "page", "/prices")
        for wanted, why in (
            (Wanted("page", "/PRICES/"), "has this rule already"),
            (Wanted("page", "prices"), "begin it with a slash"),
            (Wanted("page", " "), "path of the page"),
            (Wanted("look", "/x"), "nothing that rules count"),
            (Wanted("page", "/x", counts_from=BEGIN + timedelta(days=40_000)), "yet to come"),
        ):
            with pytest.raises(RuleRefused, match=why):
                rules.add(fair, wanted, None)
        with pytest.raises(StatusUnknown):
            rules.add(fair, Wanted("page", "/x", "Gone"), None)
        assert CampaignRule.objects.count() == 1


class TestWho:
    def test_who_visits_a_named_page_joins_and_nobody_else(self, fair: Campaign) -> None:
        rule(fair, "page", "/expo", joins=True)
        rule(fair, "page", "/prices", "Visited")
        ann, bob = known("ann"), known("bob")
        done = tell(
            said(0, "ann@acme.com"), did(1, path="/expo"),
            said(0, "bob@acme.com", "bob"), did(1, visitor="bob"), did(2, visitor="cy", path="/expo"),
        )  # fmt: skip
        assert done == Followed(1, 0)
        assert (status(fair, ann), status(fair, bob)) == ("Sent", None)
        change = Change.objects.get(record="campaign_member")
        assert (change.cause.kind, change.cause.note) == (Cause.Kind.RULE, "Visited /expo")
        # What Bob did counts once he is in.
        membership.put_in(fair, [bob.pk], cause())
        assert following.follow() == Followed(0, 1)
        assert status(fair, bob) == "Visited"

    def test_what_somebody_did_before_they_were_known_counts_once_they_are(self, fair: Campaign) -> None:
        rule(fair, "page", "/expo", joins=True)
        rule(fair, "page", "/prices", "Visited")
        assert tell(did(0, path="/expo"), did(1)) == Followed()
        assert tell(sent(2, "ann@acme.com", last_name="Lee")) == Followed(1, 1)
        assert status(fair, Contact.objects.get()) == "Visited"
        assert following.follow() == Followed()

    def test_two_people_at_one_browser_are_kept_apart(self, fair: Campaign) -> None:
        rule(fair, "page", "/expo", joins=True)
        ann, bob = known("ann"), known("bob")
        tell(said(0, "ann@acme.com"), did(1, path="/expo"), said(100, "bob@acme.com"), did(101))
        assert (status(fair, ann), status(fair, bob)) == ("Sent", None)
        tell(did(102, path="/expo"))
        assert status(fair, bob) == "Sent"

    def test_whoever_was_taken_out_stays_out(self, fair: Campaign) -> None:
        rule(fair, "page", "/expo", "Visited", joins=True)
        ann = known("ann")
        member = org.member(fair, ann, is_removed=True)
        assert tell(said(0, "ann@acme.com"), did(1, path="/expo")) == Followed()
        member.refresh_from_db()
        assert (member.is_removed, member.status) == (True, "Sent")

    def test_whoever_was_set_back_stays_there_until_they_do_something_more(self, fair: Campaign) -> None:
        rule(fair, "page", "/prices", "Visited")
        ann = known("ann")
        member = org.member(fair, ann)
        tell(said(0, "ann@acme.com"), did(1))
        membership.set_status(fair, [member.pk], "Invited", cause())
        # The same once more, as after a restore.
        RulesFollowed.objects.update(sessions=0)
        assert following.follow() == Followed()
        assert status(fair, ann) == "Invited"
        assert tell(did(200)) == Followed(0, 1)

    def test_nobody_is_set_back(self, fair: Campaign) -> None:
        rule(fair, "page", "/prices", "Visited")
        people = [known(name) for name in ("ann", "bob", "cy")]
        stood = ("Responded", "No show", "of another time")
        for person, label in zip(people, stood, strict=True):
            org.member(fair, person, label)
            tell(said(0, person.work_email or "", person.last_name or ""), did(1, visitor=person.last_name or ""))
        assert [status(fair, person) for person in people] == ["Responded", "No show", "Visited"]


class TestLater:
    def test_a_status_that_is_gone_is_said_and_nothing_is_lost(self, fair: Campaign) -> None:
        made = rule(fair, "page", "/prices", "Visited")
        ann = known("ann")
        org.member(fair, ann)
        CampaignMemberStatus.objects.filter(label="Visited").update(label="Seen")
        assert tell(said(0, "ann@acme.com"), did(1)) == Followed()
        made.refresh_from_db()
        assert made.problem.startswith("Nobody moves: “Visited” is no status of Fair; these are: Invited, Sent, Seen")
        CampaignMemberStatus.objects.filter(label="Seen").update(label="Visited")
        assert following.follow() == Followed(0, 1)
        made.refresh_from_db()
        assert made.problem == ""

    def test_a_rule_that_is_removed_leaves_everybody_where_they_are(self, fair: Campaign) -> None:
        made = rule(fair, "page", "/prices", "Visited", joins=True)
        ann = known("ann")
        tell(said(0, "ann@acme.com"), did(1))
        rules.remove(made)
        assert removing.delete_removed() == 1
        assert not CampaignRuleHit.objects.exists()
        assert following.follow() == Followed()
        assert status(fair, ann) == "Visited"

    def test_nothing_is_left_of_whoever_is_forgotten(self, fair: Campaign) -> None:
        rule(fair, "page", "/prices", "Visited", joins=True)
        known("ann")
        tell(said(0, "ann@acme.com"), did(1), did(1, visitor="bob"))
        assert CampaignRuleHit.objects.count() == 1, "of strangers none is kept"
        erase("ann@acme.com")
        assert not CampaignRuleHit.objects.exists()

    def test_events_are_looked_at_again_on_another_server(self, fair: Campaign) -> None:
        rule(fair, "page", "/prices", "Visited")
        ann = known("ann")
        org.member(fair, ann)
        tell(said(0, "ann@acme.com"))
        # The mark of a server that had come further.
        RulesFollowed.objects.update(sessions=2**40)
        assert tell(did(1)) == Followed(0, 1)
        assert RulesFollowed.objects.get().sessions < 2**40


class TestOutlook:
    def test_what_a_rule_would_do_is_what_it_does(self, fair: Campaign) -> None:
        people = [known(name) for name in ("ann", "bob", "cy", "dan")]
        for person in people:
            tell(said(0, person.work_email or "", person.last_name or ""), did(1, visitor=person.last_name or ""))
        tell(did(1, visitor="nobody"))
        for person, label in zip(people, ("Sent", "Responded"), strict=False):
            org.member(fair, person, label)
        org.member(fair, people[2], "Sent", is_removed=True)
        wanted = Wanted("page", "/prices", "Visited", True, SINCE)
        told = following.outlook(rules.rule_of(fair, wanted))
        assert (told, told.staying) == (Outlook(did=4, joining=1, advancing=1), 2)
        assert not CampaignRule.objects.exists()
        assert not CampaignRuleHit.objects.exists()
        rules.add(fair, wanted, None)
        assert following.follow() == Followed(told.joining, told.advancing)
        with pytest.raises(RuleRefused, match="already"):
            following.outlook(rules.rule_of(fair, wanted))

    def test_who_may_not_join_is_not_counted_as_joining(self, fair: Campaign) -> None:
        known("ann")
        tell(said(0, "ann@acme.com"), did(1))
        told = following.outlook(rules.rule_of(fair, Wanted("page", "/prices", "Visited", False, SINCE)))
        assert told == Outlook(did=1, joining=0, advancing=0)


@pytest.mark.parametrize("seed", range(8))
def test_forwards_only_whatever_the_order(fair: Campaign, seed: int) -> None:
    """Whoever does whatever, told in any order and in any parts: each gets as far as the furthest of all that."""
    chance = random.Random(seed)
    brings: dict[str, tuple[str | None, bool]] = {}
    for number in range(5):
        path = f"/p{number}"
        brings[path] = (chance.choice([None, *(label for label, _ in STATUSES)]), chance.random() < 0.4)
        rules.add(fair, Wanted("page", path, *brings[path], SINCE), None)
    people = {name: known(name) for name in ("ann", "bob", "cy", "dan")}
    began = {}
    for name, person in people.items():
        if chance.random() < 0.5:
            began[name] = chance.choice(FURTHEST)
            org.member(fair, person, began[name])
    events, did_what = [], []
    for name in people:
        for _ in range(chance.randint(0, 4)):
            path = chance.choice(list(brings))
            did_what.append((name, path))
            events.append(did(chance.uniform(0, 2000), visitor=name, path=path))
        events.append(said(chance.uniform(0, 2000), f"{name}@acme.com", name))
    chance.shuffle(events)
    while events:
        some = chance.randint(1, 6)
        before = {name: status(fair, person) for name, person in people.items()}
        tell(*events[:some], batch=chance.choice([1, 3, 1000]))
        for name, person in people.items():
            now = status(fair, person)
            assert before[name] is None or FURTHEST.index(now or "") >= FURTHEST.index(before[name] or "")
        del events[:some]
    for name, person in people.items():
        theirs = [brings[path] for who, path in did_what if who == name]
        is_in = name in began or any(joins for _, joins in theirs)
        reached = [label or "Sent" for label, _ in theirs] + ([began[name]] if name in began else [])
        assert status(fair, person) == (max(reached, key=FURTHEST.index) if is_in else None)
    assert following.follow() == Followed()
