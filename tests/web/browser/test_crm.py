"""Push to Salesforce and Import from CRM in a browser, with an org and a worker's work: by mouse, keyboard and axe."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from tests.sync.live import Live, Orgs
from tests.sync.test_push import account, allow, edit, mode
from tests.web.browser.conftest import Tab
from tests.web.browser.test_accessibility import faults

from abmatic.audiences.models import Account, Collection
from abmatic.sync.execute import execute
from abmatic.sync.importing import jobs as importing
from abmatic.sync.models import CrmImport, Run, SelectedPush
from abmatic.sync.selected import jobs as selected

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def live(orgs: Orgs) -> Live:
    live = orgs.sample()
    live.sync_well("Account")
    return live


def looked_at(page: Page) -> None:
    """No serious fault, and nothing to be scrolled sideways on a telephone."""
    assert faults(page) == []
    size = page.viewport_size
    assert size is not None
    page.set_viewport_size({"width": 390, "height": 800})
    box = page.locator("dialog[open]")
    assert box.evaluate("element => element.scrollWidth <= element.clientWidth")
    page.set_viewport_size(size)


def test_a_selection_is_pushed(live: Live, admin_tab: Tab) -> None:
    allow("Account", push_filter={"field": "industry", "is": "equals", "value": "Banking"})
    mode("Account", "Industry", to_salesforce="overwrite")
    mode("Account", "BillingCity", to_salesforce="overwrite")
    edit(Account.objects.get(name="GenePoint"), industry="Banking")
    edit(Account.objects.get(name="Edge Communications"), city="Graz")
    page = admin_tab.open("/accounts/?sort=name")
    for name in ("GenePoint", "Edge Communications"):
        page.get_by_role("row", name=name).get_by_role("checkbox").check()
    page.get_by_role("button", name="Push to Salesforce").click()
    dialog = page.get_by_role("dialog", name="Push to Salesforce")
    expect(dialog.get_by_text("Waiting for a worker")).to_be_visible()
    looked_at(page)
    selected.execute(SelectedPush.objects.get().pk, 1)
    expect(dialog.get_by_role("button", name="Push 1 account")).to_be_visible()
    dialog.get_by_text("Update 1").click()
    expect(dialog.get_by_text("Biotechnology")).to_be_visible()
    expect(dialog.get_by_text("Outside the push filter")).to_be_visible()
    looked_at(page)
    dialog.get_by_label("Also those that the push filter leaves out, this once").check()
    expect(dialog.get_by_text("Waiting for a worker")).to_be_visible()
    selected.execute(SelectedPush.objects.get().pk, 2)
    dialog.get_by_role("button", name="Push 2 accounts").press("Enter")
    expect(dialog.get_by_text("Waiting for a worker")).to_be_visible()
    execute(Run.objects.get(selected__isnull=False).pk)
    expect(dialog.get_by_text("2 updated in Salesforce")).to_be_visible()
    looked_at(page)
    assert account(live, "GenePoint")["Industry"] == "Banking"
    assert account(live, "Edge Communications")["BillingCity"] == "Graz"
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_one_record_is_pushed_from_its_page(live: Live, admin_tab: Tab) -> None:
    record = Account.objects.get(name="GenePoint")
    page = admin_tab.open(f"/accounts/{record.pk}/")
    page.get_by_role("button", name="Push to Salesforce").click()
    dialog = page.get_by_role("dialog", name="Push to Salesforce")
    expect(dialog.get_by_text("Waiting for a worker")).to_be_visible()
    selected.execute(SelectedPush.objects.get().pk, 1)
    expect(dialog.get_by_text("are off for Accounts")).to_be_visible()
    looked_at(page)
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()


def test_a_list_view_is_imported(live: Live, admin_tab: Tab) -> None:
    page = admin_tab.open("/accounts/")
    page.get_by_role("link", name="Import from CRM").press("Enter")
    dialog = page.get_by_role("dialog", name="Import from CRM")
    expect(dialog.get_by_label("All Accounts")).to_be_visible()
    dialog.get_by_label("Search list views and reports").fill("this week")
    expect(dialog.get_by_label("All Accounts")).to_be_hidden()
    dialog.get_by_label("Search list views and reports").fill("all")
    looked_at(page)
    dialog.get_by_label("SOQL", exact=True).first.check()
    expect(dialog.locator("#crm-soql")).to_be_visible()
    expect(dialog.get_by_label("Search list views and reports")).to_be_hidden()
    dialog.locator("#crm-soql").fill("SELECT Name FROM Account")
    dialog.get_by_role("button", name="Preview").click()
    expect(dialog.get_by_role("alert")).to_contain_text("must select the Id and nothing else")
    looked_at(page)
    dialog.get_by_role("radio", name="List view").check()
    dialog.get_by_label("All Accounts").check()
    dialog.get_by_role("button", name="Preview").click()
    expect(dialog.get_by_text("Waiting for a worker")).to_be_visible()
    importing.execute(CrmImport.objects.get().pk)
    expect(dialog.get_by_label("Name of a new collection")).to_have_value("All Accounts")
    looked_at(page)
    dialog.get_by_role("button", name="Import 12 accounts").click()
    expect(dialog.get_by_text("Waiting for a worker")).to_be_visible()
    execute(Run.objects.get(imports__isnull=False).pk)
    dialog.get_by_role("link", name="All Accounts").click()
    expect(page.get_by_role("heading", name="All Accounts")).to_be_visible()
    assert Collection.objects.get(name="All Accounts").size == Account.objects.count()
