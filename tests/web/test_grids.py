"""Accounts and Contacts: sort, filter, search, count, collections."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection as database
from django.test import Client
from tests.web import org
from tests.web.conftest import SignedIn

from abmatic.audiences.models import Account, Owner, SavedView
from abmatic.identity.models import User
from abmatic.sync.models import Connection, Issue
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


def filtered(*parts: dict[str, Any], join: str = "all") -> str:
    """The address of accounts under a filter."""
    return f"/accounts/?{urlencode({'filter': json.dumps({join: list(parts)})})}"


def asked(field: str, operator: str, value: Any = None) -> dict[str, Any]:
    return {"field": field, "is": operator} | ({"value": value} if value is not None else {})


class TestFilter:
    @pytest.mark.parametrize(
        ("field", "op", "value", "found"),
        [
            ("industry", "equals", "BANKING", ["Acme", "Zeta"]),
            ("name", "contains", "et", ["beta", "Zeta"]),
            ("name", "contains", "%", []),
            ("name", "contains", "_eta", []),
            ("name", "in", "acme, ZETA", ["Acme", "Zeta"]),
            ("country", "empty", None, ["Zeta"]),
            ("domain", "not_empty", None, ["Acme", "beta"]),
            ("employee_count", "at_least", "50", ["Acme", "Zeta"]),
            ("employee_count", "at_most", "0", ["beta"]),
            ("employee_count", "equals", "0", ["beta"]),
            ("revenue", "at_least", "1,000.5", ["beta"]),
            ("website", "equals", "N/A", ["Zeta"]),
            ("owner", "equals", "pat owner", ["beta"]),
            ("created_at", "within_days", "1", ["Acme", "beta", "Zeta"]),
            ("created_at", "less", "2020-01-01", []),
        ],
    )
    def test_finds(self, admin: Client, firms: None, field: str, op: str, value: str, found: list[str]) -> None:
        Account.objects.filter(name="beta").update(owner=Owner.objects.create(name="Pat Owner"))
        page = admin.get(filtered(asked(field, op, value)), follow=True).text
        assert [name for name in names(page) if not name.startswith("Account ")] == found

    def test_several_conditions_hold_together_and_each_can_be_removed(self, admin: Client, firms: None) -> None:
        page = admin.get(
            filtered(asked("industry", "equals", "banking"), asked("employee_count", "at_least", "100"))
        ).text
        assert names(page) == ["Zeta"]
        without = re.findall(r'<a href="([^"]*)" aria-label="Remove the filter', page)
        assert len(without) == 2
        assert names(admin.get(without[1].replace("&amp;", "&")).text) == ["Acme", "Zeta"]

    def test_groups_of_conditions(self, admin: Client, firms: None) -> None:
        either = {"any": [asked("industry", "equals", "energy"), asked("employee_count", "greater", "100")]}
        assert names(admin.get(filtered(either, asked("name", "contains", "eta"))).text) == ["beta", "Zeta"]
        page = admin.get(filtered(either, {"not": asked("name", "equals", "beta")})).text
        assert names(page) == ["Zeta"]
        assert "Industry is “energy”, or Employees is more than “100”" in page

    def test_by_collection(self, admin: Client, firms: None) -> None:
        chosen = org.collection("account", [Account.objects.get(name="Acme").pk], "Chosen")
        page = admin.get(filtered({"collection": chosen.pk})).text
        assert names(page) == ["Acme"]
        assert "in “Chosen”" in page
        assert names(admin.get(filtered({"not": {"collection": chosen.pk}})).text)[:2] == ["beta", "Zeta"]

    def test_by_what_salesforce_says(self, admin: Client, firms: None, connection: Connection) -> None:
        acme, beta, zeta = (Account.objects.get(name=name) for name in ("Acme", "beta", "Zeta"))
        org.link(connection, acme, "0015800000000001AAA")
        org.link(connection, acme, "0015800000000002AAA", role=org.Role.DUPLICATE)
        org.link(connection, beta, "0015800000000003AAA", is_deleted=True)
        Issue.objects.create(connection=connection, sobject="Account", local_id=zeta.pk, code="X")
        # Of another object, with the same number.
        Issue.objects.create(connection=connection, sobject="Lead", local_id=acme.pk, code="X")
        found = {state: names(admin.get(filtered({"state": state})).text) for state in
                 ("linked", "duplicate", "deleted", "issue")}  # fmt: skip
        assert found == {"linked": ["Acme"], "duplicate": ["Acme"], "deleted": ["beta"], "issue": ["Zeta"]}

    @pytest.mark.parametrize(
        ("condition", "said"),
        [
            (asked("employee_count", "at_least", "many"), "Employees is a number: write “many” as 2,500"),
            (asked("employee_count", "at_least", "NaN"), "Employees is a number"),
            (asked("employee_count", "at_least", "1e999"), "Employees is a number"),
            (asked("employee_count", "contains", "5"), "contains’ can’t be asked"),
            (asked("created_at", "at_least", "soon"), "Created is a date: write “soon” as 2026-03-31"),
            (asked("name", "equals", " "), "Name needs a value"),
            (asked("password", "equals", "x"), "password’ is no field"),
            ({"state": "nonsense"}, "is no state; states are linked"),
            ({"collection": "1"}, "must be the number of a record"),
            ({"contact": 1}, "has no contact"),
            ({"search": "\0"}, "can’t be read"),
            (asked("name", "equals", "\ud800"), "can’t be read"),
        ],
    )
    def test_a_filter_that_makes_no_sense_is_explained_and_shows_nothing(
        self, admin: Client, firms: None, condition: dict[str, Any], said: str
    ) -> None:
        answer = admin.get(filtered(condition))
        assert answer.status_code == 200
        assert said in answer.text.replace("&#x27;", "’")
        # What a filter was to leave out must not be there to be selected.
        assert names(answer.text) == []

    @pytest.mark.parametrize(
        "query",
        ["filter=nonsense", "filter=[]", "filter=1", "filter=%00", "filter={%22all%22:[]}", "filter=" + "[" * 9000,
         "filter=" + "x" * 20000, "filter={%22not%22:{}}", "q=%00", "show=nonsense", "after=nonsense",
         "count=1&seen=-1", "sort=%00", "sort=owner", "cols=nonsense", "cols=%00,name,name"],
    )  # fmt: skip
    def test_nonsense_in_the_address_breaks_nothing(self, admin: Client, firms: None, query: str) -> None:
        assert admin.get(f"/accounts/?{query}").status_code == 200

    def test_quick_choices(self, admin: Client, firms: None) -> None:
        assert names(admin.get("/accounts/?show=website").text) == ["Acme", "beta"]
        org.contact("Lead", kind="lead")
        org.contact("Contact")
        assert names(admin.get("/contacts/?show=lead").text) == ["Lead"]


class TestColumns:
    def test_chosen_columns_are_shown_after_the_name(self, admin: Client, firms: None) -> None:
        Account.objects.filter(name="Acme").update(owner=Owner.objects.create(name="Pat Owner"))
        page = admin.get("/accounts/?cols=owner,website,city").text
        heads = re.findall(r'<th scope="col" class="[^"]*col-([a-z_]+)"', page)
        assert heads == ["name", "city", "website", "owner"]
        assert "Pat Owner" in page
        assert re.search(r'value="website" data-column checked', page)

    def test_one_that_is_chosen_can_be_sorted_by(self, admin: Client, firms: None) -> None:
        org.account("Last", website="zzz.example")
        assert names(admin.get("/accounts/?cols=website&sort=-website").text)[0] == "Last"

    def test_no_more_than_there_is_room_for(self, admin: Client, firms: None) -> None:
        every = "domain,industry,employees,revenue,country,city,updated,website,owner,created"
        assert len(re.findall(r'<th scope="col" class="[^"]*col-', admin.get(f"/accounts/?cols={every}").text)) == 10


class TestViews:
    def save(self, browser: Client, name: str, **more: str) -> Any:
        asked_for = urlencode({"filter": json.dumps({"all": [asked("employee_count", "at_least", "100")]}),
                               "sort": "-name", "cols": "city", "after": "x", "nonsense": "y"})  # fmt: skip
        return browser.post("/accounts/views/", {"name": name, "asked": asked_for, **more}, follow=True)

    def test_a_view_brings_back_filter_order_and_columns(self, admin: Client, firms: None) -> None:
        answer = self.save(admin, "Large ones")
        assert "The view “Large ones” is saved." in answer.text
        assert names(answer.text) == ["Zeta"]
        assert re.findall(r'<th scope="col" class="[^"]*col-([a-z_]+)"', answer.text) == ["name", "city"]
        assert ">Large ones<" in admin.get("/accounts/").text
        assert ">Large ones<" not in admin.get("/contacts/").text

    def test_saving_again_under_the_same_name_replaces_it(self, admin: Client) -> None:
        self.save(admin, "Mine")
        admin.post("/accounts/views/", {"name": " Mine ", "asked": "q=a"})
        assert SavedView.objects.get().asked == {"q": "a", "filter": {}}

    def test_others_see_it_only_when_it_is_shared(
        self, admin: Client, oscar: User, vera: User, signed_in: SignedIn
    ) -> None:
        self.save(admin, "Mine")
        self.save(signed_in(oscar), "Ours", shared="on")
        page = signed_in(vera).get("/accounts/").text
        assert ">Ours<" in page
        assert ">Mine<" not in page

    def test_a_viewer_keeps_views_and_shares_none(self, vera: User, signed_in: SignedIn) -> None:
        self.save(signed_in(vera), "Mine", shared="on")
        assert SavedView.objects.get().is_shared is False

    def test_it_is_deleted_by_its_owner_and_not_by_others(self, oscar: User, vera: User, signed_in: SignedIn) -> None:
        self.save(signed_in(oscar), "Ours", shared="on")
        address = f"/accounts/views/{SavedView.objects.get().pk}/delete/"
        assert "no such view of yours" in signed_in(vera).post(address, follow=True).text
        assert SavedView.objects.exists()
        assert "deleted" in signed_in(oscar).post(address, follow=True).text
        assert not SavedView.objects.exists()

    @pytest.mark.parametrize("name", ["", " ", "x" * 81, "a\nb\x00"])
    def test_a_name_is_needed(self, admin: Client, name: str) -> None:
        if name.startswith("a"):
            name = "a\x07b"
        assert "Give the view a name" in self.save(admin, name).text
        assert not SavedView.objects.exists()


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
        page = admin.get("/accounts/?sort=-employees&cols=city").text
        form = page[page.index("grid-search") : page.index('id="grid-choices"')]
        for name, value in [("sort", "-employees"), ("cols", "city")]:
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

        def slow(records: object, *, at_least: int = 0, milliseconds: int = 0) -> counting.Count:
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
        with django_assert_max_num_queries(20):
            admin.get(address)

    def test_contacts_with_their_accounts(self, admin: Client, django_assert_max_num_queries: Queries) -> None:
        for account in org.accounts(60):
            org.contact(account=account)
        with django_assert_max_num_queries(20):
            page = admin.get("/contacts/").text
        assert page.count("Firm 00") >= 40

    def test_further_rows(self, admin: Client, django_assert_max_num_queries: Queries) -> None:
        org.accounts(120)
        following = re.search(r'hx-get="([^"]*after=[^"]*)"', admin.get("/accounts/").text)
        assert following
        with django_assert_max_num_queries(15):
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
