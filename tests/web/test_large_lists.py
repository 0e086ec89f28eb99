"""Lists of many records: the same rows and counts as of few, found another way; with a bounded number of statements."""

from __future__ import annotations

import html
import json
import re
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests.web import org

from abmatic.audiences import list_indexes
from abmatic.audiences.models import Account
from abmatic.web import counting
from abmatic.web.grids import paging

pytestmark = pytest.mark.django_db

RARE = {"field": "city", "is": "equals", "value": "Oslo"}
FREQUENT = {"field": "industry", "is": "equals", "value": "Banking"}


@pytest.fixture(autouse=True)
def accounts() -> None:
    org.accounts(300)
    Account.objects.update(industry="Banking", city=None)
    Account.objects.filter(pk__in=Account.objects.order_by("name").values("pk")[200:207]).update(city="Oslo")
    with database.cursor() as cursor:
        cursor.execute("ANALYZE account")


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_indexes, "LARGE", 100)
    monkeypatch.setattr(paging, "WALKED", 60)


def address(condition: dict[str, Any], **more: str) -> str:
    return f"/accounts/?{urlencode({'filter': json.dumps(condition), **more})}"


def names(client: Client, url: str) -> list[str]:
    return [html.unescape(name) for name in re.findall(r'class="strong cut"[^>]*>([^<]*)<', client.get(url).text)]


def _by_indexes(statement: str) -> bool:
    """Whether it finds what is meant by its indexes: then its order is in none."""
    return bool(re.search(r"ORDER BY (COALESCE|CASE)", statement))


@pytest.mark.parametrize("sort", ["name", "-name", "city", "-employees", "-updated"])
@pytest.mark.parametrize("condition", [RARE, FREQUENT, {"not": RARE}, {"all": [RARE, FREQUENT]}])
def test_rows_are_those_of_a_small_list(
    admin: Client, condition: dict[str, Any], sort: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = names(admin, address(condition, sort=sort))
    monkeypatch.setattr(list_indexes, "LARGE", 100)
    monkeypatch.setattr(paging, "WALKED", 60)
    assert names(admin, address(condition, sort=sort)) == small
    assert small


@pytest.mark.usefixtures("large")
class TestLarge:
    def test_a_search_finds_what_is_anywhere_in_a_name(self, admin: Client) -> None:
        Account.objects.filter(city="Oslo").update(name="Fjord & Fjell")
        assert names(admin, "/accounts/?q=JORD") == ["Fjord & Fjell"] * 7
        assert admin.get("/search/?q=fjell").text.count("Fjord &amp; Fjell") >= 6

    def test_what_many_meet_is_found_by_walking_what_few_meet_by_indexes(self, admin: Client) -> None:
        with CaptureQueriesContext(database) as frequent:
            assert len(names(admin, address(FREQUENT))) == paging.PAGE
        with CaptureQueriesContext(database) as rare:
            assert len(names(admin, address(RARE))) == 7
        walking, finding = (
            [each["sql"] for each in captured if 'FROM "account"' in each["sql"]] for captured in (frequent, rare)
        )
        assert len(walking) == 1
        # Rows with a name and rows without, each by a walk and by the indexes; and what is shown of them.
        assert len(finding) == 5
        assert not any(_by_indexes(statement) for statement in walking)
        assert sum(_by_indexes(statement) for statement in finding) == 2

    def test_the_few_records_of_one_account_are_not_searched_for(self, admin: Client) -> None:
        account = Account.objects.order_by("name")[0]
        with CaptureQueriesContext(database) as captured:
            assert admin.get(f"/accounts/{account.pk}/contacts/?q=a").status_code == 200
        assert not any(_by_indexes(each["sql"]) for each in captured)

    def test_a_count_is_exact_where_it_is_quick(self, admin: Client) -> None:
        counted = admin.get(address(RARE, count="1", seen="7")).text
        assert 'id="count">7<' in counted
        assert "count exactly" not in counted

    def test_else_about_right_and_exact_on_demand(self, admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        true = counting.quick_count

        def slow(records: Any, *, at_least: int = 0, milliseconds: int = 0) -> counting.Count:
            is_at_once = milliseconds == counting.AT_ONCE_MS
            return counting.Count(at_least, "more") if is_at_once else true(records, at_least=at_least)

        monkeypatch.setattr(counting, "quick_count", slow)
        counted = admin.get(address(FREQUENT, count="1", seen="50")).text
        assert 'id="count">about 300<' in counted
        exact = re.search(r'hx-get="([^"]+)"', counted)
        assert exact
        counted = admin.get(html.unescape(exact[1])).text
        assert 'id="count">300<' in counted
        assert "count exactly" not in counted
        # A sample that holds hardly any says nothing.
        assert 'id="count">more than 3<' in admin.get(address(RARE, count="1", seen="3")).text

    def test_statements_are_bounded(self, admin: Client) -> None:
        with CaptureQueriesContext(database) as captured:
            admin.get(address({"all": [RARE, FREQUENT]}, sort="city", q="firm", cols="city,industry,owner"))
        assert len(captured) <= 22
