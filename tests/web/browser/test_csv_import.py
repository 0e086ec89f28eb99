"""A file is imported by keyboard alone, with a worker at it; axe finds no serious fault on any step."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.web.browser.conftest import Tab
from tests.web.browser.test_accessibility import faults

from abmatic.audiences.csv_import import jobs
from abmatic.audiences.csv_import.models import FileImport
from abmatic.audiences.models import Account, Opportunity

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FILE = (
    "Company,Internet address,Employees,Notes\n"
    f"Acme <script>alert(1)</script>,acme.com,12,=1+1\n{'W' * 4000},long.com,7,\nMany,many.com,lots,\n"
)


def work() -> None:
    """What a worker does."""
    jobs.work(FileImport.objects.get().pk)


def press(page: Page, name: str) -> None:
    """Reaches the button by Tab alone, from where the focus is, and presses it."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if (
            page.evaluate("document.activeElement.innerText")
            and page.evaluate("document.activeElement.innerText.trim()") == name
        ):
            page.keyboard.press("Enter")
            return
    pytest.fail(f"{name} can't be reached by Tab")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_file_is_imported_by_keyboard(admin_tab: Tab, tmp_path: Path, theme: str) -> None:
    Account.objects.create(website="acme.com", domain="acme.com", name="Old")
    file = tmp_path / "fair.csv"
    file.write_text(FILE, encoding="utf-8")
    page = admin_tab.page
    page.emulate_media(color_scheme="light" if theme == "light" else "dark", reduced_motion="reduce")
    admin_tab.open("/accounts/")
    press(page, "Import CSV")
    expect(page.get_by_role("heading", name="Past imports")).to_be_visible()
    found = {"give": faults(page)}
    # The browser's own dialog for choosing a file isn't the page's.
    page.set_input_files("#file", file)
    press(page, "Upload")
    expect(page.get_by_role("heading", name="What each column is")).to_be_visible()
    field = page.get_by_label("Field for Internet address")
    field.focus()
    page.keyboard.type("Website")
    page.keyboard.press("Tab")
    expect(page.locator("#note-2")).to_contain_text("1 value doesn’t fit")
    page.get_by_label("Fill empty only").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Overwrite")).to_be_checked()
    found["columns"] = faults(page)
    press(page, "Preview")
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()
    found["under way"] = faults(page)
    work()
    # The page looks again by itself.
    expect(page.get_by_text("nothing is written yet")).to_be_visible()
    expect(page.get_by_text("Acme <script>alert(1)</script>")).to_be_visible()
    found["preview"] = faults(page)
    page.set_viewport_size({"width": 390, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 1280, "height": 900})
    press(page, "Import")
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()
    work()
    expect(page.get_by_text("Import another file")).to_be_visible()
    expect(page.get_by_text("Employees: “lots” is no whole number")).to_be_visible()
    found["result"] = faults(page)
    assert {name: each for name, each in found.items() if each} == {}
    assert Account.objects.get(domain="acme.com").name == "Acme <script>alert(1)</script>"
    assert Account.objects.count() == 2


DEALS = (
    "Deal,Company,Stage,Amount,Close Date\nRenewal,ACME,Proposal,1000,2026-12-31\n"
    "Expansion,New <b>One</b>,Won,5,2026-06-30\nThird,Twice,Won,5,2026-06-30\nNo date,Acme,Won,5,\n"
)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_deals_are_imported_with_their_accounts_by_keyboard(admin_tab: Tab, tmp_path: Path, theme: str) -> None:
    for name, site in (("Acme", "acme.com"), ("Twice", "a.com"), ("Twice", "b.com")):
        Account.objects.create(name=name, website=site, domain=site)
    file = tmp_path / "deals.csv"
    file.write_text(DEALS, encoding="utf-8")
    page = admin_tab.page
    page.emulate_media(color_scheme="light" if theme == "light" else "dark", reduced_motion="reduce")
    admin_tab.open("/opportunities/")
    press(page, "Import CSV")
    page.set_input_files("#file", file)
    press(page, "Upload")
    expect(page.get_by_label("Field for Company")).to_have_value("Account: by name")
    page.get_by_label("Leave it empty").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Create the account")).to_be_checked()
    found = {"columns": faults(page)}
    press(page, "Preview")
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()
    work()
    accounts = page.get_by_role("table").filter(has_text="To be created")
    expect(accounts.get_by_role("row", name="Found")).to_contain_text("ACME")
    expect(accounts.get_by_role("row", name="To be created")).to_contain_text("New <b>One</b>")
    expect(accounts.get_by_role("row", name="Ambiguous")).to_contain_text("Twice")
    expect(page.get_by_text("Close date: empty, and a new opportunity needs it")).to_be_visible()
    found["preview"] = faults(page)
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    press(page, "Import")
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()
    work()
    expect(page.get_by_text("New accounts")).to_be_visible()
    expect(page.get_by_text("is the name of several accounts")).to_be_visible()
    found["result"] = faults(page)
    assert {name: each for name, each in found.items() if each} == {}
    assert list(Opportunity.objects.order_by("name").values_list("name", "account__name")) == [
        ("Expansion", "New <b>One</b>"), ("Renewal", "Acme"),
    ]  # fmt: skip
