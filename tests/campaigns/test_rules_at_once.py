"""Rules, and what somebody else does to the same members at the same moment, or has done to them since."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from tests.campaigns.test_rules import cause, days_later, fair, known, rule, status, tell
from tests.engagement.test_identifying import come, said, wait_for_lock_or
from tests.engagement.visits import did
from tests.web import org

from abmatic.campaigns import following, membership
from abmatic.campaigns.following import Followed
from abmatic.campaigns.models import Campaign, CampaignMember
from abmatic.engagement import merging
from abmatic.postgres import sessions

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ("days_later", "fair")


def while_it_waits(statement: str, parameters: tuple[Any, ...], verb: Callable[[], Any]) -> Any:
    """What a verb answers that began once another connection had executed a statement, and before it committed."""

    def begin() -> Any:
        try:
            return verb()
        finally:
            connection.close()

    with sessions.session("other") as other, ThreadPoolExecutor(1) as one:
        other.execute(statement, parameters)
        begun = one.submit(begin)
        wait_for_lock_or(begun)
        other.commit()
        return begun.result()


def test_whom_somebody_brings_further_meanwhile_is_not_set_back(fair: Campaign) -> None:
    ann, bob = (org.member(fair, known(name)) for name in ("ann", "bob"))
    moved = while_it_waits(
        "UPDATE campaign_member SET status = 'Responded', has_responded = true WHERE id = %s",
        (ann.pk,),
        lambda: membership.advance(fair, [ann.pk, bob.pk], "Visited", cause()),
    )
    assert moved == 1
    assert set(CampaignMember.objects.values_list("pk", "status")) == {(ann.pk, "Responded"), (bob.pk, "Visited")}


@pytest.mark.parametrize(("label", "becomes"), [("Invited", "Visited"), ("Responded", "Responded")])
def test_whom_somebody_puts_in_meanwhile_comes_as_far_as_the_rule(fair: Campaign, label: str, becomes: str) -> None:
    rule(fair, "page", "/prices", "Visited", joins=True)
    ann = known("ann")
    come(said(0, "ann@acme.com"), did(1))
    done = while_it_waits(
        "INSERT INTO campaign_member (campaign_id, contact_id, status, created_at, updated_at) "
        "VALUES (%s, %s, %s, now(), now())",
        (fair.pk, ann.pk, label),
        following.follow,
    )
    assert (done, status(fair, ann)) == (Followed(0, int(label != becomes)), becomes)


def test_what_had_its_effect_has_none_again_once_two_people_are_one(fair: Campaign) -> None:
    rule(fair, "page", "/prices", "Visited", joins=True)
    ann, double = known("ann"), known("annie")
    tell(said(0, "annie@acme.com"), did(1))
    assert status(fair, double) == "Visited"
    member = org.member(fair, ann, "Invited")
    with sessions.session("merge") as session:
        merging.absorb(session, [ann.pk], [double.pk])
        session.commit()
    CampaignMember.objects.filter(contact=double).delete()
    double.delete()
    assert following.follow() == Followed()
    member.refresh_from_db()
    assert member.status == "Invited"
    assert tell(did(200)) == Followed(0, 1), "and what is done later counts"
