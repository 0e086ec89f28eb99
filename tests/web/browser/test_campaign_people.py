"""A campaign is made and filled in the browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from tests.web import org
from tests.web.browser.conftest import Tab
from tests.web.browser.test_accessibility import faults

from abmatic.audiences import collections
from abmatic.audiences.selection import Selection
from abmatic.campaigns.models import Campaign

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_campaign_is_made_and_filled(admin_tab: Tab) -> None:
    anna, ben = org.contact("Smith", first_name="Anna", work_email="anna@acme.com"), org.contact("Jones")
    guests = collections.create("contact", "Guests")
    collections.add(guests, Selection("contact", ids=(ben.pk,)))
    page = admin_tab.open("/campaigns/")
    page.get_by_role("link", name="Create").click()
    page.get_by_label("Name").fill("Spring webinar")
    page.get_by_role("button", name="Create campaign").click()
    page.get_by_role("link", name="Members").click()
    page.get_by_role("link", name="Add people").click()
    page.get_by_label("Name, e-mail address or company").fill("smi")
    page.get_by_label("Anna Smith").check()
    assert faults(page) == []
    page.get_by_role("button", name="Add to the campaign").first.click()
    expect(page.get_by_role("alert").or_(page.get_by_role("status")).first).to_contain_text("1 person was put into")
    page.get_by_role("link", name="Add people").click()
    page.get_by_label("Collection").select_option(str(guests.pk))
    page.get_by_role("button", name="Add to the campaign").last.click()
    expect(page.get_by_role("list", name="Who joins by themselves")).to_contain_text("Guests")
    assert faults(page) == []
    fair = Campaign.objects.get()
    assert set(fair.members.values_list("contact_id", flat=True)) == {anna.pk, ben.pk}


def test_selected_contacts_are_put_in(admin_tab: Tab) -> None:
    org.contact("Smith", first_name="Anna")
    Campaign.objects.bulk_create(Campaign(name=name) for name in ("Fair", "Webinar"))
    fair = Campaign.objects.get(name="Fair")
    fair.statuses.create(label="Sent", is_default=True)
    page = admin_tab.open("/contacts/")
    page.get_by_label("Select all that are shown").check()
    page.get_by_role("button", name="Add to campaign").click()
    page.get_by_label("Find a campaign").press_sequentially("fai")
    expect(page.get_by_label("Campaign", exact=True)).to_contain_text("Fair")
    expect(page.get_by_label("Campaign", exact=True)).not_to_contain_text("Webinar")
    assert faults(page) == []
    page.get_by_role("button", name="Add to the campaign").click()
    expect(page.get_by_text("1 person was put into “Fair”.")).to_be_visible()
    assert fair.members.count() == 1
