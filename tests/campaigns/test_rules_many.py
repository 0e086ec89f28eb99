"""Rules where much is done: what they keep grows with people, and a new one keeps nobody waiting."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from tests.campaigns.test_rules import SINCE, cause, days_later, fair, known, rule, status, tell
from tests.engagement.test_identifying import come, said
from tests.engagement.visits import BEGIN, did
from tests.web import org

from abmatic.campaigns import following, membership, rules
from abmatic.campaigns.following import Followed
from abmatic.campaigns.models import Campaign, CampaignMember, CampaignRule, CampaignRuleHit
from abmatic.campaigns.rules import Wanted
from abmatic.tracking import store

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ("days_later", "fair")


def test_what_is_kept_grows_with_people_and_not_with_what_they_do(fair: Campaign) -> None:
    made = rule(fair, "page", "/prices", "Visited")
    for name in ("ann", "bob"):
        known(name)
        tell(said(0, f"{name}@acme.com", name))
    for day in range(3):
        tell(*(did(day * 1440 + minute, visitor=who) for minute in range(20) for who in ("ann", "bob", "stranger")))
    assert CampaignRuleHit.objects.count() == 2
    assert rules.people_counted(fair) == {made.pk: 2}


def test_who_was_taken_out_is_not_passed_through_for_ever(fair: Campaign) -> None:
    rule(fair, "page", "/prices", "Visited")
    ann = known("ann")
    org.member(fair, ann, is_removed=True)
    tell(said(0, "ann@acme.com"), did(1))
    assert not CampaignRuleHit.objects.filter(open_since__isnull=False).exists()
    # What was done while they were out is over; what they do once they are back counts.
    membership.put_in(fair, [ann.pk], cause())
    assert following.follow() == Followed()
    assert tell(did(200)) == Followed(0, 1)


def test_a_new_rule_catches_up_in_parts_and_the_others_do_not_wait(
    fair: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_PARTS", 1)
    ann, bob = known("ann"), known("bob")
    for person in (ann, bob):
        org.member(fair, person)
    tell(said(0, "ann@acme.com"), *(did(day * 1440 + 1) for day in range(4)))
    said_so = rule(fair, "page", "/expo", "Visited")
    assert following.follow(batch=100) == Followed()
    new = rule(fair, "page", "/prices", "Responded")
    # Two sessions a run: what is done meanwhile is settled for the rule that is up to date, at once.
    assert tell(said(0, "bob@acme.com", "bob"), did(1, visitor="bob", path="/expo"), batch=2) == Followed(0, 1)
    assert status(fair, bob) == "Visited"
    # What is done now isn't settled before what was done then: that says on which day they responded.
    tell(did(5 * 1440), batch=2)
    assert status(fair, ann) == "Sent"
    runs = 0
    while CampaignRule.objects.get(pk=new.pk).catches_up_from is not None:
        assert (runs := runs + 1) < 10
        following.follow(batch=2)
    member = CampaignMember.objects.get(contact=ann)
    assert (member.status, member.first_responded) == ("Responded", date(2026, 11, 20))
    assert CampaignRule.objects.get(pk=said_so.pk).catches_up_from is None


def test_a_rule_that_counts_from_now_reads_nothing_of_before(fair: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = known("ann")
    org.member(fair, ann)
    following.follow()
    come(said(0, "ann@acme.com"), did(1))
    following.follow()
    rules.add(fair, Wanted("page", "/prices", "Visited"), None)
    read: list[int] = []
    real = store.within_into

    def within_into(session: store.Session, table: str, windows: str) -> int:
        read.append(real(session, table, windows))
        return read[-1]

    monkeypatch.setattr(store, "within_into", within_into)
    assert following.follow() == Followed()
    assert sum(read) == 0
    # Six days after the beginning is now.
    assert tell(did(6 * 1440 + 5)) == Followed(0, 1)


def test_rules_that_have_less_left_come_first(fair: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_PARTS", 1)
    following.follow()
    known("ann")
    tell(said(0, "ann@acme.com"), *(did(day * 1440 + 1) for day in range(5)))
    old = rules.add(fair, Wanted("page", "/a", counts_from=SINCE), None)
    young = rules.add(fair, Wanted("page", "/b", counts_from=BEGIN + timedelta(days=5)), None)
    following.follow(batch=2)
    assert CampaignRule.objects.get(pk=young.pk).catches_up_from is None
    assert CampaignRule.objects.get(pk=old.pk).catches_up_from == old.catches_up_from
