"""Choosing from a list that is searched."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def pick(page: Page, label: str, typed: str, option: str) -> None:
    """Types into the box, waits until one option is left, and takes it by keyboard."""
    page.get_by_role("combobox", name=label).fill(typed)
    # The list was loaded when the box was entered; now it is the one that was searched.
    expect(page.locator(".combo-list:not([hidden]) [role=option]")).to_have_count(1)
    expect(page.get_by_role("option", name=option)).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
