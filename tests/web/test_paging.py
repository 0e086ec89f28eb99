"""Pages of a grid, put one after the other, are the whole sorted list: nothing twice, nothing left out."""

from __future__ import annotations

import html
import operator
import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models import BooleanField, ExpressionWrapper, Q
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.web import org

from abmatic.audiences.models import Account, Contact
from abmatic.web.grids import paging
from abmatic.web.grids.columns import ACCOUNTS, CONTACTS, OPPORTUNITIES, Spec
from abmatic.web.grids.paging import Cursor, Order, Search

pytestmark = pytest.mark.django_db

# Few different values, so that ties and empties are the rule.
texts = st.sampled_from(
    [None, "", "a", "A", "b", "Über", "b" * 200, "b" * 119 + "c", "(a)", "***", " - b", "\U0001f680", "'; --"]
)
numbers = st.sampled_from([None, 0, -1, 7, 10**12])


def walk(records: Any, order: Order, size: int, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every row, page by page, the cursor going through its address form each time."""
    monkeypatch.setattr(paging, "PAGE", size)
    rows: list[Any] = []
    after: Cursor | None = None
    for _ in range(200):
        found = paging.page(records, order, after)
        assert len(found.rows) <= size
        rows += found.rows
        if found.next is None:
            return rows
        after = Cursor.decode(found.next.encode(), order)
        assert after == found.next
    pytest.fail("the grid never ends")


def expected(rows: list[Any], order: Order, meant: Any = None) -> list[int]:
    """The same order, told slowly: those without a value last whichever way it goes."""
    keys = order.column.keys
    model = type(rows[0])
    keyed = (model.objects.all() if meant is None else meant).annotate(k=keys.own, t=keys.then)
    valued = [(row.k, row.t is None, row.t or "", row.pk) for row in keyed if row.k is not None]
    empty = [(row.t is None, row.t or "", row.pk) for row in keyed if row.k is None]
    valued.sort(reverse=order.descending)
    empty.sort(reverse=order.descending)
    return [row[-1] for row in (*valued, *empty)]


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(st.tuples(texts, numbers), min_size=1, max_size=25),
    column=st.sampled_from([column.name for column in ACCOUNTS.columns]),
    descending=st.booleans(),
    size=st.integers(1, 7),
)
def test_accounts_by_every_column(
    rows: list[tuple[str | None, int | None]],
    column: str,
    descending: bool,
    size: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Account.objects.all().delete()
    made = [
        Account(name=text, industry=text, country=text, city=text, employee_count=number, revenue=number)
        for text, number in rows
    ]
    Account.objects.bulk_create(made)
    chosen = next(each for each in ACCOUNTS.columns if each.name == column)
    order = Order(chosen, descending)
    walked = walk(Account.objects.all(), order, size, monkeypatch)
    assert [row.pk for row in walked] == expected(made, order)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(st.tuples(texts, texts), min_size=1, max_size=25),
    descending=st.booleans(),
    size=st.integers(1, 7),
)
def test_contacts_of_one_last_name_are_sorted_by_first_name(
    rows: list[tuple[str | None, str | None]], descending: bool, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    Contact.objects.all().delete()
    made = Contact.objects.bulk_create(Contact(last_name=last, first_name=first) for last, first in rows)
    order = Order(CONTACTS.columns[0], descending)
    walked = walk(Contact.objects.all(), order, size, monkeypatch)
    assert [row.pk for row in walked] == expected(made, order)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(st.tuples(texts, numbers), min_size=1, max_size=25),
    column=st.sampled_from([column.name for column in ACCOUNTS.columns]),
    descending=st.booleans(), size=st.integers(1, 7), walked=st.integers(1, 9), most=numbers,
)  # fmt: skip
def test_some_of_many_are_the_same_however_they_are_found(
    rows: list[tuple[str | None, int | None]], column: str, descending: bool, size: int, walked: int, most: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    Account.objects.all().delete()
    Account.objects.bulk_create(
        Account(name=text, industry=text, country=text, city=text, employee_count=number, revenue=number)
        for text, number in rows
    )
    order = Order(next(each for each in ACCOUNTS.columns if each.name == column), descending)
    test = Q(revenue__isnull=True) if most is None else Q(revenue__lte=most)
    meant = Account.objects.filter(test)
    monkeypatch.setattr(paging, "WALKED", walked)
    meets = ExpressionWrapper(test, output_field=BooleanField())
    search = Search(Account.objects.all(), meets, Account.objects.filter(pk__in=meant.values("pk")))
    found = walk(search, order, size, monkeypatch)
    assert [row.pk for row in found] == (expected(list(meant), order, meant) if meant else [])


@pytest.mark.parametrize("spec", [ACCOUNTS, CONTACTS, OPPORTUNITIES], ids=operator.attrgetter("record"))
@pytest.mark.parametrize(
    "text",
    ["", "x", "AAAA", "W10=", "WzEsMl0=", "bnVsbA==", "WyJhIiwgIiIsIHRydWVd", "WyJcdTAwMDAiLCAiIiwgMV0=", "💥"],
)
def test_a_cursor_that_no_page_made_is_no_cursor(spec: Spec, text: str) -> None:
    for column in spec.columns:
        order = Order(column)
        cursor = Cursor.decode(text, order)
        assert cursor is None or isinstance(cursor.id, int)


@pytest.mark.parametrize(
    ("kind", "key"),
    [("text", "Acme"), ("number", Decimal("12.50")), ("number", 7), ("date", date(2026, 3, 31)), ("text", None)],
)
def test_a_cursor_survives_its_address_form(kind: str, key: Any) -> None:
    column = next(c for c in (*ACCOUNTS.columns, *OPPORTUNITIES.columns) if c.type == kind)
    cursor = Cursor(key, "then", 4)
    assert Cursor.decode(cursor.encode(), Order(column)) == cursor


def test_a_time_survives_to_the_microsecond() -> None:
    made = org.account()
    column = next(each for each in ACCOUNTS.columns if each.name == "updated")
    cursor = Cursor(made.updated_at, "", made.pk)
    decoded = Cursor.decode(cursor.encode(), Order(column))
    assert decoded == cursor
    assert isinstance(decoded.key, datetime)


def test_signs_before_a_name_do_not_bring_it_to_the_top(admin: Client) -> None:
    for name in (
        "*** DO NOT USE ***",
        "(주) 가온제약",
        "“Quoted” Ltd",
        "beta",
        "Acme",
        "--",
        "[not provided]",
        "3M",
        "%\\",
    ):
        org.account(name)
    shown = admin.get("/accounts/?show=").text
    told = [html.unescape(name) for name in re.findall(r'class="strong cut"[^>]*>([^<]*)<', shown)]
    assert told == [
        "%\\",
        "3M",
        "Acme",
        "beta",
        "*** DO NOT USE ***",
        "[not provided]",
        "“Quoted” Ltd",
        "(주) 가온제약",
        "--",
    ]


def test_a_page_far_down_starts_from_the_index_not_from_the_top() -> None:
    """The plan of a deep page by name is a range of the index, so a million rows above cost nothing."""
    org.accounts(300)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE account")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
    order = Order(ACCOUNTS.columns[0])
    after = Cursor("firm 0250", "", 0)
    with CaptureQueriesContext(connection) as captured:
        paging.page(Account.objects.all(), order, after)
    statement = captured.captured_queries[0]["sql"]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {statement}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Index Cond" in plan
    assert "account_by_name" in plan
    assert "Sort" not in plan
