"""A record that was refused, and that an undo left different: read and closed in a browser, by keyboard too."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from tests.web import org
from tests.web.browser.conftest import Tab
from tests.web.browser.test_accessibility import faults
from tests.web.eventful import eventful

from abmatic.audiences.models import Account
from abmatic.identity.models import User

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def account(alice: User) -> Account:
    return eventful(org.connect(), alice)


def sideways(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))


def test_from_the_marked_field_to_the_refusal_by_keyboard(admin_tab: Tab, account: Account) -> None:
    page = admin_tab.open(f"/accounts/{account.pk}/")
    flag = page.get_by_role("link", name="Refused by Salesforce: A validation rule says no")
    flag.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".alert-warning")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Try again")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("To be tried again with the next sync")).to_be_visible()
    expect(page).to_have_url(f"{admin_tab.base}/accounts/{account.pk}/")


def test_the_gap_is_closed_from_its_field(admin_tab: Tab, account: Account) -> None:
    page = admin_tab.open(f"/accounts/{account.pk}/")
    field = page.locator("#field-industry")
    field.get_by_role("button", name="Write ours to Salesforce").click()
    dialog = page.get_by_role("dialog", name="Push to Salesforce")
    expect(dialog).to_contain_text("Waiting for a worker")
    dialog.get_by_role("button", name="Close").click()
    field.get_by_role("button", name="Use Salesforce’s value of Industry").click()
    expect(page.get_by_text("Salesforce’s value is here now")).to_be_visible()
    expect(page.locator("#field-industry")).to_contain_text("Energy")
    expect(page.locator("#field-industry .gap")).to_have_count(0)


def test_cancelling_an_edit_shows_the_gap_again(admin_tab: Tab, account: Account) -> None:
    page = admin_tab.open(f"/accounts/{account.pk}/")
    page.locator("#field-industry a.value").click()
    page.get_by_role("textbox", name="Industry").press("Escape")
    expect(page.locator("#field-industry .gap")).to_contain_text("Differs from Salesforce")
    page.locator("#field-industry").get_by_role("button", name="Write ours to Salesforce").click()
    expect(page.get_by_role("dialog", name="Push to Salesforce")).to_contain_text("Waiting for a worker")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_serious_fault_and_a_telephone_shows_all(admin_tab: Tab, account: Account, theme: str) -> None:
    page = admin_tab.page
    page.emulate_media(color_scheme="light" if theme == "light" else "dark", reduced_motion="reduce")
    for tab in ("", "timeline/"):
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 900})
            admin_tab.open(f"/accounts/{account.pk}/{tab}")
            assert faults(page) == [], (tab, width)
            assert not sideways(page), (tab, width)
