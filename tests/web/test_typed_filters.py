"""Filters are read as their viewer writes numbers and days, and mean the same to whoever else gets their address."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.http import QueryDict
from django.test import Client
from tests.web import org
from tests.web.conftest import SignedIn

from abmatic.audiences import custom_fields
from abmatic.audiences.fields import FieldType
from abmatic.audiences.models import Collection
from abmatic.identity.models import User
from abmatic.web import viewer
from abmatic.web.grids import filters
from abmatic.web.salesforce import filters as push_filters

pytestmark = pytest.mark.django_db


@pytest.fixture
def german(oscar: User, signed_in: SignedIn) -> Client:
    User.objects.filter(pk=oscar.pk).update(locale="de-DE")
    oscar.refresh_from_db()
    return signed_in(oscar)


@pytest.fixture(autouse=True)
def locale() -> Any:
    yield
    viewer.set_locale("")


def asked(value: str, operator: str = "equals", field: str = "revenue") -> str:
    return urlencode({"filter": json.dumps({"all": [{"field": field, "is": operator, "value": value}]})})


def names(page: str) -> list[str]:
    return [name for name in ("Small", "Large") if f">{name}<" in page]


@pytest.mark.parametrize(
    ("locale_name", "text", "value"),
    [
        ("", "2,500", 2500), ("", "1.5", 1.5), ("", "12", 12), ("de-DE", "1,5", 1.5), ("de-DE", "2.500", 2500),
        ("de-DE", "2.500,75", 2500.75), ("fr-FR", "2 500,5", 2500.5), ("", "123456789012345.123456", None),
    ],
)  # fmt: skip
def test_a_number_is_read_as_its_viewer_writes_it_and_kept_as_a_number(
    locale_name: str, text: str, value: float | None
) -> None:
    viewer.set_locale(locale_name)
    found = filters.read("account", json.dumps({"field": "revenue", "is": "equals", "value": text}))
    assert not found.problem
    kept = json.loads(filters.written(found.tree))["value"]
    assert kept == (value if value is not None else text)
    # And read again, by anybody.
    for other in ("", "de-DE", "fr-FR"):
        viewer.set_locale(other)
        again = filters.read("account", filters.written(found.tree))
        assert Decimal(str(again.tree["value"])) == Decimal(str(kept))
        typed = filters.for_viewer("account", again.tree)
        assert Decimal(str(filters.read("account", json.dumps(typed)).tree["value"])) == Decimal(str(kept)), typed


@pytest.mark.parametrize(
    ("locale_name", "text", "values"),
    [
        ("", "1,2,3", [1, 2, 3]), ("", "1,000, 2,000", [1000, 2000]), ("", "10; 20", [10, 20]),
        ("de-DE", "1,5, 2,5", [1.5, 2.5]), ("de-DE", "1,5;2", [1.5, 2]), ("de-DE", "2.500", [2500]),
    ],
)  # fmt: skip
def test_lists_of_numbers(locale_name: str, text: str, values: list[float]) -> None:
    viewer.set_locale(locale_name)
    found = filters.read("account", json.dumps({"field": "revenue", "is": "in", "value": text}))
    assert [float(each) for each in found.tree["value"]] == values
    _, condition = push_filters.sent("account", QueryDict(urlencode({
        "filter-word": "all", "group-word": "all", "rule-group": "0", "rule-field": "revenue", "rule-is": "in",
        "rule-value": text,
    })))  # fmt: skip
    assert condition["all"][0]["value"] == values
    assert push_filters.shown("account", condition).kept == "", "it is shown as rules, which say the same"


@pytest.mark.parametrize(
    ("locale_name", "text"),
    [("", "2026-01-31"), ("", "01/31/2026"), ("de-DE", "31.01.2026"), ("de-DE", "2026-01-31"), ("fr-FR", "31/01/2026")],
)
def test_a_day_is_read_as_its_viewer_writes_it(locale_name: str, text: str) -> None:
    viewer.set_locale(locale_name)
    for operator, value in (("equals", "2026-01-31"), ("in", ["2026-01-31"])):
        asked_for = json.dumps({"field": "close_date", "is": operator, "value": text})
        found = filters.read("opportunity", asked_for)
        assert (found.tree["value"], found.problem) == (value, "")


def test_what_is_none_is_told_with_an_example_of_the_viewers(german: Client) -> None:
    assert "write “many” as 2.500,5" in german.get(f"/accounts/?{asked('many')}").text


def test_the_list_the_chip_and_the_builder_say_what_was_typed(german: Client, admin: Client) -> None:
    org.account("Small", revenue=Decimal("1.5"))
    org.account("Large", revenue=Decimal(15))
    answer = german.get(f"/accounts/?{asked('1,5')}")
    assert answer.status_code == 302, "to an address that means the same to everybody"
    address = answer.headers["Location"]
    (kept,) = parse_qs(urlsplit(address).query)["filter"]
    assert json.loads(kept)["all"][0]["value"] == 1.5
    page = german.get(address).text
    assert names(page) == ["Small"]
    assert "Annual revenue is “1,5”" in page
    (shown,) = re.findall(r'data-filter="([^"]*)"', page)
    assert json.loads(unescape(shown))["all"][0]["value"] == "1,5"
    english = admin.get(address).text
    assert names(english) == ["Small"]
    assert "Annual revenue is “1.5”" in english


def test_whoever_has_chosen_no_locale_has_that_of_their_browser(admin: Client) -> None:
    org.account("Small", revenue=Decimal("1.5"))
    german = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.8"}
    page = admin.get(f"/accounts/?{asked('1,5')}", headers=german, follow=True).text
    assert names(page) == ["Small"]
    assert "Annual revenue is “1,5”" in page
    for nonsense in ("*", "", "x" * 5000, "../../etc;q=1", "de-\u00e9"):
        assert admin.get("/accounts/", headers={"Accept-Language": nonsense}).status_code == 200


def test_a_rule_of_a_collection_is_shown_to_each_as_they_write_it(german: Client, admin: Client) -> None:
    (query,) = parse_qs(asked("1.500,5", "at_least"))["filter"]
    german.post("/accounts/collections/new/", {"name": "Rich", "kind": "dynamic", "filter": query})
    made = Collection.objects.get()
    assert made.rule == {"all": [{"field": "revenue", "is": "at_least", "value": 1500.5}]}
    for browser, typed in ((german, "1500,5"), (admin, "1500.5")):
        address = f"/accounts/collections/{made.pk}/edit/"
        (kept,) = re.findall(r'name="filter" value="([^"]*)"', browser.get(address).text)
        assert json.loads(unescape(kept))["all"][0]["value"] == typed
        browser.post(address, {"name": "Rich", "filter": unescape(kept)})
        made.refresh_from_db()
        assert made.rule == {"all": [{"field": "revenue", "is": "at_least", "value": 1500.5}]}
    assert "Annual revenue is at least “1.500,5”" in german.get(f"/accounts/collections/{made.pk}/").text


@pytest.mark.parametrize("was", ["0.125", "+0.125", "1.25E-1"])
def test_a_view_of_an_earlier_version_means_the_same_to_everybody(german: Client, admin: Client, was: str) -> None:
    org.account("Small", revenue=Decimal("0.125"))
    org.account("Large", revenue=Decimal(125))
    text = custom_fields.create("account", "Version", "text").name
    rules = [{"field": "revenue", "is": "equals", "value": was}, {"field": text, "is": "not_equals", "value": "1.125"}]
    view = org.view("account", "Eighth")
    view.asked = {"filter": {"all": rules}, "sort": "-name"}
    view.save()
    for browser in (german, admin):
        (address,) = re.findall(
            r'<a href="([^"]*)"><span class="cut" dir="auto">Eighth<', browser.get("/accounts/").text
        )
        answer = browser.get(unescape(address))
        assert answer.status_code == 200
        assert names(answer.text) == ["Small"]
        (kept,) = parse_qs(urlsplit(unescape(address)).query)["filter"]
        assert [each["value"] for each in json.loads(kept)["all"]] == [0.125, "1.125"]


def test_a_number_that_json_cannot_hold_stays_as_it_is() -> None:
    tree = {
        "all": [{"field": "revenue", "is": "equals", "value": "123456789012345.123456"}, {"not": {"field": "gone"}}]
    }
    assert filters.as_kept("account", tree) == tree
    listed = {"field": "revenue", "is": "in", "value": ["0.125", "2"]}
    assert filters.as_kept("account", listed)["value"] == [0.125, 2]


def test_every_kind_of_number_has_its_control() -> None:
    assert {FieldType.INTEGER, FieldType.NUMBER} == {type_ for type_, kind in filters.KINDS.items() if kind == "number"}
