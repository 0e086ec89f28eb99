"""Accounts and Contacts: sort, filter, search, count, collections."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from urllib.parse import urlencode

import pytest
from django.db import connection as database
from django.test import Client
from tests.web import org

from abmatic.audiences.models import Account
from abmatic.sync.models import Connection
from abmatic.web import counting
from abmatic.web.grids import grid, paging

Queries = Callable[[int], AbstractContextManager[object]]

pytestmark = pytest.mark.django_db


def names(page: str) -> list[str]:
    """The names in the grid, top to bottom."""
    return re.findall(r'class="strong cut"[^>]*>([^<]*)<', page)


def count(client: Client, address: str) -> str:
    """What the grid says of its size, asked as the browser does."""
    page = client.get(address).text
    shown = re.search(r'<span id="count">([^<]*)</span>', page)
    if shown is None:
        asked = re.search(r'hx-get="([^"]*count=1[^"]*)"', page)
        assert asked
        shown = re.search(r"<span id=\"count\">([^<]*)</span>", client.get(asked[1].replace("&amp;", "&")).text)
    assert shown
    return shown[1]


@pytest.fixture
def firms(db: None) -> None:
    org.account("Acme", domain="acme.com", industry="Banking", employee_count=50, country="Germany", city="Berlin")
    org.account("beta", domain="beta.io", industry="Energy", employee_count=0, country="France", revenue="1000.50")
    org.account("Zeta", industry="banking", employee_count=900, country=None, website="n/a")
    org.account(None, industry=None)


class TestSort:
    def test_by_name_without_regard_to_case_and_the_nameless_last(self, admin: Client, firms: None) -> None:
        shown = names(admin.get("/accounts/").text)
        assert shown[:3] == ["Acme", "beta", "Zeta"]
        assert shown[3].startswith("Account ")

    def test_descending_keeps_the_empty_last(self, admin: Client, firms: None) -> None:
        assert names(admin.get("/accounts/?sort=-employees").text)[:3] == ["Zeta", "Acme", "beta"]

    def test_the_header_says_how_it_is_sorted(self, admin: Client, firms: None) -> None:
        page = admin.get("/accounts/?sort=-employees").text
        assert re.search(r'col-employees" aria-sort="descending"', page)
        assert len(re.findall(r'aria-sort="none"', page)) == 7

    def test_nonsense_sorts_by_name(self, admin: Client, firms: None) -> None:
        assert names(admin.get("/accounts/?sort=-password").text)[0] == "Acme"


class TestFilter:
    @pytest.mark.parametrize(
        ("field", "op", "value", "found"),
        [
            ("industry", "equals", "BANKING", ["Acme", "Zeta"]),
            ("name", "contains", "et", ["beta", "Zeta"]),
            ("name", "contains", "%", []),
            ("name", "contains", "_eta", []),
            ("country", "empty", "", ["Zeta"]),
            ("domain", "filled", "", ["Acme", "beta"]),
            ("employees", "least", "50", ["Acme", "Zeta"]),
            ("employees", "most", "0", ["beta"]),
            ("employees", "equals", "0", ["beta"]),
            ("revenue", "least", "1,000.5", ["beta"]),
            ("website", "equals", "N/A", ["Zeta"]),
        ],
    )
    def test_finds(self, admin: Client, firms: None, field: str, op: str, value: str, found: list[str]) -> None:
        page = admin.get("/accounts/", {"field": field, "op": op, "value": value}).text
        assert [name for name in names(page) if not name.startswith("Account ")] == found

    def test_several_conditions_hold_together_and_each_can_be_removed(self, admin: Client, firms: None) -> None:
        query = [("field", "industry"), ("op", "equals"), ("value", "banking")]
        query += [("field", "employees"), ("op", "least"), ("value", "100")]
        page = admin.get(f"/accounts/?{urlencode(query)}").text
        assert names(page) == ["Zeta"]
        without = re.findall(r'<a href="([^"]*)" aria-label="Remove the filter', page)
        assert len(without) == 2
        assert names(admin.get(without[1].replace("&amp;", "&")).text) == ["Acme", "Zeta"]

    @pytest.mark.parametrize(
        ("field", "op", "value", "said"),
        [
            ("employees", "least", "many", "Employees is a number"),
            ("employees", "least", "NaN", "Employees is a number"),
            ("employees", "least", "1e999", "Employees is a number"),
            ("employees", "contains", "5", "can’t be compared"),
        ],
    )
    def test_a_condition_that_makes_no_sense_is_explained_not_applied(
        self, admin: Client, firms: None, field: str, op: str, value: str, said: str
    ) -> None:
        answer = admin.get("/accounts/", {"field": field, "op": op, "value": value})
        assert answer.status_code == 200
        assert said in answer.text.replace("&#x27;", "’")
        assert len(names(answer.text)) == 4

    @pytest.mark.parametrize(
        "query",
        ["field=password&op=equals&value=x", "field=name", "op=contains&value=a", "field=name&op=drop&value=a",
         "field=name&op=contains&value=%00", "q=%00", "show=nonsense", "after=nonsense", "count=1&seen=-1",
         "sort=%00", "field=domain&op=contains&value=" + "x" * 3000],
    )  # fmt: skip
    def test_nonsense_in_the_address_breaks_nothing(self, admin: Client, firms: None, query: str) -> None:
        assert admin.get(f"/accounts/?{query}").status_code == 200

    def test_quick_choices(self, admin: Client, firms: None) -> None:
        assert names(admin.get("/accounts/?show=website").text) == ["Acme", "beta"]
        org.contact("Lead", kind="lead")
        org.contact("Contact")
        assert names(admin.get("/contacts/?show=lead").text) == ["Lead"]


class TestSearch:
    def test_every_word_must_be_somewhere(self, admin: Client) -> None:
        org.contact("Smith", first_name="Anna", work_email="anna@acme.com")
        org.contact("Smith", first_name="Bob", company="Anna's Bakery")
        org.contact("Jones", first_name="Anna")
        assert sorted(names(admin.get("/contacts/?q=anna+smith").text)) == ["Anna Smith", "Bob Smith"]

    def test_what_finds_nothing_says_so_and_leads_back(self, admin: Client, firms: None) -> None:
        page = admin.get("/accounts/", {"q": "<nothing>"}).text
        assert "No accounts match" in page
        assert "&lt;nothing&gt;" in page
        assert "Show all" in page

    def test_the_search_form_keeps_sort_and_filter(self, admin: Client, firms: None) -> None:
        page = admin.get("/accounts/?sort=-employees&field=industry&op=filled&value=").text
        form = page[page.index("grid-search") : page.index('id="grid-choices"')]
        for name, value in [("sort", "-employees"), ("field", "industry"), ("op", "filled"), ("value", "")]:
            assert f'name="{name}" value="{value}"' in form


class TestCount:
    def test_exact_while_small(self, admin: Client) -> None:
        org.accounts(60)
        assert count(admin, "/accounts/") == "60"
        assert count(admin, "/accounts/?q=firm+003") == "11"

    @pytest.mark.parametrize(("many", "noun"), [(1, "account"), (2, "accounts")])
    def test_one_is_one_account(self, admin: Client, many: int, noun: str) -> None:
        org.accounts(many)
        assert re.search(rf'id="count">{many}</span> {noun}\s*<', admin.get("/accounts/").text)

    def test_a_narrowed_count_comes_after_the_rows(self, admin: Client) -> None:
        org.accounts(60)
        assert ">counting<" in admin.get("/accounts/?q=firm").text
        assert count(admin, "/accounts/?q=firm") == "60"

    def test_estimated_when_large(self, admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        org.accounts(60)
        with database.cursor() as cursor:
            cursor.execute("ANALYZE account")
        monkeypatch.setattr(counting, "ESTIMATE_ABOVE", 50)
        assert count(admin, "/accounts/") == "about 60"

    def test_given_up_in_time(self, admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        org.accounts(120)

        def slow(records: object, *, at_least: int = 0) -> counting.Count:
            return counting.Count(at_least, "more")

        monkeypatch.setattr(grid, "quick_count", slow)
        assert count(admin, "/accounts/?q=firm") == "more than 50"

    def test_a_statement_that_takes_too_long_is_ended(self) -> None:
        with pytest.raises(counting.TookTooLong), counting.time_allowed(20), database.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(5)")
        # The connection goes on working, without a limit.
        with database.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            assert cursor.fetchone() == ("0",)

    def test_a_page_that_takes_too_long_says_what_to_do(self, admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        org.accounts(3)

        def slow(*anything: object) -> None:
            raise counting.TookTooLong

        monkeypatch.setattr(grid, "page", slow)
        page = admin.get("/accounts/?sort=city").text
        assert "This took too long" in page
        assert "Sort by “Name”" in page


class TestCollections:
    def test_lists_each_with_its_size(self, admin: Client) -> None:
        made = org.accounts(3)
        org.collection("account", [one.pk for one in made[:2]], "Salesforce Import")
        org.collection("contact", [], "People only")
        page = admin.get("/accounts/collections/").text
        assert "Salesforce Import" in page
        assert "People only" not in page
        assert '<td class="num">2</td>' in page

    def test_one_shows_its_members_only(self, admin: Client) -> None:
        made = org.accounts(3)
        collection = org.collection("account", [made[0].pk, made[2].pk])
        page = admin.get(f"/accounts/collections/{collection.pk}/").text
        assert names(page) == ["Firm 0000", "Firm 0002"]
        assert admin.get(f"/contacts/collections/{collection.pk}/").status_code == 404


class TestEmpty:
    """An empty page says what would fill it, and leads to the step that does."""

    def test_without_a_connection(self, admin: Client) -> None:
        assert "Connect Salesforce" in admin.get("/accounts/").text

    def test_with_a_connection(self, admin: Client, connection: Connection) -> None:
        page = admin.get("/contacts/").text
        assert f"/settings/integrations/salesforce/{connection.pk}/" in page
        assert "Salesforce Import" in admin.get("/contacts/collections/").text

    def test_while_an_import_runs(self, admin: Client, connection: Connection) -> None:
        run = org.running(connection)
        page = admin.get("/accounts/").text
        assert "An import is under way" in page
        assert f"/runs/{run.pk}/" in page


class TestScrolling:
    def test_rows_come_in_parts_that_make_the_whole(self, admin: Client) -> None:
        org.accounts(120)
        page = admin.get("/accounts/").text
        seen = names(page)
        assert len(seen) == paging.PAGE
        while following := re.search(r'hx-get="([^"]*after=[^"]*)"', page):
            page = admin.get(following[1].replace("&amp;", "&"), headers={"HX-Request": "true"}).text
            assert "<html" not in page, "only rows are sent"
            seen += names(page)
        assert seen == [f"Firm {number:04d}" for number in range(120)]

    def test_the_link_works_without_scripts(self, admin: Client) -> None:
        org.accounts(60)
        following = re.search(r'hx-get="([^"]*after=[^"]*)"', admin.get("/accounts/").text)
        assert following
        page = admin.get(following[1].replace("&amp;", "&")).text
        assert "<html" in page
        assert len(names(page)) == 10


class TestQueries:
    """However many rows there are, a page asks the database the same few times."""

    @pytest.mark.parametrize("many", [1, 200])
    @pytest.mark.parametrize("address", ["/accounts/", "/accounts/?sort=-city", "/accounts/?q=firm"])
    def test_accounts(self, admin: Client, django_assert_max_num_queries: Queries, many: int, address: str) -> None:
        org.accounts(many)
        admin.get("/accounts/")  # marks the checklist's last step, once
        with django_assert_max_num_queries(16):
            admin.get(address)

    def test_contacts_with_their_accounts(self, admin: Client, django_assert_max_num_queries: Queries) -> None:
        for account in org.accounts(60):
            org.contact(account=account)
        with django_assert_max_num_queries(16):
            page = admin.get("/contacts/").text
        assert page.count("Firm 00") >= 40

    def test_further_rows(self, admin: Client, django_assert_max_num_queries: Queries) -> None:
        org.accounts(120)
        following = re.search(r'hx-get="([^"]*after=[^"]*)"', admin.get("/accounts/").text)
        assert following
        with django_assert_max_num_queries(14):
            admin.get(following[1].replace("&amp;", "&"), headers={"HX-Request": "true"})


@pytest.mark.parametrize("value", org.HOSTILE.values(), ids=org.HOSTILE.keys())
def test_hostile_values_are_shown_as_what_they_are(admin: Client, value: str) -> None:
    Account.objects.create(name=value, industry=value, country=value, city=value)
    org.contact(value, first_name=value, job_title=value, company=value, phone=value)
    for address in ("/accounts/", "/contacts/"):
        page = admin.get(address).text
        assert "<script>alert" not in page
        assert "<b>bold" not in page
        assert 'onmouseover="alert' not in page
