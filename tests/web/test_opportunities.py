"""The opportunities page: every deal, whose it is, and those of a collection."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests.web import org

from abmatic.audiences.models import Opportunity

pytestmark = pytest.mark.django_db

Queries = Callable[[int], AbstractContextManager[object]]


def deals(page: str) -> list[str]:
    """The names in the grid, in order."""
    return re.findall(r'class="col-name"><a class="strong cut"[^>]*>([^<]*)<', page)


def test_every_deal_with_the_account_it_belongs_to(admin: Client) -> None:
    acme = org.account("Acme")
    org.opportunity(acme, "Renewal", stage="Prospecting", amount="1234.5")
    org.opportunity(acme, "New business", is_won=True, is_closed=True)
    Opportunity.objects.create(name="Nobody’s")
    page = admin.get("/opportunities/").text
    assert deals(page) == ["Nobody’s", "New business", "Renewal"], "the newest first"
    assert deals(admin.get("/opportunities/?sort=name").text) == ["New business", "Nobody’s", "Renewal"]
    assert deals(admin.get("/opportunities/?sort=added").text) == ["Renewal", "New business", "Nobody’s"]
    assert page.count(f'href="/accounts/{acme.pk}/opportunities/"') == 2
    assert deals(admin.get("/opportunities/?show=won").text) == ["New business"]
    assert deals(admin.get("/opportunities/?q=renew").text) == ["Renewal"]
    assert deals(admin.get("/opportunities/?sort=-amount").text)[0] == "Renewal"


def test_the_list_goes_on_below_and_a_page_far_down_is_read_from_the_index(admin: Client) -> None:
    acme = org.account("Acme")
    Opportunity.objects.bulk_create(Opportunity(name=f"Deal {number:03}", account=acme) for number in range(120))
    seen, address = [], "/opportunities/"
    while address:
        with CaptureQueriesContext(connection) as captured:
            page = admin.get(address).text
        seen += deals(page)
        more = re.search(r'class="more" hx-get="([^"]*)"', page)
        address = html.unescape(more[1]) if more else ""
    assert seen == [f"Deal {number:03}" for number in reversed(range(120))]
    [statement] = [one["sql"] for one in captured if "sort_key" in one["sql"]][:1]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute(f"EXPLAIN {statement}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "opportunity_pkey" in plan
    assert "Sort" not in plan


def test_an_accounts_own_list_does_not_repeat_the_account(admin: Client) -> None:
    acme = org.account("Acme")
    org.opportunity(acme, "Renewal")
    page = admin.get(f"/accounts/{acme.pk}/opportunities/").text
    assert deals(page) == ["Renewal"]
    assert "quiet cut" not in page


def test_the_import_is_a_collection(admin: Client) -> None:
    acme = org.account("Acme")
    deal = org.opportunity(acme, "Renewal")
    org.opportunity(acme, "Another")
    made = org.collection("opportunity", [deal.pk])
    assert f"/opportunities/collections/{made.pk}/" in admin.get("/opportunities/collections/").text
    page = admin.get(f"/opportunities/collections/{made.pk}/").text
    assert deals(page) == ["Renewal"]
    assert f'href="/accounts/{acme.pk}/opportunities/"' in page


def test_an_empty_page_says_what_fills_it(admin: Client) -> None:
    page = admin.get("/opportunities/").text
    assert "No opportunities yet" in page
    assert "Connect Salesforce" in page


def test_a_page_takes_few_queries_whatever_it_shows(admin: Client, django_assert_max_num_queries: Queries) -> None:
    for number in range(40):
        org.opportunity(org.account(f"Firm {number}"), f"Deal {number}")
    with django_assert_max_num_queries(14):
        assert len(deals(admin.get("/opportunities/").text)) == 40
