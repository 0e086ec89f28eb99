"""Steps that scenes share, and the addresses that they begin at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import Locator, Page, expect

if TYPE_CHECKING:
    from pictures import Camera

# Milliseconds that a worker gets.
PATIENCE = 120_000
CONNECTION = "/settings/integrations/salesforce/1/"
LISTS = ("accounts", "contacts", "opportunities", "campaigns")


def first(camera: Camera, kind: str) -> Page:
    """Opens the first record of a list."""
    page = camera.open(f"/{kind}" if "?" in kind else f"/{kind}/")
    page.locator("#grid tbody .col-name a.strong").first.click()
    page.locator("main nav.tabs").wait_for()
    return page


def selected(camera: Camera, kind: str, many: int) -> Page:
    page = camera.open(f"/{kind}/")
    for place in range(many):
        page.locator("[data-pick]").nth(place).check()
    return page


def pick(page: Page, label: str, typed: str) -> None:
    """Types into a box with a list, and takes what is left."""
    page.get_by_role("combobox", name=label).fill(typed)
    expect(page.locator(".combo-list:not([hidden]) [role=option]")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")


def allow_writing(camera: Camera) -> None:
    page = camera.open(f"{CONNECTION}accounts/")
    boxes = [page.get_by_role("checkbox", name=f"{act} in Salesforce") for act in ("Create", "Update")]
    mode = page.get_by_label("Sync Industry to Salesforce", exact=True)
    if all(box.is_checked() for box in boxes) and mode.input_value() == "overwrite":
        return
    for box in boxes:
        box.check()
    mode.select_option("overwrite")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("Saved: ").wait_for()


def sync_by_hand(camera: Camera, tab: str) -> None:
    """Syncs an object by hand, without waiting for the preview."""
    page = camera.open(f"{CONNECTION}{tab}/")
    page.get_by_role("button", name=f"Sync {tab.capitalize()} Manually").click()
    page.get_by_role("dialog").get_by_role("button", name=f"Sync {tab.capitalize()}", exact=True).click()
    page.get_by_role("progressbar").wait_for()
    page.locator("#sync-panel .last-run").wait_for(timeout=PATIENCE)


def press_in(panel: Locator, button: str, then: str) -> None:
    panel.get_by_role("button", name=button).click()
    panel.get_by_text(then).wait_for()
