"""A rule of a campaign is tried and made in the browser, in both themes and on a telephone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from tests.campaigns.test_rules import days_later, known, tell
from tests.engagement.test_identifying import said
from tests.engagement.visits import did, site_that_makes_people
from tests.web import org
from tests.web.browser.conftest import Tab
from tests.web.browser.test_accessibility import faults

from abmatic.campaigns import following, membership
from abmatic.changes.models import Cause

__all__ = ["days_later"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_a_rule_is_tried_and_made(admin_tab: Tab, theme: str, width: int) -> None:
    site_that_makes_people()
    fair = membership.make_campaign("Spring fair", Cause.objects.create(kind=Cause.Kind.USER))
    org.member(fair, known("ann"))
    known("bob")
    tell(said(0, "ann@acme.com"), did(1), said(0, "bob@acme.com", "bob"), did(1, visitor="bob"))
    page = admin_tab.page
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 900})
    admin_tab.open(f"/campaigns/{fair.pk}/")
    page.get_by_role("navigation", name="Spring fair").get_by_role("link", name="Rules").click()
    page.get_by_label("Which").fill("/prices")
    page.get_by_label("They get the status").select_option("Responded")
    page.get_by_label("Counts from").fill("2026-11-01")
    page.get_by_label("Who isn’t in the campaign joins").check()
    page.get_by_role("button", name="See what it would do").click()
    expect(page.get_by_role("status").filter(has_text="Visited /prices")).to_contain_text(
        "2 people whom we know did this. Now 1 would join and 1 would move forwards; 0 would stay as they are."
    )
    assert faults(page) == []
    page.get_by_role("button", name="Add rule").click()
    expect(page.get_by_role("row", name="Visited /prices")).to_contain_text("Who isn’t in it joins")
    following.follow()
    assert set(fair.members.values_list("status", flat=True)) == {"Responded"}
    page.reload()
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("button", name="Remove: Visited /prices").click()
    expect(page.get_by_text("No rules yet.")).to_be_visible()
