"""Records that are meant to hurt, in what opens over pages: lists to choose from, previews, confirmations, forms.

The org holds them as Salesforce would take them (names of 255 characters), Abmatic what people and files brought.
"""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Locator, expect
from tests.sync.live import Live, Orgs
from tests.sync.test_push import allow, edit, mode
from tests.web import org
from tests.web.browser.conftest import Tab
from tests.web.browser.test_hostile_data import ATTACK, TEXTS, WIDTHS, Watch

from abmatic.audiences.csv_import import jobs as files
from abmatic.audiences.csv_import.models import FileImport
from abmatic.audiences.models import Account, Collection, SavedView
from abmatic.identity.models import User
from abmatic.salesforce.listings import Listed
from abmatic.sync.importing import jobs as importing
from abmatic.sync.importing import sources
from abmatic.sync.models import Connection, CrmImport, PreviewJob, SelectedPush
from abmatic.sync.preview import jobs as previews
from abmatic.sync.selected import jobs as selected

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

(TEXT,) = TEXTS.values()
# What Salesforce takes as a name.
NAME = (ATTACK + "شركة‮ 🚀" + "W" * 300)[:250]


class Person:
    """An administrator before hurtful records."""

    def __init__(self, tab: Tab) -> None:
        self.tab = tab
        self.page = tab.page
        self.watch = Watch(tab.page)

    def look(self, name: str) -> None:
        """Nothing runs, the page keeps its width, and so does what lies over it."""
        self.watch.look(name)
        for place, width in WIDTHS.items():
            self.page.set_viewport_size({"width": width, "height": 900})
            for over in self.page.locator("dialog[open], [popover]:popover-open, [role=listbox]:visible").all():
                inner, outer = over.evaluate("one => [one.scrollWidth, one.clientWidth]")
                box = over.bounding_box()
                if inner > outer or box is None or box["x"] < 0 or box["x"] + box["width"] > width:
                    self.watch.faults.append(f"{name}: {inner} px in {outer} px at {box} on a {place}")
        self.page.set_viewport_size({"width": WIDTHS["desk"], "height": 900})


@pytest.fixture
def person(admin_tab: Tab, alice: User) -> Person:
    User.objects.filter(pk=alice.pk).update(name=TEXT[:150])
    return Person(admin_tab)


@pytest.fixture
def live(orgs: Orgs) -> Live:
    """An org whose accounts hurt, and two of them were changed here so that they are to be written there."""
    live = orgs.sample()
    field = {"name": "Tier__c", "kind": "string", "label": ATTACK[:40], "length": 255}
    change = {"action": "add_field", "object": "Account", "field": field}
    httpx2.post(f"{live.org.url}/__emulator/schema", json=[change]).raise_for_status()
    with live.editing() as session:
        for place, (sf_id,) in enumerate(live.rows('SELECT "Id" FROM "Account"')):
            session.update("Account", sf_id, {"Name": f"{NAME}{place}", "BillingCity": NAME[:40]})
    live.sync_well("Account")
    Connection.objects.update(org_name=TEXT, user_name=TEXT)
    allow("Account")
    mode("Account", "Name", to_salesforce="overwrite")
    return live


def test_lists_and_popovers_over_pages(person: Person, alice: User) -> None:
    org.account(TEXT, city=TEXT, industry=TEXT, website="https://hurt.example", domain="hurt.example")
    Collection.objects.create(name=TEXT[:120], record="account", kind="static")
    SavedView.objects.create(user=alice, record="account", name=TEXT[:80], is_shared=True)
    page = person.tab.open("/accounts/")
    page.keyboard.press("/")
    page.keyboard.type("script")
    expect(page.get_by_role("option")).to_have_count(1)
    person.look("search")
    page.keyboard.press("Escape")
    for button in ("Your account", "Columns", "Views"):
        page.get_by_role("button", name=button).click()
        person.look(button)
        page.keyboard.press("Escape")
    page.get_by_role("button", name="Filter").click()
    page.locator("#filter-pop").get_by_label("Field", exact=True).select_option(label="Collection")
    person.look("filter")
    page.keyboard.press("Escape")
    page.locator("[data-pick]").check()
    person.look("selection")
    page.get_by_role("button", name="Set a field…").click()
    page.get_by_label("Field", exact=True).select_option("City")
    expect(page.get_by_text("Leave it empty to clear City.")).to_be_visible()
    page.get_by_label("Value", exact=True).fill(TEXT[:300])
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#found-title")).to_be_visible()
    person.look("a field of a selection")
    page = person.tab.open("/contacts/new/")
    page.get_by_label("Search accounts to choose one").fill("script")
    expect(page.get_by_role("radio")).to_have_count(1)
    person.look("choosing an account")
    assert person.watch.faults == []


def test_a_field_being_edited(person: Person, live: Live) -> None:
    record = Account.objects.order_by("pk")[0]
    edit(record, city=TEXT)
    page = person.tab.open(f"/accounts/{record.pk}/")
    page.locator("#field-city summary").click()
    expect(page.locator("#field-city .field-steps")).to_be_visible()
    person.look("history")
    page.locator("#field-city a.value").click()
    box = page.get_by_label("City", exact=True)
    expect(box).to_be_focused()
    person.look("editor")
    Account.objects.filter(pk=record.pk).update(city=TEXT[::-1])
    box.fill(TEXT[:30])
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("was changed meanwhile")).to_be_visible()
    person.look("changed meanwhile")
    assert person.watch.faults == []


def test_previews_of_syncs_and_pushes(person: Person, live: Live) -> None:
    for record in Account.objects.order_by("pk")[:2]:
        edit(record, name=f"{NAME[:200]}{record.pk}")
    page = person.tab.open(f"/settings/integrations/salesforce/{live.connection.pk}/accounts/")
    page.get_by_role("button", name="Add Mapping").click()
    page.get_by_role("combobox", name="Salesforce field").fill("Tier__c")
    expect(page.locator("#list-salesforce [role=option]")).to_have_count(1)
    person.look("fields of the org")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.get_by_role("combobox", name="Abmatic field").fill("no such field")
    expect(page.locator("#list-abmatic [role=option]")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    person.look("a new field")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Sync Accounts Manually").click()
    dialog = page.get_by_role("dialog", name="Sync Accounts now?")
    expect(dialog.get_by_text("Waiting for a worker")).to_be_visible()
    previews.execute(PreviewJob.objects.latest("pk").pk)
    unfold(dialog, "Update 2")
    person.look("preview of a sync")

    page = person.tab.open("/accounts/")
    for place in range(2):
        page.locator("[data-pick]").nth(place).check()
    page.get_by_role("button", name="Push to Salesforce").click()
    dialog = page.get_by_role("dialog", name="Push to Salesforce")
    expect(dialog.get_by_text("Waiting for a worker")).to_be_visible()
    selected.execute(SelectedPush.objects.get().pk, 1)
    expect(dialog.get_by_text("API call")).to_be_visible()
    unfold(dialog, "Update")
    person.look("preview of a push")
    assert person.watch.faults == []


def test_an_import_from_crm(person: Person, live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = [Listed(f"00B00000000000{place}AAA", f"{TEXT}{place}") for place in range(3)]
    monkeypatch.setattr(sources, "listed", lambda connection, sobject, kind: listed)
    page = person.tab.open("/accounts/")
    page.get_by_role("link", name="Import from CRM").click()
    dialog = page.get_by_role("dialog", name="Import from CRM")
    expect(dialog.locator("#crm-choices input[type=radio]")).to_have_count(3)
    person.look("list views")
    dialog.get_by_role("radio", name="SOQL").check()
    dialog.locator("#crm-soql").fill(f"SELECT Id FROM Account WHERE Name LIKE '%script%' {'W' * 4000}")
    dialog.get_by_role("button", name="Preview").click()
    expect(dialog.get_by_text("Waiting for a worker")).to_be_visible()
    importing.execute(CrmImport.objects.get().pk)
    expect(dialog.get_by_text("This can’t be imported")).to_be_visible()
    person.look("refused by Salesforce")
    CrmImport.objects.all().delete()
    dialog.get_by_role("link", name="Choose anew").click()
    dialog.get_by_role("radio", name="SOQL").check()
    dialog.locator("#crm-soql").fill("SELECT Id FROM Account")
    dialog.get_by_role("button", name="Preview").click()
    with live.editing() as session:
        for (sf_id,) in live.rows('SELECT "Id" FROM "Account" LIMIT 3'):
            session.update("Account", sf_id, {"BillingCity": "<b>W"})
    expect(dialog.get_by_text("Waiting for a worker")).to_be_visible()
    importing.execute(CrmImport.objects.get().pk)
    expect(dialog.get_by_label("Name of a new collection")).to_be_visible()
    unfold(dialog, "Update")
    person.look("preview of an import")
    assert person.watch.faults == []


def test_a_file_that_hurts(person: Person, tmp_path: Path) -> None:
    quoted = '"' + TEXT.replace('"', '""') + '"'
    Account.objects.create(website="hurt.example", domain="hurt.example", name=TEXT)
    file = tmp_path / f"{'W' * 100}<img src=x onerror=alert(1)>.csv".replace("/", "")
    file.write_text(
        f"Name,{quoted},Website,Employees\n{quoted},{quoted},hurt.example,{quoted}\n{quoted},,new.example,\n"
    )
    page = person.tab.open("/accounts/csv/")
    page.set_input_files("#file", file)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", name="What each column is")).to_be_visible()
    person.look("columns")
    page.get_by_role("button", name="Preview").click()
    files.work(FileImport.objects.get().pk)
    expect(page.get_by_text("nothing is written yet")).to_be_visible()
    person.look("preview of a file")
    page.get_by_role("button", name="Import", exact=True).click()
    files.work(FileImport.objects.get().pk)
    expect(page.get_by_text("Import another file")).to_be_visible()
    person.look("result of a file")
    assert person.watch.faults == []


def test_an_undo(person: Person, live: Live) -> None:
    with live.editing() as session:
        for (sf_id,) in live.rows('SELECT "Id" FROM "Account" LIMIT 3'):
            session.update("Account", sf_id, {"BillingCity": "<b>W"})
    run = live.sync_well("Account")["Account"]
    person.tab.open(f"/runs/{run.pk}/undo/")
    expect(person.page.get_by_role("heading", name="Undo this run?")).to_be_visible()
    person.look("undo")
    assert person.watch.faults == []


def unfold(dialog: Locator, name: str) -> None:
    """Shows the records of an action of a preview."""
    summary = dialog.locator("summary").filter(has_text=name).first
    summary.click()
    expect(dialog.locator(".sample").first).to_be_visible()
