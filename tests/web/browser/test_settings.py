"""The settings of an object in a browser: switched on, mapped, filtered, saved, and synced by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from django.db import connection as database
from playwright.sync_api import Dialog, expect
from psycopg import sql
from tests.web import org
from tests.web.browser.conftest import Tab
from tests.web.browser.picking import pick
from tests.web.emulated import APP, environment_with, running_org

from abmatic.audiences.models import CustomField
from abmatic.sync import connect
from abmatic.sync.execute import execute
from abmatic.sync.models import Connection, FieldMapping, ObjectSetting, PreviewJob, Run
from abmatic.sync.preview import jobs as previews

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def no_column_stays() -> Iterator[None]:
    """Tables are emptied after each test; columns would stay."""
    yield
    with database.cursor() as cursor:
        for made in CustomField.objects.all():
            cursor.execute(
                sql.SQL("ALTER TABLE {} DROP COLUMN {}").format(sql.Identifier(made.record), sql.Identifier(made.name))
            )


@pytest.fixture
def connected(tmp_path: Path, settings: Any) -> Iterator[Connection]:
    """A connection to a running org that has a field of its own."""
    with running_org(tmp_path) as salesforce:
        settings.ENVIRONMENT = environment_with(salesforce)
        field = {"name": "Tier__c", "kind": "string", "label": "Partner tier", "length": 20}
        change = {"action": "add_field", "object": "Account", "field": field}
        httpx2.post(f"{salesforce.url}/__emulator/schema", json=[change]).raise_for_status()
        yield connect.connect_headless(
            salesforce.url, "client-credentials", APP["client_id"], client_secret=APP["client_secret"]
        )


def test_set_up_save_and_sync_by_hand(admin_tab: Tab, connected: Connection) -> None:
    page = admin_tab.open("/settings/integrations/")
    page.get_by_role("link", name="Settings", exact=True).last.click()
    page.get_by_role("navigation", name="Salesforce").get_by_role("link", name="Accounts").click()
    expect(page.locator(".side-chip")).to_have_text("Sync into Abmatic")
    page.get_by_label("Update in Salesforce").check()
    expect(page.locator(".side-chip")).to_have_text("Sync both ways")
    expect(page.get_by_text("Unsaved changes", exact=True)).to_be_visible()

    page.get_by_role("button", name="Add Mapping").click()
    pick(page, "Salesforce field", "partner", "Partner tier")
    pick(page, "Abmatic field", "zzz", "New field")
    expect(page.get_by_role("textbox", name="Name")).to_have_value("Partner tier")
    page.get_by_role("button", name="Add", exact=True).click()
    row = page.get_by_role("row").filter(has_text="Partner tier")
    expect(row).to_contain_text("custom_partner_tier")
    expect(row).to_contain_text("Sync into Abmatic")
    row.get_by_label("Sync Tier__c to Salesforce").select_option("overwrite")
    expect(row).to_contain_text("Sync both ways")

    org.account("Large", employee_count=900)
    org.account("Small", employee_count=9)
    page.get_by_role("button", name="Add filter").click()
    page.get_by_label("Field", exact=True).select_option("employee_count")
    page.get_by_label("Operator").select_option("at_least")
    page.get_by_label("Value", exact=True).fill("200")
    expect(page.get_by_text("1 account matches now.")).to_be_visible()
    expect(page.get_by_text("1 filter active")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved: 3 changes.")).to_be_visible()
    setting = ObjectSetting.objects.get(connection=connected, sobject="Account")
    assert setting.push_filter == {"all": [{"field": "employee_count", "is": "at_least", "value": 200}]}
    assert FieldMapping.objects.get(sf_field="Tier__c").to_salesforce == "overwrite"

    page.get_by_role("button", name="Sync Accounts Manually").click()
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()
    previews.execute(PreviewJob.objects.get().pk)
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Into Abmatic")).to_be_visible()
    expect(dialog.get_by_text("API call").first).to_be_visible()
    dialog.get_by_role("button", name="Sync Accounts").click()
    expect(dialog).to_be_hidden()
    panel = page.get_by_role("region", name="Syncing Accounts")
    expect(panel).to_contain_text("Waiting for a worker")
    for run in Run.objects.order_by("id"):
        execute(run.pk)
    expect(panel).to_contain_text("Succeeded")
    expect(panel).to_contain_text("Last Sync with Abmaticjust now")
    expect(panel).to_contain_text("Last Sync with Salesforcejust now")


def test_what_can_not_be_mapped_is_said_in_the_dialog(admin_tab: Tab, connected: Connection) -> None:
    page = admin_tab.open(f"/settings/integrations/salesforce/{connected.pk}/accounts/")
    page.get_by_role("button", name="Add Mapping").click()
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="Choose a Salesforce field")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("No unsaved changes")).to_be_visible()


def test_leaving_with_unsaved_edits_asks(admin_tab: Tab) -> None:
    connection = org.connect(status="inactive")
    page = admin_tab.open(f"/settings/integrations/salesforce/{connection.pk}/accounts/")
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    expect(page.get_by_text("No unsaved changes")).to_be_visible()
    page.get_by_label("Automatically push changes").check()
    expect(page.get_by_text("Unsaved changes", exact=True)).to_be_visible()
    page.get_by_role("link", name="Contacts").last.click()
    expect(page.get_by_label("Automatically push changes")).to_be_checked()
    assert asked == ["beforeunload"]
    page.get_by_label("Automatically push changes").uncheck()
    expect(page.get_by_text("No unsaved changes")).to_be_visible()
    page.get_by_role("navigation", name="Salesforce").get_by_role("link", name="Contacts").click()
    expect(page.get_by_role("heading", name="Set object syncing")).to_be_visible()
    assert page.url.endswith("/contacts/")
    assert asked == ["beforeunload"]


def test_the_recommendation_switches_writing_off(admin_tab: Tab) -> None:
    connection = org.connect(status="inactive")
    ObjectSetting.objects.update(create_in_salesforce=True, update_in_abmatic=False)
    page = admin_tab.open(f"/settings/integrations/salesforce/{connection.pk}/contacts/")
    page.get_by_role("button", name="Recommended for first set-up").click()
    expect(page.get_by_label("Create in Salesforce")).not_to_be_checked()
    expect(page.get_by_label("Update in Abmatic")).to_be_checked()
    expect(page.locator(".side-chip")).to_have_text("Sync into Abmatic")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved: 2 changes.")).to_be_visible()


def test_rules_and_groups_come_and_go_by_keyboard(admin_tab: Tab) -> None:
    connection = org.connect(status="inactive")
    page = admin_tab.open(f"/settings/integrations/salesforce/{connection.pk}/accounts/")
    page.get_by_role("button", name="Add filter").press("Enter")
    page.get_by_label("Operator").select_option("not_empty")
    expect(page.get_by_label("Value", exact=True)).to_be_hidden()
    page.get_by_role("button", name="Add group").press("Enter")
    expect(page.get_by_label("Records must meet")).to_be_visible()
    second = page.get_by_role("group", name="Filter group").nth(1)
    second.get_by_label("Field", exact=True).select_option("employee_count")
    expect(second.get_by_label("Operator")).to_have_value("equals")
    second.get_by_label("Value", exact=True).fill("5")
    second.get_by_label("How the rules").select_option("any")
    second.get_by_role("button", name="Add rule").press("Enter")
    expect(page.get_by_text("3 filters active")).to_be_visible()
    second.get_by_role("button", name="Remove this rule").nth(1).press("Enter")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved: 1 change.")).to_be_visible()
    assert ObjectSetting.objects.get(sobject="Account").push_filter == {
        "all": [
            {"field": "name", "is": "not_empty"},
            {"any": [{"field": "employee_count", "is": "equals", "value": 5}]},
        ]
    }
