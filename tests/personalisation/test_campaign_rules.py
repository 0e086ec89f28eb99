"""A campaign's rule for clicks on its personalised content, from the browser to the member's status."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from tests.personalisation import worlds
from tests.personalisation.worlds import Somebody, experience
from tests.tracking.conftest import collects, uuid7
from tests.web import org

from abmatic.campaigns import following, rules
from abmatic.campaigns.models import CampaignMember, CampaignMemberStatus
from abmatic.campaigns.rules import Wanted
from abmatic.engagement.identifying import identify
from abmatic.engagement.models import WebSession
from abmatic.engagement.sessions import make_sessions
from abmatic.tracking import group_commit
from abmatic.tracking.models import TrackingSite

__all__ = ["collects"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("collects")]


@pytest.mark.parametrize(("control", "clicks", "status"), [(0, 1, "Visited"), (90, 0, "Sent")])
def test_a_click_brings_members_further_and_one_of_the_control_group_does_not(
    site: TrackingSite, control: int, clicks: int, status: str
) -> None:
    fair = org.campaign("Fair", is_active=True)
    for place, label in enumerate(("Sent", "Visited"), 1):
        CampaignMemberStatus.objects.create(campaign=fair, label=label, position=place, is_default=label == "Sent")
    ann = org.contact("Ann", work_email="ann@acme.com", email_key="ann@acme.com")
    member = org.member(fair, ann)
    rules.add(fair, Wanted("click", "", "Visited", False, timezone.now() - timedelta(days=1)), None)
    made = experience(site, campaign=fair, control_percent=control)
    visitors = (f"visitor-{number:015}" for number in range(500))
    variants = {made.variants.get().pk, 0}
    who = next(each for each in visitors if (Somebody(site, each).sees(made)[made.pk] == 0) == bool(control))
    variant = Somebody(site, who).sees(made)[made.pk]
    assert variant in variants

    def told(kind: str, **properties: Any) -> dict[str, Any]:
        return {
            "id": str(uuid7(timezone.now())), "kind": kind, "url": f"{worlds.ORIGIN}/prices", "properties": properties
        }  # fmt: skip

    events = [
        told("page"), told("identify", email="ann@acme.com"),
        told("personalised_click", experience=made.pk, variant=variant),
    ]  # fmt: skip
    answer = Client().post(
        f"/collect/{site.public_id}", json.dumps({"visitor": who, "events": events}), content_type="text/plain",
        HTTP_USER_AGENT=worlds.FIREFOX, HTTP_ORIGIN=worlds.ORIGIN,
    )  # fmt: skip
    assert answer.status_code == 204, answer.content
    group_commit.stop()
    make_sessions()
    identify()
    following.follow()
    assert WebSession.objects.get().clicks == clicks
    assert CampaignMember.objects.get(pk=member.pk).status == status
