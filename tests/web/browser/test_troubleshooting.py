"""The guide's troubleshooting tables, a test for each row: the trouble is caused in Salesforce or in the settings, and
a person does what the pages say until it works again.

What a worker does is done between two clicks, by the test: see test_setup_guide for a real one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect
from tests.sync.live import Live, Orgs
from tests.web.browser.conftest import Tab
from tests.web.browser.picking import pick

from abmatic.sync import automatic
from abmatic.sync.execute import execute
from abmatic.sync.models import ObjectSetting, Run
from salesforce_emulator.store.convert import ConvertOptions

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

BURLINGTON = "Burlington Textiles Corp of America"
ROSES = "rose@edge.com"


@pytest.fixture(scope="session")
def org_templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("orgs")


@pytest.fixture
def orgs(tmp_path: Path, org_templates: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Orgs]:
    serving = Orgs(tmp_path, org_templates, settings, monkeypatch)
    yield serving
    serving.close()


@dataclass
class Person:
    """An administrator in front of a connected org."""

    tab: Tab
    live: Live

    @property
    def page(self) -> Page:
        return self.tab.page

    @property
    def main(self) -> Locator:
        return self.page.get_by_role("main")

    def settings(self, label: str) -> None:
        """Opens the settings of an object."""
        self.tab.open(f"/settings/integrations/salesforce/{self.live.connection.pk}/{label.lower()}/")

    def save(self) -> None:
        self.page.get_by_role("button", name="Save", exact=True).click()
        expect(self.page.get_by_text("Saved: ")).to_be_visible()

    def sync(self, label: str) -> Locator:
        """Syncs an object by hand; gives the panel with what came of it."""
        self.settings(label)
        self.page.get_by_role("button", name=f"Sync {label} Manually").click()
        self.page.get_by_role("dialog").get_by_role("button", name=f"Sync {label}", exact=True).click()
        panel = self.page.get_by_role("region", name=f"Syncing {label}")
        expect(panel.get_by_role("progressbar")).to_be_visible()
        self.work()
        expect(panel.get_by_role("progressbar")).to_be_hidden()
        return panel

    def sync_well(self, label: str) -> None:
        expect(self.sync(label)).to_contain_text("Succeeded")

    def work(self) -> None:
        for run in Run.objects.filter(state=Run.State.QUEUED).order_by("id"):
            execute(run.pk)

    def open_record(self, name: str, grid: str = "/accounts/") -> None:
        self.tab.open(grid)
        self.page.get_by_role("link", name=name, exact=True).click()

    def field(self, name: str) -> Locator:
        """A row of the record that is open."""
        return self.main.get_by_role("row").filter(has=self.page.get_by_role("rowheader", name=name, exact=True))

    def mapping(self, theirs: str) -> Locator:
        rows = self.main.get_by_role("row")
        return rows.filter(has=self.page.locator(f'input[name="m-salesforce"][value="{theirs}"]'))

    def add_mapping(self, theirs: str, ours: str) -> None:
        self.page.get_by_role("button", name="Add Mapping").click()
        pick(self.page, "Salesforce field", theirs, theirs)
        pick(self.page, "Abmatic field", "no such field", "New field")
        expect(self.page.get_by_role("textbox", name="Name")).to_have_value(ours)
        self.page.get_by_role("button", name="Add", exact=True).click()
        expect(self.mapping(theirs)).to_be_visible()

    def change_in_salesforce(self, name: str, **values: Any) -> None:
        ((sf_id,),) = self.live.rows('SELECT "Id" FROM "Account" WHERE "Name" = ?', name)
        with self.live.editing() as session:
            session.update("Account", sf_id, values)


@pytest.fixture
def person(admin_tab: Tab, orgs: Orgs) -> Person:
    return Person(admin_tab, orgs.sample(by_hand=True))


# The guide's words, row by row.
TABLES = {
    "Connection issues": [
        ("Invalid Grant", "OAuth token expired or revoked", "Click Reconnect to re-authorize"),
        ("Insufficient Privileges", "User lacks API permissions", "Add “API Enabled” to user profile"),
        ("Request limit exceeded", "Daily API limit hit", "Reduce sync frequency or wait until reset"),
    ],
    "Sync issues": [
        ("No records syncing", "No sync direction enabled", "Enable “Create in Abmatic” for the object"),
        ("Missing fields", "Field not mapped", "Add mapping in Settings"),
        (
            "Duplicate records",
            "Multiple matches on primary key",
            "Ensure unique websites/emails in Salesforce: the next sync then keeps them as separate records.",
        ),
        ("Stale data", "Sync frequency too low", "Increase frequency or sync manually"),
    ],
    "Data quality issues": [
        ("Wrong data in fields", "", "Check sync direction (Fill vs Overwrite)"),
        ("Custom fields not appearing", "", "Add custom field mapping manually"),
        ("Leads/Contacts duplicated", "", "Check if same email exists as both Lead and Contact"),
    ],
}


def test_the_guides_tables_are_on_the_activity_log(person: Person) -> None:
    page = person.tab.open(f"/settings/integrations/salesforce/{person.live.connection.pk}/activity/")
    page.get_by_text("Troubleshooting", exact=False).click()
    for title, rows in TABLES.items():
        table = page.get_by_role("table", name=title)
        for problem, cause, solution in rows:
            row = table.get_by_role("row").filter(has=page.get_by_role("rowheader", name=problem, exact=True))
            expect(row.get_by_role("cell").nth(0)).to_contain_text(cause)
            expect(row.get_by_role("cell").nth(1)).to_contain_text(solution)


class TestConnectionIssues:
    def test_invalid_grant(self, person: Person) -> None:
        person.live.org.emulator.tokens.end_all()
        person.live.org.emulator.tokens.end_all(kind="refresh")
        page = person.tab.open(f"/settings/integrations/salesforce/{person.live.connection.pk}/")
        page.get_by_role("button", name="Sync everything").click()
        person.work()
        expect(person.main).to_contain_text("Click Reconnect to authorise again; settings and data are kept.")
        person.tab.open("/")
        expect(person.main).to_contain_text("Invalid Grant")
        person.main.get_by_role("link", name="Reconnect").first.click()
        page.get_by_role("button", name="Continue to Salesforce").click()
        page.get_by_label("Username").fill(person.live.org.username)
        page.get_by_label("Password").fill(person.live.org.password)
        page.get_by_role("button", name="Log In").click()
        page.get_by_role("button", name="Allow", exact=True).click()
        expect(page.get_by_role("heading", name="Connected").first).to_be_visible()
        person.sync_well("Accounts")

    def test_insufficient_privileges(self, person: Person) -> None:
        allow_api(person.live, enabled=False)
        panel = person.sync("Accounts")
        expect(panel).to_contain_text("Failed")
        page = person.tab.open("/")
        expect(person.main).to_contain_text("Insufficient Privileges")
        person.main.get_by_role("link", name="Look at the checks").click()
        expect(person.main).to_contain_text('add "API Enabled" to the user\'s profile')
        allow_api(person.live, enabled=True)
        page.get_by_role("button", name="Check again").click()
        expect(page.get_by_role("heading", name="Connected").first).to_be_visible()
        person.sync_well("Accounts")

    def test_request_limit_exceeded(self, person: Person) -> None:
        ObjectSetting.objects.update(frequency=1)
        person.live.org.emulator.usage.set(allowance=1_000, used=1_000)
        panel = person.sync("Accounts")
        expect(panel).to_contain_text("Failed")
        expect(panel).to_contain_text("Reduce the sync frequency")
        page = person.tab.open("/")
        expect(person.main).to_contain_text("Request limit exceeded")
        person.settings("Accounts")
        page.get_by_role("radio", name="Every 24 hours").check()
        person.save()
        # Wait until reset.
        person.live.org.emulator.usage.set(used=0)
        person.sync_well("Accounts")
        person.tab.open("/")
        expect(person.main).not_to_contain_text("Request limit exceeded")


def allow_api(live: Live, *, enabled: bool) -> None:
    right = {"name": "ApiEnabled", "enabled": enabled}
    live.org.store.put_permissions({"profiles": [{"fullName": "System Administrator", "userPermissions": [right]}]})


class TestSyncIssues:
    def test_no_records_syncing(self, person: Person) -> None:
        person.settings("Accounts")
        for box in ("Create in Abmatic", "Update in Abmatic"):
            person.page.get_by_role("checkbox", name=box).uncheck()
        person.save()
        expect(person.main).to_contain_text("No sync direction is enabled")
        panel = person.sync("Accounts")
        expect(panel).to_contain_text("12 skipped")
        panel.get_by_role("link", name="Open the run").click()
        person.main.get_by_role("link", name="“Create in Abmatic” is off").click()
        expect(person.main).to_contain_text("Tick “Create in Abmatic” for the object and sync again.")
        person.settings("Accounts")
        person.page.get_by_role("checkbox", name="Create in Abmatic").check()
        person.save()
        expect(person.main).not_to_contain_text("No sync direction is enabled")
        person.sync_well("Accounts")
        person.open_record(BURLINGTON)
        expect(person.field("Industry")).to_contain_text("Apparel")

    def test_missing_fields(self, person: Person) -> None:
        person.sync_well("Accounts")
        person.open_record(BURLINGTON)
        expect(person.field("Ticker Symbol")).to_have_count(0)
        expect(person.main).to_contain_text("Is a field of Salesforce missing?")
        person.main.get_by_role("link", name="Add a mapping").click()
        person.add_mapping("TickerSymbol", "Ticker Symbol")
        person.save()
        person.sync_well("Accounts")
        person.open_record(BURLINGTON)
        expect(person.field("Ticker Symbol")).to_contain_text("BTXT")

    def test_duplicate_records(self, person: Person) -> None:
        panel = person.sync("Accounts")
        expect(panel).to_contain_text("2 linked as duplicates")
        panel.get_by_role("link", name="Open the run").click()
        person.main.get_by_role("link", name="Duplicate", exact=True).click()
        expect(person.main).to_contain_text("give them different websites or e-mail addresses")
        person.change_in_salesforce("United Oil & Gas, UK", Website="http://www.uos.co.uk")
        expect(person.sync("Accounts")).to_contain_text("1 created")
        person.open_record("United Oil & Gas, UK")
        expect(person.main).to_contain_text("uos.co.uk")

    def test_stale_data(self, person: Person) -> None:
        person.sync_well("Accounts")
        person.change_in_salesforce(BURLINGTON, BillingCity="Raleigh")
        person.open_record(BURLINGTON)
        expect(person.field("City")).to_contain_text("Burlington")
        person.settings("Accounts")
        expect(person.page.get_by_role("radio", name="Manual only")).to_be_checked()
        expect(person.main).to_contain_text("Nothing is synced by itself")
        # Sync manually …
        person.sync_well("Accounts")
        person.open_record(BURLINGTON)
        expect(person.field("City")).to_contain_text("Raleigh")
        # … or increase frequency.
        person.settings("Accounts")
        person.page.get_by_role("radio", name="Every 1 hour").check()
        person.save()
        expect(person.main).to_contain_text("Next sync")
        person.change_in_salesforce(BURLINGTON, BillingCity="Durham")
        ObjectSetting.objects.update(last_started_at=timezone.now() - timedelta(hours=2))
        assert "Account" in [run.sobject for run in automatic.tick()]
        person.work()
        person.open_record(BURLINGTON)
        expect(person.field("City")).to_contain_text("Durham")


class TestDataQualityIssues:
    def test_wrong_data_in_fields(self, person: Person) -> None:
        """A value that was entered here gives way to Salesforce's, until the field is set to Fill."""
        person.sync_well("Accounts")
        person.change_in_salesforce(BURLINGTON, Industry="Banking")
        person.sync_well("Accounts")
        person.open_record(BURLINGTON)
        row = person.field("Industry")
        expect(row).to_contain_text("Banking")
        row.get_by_role("link", name="Salesforce · Accounts").first.click()
        expect(person.main).to_contain_text("Updated")
        person.settings("Accounts")
        expect(person.main).to_contain_text("only written where the other side is empty")
        person.mapping("Industry").get_by_label("How Industry is synced to Abmatic").select_option("Fill")
        person.save()
        person.change_in_salesforce(BURLINGTON, Industry="Chemicals")
        person.sync_well("Accounts")
        person.open_record(BURLINGTON)
        expect(person.field("Industry")).to_contain_text("Banking")

    def test_custom_fields_not_appearing(self, person: Person) -> None:
        person.sync_well("Accounts")
        person.open_record(BURLINGTON)
        expect(person.field("SLA")).to_have_count(0)
        person.main.get_by_role("link", name="Add a mapping").click()
        person.add_mapping("SLA__c", "SLA")
        person.save()
        person.sync_well("Accounts")
        person.open_record(BURLINGTON)
        expect(person.field("SLA")).to_contain_text("Silver")

    def test_leads_and_contacts_duplicated(self, person: Person) -> None:
        """One person with one address as lead and contact; another with two, until the lead is converted."""
        with person.live.editing() as session:
            session.insert("Lead", {"FirstName": "Rose", "LastName": "Gonzalez", "Company": "Edge", "Email": ROSES})
        person.sync_well("Contacts")
        person.sync_well("Leads")
        person.tab.open(f"/contacts/?q={ROSES}")
        expect(person.page.get_by_role("link", name="Rose Gonzalez")).to_have_count(1)
        person.page.get_by_role("link", name="Rose Gonzalez").click()
        person.main.get_by_role("link", name="Sync", exact=True).click()
        expect(person.main.get_by_role("row").filter(has_text="Contact")).to_contain_text("Primary")
        expect(person.main.get_by_role("row").filter(has_text="Lead")).to_have_count(1)

        person.tab.open("/contacts/?q=Rogers")
        expect(person.page.get_by_role("link", name="Jack Rogers")).to_have_count(2)
        ((lead,),) = person.live.rows('SELECT "Id" FROM "Lead" WHERE "LastName" = \'Rogers\'')
        query = 'SELECT "Id", "AccountId" FROM "Contact" WHERE "LastName" = \'Rogers\''
        ((contact, account),) = person.live.rows(query)
        person.live.org.store.convert_lead(lead, ConvertOptions(account_id=account, contact_id=contact))
        person.sync_well("Leads")
        person.tab.open("/contacts/?q=Rogers")
        expect(person.page.get_by_role("link", name="Jack Rogers")).to_have_count(1)
