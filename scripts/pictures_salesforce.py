"""A connection, its settings, its runs, and what goes wrong."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pictures_steps import CONNECTION, PATIENCE, allow_writing, first, pick, press_in, selected, sync_by_hand

if TYPE_CHECKING:
    from pictures import Camera


def integrations(camera: Camera) -> None:
    pages = {
        "integrations": "/settings/integrations/",
        "connection": CONNECTION,
        "connected": f"{CONNECTION}connected/",
        "reconnect": f"{CONNECTION}reconnect/",
        "disable": f"{CONNECTION}disable/",
        "replace-none": f"{CONNECTION}replace/",
        "settings-file": f"{CONNECTION}settings/",
        "issues-empty": f"{CONNECTION}issues/",
        "activity": f"{CONNECTION}activity/",
    }
    for name, address in pages.items():
        camera.open(address)
        camera.take(name, docs=name if name in {"connected", "activity"} else "")
    page = camera.open(CONNECTION)
    page.get_by_role("button", name="Sync Accounts Manually").click()
    camera.take("connection-confirm", whole=False)
    page = camera.open(f"{CONNECTION}activity/")
    page.get_by_text("Troubleshooting").click()
    camera.take("troubleshooting")
    camera.open(f"{CONNECTION}activity/?state=failed")
    camera.take("activity-none")


def settings(camera: Camera) -> None:
    for tab in ("accounts", "contacts", "leads", "opportunities", "campaigns"):
        page = camera.open(f"{CONNECTION}{tab}/")
        page.get_by_text(re.compile("may be pushed|match now")).wait_for()
        page.get_by_text("Fields of the org as of").wait_for()
        camera.take(f"settings-{tab}", docs="settings" if tab == "accounts" else "")
    page = camera.open(f"{CONNECTION}accounts/")
    page.get_by_text("Fields of the org as of").wait_for()
    page.locator("#mapping-title").scroll_into_view_if_needed()
    page.evaluate("document.querySelector('#mapping-title').scrollIntoView()")
    camera.take("settings-mapping", whole=False, docs="mapping")
    page.get_by_role("button", name="Add Mapping").click()
    page.get_by_role("combobox", name="Salesforce field").fill("a")
    page.locator("#list-salesforce [role=option]").first.wait_for()
    page.keyboard.press("ArrowDown")
    camera.take("mapping-list", whole=False, docs="add-mapping")
    pick(page, "Salesforce field", "SLA__c")
    pick(page, "Abmatic field", "no such field")
    camera.take("mapping-new-field", whole=False)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Add filter").click()
    page.get_by_role("button", name="Add rule").click()
    page.get_by_label("Update in Salesforce").check()
    page.get_by_text(re.compile("match now|Give each rule")).wait_for()
    camera.take("settings-unsaved")
    page.get_by_label("Value", exact=True).first.fill("Inc")
    page.get_by_role("button", name="Remove this rule").last.click()
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("Saved: ").wait_for()
    camera.take("settings-saved")
    page.get_by_role("button", name="Remove this rule").click()
    page.get_by_label("Update in Salesforce").uncheck()
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("Saved: ").wait_for()


def runs(camera: Camera) -> None:
    page = camera.open(f"{CONNECTION}activity/?object=Account")
    page.locator("main table").get_by_role("link", name="Accounts").last.click()
    camera.take("run", docs="run")
    page.locator("table.reasons").get_by_role("link").first.click()
    camera.take("findings")


def push(camera: Camera) -> None:
    page = selected(camera, "accounts", 2)
    page.get_by_role("button", name="Push to Salesforce").click()
    dialog = page.get_by_role("dialog", name="Push to Salesforce")
    dialog.get_by_text("are off for Accounts").wait_for(timeout=PATIENCE)
    camera.take("push-off", whole=False)
    allow_writing(camera)
    page = camera.open("/accounts/new/")
    page.locator("#edit-name").fill("Harbour Lamps")
    page.locator("#edit-website").fill("https://harbour-lamps.example")
    page.get_by_role("button", name="Create account").click()
    page.get_by_role("button", name="Push to Salesforce").click()
    dialog = page.get_by_role("dialog", name="Push to Salesforce")
    dialog.get_by_role("button", name=re.compile("^Push ")).wait_for(timeout=PATIENCE)
    dialog.locator("summary").first.click()
    camera.take("push-preview", whole=False, docs="push")
    dialog.get_by_role("button", name=re.compile("^Push ")).click()
    dialog.get_by_text("Activity Log").wait_for(timeout=PATIENCE)
    camera.take("push-result", whole=False)
    dialog.get_by_role("link", name="Open the run").click()
    page.get_by_role("link", name="Undo…").click()
    page.get_by_label("Also remove from Salesforce").check()
    page.get_by_text("would be removed").wait_for()
    camera.take("undo-created")
    page = selected(camera, "contacts", 3)
    page.get_by_role("button", name="Push to Salesforce").click()
    page.wait_for_timeout(3000)
    camera.take("push-contacts", whole=False)


def sync(camera: Camera) -> None:
    """Writing is allowed, something differs on either side, and the org takes its time."""
    allow_writing(camera)
    page = first(camera, "accounts/?sort=-employees")
    page.locator("#field-industry a.value").click()
    page.get_by_label("Industry", exact=True).fill("Shipbuilding")
    page.keyboard.press("Enter")
    page.get_by_text("Saved.").wait_for()
    page.locator("#field-industry summary").click()
    page.locator(".field-steps").first.wait_for()
    camera.take("account-saved")
    camera.tell_org("faults", [{"match": {"path": "/query"}, "action": "slow", "seconds": 2, "times": 0}])
    page = camera.open(f"{CONNECTION}accounts/")
    page.get_by_role("button", name="Sync Accounts Manually").click()
    page.get_by_text(re.compile("Looked at|Asking Salesforce|Waiting for a worker")).wait_for()
    camera.take("preview-loading", whole=False)
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("API call").wait_for(timeout=PATIENCE)
    dialog.locator("summary").last.click()
    camera.take("preview", whole=False, docs="preview")
    dialog.get_by_role("button", name="Sync Accounts", exact=True).click()
    page.get_by_role("progressbar").wait_for()
    camera.take("sync-running", whole=False)
    page.get_by_role("link", name="Open the run").first.click()
    camera.take("run-running")
    camera.tell_org("faults", [])
    page.get_by_text("Succeeded").first.wait_for(timeout=PATIENCE)
    page.get_by_role("link", name="Undo…").wait_for()
    camera.take("run-pushed")
    page.get_by_role("link", name="Undo…").click()
    camera.take("undo")


def failing(camera: Camera) -> None:
    """What Salesforce refuses, and what it doesn't answer."""
    allow_writing(camera)
    rule = {
        "object": "Account",
        "fullName": "Banks_are_approved",
        "active": True,
        "errorConditionFormula": 'ISPICKVAL(Industry, "Banking")',
        "errorMessage": "Banking must be approved by the legal department first.",
    }
    camera.tell_org("rules", {"validation_rules": [rule]})
    page = first(camera, "accounts/?sort=-employees")
    page.locator("#field-industry a.value").click()
    page.get_by_label("Industry", exact=True).fill("Banking")
    page.keyboard.press("Enter")
    page.get_by_text("Saved.").wait_for()
    sync_by_hand(camera, "accounts")
    camera.take("sync-refused", whole=False)
    page.get_by_role("link", name="Open the run").first.click()
    camera.take("run-refused")
    camera.open(f"{CONNECTION}issues/")
    camera.take("issues", docs="issues")
    camera.tell_org("faults", [{"match": {"path": "/services/data"}, "action": "status", "status": 500, "times": 0}])
    page = camera.open(f"{CONNECTION}contacts/")
    page.get_by_role("button", name="Sync Contacts Manually").click()
    page.get_by_text("There is no preview").wait_for(timeout=PATIENCE)
    camera.take("preview-failed", whole=False)
    camera.tell_org("faults", [{"match": {"path": "/services/data"}, "action": "token_revoked", "times": 0}])
    sync_by_hand(camera, "leads")
    camera.take("sync-failed", whole=False)
    page.get_by_role("link", name="Open the run").first.click()
    camera.take("run-failed")
    for name, address in {
        "home-failing": "/",
        "integrations-failing": "/settings/integrations/",
        "connection-failing": CONNECTION,
        "connected-failing": f"{CONNECTION}connected/",
        "settings-failing": f"{CONNECTION}accounts/",
        "notifications": "/notifications/",
        "from-crm-failing": "/accounts/from-crm/",
    }.items():
        camera.open(address)
        page.wait_for_timeout(500)
        camera.take(name)
    camera.tell_org("faults", [])
    page = camera.open("/")
    page.route("**/syncs/", lambda route: route.abort())
    page.evaluate("htmx.ajax('GET', '/syncs/', {target: 'main', swap: 'none'}).catch(() => {})")
    page.get_by_text("can’t be reached").wait_for()
    camera.take("not-reached", whole=False)
    page.unroute("**/syncs/")


def tour(camera: Camera) -> None:
    """In a demo of its own: it switches on writing."""
    page = camera.open("/")
    page.get_by_role("button", name="Start the tour").click()
    panel = page.get_by_role("complementary", name="Tour")
    panel.get_by_text("Tour, 1 of 5").wait_for()
    camera.take("tour-start")
    press_in(panel, "Skip this step", "Tour, 2 of 5")
    camera.take("tour-allow")
    press_in(panel, "Switch it on", "Edit City")
    press_in(panel, "Skip this step", "Tour, 3 of 5")
    press_in(panel, "Skip this step", "Tour, 4 of 5")
    panel.get_by_role("link", name="Edit Employees").click()
    page.get_by_role("main").get_by_label("Employees", exact=True).fill("12000")
    page.keyboard.press("Enter")
    panel.get_by_text("Salesforce refused").wait_for(timeout=PATIENCE)
    panel.get_by_role("link", name="Open the issue").click()
    page.get_by_role("heading", name="By cause").wait_for()
    camera.take("tour-refused", docs="tour")
    press_in(panel, "Skip this step", "Tour, 5 of 5")
    press_in(panel, "Skip this step", "That was the tour")
    camera.take("tour-over")
