"""The report in a browser: a chart that the page's policy allows, in both themes, on a telephone, and what axe says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.attribution.deals import deal, person, response, touch
from tests.web.browser.conftest import Tab
from tests.web.browser.test_accessibility import faults

from abmatic.attribution.refreshing import refresh_due
from abmatic.audiences.models import Account
from abmatic.campaigns.models import Campaign

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

MARCH = "since=2026-03-01&until=2026-03-31"
_DRAWN = """() => {
  const canvas = document.querySelector(".chart canvas");
  const all = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return new Set(new Uint32Array(all.buffer)).size;
}"""


def make_deals() -> Account:
    account = Account.objects.create(name="Acme", industry="Steel")
    ada = person(account, first_name="Ada")
    expo = Campaign.objects.create(name="Expo", type="Event", actual_cost=400)
    response(ada, expo, 3)
    for number, channel in enumerate(("Search", "Mail", "Webinar")):
        deal(account, ada, opened=5 + number, closed=20, amount=f"{100 * (number + 1)}.01")
        touch(number, ada, account, channel, page="/pricing")
        deal(account, ada, opened=-20, closed=-10, amount="70")
    refresh_due()
    return account


def test_the_report_opens_to_its_deals_and_has_a_chart_in_both_themes(admin_tab: Tab) -> None:
    make_deals()
    page = admin_tab.open(f"/attribution/?{MARCH}&model=linear")
    expect(page.locator(".chart canvas")).to_be_visible()
    pictures = os.environ.get("PICTURES_OF_ATTRIBUTION")
    for theme in ("light", "dark"):
        page.evaluate(f"abmaticTheme.choose('{theme}')")
        page.wait_for_function(f"({_DRAWN})() > 3")
        assert faults(page) == []
        if pictures:
            page.wait_for_timeout(1000)
            page.screenshot(path=Path(pictures) / f"attribution-{theme}.png", full_page=True)
    page.get_by_role("link", name="Event").click()
    expect(page.get_by_role("heading", name="Event")).to_be_visible()
    assert page.locator("tbody tr").count() == 3
    page.get_by_role("link", name="Attribution", exact=True).last.click()
    expect(page.locator(".chart")).to_be_visible()


def test_on_a_telephone_nothing_has_to_be_scrolled_sideways(admin_tab: Tab) -> None:
    account = make_deals()
    page = admin_tab.page
    page.set_viewport_size({"width": 390, "height": 800})
    pictures = os.environ.get("PICTURES_OF_ATTRIBUTION")
    for name, address in (
        ("campaign", f"/attribution/?{MARCH}&model=linear&by=campaign"),
        ("credits", f"/attribution/credits/?{MARCH}&model=linear&by=page&key=/pricing"),
        ("settings", "/attribution/settings/"),
        ("journey", f"/accounts/{account.pk}/journey/"),
    ):
        admin_tab.open(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
        assert faults(page) == []
        if pictures:
            page.screenshot(path=Path(pictures) / f"{name}-390.png", full_page=True)
