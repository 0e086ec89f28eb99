"""Adding an authenticator app in a real browser, under the policy of every page."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from playwright.sync_api import expect
from tests.web.browser.conftest import Tab
from tests.web.browser.test_accessibility import faults
from tests.web.conftest import PASSWORD
from tests.web.test_second_factor import code_of

from abmatic.identity.models import User

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_somebody_adds_an_app_and_signs_in_with_it(tab: Tab, vera: User) -> None:
    tab.sign_in(vera)
    page = tab.open("/user/profile/")
    page.get_by_role("link", name="Add an authenticator app").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    picture = page.get_by_alt_text("QR code of the key below")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") > 0, "the page's policy lets the picture be shown"
    found = faults(page)
    key = page.locator("[data-key]").inner_text()
    page.get_by_label("Authenticator code").fill(code_of(key))
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_role("listitem")).to_have_count(10)
    found += faults(page)
    cache.clear()
    page.context.clear_cookies()
    tab.open("/user/sign-in/")
    page.get_by_label("Email").fill(vera.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Enter your code")).to_be_visible()
    found += faults(page)
    page.get_by_label("Code").fill(code_of(key))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    assert found == []


def test_times_come_in_the_zone_of_the_profile(tab: Tab, vera: User) -> None:
    User.objects.filter(pk=vera.pk).update(time_zone="Asia/Tokyo", locale="de-DE", theme="dark")
    tab.sign_in(vera)
    page = tab.open("/user/profile/")
    assert page.evaluate("exact.resolvedOptions().timeZone") == "Asia/Tokyo"
    assert page.evaluate("exact.resolvedOptions().locale") == "de-DE"
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
