"""The first minutes, in a browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from tests.web.browser.conftest import Tab
from tests.web.conftest import PASSWORD

from abmatic.identity import links
from abmatic.identity.models import User

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_first_run_makes_the_administrator_and_shows_what_comes_next(tab: Tab) -> None:
    page = tab.open("/accounts/")
    expect(page.get_by_role("heading", name="Create the administrator")).to_be_visible()
    page.get_by_label("Name").fill("Alice Adler")
    page.get_by_label("E-mail").fill("alice@example.com")
    page.get_by_label("Password").fill("short")
    page.get_by_role("button", name="Create administrator").click()
    expect(page.get_by_text("too short")).to_be_visible()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create administrator").click()
    expect(page.get_by_role("heading", name="Getting started")).to_be_visible()
    page.get_by_role("link", name="Connect", exact=True).click()
    expect(page.get_by_role("heading", name="CRM Platforms")).to_be_visible()


def test_sign_in_and_out(tab: Tab, alice: User) -> None:
    page = tab.open("/contacts/")
    page.get_by_label("Email").fill(alice.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Password").press("Enter")
    expect(page.get_by_role("heading", name="Contacts", exact=True)).to_be_visible()
    page.get_by_role("button", name="Your account").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    tab.open("/contacts/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_one_time_link_opens_home(tab: Tab, alice: User) -> None:
    page = tab.open(f"/in/{links.issue(alice)}/")
    expect(page.get_by_role("heading", name="Home")).to_be_visible()


def test_the_theme_is_kept_and_does_not_flash(tab: Tab, alice: User) -> None:
    tab.sign_in(alice)
    page = tab.open("/")
    page.get_by_role("button", name="Theme").click()
    page.get_by_label("Dark").check()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.add_init_script(
        """new MutationObserver(() => {
            if (document.body && !window.first) window.first = document.documentElement.dataset.bsTheme;
        }).observe(document, {childList: true, subtree: true})"""
    )
    tab.open("/accounts/")
    assert page.evaluate("window.first") == "dark", "the theme is there before the body"
    page.get_by_role("button", name="Theme").click()
    expect(page.get_by_label("Dark")).to_be_checked()
    page.get_by_label("System").check()
    page.emulate_media(color_scheme="light")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")
