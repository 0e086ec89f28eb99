"""A rule that is removed counts nothing at once; what it has counted goes in parts, whatever comes between."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tests.campaigns.test_rules import days_later, fair, known, rule, status, tell
from tests.campaigns.test_rules_at_once import while_it_waits
from tests.engagement.test_identifying import come, said
from tests.engagement.visits import did
from tests.web import org

from abmatic.campaigns import following, removing, rules
from abmatic.campaigns.following import Followed
from abmatic.campaigns.models import Campaign, CampaignRule, CampaignRuleHit

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ("days_later", "fair")


class Killed(BaseException):
    """The process is."""


def counted(campaign: Campaign, people: int) -> CampaignRule:
    """A rule that has counted so many."""
    made = rule(campaign, "page", "/prices", "Visited")
    contacts = [known(f"p{number}") for number in range(people)]
    tell(said(0, "p0@acme.com"), did(1))
    hit = CampaignRuleHit.objects.get()
    for contact in contacts[1:]:
        CampaignRuleHit.objects.create(
            rule=made, contact_id=contact.pk, visitor_id=hit.visitor_id, last_at=hit.last_at, open_since=hit.open_since
        )
    return made


def test_it_counts_nothing_more_and_who_removes_it_waits_for_no_rows(fair: Campaign) -> None:
    ann = known("ann")
    made = rule(fair, "page", "/prices", "Visited", joins=True)
    come(said(0, "ann@acme.com"), did(1))
    with CaptureQueriesContext(connection) as asked:
        rules.remove(made)
    assert not [each["sql"] for each in asked if "DELETE" in each["sql"] or "campaign_rule_hit" in each["sql"]]
    assert (rules.of(fair), rules.people_counted(fair)) == ([], {})
    assert following.follow() == Followed()
    assert status(fair, ann) is None
    again = rule(fair, "page", "/prices", "Visited", joins=True)
    assert following.follow() == Followed(1, 0)
    assert removing.delete_removed() == 1
    assert list(CampaignRule._base_manager.all()) == [again]
    assert CampaignRuleHit.objects.get().rule_id == again.pk


def test_what_waits_for_its_effect_has_none_once_the_rule_is_removed(fair: Campaign) -> None:
    made = rule(fair, "page", "/prices", "Visited")
    ann = known("ann")
    tell(said(0, "ann@acme.com"), did(1))
    rules.remove(made)
    org.member(fair, ann)
    assert following.follow() == Followed()
    assert status(fair, ann) == "Sent"


def test_a_run_that_is_killed_is_taken_up_by_the_next(fair: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    made = counted(fair, 5)
    rules.remove(made)
    text, parts = removing._text, []

    def killed_in_the_second(name: str) -> str:
        parts.append(name)
        if parts.count("delete_some") == 2:
            raise Killed
        return text(name)

    with monkeypatch.context() as patch:
        patch.setattr(removing, "_text", killed_in_the_second)
        with pytest.raises(Killed):
            removing.delete_removed(batch=2)
    assert CampaignRuleHit.objects.count() == 3
    assert removing.delete_removed(batch=2) == 1
    assert not CampaignRuleHit.objects.exists()
    assert not CampaignRule._base_manager.exists()


def test_what_is_counted_at_the_same_moment_goes_too(fair: Campaign) -> None:
    made = counted(fair, 1)
    rules.remove(made)
    hit = CampaignRuleHit.objects.get()
    bob = known("bob")
    done = while_it_waits(
        # As `following` does: held, then written down.
        "WITH kept AS MATERIALIZED (SELECT id FROM campaign_rule WHERE id = %s FOR KEY SHARE) "
        "INSERT INTO campaign_rule_hit (rule_id, contact_id, visitor_id, last_at) SELECT id, %s, %s, now() FROM kept",
        (made.pk, bob.pk, hit.visitor_id),
        removing.delete_removed,
    )
    assert done == 1
    assert not CampaignRuleHit.objects.exists()
    assert not CampaignRule._base_manager.exists()
