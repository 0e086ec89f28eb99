"""The grid of accounts, used by mouse and keyboard."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect
from tests.web import org
from tests.web.browser.conftest import Tab

from abmatic.audiences.models import Account

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def rows(page: Page) -> list[str]:
    return page.locator("#grid tbody .col-name a").all_inner_texts()


def test_it_grows_as_it_scrolls(admin_tab: Tab) -> None:
    org.accounts(180)
    page = admin_tab.open("/accounts/")
    expect(page.locator("#grid tbody .col-name")).to_have_count(50)
    for wanted in (100, 150, 180):
        page.mouse.wheel(0, 100_000)
        expect(page.locator("#grid tbody .col-name")).to_have_count(wanted)
    assert rows(page) == [f"Firm {number:04d}" for number in range(180)]
    expect(page.locator("thead th").first).to_be_in_viewport()
    expect(page.get_by_role("navigation", name="Main").get_by_role("link", name="Settings")).to_be_in_viewport()
    expect(page.get_by_text("180 accounts")).to_be_attached()


def test_names_written_from_right_to_left_stand_where_the_others_do(admin_tab: Tab) -> None:
    firm = Account.objects.create(name="שקד תקשורת בע״מ", city="חיפה", country="Israel")
    Account.objects.create(name="Acme")
    page = admin_tab.open("/accounts/")
    # Of the text itself: its box is as wide as the column, whichever way it is written.
    left = """element => {
        const range = document.createRange();
        range.selectNodeContents(element);
        return range.getBoundingClientRect().left;
    }"""
    hebrew, latin = (page.locator("#grid tbody .col-name a", has_text=name).evaluate(left) for name in ("שקד", "Acme"))
    assert hebrew == pytest.approx(latin, abs=2)
    admin_tab.open(f"/accounts/{firm.pk}/")
    heading, icon = page.locator(".record-name h1"), page.locator(".record-head .tile")
    box = icon.bounding_box()
    assert box is not None
    assert box["x"] < heading.evaluate(left) < box["x"] + 100
    expect(page.locator(".record-facts bdi")).to_have_text(["חיפה", "Israel"])


def test_sort_by_header_goes_into_the_address_and_back(admin_tab: Tab) -> None:
    for size, name in ((5, "Small"), (900, "Large"), (None, "Unknown")):
        Account.objects.create(name=name, employee_count=size)
    page = admin_tab.open("/accounts/")
    page.get_by_role("link", name="Employees").click()
    expect(page).to_have_url(re.compile(r"sort=-employees"))
    assert rows(page) == ["Large", "Small", "Unknown"]
    page.get_by_role("link", name="Employees").click()
    expect(page.locator("th[aria-sort=ascending]")).to_have_text("Employees")
    assert rows(page) == ["Small", "Large", "Unknown"]
    page.go_back()
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Employees")
    page.reload()
    assert rows(page) == ["Large", "Small", "Unknown"]


def test_search_as_one_types_keeps_the_cursor_in_the_box(admin_tab: Tab) -> None:
    org.accounts(80)
    page = admin_tab.open("/accounts/?sort=-name")
    box = page.get_by_role("searchbox", name="Search accounts", exact=True)
    box.press_sequentially("firm 007", delay=40)
    expect(page.locator("#grid tbody .col-name")).to_have_count(11)
    expect(box).to_be_focused()
    expect(box).to_have_value("firm 007")
    expect(page.locator("#grid-count")).to_contain_text("11")
    assert rows(page)[0] == "Firm 0079", "the sort is kept"
    box.fill("nothing like it")
    expect(page.get_by_text("No accounts match")).to_be_visible()


def test_filter_offers_what_suits_the_field_and_can_be_removed(admin_tab: Tab) -> None:
    org.account("Big", employee_count=900, industry="Banking")
    org.account("Tiny", employee_count=2, industry="Banking")
    org.account("Bare")
    page = admin_tab.open("/accounts/")
    page.get_by_role("button", name="Filter").click()
    page.get_by_label("Field", exact=True).select_option("Employees")
    assert page.get_by_label("Condition", exact=True).locator("option:not([disabled])").all_inner_texts() == [
        "is", "is not", "is one of", "is at least", "is at most", "is more than", "is less than", "has a value",
        "is empty",
    ]  # fmt: skip
    page.get_by_label("Condition", exact=True).select_option("is at least")
    page.get_by_label("Value", exact=True).locator("visible=true").fill("100")
    page.get_by_role("button", name="Apply filter").click()
    expect(page.get_by_text("Employees is at least “100”")).to_be_visible()
    assert rows(page) == ["Big"]
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("button", name="Condition", exact=True).click()
    second = page.locator("#filter-pop .rule").nth(1)
    second.get_by_label("Field", exact=True).select_option("Industry")
    second.get_by_label("Condition", exact=True).select_option("has a value")
    expect(second.get_by_label("Value", exact=True).locator("visible=true")).to_have_count(0)
    page.get_by_role("button", name="Apply filter").click()
    expect(page.locator(".condition")).to_have_count(2)
    page.get_by_role("link", name="Remove the filter Employees").click()
    expect(page.locator(".condition")).to_have_count(1)
    assert rows(page) == ["Big", "Tiny"]


def test_a_filter_of_groups_is_built_kept_in_the_address_and_changed(admin_tab: Tab) -> None:
    org.account("Big", employee_count=900, industry="Banking")
    org.account("Tiny", employee_count=2, industry="Energy")
    org.account("Bare")
    page = admin_tab.open("/accounts/")
    page.get_by_role("button", name="Filter").click()
    pop = page.locator("#filter-pop")
    pop.get_by_role("button", name="Remove this condition").click()
    pop.get_by_role("button", name="Group").click()
    group = pop.get_by_role("group")
    group.get_by_label("Value", exact=True).locator("visible=true").fill("bare")
    group.get_by_role("button", name="Condition", exact=True).click()
    second = group.locator(".rule").nth(1)
    second.get_by_label("Field", exact=True).select_option("Employees")
    second.get_by_label("Condition", exact=True).select_option("is less than")
    second.get_by_label("Value", exact=True).locator("visible=true").fill("10")
    pop.get_by_role("button", name="Apply filter").click()
    expect(page.get_by_text("Name contains “bare”, or Employees is less than “10”")).to_be_visible()
    assert rows(page) == ["Bare", "Tiny"]
    page.reload()
    assert rows(page) == ["Bare", "Tiny"]
    page.get_by_role("button", name="Filter").click()
    pop.get_by_role("group").get_by_label("Match").select_option("all")
    pop.get_by_role("button", name="Apply filter").click()
    expect(page.get_by_text("No accounts match")).to_be_visible()


def test_columns_are_chosen_and_kept_in_a_view(admin_tab: Tab) -> None:
    org.account("Acme", website="https://acme.example")
    page = admin_tab.open("/accounts/")
    page.get_by_role("button", name="Columns").click()
    for label in ("Domain", "Industry", "Employees", "Revenue", "Country"):
        page.locator("#columns-pop").get_by_label(label, exact=True).uncheck()
    page.locator("#columns-pop").get_by_label("Website").check()
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator("thead th:not(.pick)")).to_have_text(["Name", "City", "Updated", "Website"])
    page.get_by_role("button", name="Views").click()
    page.get_by_label("Save this view as").fill("Websites")
    page.get_by_role("button", name="Save view").click()
    expect(page.get_by_text("The view “Websites” is saved.")).to_be_visible()
    admin_tab.open("/accounts/")
    page.get_by_role("button", name="Views").click()
    page.get_by_role("link", name="Websites").click()
    expect(page.locator("thead th:not(.pick)")).to_have_text(["Name", "City", "Updated", "Website"])


def test_top_search_by_keyboard(admin_tab: Tab) -> None:
    org.account("Acme North")
    wanted = org.account("Acme South")
    page = admin_tab.open("/")
    page.keyboard.press("/")
    box = page.get_by_role("combobox", name="Search accounts and contacts")
    expect(box).to_be_focused()
    page.keyboard.type("acme")
    expect(page.get_by_role("option")).to_have_count(2)
    expect(box).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("option", name="Acme South")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")
    expect(box).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"/(accounts/{wanted.pk}|accounts/\d+)/$"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Acme")


def test_a_slash_in_a_text_field_is_a_slash(admin_tab: Tab) -> None:
    org.accounts(1)
    page = admin_tab.open("/accounts/")
    box = page.get_by_role("searchbox", name="Search accounts", exact=True)
    box.click()
    page.keyboard.type("a/b")
    expect(box).to_have_value("a/b")


def test_by_keyboard_alone(admin_tab: Tab) -> None:
    org.accounts(3)
    page = admin_tab.open("/accounts/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Collections")).to_be_focused()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Firm 0000":
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Firm 0000")).to_be_visible()


def test_hostile_values_run_nothing(admin_tab: Tab) -> None:
    for value in org.HOSTILE.values():
        account = org.account(value, industry=value, city=value, country=value)
        org.contact(value, account=account, company=value, job_title=value)
    page = admin_tab.page
    page.on("dialog", lambda dialog: pytest.fail(f"a value of the data ran: {dialog.message}"))
    for path in (
        "/accounts/",
        "/contacts/",
        "/search/?q=<",
        *(f"/accounts/{one.pk}/" for one in Account.objects.all()),
    ):
        admin_tab.open(path)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 1280, f"{path} is {width} pixels wide"
