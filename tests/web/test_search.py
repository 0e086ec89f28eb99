"""The search in the top bar."""

from __future__ import annotations

import contextlib

import pytest
from django.test import Client
from tests.web import org

from abmatic.web import search
from abmatic.web.counting import TookTooLong

pytestmark = pytest.mark.django_db


def titles(query: str) -> list[str]:
    return [hit.title for hit in search.find(query)]


def test_what_begins_with_the_words_comes_first() -> None:
    org.account("The Acme Group")
    org.account("ACME Corp.")
    org.account("Other", domain="acme.com")
    org.account("Unrelated")
    assert titles("acme") == ["ACME Corp.", "Other", "The Acme Group"]


def test_people_by_name_in_either_order_and_by_address() -> None:
    org.contact("Smith", first_name="Anna", work_email="a.smith@acme.com", email_key="a.smith@acme.com")
    for query in ("smith", "anna", "anna smith", "Smith Anna", "a.smith@"):
        assert titles(query) == ["Anna Smith"], query


@pytest.mark.parametrize("query", ["%", "_", "\\", "'", '"', "(", "\U0010ffff", "شركة", "x" * 2000])
def test_odd_words_are_only_words(query: str) -> None:
    org.account(query)
    org.account("ordinary")
    assert titles(query) == [query] if len(query) < 500 else True


def test_signs_before_a_name_need_not_be_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    org.account("*** DO NOT USE *** Acme")
    org.account("Done Ltd")

    def only_beginnings(milliseconds: int) -> object:
        if milliseconds == search.ANYWHERE_MS:
            raise TookTooLong
        return contextlib.nullcontext()

    monkeypatch.setattr(search, "time_allowed", only_beginnings)
    assert titles("do") == ["*** DO NOT USE *** Acme", "Done Ltd"]
    assert titles("*** do not") == ["*** DO NOT USE *** Acme"]
    assert titles("***") == []


def test_at_most_six_of_a_kind() -> None:
    org.accounts(20)
    assert len(titles("firm")) == 6


def test_a_slow_search_gives_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    org.account("Acme")
    org.account("The Acme Group")
    allowed = search.time_allowed

    def impatient(milliseconds: int) -> object:
        if milliseconds == search.ANYWHERE_MS:
            raise TookTooLong
        return allowed(milliseconds)

    monkeypatch.setattr(search, "time_allowed", impatient)
    assert titles("acme") == ["Acme"]


def test_as_a_page_and_as_a_list(admin: Client) -> None:
    account = org.account("<b>Acme</b>")
    page = admin.get("/search/?q=%3Cb").text
    assert "&lt;b&gt;Acme&lt;/b&gt;" in page
    assert f"/accounts/{account.pk}/" in page
    part = admin.get("/search/?q=%3Cb", headers={"HX-Request": "true"}).text
    assert "<html" not in part
    assert 'role="option"' in part
    assert "Nothing matches" in admin.get("/search/?q=zzz", headers={"HX-Request": "true"}).text
    assert admin.get("/search/?q=%00").status_code == 200
