"""The Salesforce Setup guide, step by step, as a person follows it: what it names is on the screen, in its words.

The org is the sample org of a Developer Edition, the sync is done by a worker in a process of its own, and nothing is
looked up in the database: what can't be seen in the browser doesn't count.
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.cli.processes import Installation
from tests.web.browser.conftest import Tab
from tests.web.browser.picking import pick

from salesforce_emulator.testing import RunningOrg

pytestmark = [pytest.mark.browser, pytest.mark.server, pytest.mark.django_db(transaction=True)]

# Milliseconds that a worker gets on a busy machine; what is waited for usually takes one or two seconds.
PATIENCE = 60_000

TABS = ["Accounts", "Contacts", "Leads", "Opportunities", "Campaigns", "Activity Log"]
FREQUENCIES = ["Every 1 hour", "Every 6 hours", "Every 12 hours", "Every 24 hours", "Manual only"]
# By tab: "Default Account Field Mappings" and "Default Contact/Lead Mappings" of the guide, and the primary key.
MAPPINGS = {
    "Accounts": (
        {
            "Name": "name",
            "Website": "website",
            "Industry": "industry",
            "NumberOfEmployees": "employee_count",
            "AnnualRevenue": "revenue",
            "BillingCountry": "country",
            "BillingCity": "city",
        },
        "Website",
    ),
    **{
        tab: (
            {
                "Email": "work_email",
                "FirstName": "first_name",
                "LastName": "last_name",
                "Title": "job_title",
                "Phone": "phone",
            },
            "Email",
        )
        for tab in ("Contacts", "Leads")
    },
}


def test_connect_salesforce_as_the_guide_says(admin_tab: Tab, salesforce: RunningOrg, worker: Installation) -> None:
    page = admin_tab.open("/")
    start_the_connection(page, salesforce)
    authorize_abmatic_in_salesforce(page, salesforce)
    grant_permissions(page)
    configure_sync_settings(page)
    configure_field_mapping(page)
    set_sync_frequency(page)
    save_and_start_initial_sync(page)
    verify_the_records(page)
    check_sync_status(page)
    review_activity_logs(page)


def start_the_connection(page: Page, salesforce: RunningOrg) -> None:
    """Step 1: Settings → Integrations, Salesforce in the section CRM Platforms, Authorize."""
    to_integrations(page)
    expect(page.get_by_role("heading", name="CRM Platforms")).to_be_visible()
    card = page.get_by_role("region", name="Salesforce")
    expect(card).to_contain_text("Inactive")
    card.get_by_role("link", name="Authorize").click()
    # Before You Start.
    for needed in ("Enterprise, Unlimited, Performance or Developer Edition", "API Enabled", "integration user"):
        expect(page.get_by_role("main")).to_contain_text(needed)
    page.get_by_label("Consumer Key").fill(salesforce.client_id)
    page.get_by_label("Consumer Secret").fill(salesforce.client_secret)
    page.get_by_role("button", name="Continue to Salesforce").click()


def authorize_abmatic_in_salesforce(page: Page, salesforce: RunningOrg) -> None:
    """Step 2: Salesforce's login opens; credentials, Log In."""
    expect(page).to_have_url(re.compile(re.escape(salesforce.url)))
    page.get_by_label("Username").fill(salesforce.username)
    page.get_by_label("Password").fill(salesforce.password)
    page.get_by_role("button", name="Log In").click()


def grant_permissions(page: Page) -> None:
    """Step 3: the three permissions, Allow."""
    for permission in ("Access basic information", "Access and manage data", "Perform requests at any time"):
        expect(page.get_by_text(permission)).to_be_visible()
    page.get_by_role("button", name="Allow", exact=True).click()


def configure_sync_settings(page: Page) -> None:
    """Step 4: back in Abmatic, a tab for each object, and what is synced in which direction."""
    expect(page.get_by_role("heading", name="Connected", exact=False).first).to_be_visible()
    checks = page.get_by_role("list", name="Checks")
    for line, said in {
        "Edition": "Developer Edition",
        "API access": "API version",
        "Integration user": "integration@emulator.example",
        "Accounts": "read, create, edit",
    }.items():
        expect(checks.get_by_role("listitem").filter(has=page.get_by_text(line, exact=True))).to_contain_text(said)
    tabs = page.get_by_role("navigation", name="Salesforce").get_by_role("link")
    shown = [name for name in tabs.all_inner_texts() if name in TABS]
    assert shown == TABS
    for name in TABS[:-1]:
        tab(page, name)
        expect(page.get_by_role("heading", name="Set object syncing")).to_be_visible()
        # First-time setup recommendation: "Create in Abmatic" and "Update in Abmatic" only.
        for box, is_ticked in {
            "Create in Salesforce": False,
            "Update in Salesforce": False,
            "Create in Abmatic": True,
            "Update in Abmatic": True,
        }.items():
            expect(page.get_by_role("checkbox", name=box)).to_be_checked(checked=is_ticked)
        expect(page.locator(".side-chip")).to_have_text("Sync into Abmatic")


def configure_field_mapping(page: Page) -> None:
    """Step 5: the default mappings both ways, primary keys that can't be removed, and a custom field."""
    for name, (mappings, primary) in MAPPINGS.items():
        tab(page, name)
        for theirs, ours in mappings.items():
            row = mapping(page, theirs)
            expect(row.locator(f'input[name="m-abmatic"][value="{ours}"]')).to_have_count(1)
            expect(row).to_contain_text("Sync both ways")
            modes = row.get_by_role("combobox", name=f"Sync {theirs} to Salesforce").get_by_role("option")
            assert modes.all_inner_texts() == ["Don't sync", "Fill", "Overwrite"]
            is_primary = theirs == primary
            expect(row.get_by_text("Primary key")).to_have_count(1 if is_primary else 0)
            expect(row.get_by_role("button", name=f"Remove the mapping of {theirs}")).to_have_count(
                0 if is_primary else 1
            )
    # Adding Custom Field Mappings.
    tab(page, "Accounts")
    page.get_by_role("button", name="Add Mapping").click()
    pick(page, "Salesforce field", "SLA__c", "SLA")
    pick(page, "Abmatic field", "no such field", "New field")
    dialog = page.get_by_role("dialog", name="Add Mapping")
    expect(dialog.get_by_role("textbox", name="Name")).to_have_value("SLA")
    dialog.get_by_label("Sync to Salesforce").select_option("Don't sync")
    dialog.get_by_label("Sync to Abmatic").select_option("Overwrite")
    dialog.get_by_role("button", name="Add", exact=True).click()
    row = mapping(page, "SLA__c")
    expect(row.get_by_role("checkbox", name="Sync SLA__c to Abmatic")).to_be_checked()
    expect(row).to_contain_text("Sync into Abmatic")


def set_sync_frequency(page: Page) -> None:
    """Step 6: one of five, and Auto-Push."""
    choices = page.get_by_role("radiogroup", name="Sync frequency")
    assert [text.split("\n")[0] for text in choices.locator("label").all_inner_texts()] == FREQUENCIES
    expect(choices.locator("label").filter(has_text="Manual only")).to_contain_text("No automatic API calls")
    choices.get_by_role("radio", name="Every 6 hours").check()
    expect(page.get_by_role("checkbox", name="Automatically push changes to Salesforce")).not_to_be_checked()


def save_and_start_initial_sync(page: Page) -> None:
    """Step 7: Save, Sync Accounts Manually, the confirmation, the records arrive."""
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved: 2 changes.")).to_be_visible()
    page.get_by_role("button", name="Sync Accounts Manually").click()
    dialog = page.get_by_role("dialog", name="Sync Accounts now?")
    expect(dialog.get_by_text("Create 10")).to_be_visible(timeout=PATIENCE)
    expect(dialog).to_contain_text("Nothing is written to Salesforce")
    dialog.get_by_role("button", name="Sync Accounts", exact=True).click()
    panel = page.get_by_role("region", name="Syncing Accounts")
    expect(panel).to_contain_text("Succeeded", timeout=PATIENCE)
    expect(panel).to_contain_text("12 records read: 10 created, 2 linked as duplicates.")


def verify_the_records(page: Page) -> None:
    """Step 8: Accounts, the collection "Salesforce Import", the "All" tab, a record with its fields."""
    rail(page, "Accounts")
    tabs = page.get_by_role("navigation", name="Accounts")
    expect(tabs.get_by_role("link", name="All")).to_be_visible()
    tabs.get_by_role("link", name="Collections").click()
    page.get_by_role("link", name="Salesforce Import").click()
    expect(page.get_by_role("heading", name="Salesforce Import")).to_be_visible()
    expect(page.locator("#grid-count")).to_contain_text("10")
    page.get_by_role("link", name="Burlington Textiles Corp of America").click()
    expect(page.get_by_role("heading", name="Burlington Textiles Corp of America")).to_be_visible()
    for field, value in {
        "Industry": "Apparel",
        "Employees": "9,000",
        "Annual revenue": "350,000,000",
        "Country": "USA",
        "City": "Burlington",
        "SLA": "Silver",
    }.items():
        row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=field, exact=True))
        expect(row).to_contain_text(value)
        expect(row).to_contain_text("Salesforce")


def check_sync_status(page: Page) -> None:
    """Step 8: Settings → Integrations → Salesforce → Settings, when each direction was last synced."""
    to_integrations(page)
    page.get_by_role("region", name="Salesforce", exact=True).get_by_role("link", name="Settings").click()
    tab(page, "Accounts")
    panel = page.get_by_role("region", name="Syncing Accounts")
    expect(fact(panel, "Last Sync with Abmatic")).to_contain_text("just now")
    # Nothing may be written yet.
    expect(fact(panel, "Last Sync with Salesforce")).to_have_text("never")


def review_activity_logs(page: Page) -> None:
    """Step 8: the Activity Log tab: operations, record counts, errors or warnings."""
    tab(page, "Activity Log")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="Accounts", exact=True))
    expect(row).to_have_count(1)
    expect(row).to_contain_text("Succeeded")
    read, created = row.get_by_role("cell").nth(2), row.get_by_role("cell").nth(3)
    expect(read).to_have_text("12")
    expect(created).to_have_text("10 created")
    row.get_by_role("link", name="Accounts", exact=True).click()
    expect(page.get_by_role("heading", name="Worth a look")).to_be_visible()
    # Warnings, each with its records: the branches that share the website of United Oil & Gas Corp.
    page.get_by_role("link", name="Duplicate", exact=True).click()
    expect(page.get_by_role("main")).to_contain_text("What to do: Merge the records in Salesforce")


def to_integrations(page: Page) -> None:
    rail(page, "Settings")
    page.get_by_role("navigation", name="Settings").get_by_role("link", name="Integrations").click()


def rail(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Main").get_by_role("link", name=name).click()


def tab(page: Page, name: str) -> None:
    link = page.get_by_role("navigation", name="Salesforce").get_by_role("link", name=name, exact=True)
    link.click()
    expect(link).to_have_attribute("aria-current", "page")


def mapping(page: Page, theirs: str) -> Locator:
    """The row of the mapping of a Salesforce field."""
    rows = page.get_by_role("table").get_by_role("row")
    return rows.filter(has=page.locator(f'input[name="m-salesforce"][value="{theirs}"]'))


def fact(panel: Locator, name: str) -> Locator:
    return panel.locator("dl > div").filter(has_text=name).locator("dd")
