"""The rules of a campaign, on its page and by the API."""

from __future__ import annotations

import pytest
from django.test import Client
from tests.api.conftest import Program
from tests.campaigns.test_rules import days_later, known, tell
from tests.engagement.test_identifying import said
from tests.engagement.visits import did, site_that_makes_people
from tests.web.conftest import SignedIn

from abmatic.campaigns import following, membership
from abmatic.campaigns.models import Campaign, CampaignMember, CampaignRule
from abmatic.changes.models import Cause
from abmatic.identity import api_keys
from abmatic.identity.models import User

__all__ = ["days_later"]

pytestmark = pytest.mark.django_db(transaction=True)

WANTED = {"kind": "page", "pattern": "/prices", "status": "Responded", "since": "2026-11-01", "joins": "on"}


@pytest.fixture
def fair(transactional_db: None) -> Campaign:
    site_that_makes_people()
    made = membership.make_campaign("Fair", Cause.objects.create(kind=Cause.Kind.USER))
    known("ann")
    tell(said(0, "ann@acme.com"), did(1))
    return made


def test_a_rule_is_tried_then_made_then_removed(admin: Client, fair: Campaign) -> None:
    url = f"/campaigns/{fair.pk}/rules/"
    assert "No rules yet" in admin.get(url).text
    looked = admin.post(url, {**WANTED, "do": "look"})
    assert "1 person whom we know did this. Now 1 would join and 0 would move forwards; 0 would stay" in looked.text
    assert not CampaignRule.objects.exists()
    made = admin.post(url, {**WANTED, "do": "add"}, follow=True)
    assert "“Visited /prices” counts from now on" in made.text
    following.follow()
    assert CampaignMember.objects.get().status == "Responded"
    assert "Who isn’t in it joins" in admin.get(url).text
    again = admin.post(url, {**WANTED, "do": "look"})
    assert (again.status_code, "has this rule already" in again.text) == (400, True)
    rule = CampaignRule.objects.get()
    gone = admin.post(f"{url}{rule.pk}/remove/", follow=True)
    assert "“Visited /prices” counts no more" in gone.text
    assert "removed already" in admin.post(f"{url}{rule.pk}/remove/", follow=True).text
    assert CampaignMember.objects.get().status == "Responded"


def test_what_nobody_did_is_said(admin: Client, fair: Campaign) -> None:
    looked = admin.post(f"/campaigns/{fair.pk}/rules/", {**WANTED, "pattern": "/none", "do": "look"})
    assert "nobody whom we know did this" in looked.text


@pytest.mark.parametrize(
    ("wrong", "said_so"), [({"pattern": "x"}, "begin it with a slash"), ({"since": "soon"}, "This is no day")]
)
def test_what_cannot_be_is_refused(admin: Client, fair: Campaign, wrong: dict[str, str], said_so: str) -> None:
    answer = admin.post(f"/campaigns/{fair.pk}/rules/", {**WANTED, **wrong, "do": "add"})
    assert (answer.status_code, said_so in answer.text) == (400, True)
    assert not CampaignRule.objects.exists()


def test_a_viewer_reads(vera: User, signed_in: SignedIn, fair: Campaign) -> None:
    page = signed_in(vera).get(f"/campaigns/{fair.pk}/rules/").text
    assert "No rules yet" in page
    assert "New rule" not in page


def test_by_the_api(fair: Campaign) -> None:
    _, token = api_keys.create("Rules", "operator")
    program, url = Program(token), f"/campaigns/{fair.pk}/rules"
    wanted = {"kind": "page", "pattern": "/prices", "joins": True, "counts_from": "2026-11-01T00:00:00Z"}
    told = program.ask("POST", f"{url}/preview", wanted)
    assert told.json() == {"did": 1, "joining": 1, "advancing": 0, "staying": 0}
    made = program.ask("POST", url, wanted)
    assert (made.status_code, made.json()["status"]) == (201, None)
    assert (made.json()["is_looking_back"], made.json()["looked_back_at"]) == (True, None)
    following.follow()
    (shown,) = program.ask("GET", url).json()["items"]
    assert shown["is_looking_back"] is False
    assert shown["looked_back_at"] > made.json()["counts_from"]
    assert (shown["id"], shown["people"], shown["problem"]) == (made.json()["id"], 1, "")
    again = program.ask("POST", url, wanted)
    assert (again.status_code, again.json()["code"]) == (422, "invalid_rule")
    refused = program.ask("POST", url, {**wanted, "pattern": "/x", "status": "Gone"})
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_status")
    assert program.ask("DELETE", f"{url}/{shown['id']}").json() == {"id": shown["id"]}
    assert program.ask("DELETE", f"{url}/{shown['id']}").status_code == 404
    assert program.ask("GET", "/campaigns/999999/rules").status_code == 404
