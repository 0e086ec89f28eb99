"""Connecting, importing and watching, in a browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.web import org
from tests.web.browser.conftest import Tab
from tests.web.emulated import APP, DEFAULT_PASSWORD, USER, environment_with, running_org

from abmatic.sync.models import Connection, Run

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_connect_through_salesforces_login_and_consent(admin_tab: Tab, tmp_path: Path, settings: Any) -> None:
    with running_org(tmp_path) as salesforce:
        settings.ENVIRONMENT = environment_with(salesforce)
        page = admin_tab.open("/settings/integrations/")
        page.get_by_role("link", name="Authorize").click()
        expect(page.get_by_label("Demo org")).to_be_checked()
        expect(page.get_by_label("My Domain", exact=True).nth(1)).to_be_hidden()
        page.get_by_label("Consumer Key").fill(APP["client_id"])
        page.get_by_label("Consumer Secret").fill(APP["client_secret"])
        page.get_by_role("button", name="Continue to Salesforce").click()
        page.locator("#username").fill(USER)
        page.locator("#password").fill(DEFAULT_PASSWORD)
        page.locator("#Login").click()
        page.get_by_role("button", name="Allow").click()
        expect(page.get_by_role("heading", name=re.compile("^Connected"))).to_be_visible()
        expect(page.get_by_text("Integration user")).to_be_visible()
        page.get_by_role("button", name="Start first import").click()
        expect(page.get_by_text("Waiting for a worker").first).to_be_visible()
    assert Run.objects.filter(state=Run.State.QUEUED).count() == 9


def test_the_callback_url_is_copied(admin_tab: Tab) -> None:
    page = admin_tab.open("/settings/integrations/salesforce/authorize/")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f"{admin_tab.base}/settings/integrations/salesforce/callback/"


def test_a_manual_sync_says_what_it_will_do_first(admin_tab: Tab) -> None:
    connection = org.connect()
    page = admin_tab.open(f"/settings/integrations/salesforce/{connection.pk}/")
    page.get_by_role("button", name="Sync Accounts Manually").click()
    expect(page.get_by_role("dialog")).to_contain_text("nothing is written to Salesforce")
    page.get_by_role("button", name="Not now").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert not Run.objects.exists()
    page.get_by_role("button", name="Sync Accounts Manually").click()
    page.get_by_role("button", name="Sync Accounts", exact=True).click()
    expect(page).to_have_url(re.compile(r"/runs/\d+/"))


@pytest.mark.parametrize("path", ["", "accounts/"])
def test_a_double_press_opens_the_dialog_once_and_starts_nothing(admin_tab: Tab, path: str) -> None:
    page = admin_tab.open(f"/settings/integrations/salesforce/{org.connect().pk}/{path}")
    page.get_by_role("button", name="Sync Accounts Manually").dblclick()
    dialog = page.get_by_role("dialog", name="Sync Accounts now?")
    expect(dialog).to_be_visible()
    # Whatever of the dialog lies under the pointer by then isn't pressed either.
    box = dialog.get_by_role("button", name="Not now").bounding_box()
    assert box is not None
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.evaluate("""() => {
      const opener = [...document.querySelectorAll("button")].find((one) => /Accounts Manually/.test(one.innerText));
      opener.style.cssText = "position: fixed; inset: 0; z-index: 9";
    }""")
    page.mouse.dblclick(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(dialog).to_be_visible()
    # One press beside it still closes it.
    page.mouse.click(5, 5)
    expect(dialog).to_be_hidden()
    assert not Run.objects.exists()


def test_a_double_press_leaves_a_menu_and_a_new_mapping_open(admin_tab: Tab) -> None:
    connection = org.connect()
    page = admin_tab.open(f"/settings/integrations/salesforce/{connection.pk}/accounts/")
    page.get_by_role("button", name="Add Mapping").dblclick()
    expect(page.locator("#add-mapping")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Theme").dblclick()
    expect(page.get_by_text("System", exact=True)).to_be_visible()
    page.get_by_role("button", name="Theme").click()
    expect(page.get_by_text("System", exact=True)).to_be_hidden()


def test_the_run_page_follows_the_run(admin_tab: Tab) -> None:
    connection: Connection = org.connect()
    run = org.running(connection)
    page = admin_tab.open(f"/runs/{run.pk}/")
    expect(page.get_by_text("30 of 100")).to_be_visible()
    expect(page.locator(".sync-chip")).to_contain_text("Accounts 30 %")
    Run.objects.filter(pk=run.pk).update(processed=80)
    expect(page.get_by_text("80 of 100")).to_be_visible()
    expect(page.locator(".sync-chip")).to_contain_text("Accounts 80 %")
    org.found(run, "no_website", 4)
    Run.objects.filter(pk=run.pk).update(state="succeeded", phase="done", outcome="100 records read: 100 created.")
    expect(page.get_by_text("100 records read: 100 created.")).to_be_visible()
    expect(page.get_by_role("link", name="No website")).to_be_visible()
    expect(page.locator(".sync-chip")).to_have_count(0)


def test_times_are_in_the_viewers_zone_and_exact_on_hover(admin_tab: Tab) -> None:
    connection = org.connect()
    run = org.run(connection)
    page = admin_tab.open(f"/runs/{run.pk}/")
    time = page.locator("time[data-show=exact]").first
    expect(time).not_to_contain_text("UTC")
    expect(time).to_have_attribute("title", re.compile(r"\d{4}.*\d:\d\d"))


def test_a_server_that_is_gone_is_said_and_forgotten_when_it_is_back(admin_tab: Tab) -> None:
    run = org.running(org.connect())
    page = admin_tab.open(f"/runs/{run.pk}/")
    page.route("**/live/", lambda route: route.abort())
    expect(page.get_by_role("alert")).to_contain_text("can’t be reached")
    page.unroute("**/live/")
    expect(page.get_by_role("alert")).to_be_hidden()
