"""Fields edited in a record's page, by keyboard alone, and looked at by axe while they are."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route, expect
from tests.web import org
from tests.web.browser.conftest import Tab
from tests.web.browser.test_accessibility import faults

from abmatic.audiences.models import Account, Contact, Opportunity
from abmatic.identity.models import User

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def tab_to(page: Page, name: str) -> None:
    """Presses Tab until the focus is on what bears this name."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if name in page.evaluate("document.activeElement.textContent || document.activeElement.ariaLabel || ''"):
            return
    pytest.fail(f"Tab never reaches {name}")


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))


def test_a_field_is_edited_by_keyboard_alone(admin_tab: Tab) -> None:
    account = org.account("Acme", industry="Energy")
    page = admin_tab.open(f"/accounts/{account.pk}/")
    tab_to(page, "Edit Industry")
    page.keyboard.press("Enter")
    box = page.get_by_label("Industry", exact=True)
    expect(box).to_be_focused()
    expect(box).to_have_value("Energy")
    page.keyboard.press("End")
    page.keyboard.type("!")
    page.keyboard.press("Escape")
    expect(box).to_have_count(0)
    expect(page.locator("#field-industry a.value")).to_be_focused()
    expect(page.locator("#field-industry .wrap").first).to_have_text("Energy")
    page.keyboard.press("Enter")
    expect(box).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("Banking")
    page.keyboard.press("Enter")
    expect(page.locator("#field-industry").get_by_text("Saved.")).to_be_visible()
    expect(page.locator("#field-industry a.value")).to_be_focused()
    expect(page.locator(".record-facts")).to_contain_text("Banking")
    assert Account.objects.get().industry == "Banking"
    tab_to(page, "History")
    page.keyboard.press("Enter")
    expect(page.locator("#field-industry .field-steps")).to_contain_text("Energy")
    expect(page.locator("#field-industry .field-steps")).to_contain_text("Alice Adler")


def test_the_header_follows_the_name_and_further_edits_work(admin_tab: Tab) -> None:
    account = org.account("Acme", employee_count=5)
    page = admin_tab.open(f"/accounts/{account.pk}/")
    page.locator("#field-name a.value").click()
    page.get_by_label("Name", exact=True).fill("Acme Ltd")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Acme Ltd")
    page.locator("#field-employee_count a.value").click()
    box = page.get_by_label("Employees", exact=True)
    box.fill("many")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").get_by_text("must be a whole number")).to_be_visible()
    expect(box).to_be_focused()
    expect(box).to_have_value("many")
    box.fill("0")
    page.keyboard.press("Enter")
    expect(page.locator("#field-employee_count .wrap").first).to_have_text("0")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Acme Ltd")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_while_a_field_is_edited(admin_tab: Tab, oscar: User, theme: str, width: int) -> None:
    connection = org.connect()
    account = org.account("Acme", industry="Energy", city="W" * 400)
    org.link(connection, account, "0015800000000001AAA", values={"Industry": "Energy"})
    org.change(account, "city", "V" * 400, "W" * 400, cause=org.person(oscar))
    page = admin_tab.page
    page.emulate_media(color_scheme="light" if theme == "light" else "dark")
    page.set_viewport_size({"width": width, "height": 844})
    admin_tab.open(f"/accounts/{account.pk}/")
    page.locator("#field-city summary").click()
    expect(page.locator("#field-city .field-steps")).to_be_visible()
    page.locator("#field-industry a.value").click()
    expect(page.get_by_label("Industry", exact=True)).to_be_focused()
    found = faults(page)
    Account.objects.update(industry="Mining")
    page.get_by_label("Industry", exact=True).fill("Banking")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").get_by_text("was changed meanwhile")).to_be_visible()
    found += faults(page)
    page.get_by_role("button", name="Save mine").click()
    expect(page.locator("#field-industry").get_by_text("Saved.")).to_be_visible()
    found += faults(page)
    assert found == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


# Presses twice before any answer can come, and says how often the form was sent.
PRESS_TWICE = """(chosen) => {
  const form = document.querySelector(chosen);
  let sent = 0;
  (form.hasAttribute("hx-post") ? form : window).addEventListener("submit", (event) => {
    if (form.hasAttribute("hx-post") || !event.defaultPrevented) sent += 1;
  });
  for (const _ of [1, 2]) form.requestSubmit();
  return sent;
}"""


def test_a_form_that_is_pressed_twice_is_sent_once(admin_tab: Tab) -> None:
    page = admin_tab.open("/opportunities/new/")
    page.get_by_label("Name", exact=True).fill("Renewal")
    assert page.evaluate(PRESS_TWICE, "form.card") == 1
    expect(page.get_by_role("heading", level=1)).to_have_text("Renewal")
    page.go_back()
    page.get_by_label("Name", exact=True).fill("Another")
    page.get_by_role("button", name="Create opportunity").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Another")
    page.locator("#field-name a.value").click()
    page.get_by_label("Name", exact=True).fill("A third")
    assert page.evaluate(PRESS_TWICE, ".field-form") == 1
    expect(page.get_by_role("heading", level=1)).to_have_text("A third")
    assert sorted(Opportunity.objects.values_list("name", flat=True)) == ["A third", "Renewal"]


def test_a_file_can_be_asked_for_twice(admin_tab: Tab) -> None:
    org.account("Acme")
    page = admin_tab.open("/accounts/")
    page.locator("[data-pick]").check()
    for _ in range(2):
        with page.expect_download():
            page.get_by_role("button", name="Export CSV").click()


def test_a_contact_is_created_by_keyboard_alone(admin_tab: Tab) -> None:
    account = org.account("Acme", domain="acme.com")
    other = org.contact("Smith", work_email="sam@acme.com", email_key="sam@acme.com")
    page = admin_tab.open("/contacts/")
    tab_to(page, "Create")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="New contact")).to_be_visible()
    expect(page.get_by_label("First name")).to_be_focused()
    page.keyboard.type("Sam")
    page.keyboard.press("Tab")
    page.keyboard.type("Smith")
    page.keyboard.press("Tab")
    page.keyboard.type("Sam@acme.com")
    expect(page.get_by_text("sam@acme.com is taken")).to_be_visible()
    expect(page.get_by_role("link", name="Smith")).to_have_attribute("href", f"/contacts/{other.pk}/")
    page.get_by_label("Work e-mail").fill("sam.smith@acme.com")
    expect(page.get_by_text("is taken")).to_have_count(0)
    page.get_by_label("Search accounts to choose one").focus()
    page.keyboard.type("acm")
    expect(page.get_by_role("radio", name="Acme")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name="Acme")).to_be_checked()
    assert faults(page) == []
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Sam Smith")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("is made")
    assert Contact.objects.get(work_email="sam.smith@acme.com").account == account


def test_an_account_that_was_chosen_stays_chosen_while_the_search_goes_on(admin_tab: Tab) -> None:
    account = org.account("Acme")
    org.account("Acmon")
    page = admin_tab.open("/contacts/new/")
    page.get_by_label("Last name").fill("Smith")
    search = page.get_by_label("Search accounts to choose one")
    search.press_sequentially("acm")
    page.get_by_role("radio", name="Acme").check()
    search.press_sequentially("o")
    expect(page.get_by_role("radio", name="Acmon")).to_be_visible()
    expect(page.get_by_role("radio", name="Acme")).to_be_checked()
    search.fill("acm")
    expect(page.get_by_role("radio", name="Acme")).to_have_count(1)
    expect(page.get_by_role("radio", name="Acme")).to_be_checked()
    # An answer on its way when it is chosen changes nothing either, and leaves the focus where it is.
    with page.expect_response("**/pick/**"):
        page.evaluate("""() => {
          const search = document.querySelector("[name=account]");
          htmx.ajax("GET", search.getAttribute("hx-get") + "?account=acm", {target: "#account-found"});
          document.querySelector("#account-found :checked").focus();
        }""")
    expect(page.get_by_role("radio", name="Acme")).to_be_focused()
    page.get_by_role("button", name="Create contact").click()
    expect(page.get_by_role("heading", level=1, name="Smith")).to_be_visible()
    assert Contact.objects.get().account == account


def test_a_late_answer_takes_no_focus_from_whoever_types_elsewhere(admin_tab: Tab) -> None:
    account = org.account("Acme", industry="Energy")
    page = admin_tab.open(f"/accounts/{account.pk}/")
    held: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.method == "POST":
            held.append(route)
        else:
            route.continue_()

    page.locator("#field-industry a.value").click()
    page.get_by_label("Industry", exact=True).fill("Banking")
    page.route("**/industry/", hold)
    page.keyboard.press("Enter")
    search = page.get_by_placeholder("Search").first
    search.click()
    page.keyboard.type("ac")
    held[-1].continue_()
    expect(page.locator("#field-industry").get_by_text("Saved.")).to_be_visible()
    page.keyboard.type("me")
    expect(search).to_be_focused()
    expect(search).to_have_value("acme")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_field_of_a_selection_is_set_by_keyboard_alone(admin_tab: Tab, theme: str) -> None:
    org.accounts(60, city="Rome")
    page = admin_tab.page
    page.emulate_media(color_scheme="light" if theme == "light" else "dark")
    admin_tab.open("/accounts/")
    page.get_by_label("Select all that are shown").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Select all 60").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Select Firm 0001").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Set a field").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Set a field")).to_be_visible()
    page.get_by_label("Field", exact=True).focus()
    page.keyboard.type("Cit")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Leave it empty to clear City.")).to_be_visible()
    page.get_by_label("Value", exact=True).focus()
    page.keyboard.type("Bonn")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="59 accounts, 59 will change")).to_be_visible()
    assert faults(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 1280, "height": 844})
    page.get_by_role("button", name="Change 59").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Put back")).to_be_visible()
    assert faults(page) == []
    assert set(Account.objects.values_list("name", flat=True).filter(city="Rome")) == {"Firm 0001"}
    page.get_by_role("button", name="Put back").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Put City back", level=1)).to_be_visible()
    assert set(Account.objects.values_list("city", flat=True)) == {"Rome"}
