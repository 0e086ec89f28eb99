"""What people do every week, by keyboard alone, against an org: the focus is always seen, and never lost."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from tests.sync.live import Live, Orgs
from tests.web.browser.conftest import Tab
from tests.web.browser.keyboard import Keyboard
from tests.web.conftest import PASSWORD

from abmatic.audiences.many import working
from abmatic.audiences.many.models import FieldEdit
from abmatic.audiences.models import Account, SavedView
from abmatic.identity.models import User
from abmatic.sync.execute import execute
from abmatic.sync.models import FieldMapping, PreviewJob, Run
from abmatic.sync.preview import jobs as previews

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def live(orgs: Orgs) -> Live:
    live = orgs.sample(by_hand=True)
    live.sync_well("Account")
    return live


@pytest.fixture
def keys(tab: Tab, alice: User) -> Keyboard:
    """Signed in by the form."""
    keys = Keyboard(tab.open("/user/sign-in/"))
    keys.to("Email")
    keys.type(alice.email)
    keys.to("Password")
    keys.type(PASSWORD)
    keys.press("Enter")
    expect(keys.page.get_by_role("heading", name="Home")).to_be_visible()
    return keys


def test_a_field_is_edited(live: Live, keys: Keyboard) -> None:
    page = keys.page
    keys.to("Notifications")
    keys.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    assert keys.focused() == "Close"
    keys.press("Escape")
    assert keys.focused() == "Notifications", "the focus is where it was"
    keys.press("g", "a")
    expect(page.get_by_role("heading", name="Accounts", level=1)).to_be_visible()
    keys.do("GenePoint")
    expect(page.get_by_role("heading", name="GenePoint")).to_be_visible()
    keys.do("Edit Industry: Biotechnology")
    expect(page.get_by_label("Industry", exact=True)).to_be_focused()
    keys.press("Control+a")
    keys.type("Banking")
    keys.press("Enter")
    expect(page.locator("#field-industry").get_by_text("Saved.")).to_be_visible()
    assert keys.focused() == "Edit Industry: Banking"
    assert Account.objects.get(name="GenePoint").industry == "Banking"
    assert keys.faults == []


def test_a_list_is_filtered_and_kept_as_a_view(live: Live, keys: Keyboard) -> None:
    page = keys.page
    keys.press("g", "a")
    expect(page.get_by_role("heading", name="Accounts", level=1)).to_be_visible()
    keys.do("Filter")
    expect(page.get_by_role("dialog", name="Filter")).to_be_visible()
    keys.press("Escape")
    expect(page.get_by_role("dialog", name="Filter")).to_be_hidden()
    assert keys.focused() == "Filter"
    keys.press("Enter")
    keys.to("Field")
    keys.type("Industry")
    keys.to("Condition")
    keys.type("is empty")
    keys.do("Apply filter")
    expect(page.get_by_text("Industry is empty")).to_be_visible()
    assert keys.focused() == "Filter"
    keys.do("Views")
    keys.to("Save this view as")
    keys.type("Without an industry")
    keys.press("Enter")
    expect(page.get_by_text("The view “Without an industry” is saved.")).to_be_visible()
    assert SavedView.objects.get().name == "Without an industry"
    assert keys.faults == []


def test_a_field_of_a_selection_is_set(live: Live, keys: Keyboard) -> None:
    page = keys.page
    keys.press("g", "a")
    expect(page.get_by_role("heading", name="Accounts", level=1)).to_be_visible()
    for name in ("Burlington Textiles Corp of America", "Dickenson plc"):
        keys.do(f"Select {name}", key="Space")
    expect(page.get_by_text("2 selected")).to_be_visible()
    keys.do("Set a field…", back=True)
    expect(page.get_by_role("heading", name="Set a field")).to_be_visible()
    keys.to("Field")
    keys.type("Cit")
    expect(page.get_by_text("Leave it empty to clear City.")).to_be_visible()
    keys.to("Value")
    keys.type("Bonn")
    keys.do("Preview")
    expect(page.get_by_role("heading", name="2 accounts, 2 will change")).to_be_visible()
    keys.do("Change 2")
    expect(page.get_by_role("heading", name="City becomes Bonn")).to_be_visible()
    edit = FieldEdit.objects.get()
    if not edit.is_over:
        working.execute(edit.pk)
    keys.to("Put back")
    assert Account.objects.filter(city="Bonn").count() == 2
    assert keys.faults == []


def test_a_mapping_is_changed_synced_and_undone(live: Live, keys: Keyboard) -> None:
    page = keys.page
    Account.objects.filter(name="GenePoint").update(industry="Banking")
    keys.press("g", "s")
    expect(page.get_by_role("heading", name="CRM Platforms")).to_be_visible()
    keys.to("Activity Log")
    address = f"/settings/integrations/salesforce/{live.connection.pk}/"
    keys.follow("Settings", address, back=True)
    keys.to("Overview")
    keys.follow("Accounts", f"{address}accounts/")
    expect(page.get_by_role("heading", name="Set object syncing")).to_be_visible()
    keys.do("Update in Salesforce Changes here are written to records there", key="Space")
    keys.to("Sync Industry to Salesforce")
    keys.type("Over")
    keys.to("Sync Industry to Abmatic")
    keys.press("Space")
    expect(page.get_by_text("Unsaved changes", exact=True)).to_be_visible()
    keys.do("Save")
    expect(page.get_by_text("Saved: ")).to_be_visible()
    assert FieldMapping.objects.get(setting__sobject="Account", sf_field="Industry").to_salesforce == "overwrite"

    keys.do("Sync Accounts Manually")
    dialog = page.get_by_role("dialog", name="Sync Accounts now?")
    expect(dialog).to_be_visible()
    keys.press("Escape")
    expect(dialog).to_be_hidden()
    assert keys.focused() == "Sync Accounts Manually", "the focus is back on what opened it"
    keys.press("Enter")
    expect(dialog.get_by_text("Waiting for a worker")).to_be_visible()
    previews.execute(PreviewJob.objects.latest("pk").pk)
    expect(dialog.get_by_text("Update 1")).to_be_visible()
    keys.do("Update 1")
    expect(dialog.get_by_text("GenePoint")).to_be_visible()
    keys.do("Sync Accounts")
    expect(page.get_by_role("progressbar")).to_be_visible()
    run = Run.objects.latest("pk")
    execute(run.pk)
    panel = page.get_by_role("region", name="Syncing Accounts")
    expect(panel).to_contain_text("Succeeded")
    keys.follow("Open the run", f"/runs/{run.pk}/")
    keys.follow("Undo…", f"/runs/{run.pk}/undo/")
    keys.follow("Undo it", f"/runs/{Run.objects.latest('pk').pk + 1}/")
    execute(Run.objects.latest("pk").pk)
    expect(page.get_by_text("Succeeded").first).to_be_visible()
    assert live.rows('SELECT "Industry" FROM "Account" WHERE "Name" = ?', "GenePoint") == [("Biotechnology",)]
    assert keys.faults == []
