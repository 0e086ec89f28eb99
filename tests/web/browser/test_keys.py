"""The keyboard's shortcuts, and the count of notifications, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from tests.web.browser.conftest import Tab
from tests.web.browser.test_accessibility import faults

from abmatic.identity import notices
from abmatic.identity.models import Notice

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_shortcuts(admin_tab: Tab) -> None:
    page = admin_tab.open("/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    assert faults(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_hidden()
    page.keyboard.press("g")
    page.keyboard.press("a")
    page.wait_for_url("**/accounts/")
    page.keyboard.press("/")
    page.keyboard.type("g?c")
    expect(page.locator("#search")).to_have_value("g?c")
    assert page.url.endswith("/accounts/")


def test_what_is_new_is_counted_on_every_page(admin_tab: Tab) -> None:
    notices.tell(Notice.Kind.SYNC, "key", "Syncing Accounts fails", "It broke.", "/")
    page = admin_tab.open("/accounts/")
    bell = page.get_by_role("link", name="Notifications, 1 new")
    expect(bell).to_be_visible()
    bell.click()
    expect(page.get_by_text("Syncing Accounts fails")).to_be_visible()
    assert faults(page) == []
    admin_tab.open("/accounts/")
    expect(page.locator("#bell[hx-trigger='every 60s']")).to_have_attribute("aria-label", "Notifications")
