"""The pages of visits: the list, a visitor, and the engagement of a contact and an account."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from tests.engagement.visits import did, left
from tests.web import org

from abmatic.audiences.models import Account, Contact
from abmatic.engagement import scoring
from abmatic.engagement.models import Visitor
from abmatic.engagement.sessions import make_sessions
from abmatic.tracking import store
from abmatic.tracking.events import Kind
from abmatic.tracking.models import TrackingSite

Queries = Callable[[int], AbstractContextManager[object]]

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def acme() -> Account:
    return org.account("Acme")


@pytest.fixture
def sam(acme: Account) -> Contact:
    return org.contact("Smith", first_name="Sam", account=acme)


def test_the_list_says_who_was_here_and_how_sure_that_is(admin: Client, sam: Contact) -> None:
    org.visit(sam)
    org.visit(key="other", channel="organic_search", campaign=None, landing_path="/<b>")
    page = admin.get("/visitors/").text
    assert "Sam Smith" in page
    assert "Certain, 90 of 100" in page
    assert "Acme" in page
    assert "june" in page
    assert "3 min 20 s" in page
    assert "Unknown" in page
    assert "/&lt;b&gt;" in page


def test_filters(admin: Client, sam: Contact, acme: Account) -> None:
    org.visit(sam, landing_path="/of-sam")
    org.visit(key="b", account_id=acme.pk, landing_path="/of-acme", channel="direct")
    org.visit(key="c", landing_path="/of-nobody", channel="direct")
    for query, shown in (
        ("who=person", {"/of-sam"}),
        ("who=company", {"/of-acme"}),
        ("who=nobody", {"/of-nobody"}),
        ("channel=direct", {"/of-acme", "/of-nobody"}),
        ("channel=direct&who=company", {"/of-acme"}),
        ("channel=nonsense&who=nonsense", {"/of-sam", "/of-acme", "/of-nobody"}),
    ):
        page = admin.get(f"/visitors/?{query}").text
        assert {path for path in ("/of-sam", "/of-acme", "/of-nobody") if path in page} == shown, query
    assert "No visit is like that" in admin.get("/visitors/?channel=display").text


def test_pages_without_companies_say_how_these_are_known(admin: Client, acme: Account, settings: Any) -> None:
    org.visit()
    pages = ("/visitors/", "/visitors/?who=company", f"/accounts/{acme.pk}/engagement/")
    for page in pages:
        assert "ABMATIC_COMPANY_DATABASE" in admin.get(page).text, page
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, company_database=Path("companies.mmdb"))
    for page in pages:
        assert "ABMATIC_COMPANY_DATABASE" not in admin.get(page).text, page


def test_telephones_have_the_company_below_somebody(admin: Client, acme: Account) -> None:
    """Where there is no room for its column."""
    org.visit(account_id=acme.pk)
    assert f'<a class="under" href="/accounts/{acme.pk}/" dir="auto">Acme</a>' in admin.get("/visitors/").text
    assert 'class="under"' not in admin.get(f"/accounts/{acme.pk}/engagement/").text.partition("<table")[2]


def test_older_visits_follow_without_gaps(admin: Client) -> None:
    now = timezone.now()
    for number in range(120):
        # Some begin at the same moment.
        org.visit(key=f"v{number}", began_at=now - timedelta(minutes=number // 3), landing_path=f"/page-{number:03}-")
    # A cell across more columns than a telephone shows would leave these no width.
    assert '<td colspan="3">' in admin.get("/visitors/").text
    seen: list[str] = []
    address: str | None = "/visitors/"
    while address:
        page = admin.get(address, headers=HTMX if "after" in address else {}).text
        seen += [f"/page-{number:03}-" for number in range(120) if f"/page-{number:03}-" in page]
        _, found, rest = page.partition('hx-get="?after=')
        address = f"/visitors/?after={rest.partition(chr(34))[0]}" if found else None
    assert sorted(seen) == [f"/page-{number:03}-" for number in range(120)]


def test_the_list_asks_as_much_for_fifty_as_for_one(
    admin: Client, acme: Account, django_assert_max_num_queries: Queries
) -> None:
    for number in range(50):
        org.visit(org.contact(f"N{number}", account=acme), key=f"v{number}")
    with django_assert_max_num_queries(20):
        assert "N49" in admin.get("/visitors/").text


def test_an_empty_list_says_what_to_do(admin: Client) -> None:
    assert "Set up web tracking" in admin.get("/visitors/").text
    TrackingSite.objects.create(name="Acme", origins=["https://www.acme.com"])
    assert "see whether it is live" in admin.get("/visitors/").text


@pytest.mark.parametrize("after", ["", "nonsense", "2026-01-01T00:00:00/1", "2026-01-01T00:00:00+00:00/x", "\0"])
def test_a_position_that_makes_no_sense_is_the_beginning(admin: Client, after: str) -> None:
    org.visit()
    assert "/prices" in admin.get("/visitors/", {"after": after}).text


@pytest.mark.django_db(transaction=True)
def test_a_visitor_has_sessions_with_their_events(admin: Client) -> None:
    store.append([
        did(0, path="/", title="Home"), left(1, 55, path="/"),
        did(2, Kind.CLICK, properties={"type": "download", "href": "https://www.acme.com/a.pdf", "text": "A"}),
        did(3, Kind.FORM, path="/demo", properties={"form": "<i>demo", "fields": {}}),
        did(200, path="/again"), did(200, visitor="bob", path="/of-bob"),
        did(201, Kind.IMPRESSION, properties={"experience": 1, "variant": 0}),
        did(202, Kind.PERSONALISED_CLICK, properties={"experience": 1, "variant": 0}),
    ])  # fmt: skip
    make_sessions()
    page = admin.get(f"/visitors/{Visitor.objects.get(key='ann').pk}/").text
    for words in (
        "Unknown visitor", "2 visits", "Left, seen for 55 s", "2 min", "https://www.acme.com/a.pdf",
        "Form &lt;i&gt;demo", "/again", "Original shown, as to the control group", "Original pressed",
    ):  # fmt: skip
        assert words in page, words
    assert "/of-bob" not in page
    assert "Personalised content" not in page
    assert admin.get("/visitors/999999/").status_code == 404


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seconds", ["abc", "nan", True, None])
def test_what_a_site_says_in_its_own_words_breaks_no_page(admin: Client, seconds: object) -> None:
    told = {"email": "ann@example.com", "seconds": seconds, "depth": [], "name": {}, "form": 5}
    store.append([did(0, path="/"), did(1, Kind.IDENTIFY, properties=told), left(2, 55, path="/")])
    make_sessions()
    page = admin.get(f"/visitors/{Visitor.objects.get(key='ann').pk}/")
    assert page.status_code == 200
    assert "The site said who it is" in page.text


def test_the_engagement_of_a_contact_and_of_an_account(
    admin: Client, sam: Contact, acme: Account, django_assert_max_num_queries: Queries
) -> None:
    assert "No visit is known to be this person’s" in admin.get(f"/contacts/{sam.pk}/engagement/").text
    assert "Worked out from visits to your website" in admin.get(f"/contacts/{sam.pk}/").text
    org.visit(sam, forms=2)
    scoring.refresh_all()
    with django_assert_max_num_queries(25):
        admin.get(f"/contacts/{sam.pk}/engagement/")
    for address in (f"/contacts/{sam.pk}/engagement/", f"/accounts/{acme.pk}/engagement/"):
        page = admin.get(address).text
        # 1 + 2 pages + 3.3 minutes + 50.
        assert "Engagement 56 of 100: Warm" in page
        assert "1 visit in 30 days" in page
        assert "first by E-mail" in page
        assert "trend-data" in page
    fields = admin.get(f"/contacts/{sam.pk}/").text
    assert "Engagement score" in fields
    assert "Engagement score, version 1" in fields
