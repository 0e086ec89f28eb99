"""The campaigns page, and the pages of one campaign: who is in it, what came of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date

import pytest
from django.test import Client
from tests.web import org

pytestmark = pytest.mark.django_db

Queries = Callable[[int], AbstractContextManager[object]]


def names(page: str) -> list[str]:
    """The names in the grid, in order."""
    return re.findall(r'class="col-name"><a class="strong cut"[^>]*>([^<]*)<', page)


def test_every_campaign_by_name(admin: Client) -> None:
    series = org.campaign("Webinars", type="Webinar")
    org.campaign("Autumn webinar", parent=series, is_active=True, status="In Progress", start_date=date(2026, 9, 1))
    page = admin.get("/campaigns/").text
    assert names(page) == ["Autumn webinar", "Webinars"]
    assert f'href="/campaigns/{series.pk}/"' in page
    assert names(admin.get("/campaigns/?show=active").text) == ["Autumn webinar"]
    assert names(admin.get("/campaigns/?sort=-starts").text)[0] == "Autumn webinar"
    assert names(admin.get("/campaigns/?q=webinars").text) == ["Webinars"]
    assert "Collections" not in page


def test_who_is_in_a_campaign_and_how_far(admin: Client) -> None:
    fair = org.campaign("Fair")
    ann, bob, cal = (org.contact(name, account=org.account(f"{name} Ltd")) for name in ("Ann", "Bob", "Cal"))
    org.member(fair, ann, "Attended", has_responded=True, first_responded=date(2026, 3, 1))
    org.member(fair, bob)
    org.member(fair, cal, is_removed=True)
    org.member(org.campaign("Another"), cal)
    page = admin.get(f"/campaigns/{fair.pk}/members/").text
    assert names(page) == ["Bob", "Ann"], "the newest first, and nobody who was taken out"
    assert "Attended" in page
    assert "Ann Ltd" in page
    assert names(admin.get(f"/campaigns/{fair.pk}/members/?show=responded").text) == ["Ann"]
    assert names(admin.get(f"/campaigns/{fair.pk}/members/?show=removed").text) == ["Cal"]
    assert names(admin.get(f"/campaigns/{fair.pk}/members/?q=bob").text) == ["Bob"]
    assert names(admin.get(f"/campaigns/{fair.pk}/members/?sort=name").text) == ["Ann", "Bob"]
    assert names(admin.get(f"/contacts/{cal.pk}/campaigns/").text) == ["Another"]


def test_the_deals_that_are_put_down_to_it(admin: Client) -> None:
    fair, acme = org.campaign("Fair"), org.account("Acme")
    org.opportunity(acme, "From the fair", campaign_id=fair.pk)
    org.opportunity(acme, "From elsewhere")
    page = admin.get(f"/campaigns/{fair.pk}/opportunities/").text
    assert "From the fair" in page
    assert "From elsewhere" not in page


def test_its_fields_and_its_history(admin: Client) -> None:
    fair = org.campaign("Fair", budgeted_cost=1200, start_date=date(2026, 9, 1), parent=org.campaign("Fairs"))
    page = admin.get(f"/campaigns/{fair.pk}/").text
    for words in ("Budgeted cost", "1,200", "2026", "Fairs", "Not in Salesforce"):
        assert words in page
    assert admin.get(f"/campaigns/{fair.pk}/timeline/").status_code == 200
    assert admin.get("/campaigns/999999/").status_code == 404


def test_an_empty_page_says_what_fills_it(admin: Client) -> None:
    page = admin.get("/campaigns/").text
    assert "No campaigns yet" in page
    assert "Connect Salesforce" in page


def test_a_page_takes_few_queries_whatever_it_shows(admin: Client, django_assert_max_num_queries: Queries) -> None:
    fair = org.campaign("Fair")
    for number in range(40):
        org.campaign(f"Campaign {number}", parent=fair)
        org.member(fair, org.contact(f"Person {number}", account=org.account(f"Firm {number}")))
    with django_assert_max_num_queries(14):
        assert len(names(admin.get("/campaigns/").text)) == 41
    with django_assert_max_num_queries(16):
        assert len(names(admin.get(f"/campaigns/{fair.pk}/members/").text)) == 40
