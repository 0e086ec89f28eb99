"""The org's pages in a real Chromium: usable by everybody, by keyboard, in light and dark, on a telephone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.salesforce_emulator.client import Api, OpenApi

from salesforce_emulator import OrgStore
from salesforce_emulator.data import hostile, sample

pytestmark = pytest.mark.browser

AXE = Path(__file__).resolve().parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture
def org(open_api: OpenApi) -> Api:
    """An org with the sample records."""
    return open_api(store=OrgStore(loader=sample.load))


@pytest.fixture
def tab(page: Page) -> Iterator[Page]:
    """A tab. What the pages' policy had to refuse fails the test."""
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text) if "Content Security" in message.text else None)
    yield page
    assert refused == []


def first(api: Api, sobject: str, condition: str = "Id != null") -> str:
    return str(api.rows(f"SELECT Id FROM {sobject} WHERE {condition} ORDER BY Id LIMIT 1")[0]["Id"])


def addresses(api: Api) -> dict[str, str]:
    """Every kind of page."""
    account, contact = first(api, "Account"), first(api, "Contact")
    lead, opportunity = first(api, "Lead", "IsConverted = false"), first(api, "Opportunity")
    campaign = api.create("Campaign", Name="Fair")
    member = api.create("CampaignMember", CampaignId=campaign, ContactId=contact)
    two = "&".join(f"id={row['Id']}" for row in api.rows("SELECT Id FROM Account LIMIT 2"))
    return {
        "home": "/",
        "list": "/o/Account?sort=Name",
        "empty list": "/o/Account?view=bin",
        "account": f"/o/Account/{account}",
        "opportunity": f"/o/Opportunity/{opportunity}",
        "member": f"/o/CampaignMember/{member}",
        "members": f"/o/Campaign/{campaign}/members",
        "add member": f"/o/Campaign/{campaign}/add-member",
        "join": f"/o/Contact/{contact}/join",
        "new": "/o/Lead/new",
        "edit": f"/o/Account/{account}/edit",
        "convert": f"/o/Lead/{lead}/convert",
        "merge": f"/o/Account/merge?{two}",
        "to merge": f"/o/Account/merge?id={account}",
        "search": "/search?q=a",
        "calls": "/watch/calls",
        "changes": "/watch/changes",
        "control": "/watch/control",
        "problem": "/nothing",
        "login": "/login",
    }


def faults(page: Page) -> list[str]:
    """What axe calls serious or critical, in a line each."""
    # Evaluated by the browser's own tools, which the pages' policy does not bind.
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in found["violations"]
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
    ]


def suggestions(page: Page) -> Locator:
    return page.get_by_role("listbox", name="Suggestions").get_by_role("option")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_serious_fault(org: Api, tab: Page, theme: str) -> None:
    tab.emulate_media(color_scheme="light" if theme == "light" else "dark")
    found = {}
    for name, address in addresses(org).items():
        tab.goto(org.org.url + address)
        found[name] = faults(tab)
    tab.goto(org.org.url + "/o/Lead/new")
    tab.get_by_role("button", name="Save").click()
    found["refused"] = faults(tab)
    tab.get_by_role("combobox", name="Owner", exact=True).fill("ri")
    expect(suggestions(tab).first).to_be_visible()
    found["suggestions"] = faults(tab)
    assert {name: said for name, said in found.items() if said} == {}


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_has_to_be_scrolled_sideways(org: Api, tab: Page, width: int) -> None:
    tab.set_viewport_size({"width": width, "height": 844})
    long = org.create("Account", Name="W" * 255, Description="D" * 32_000, Website="w" * 255, BillingCity="C" * 40)
    org.create("Contact", LastName="L" * 80, AccountId=long)
    org.create("Account", Name="W" * 254 + "2")
    wide = {}
    extremes = {"long": f"/{long}", "edit long": f"/o/Account/{long}/edit", "merge long": f"/o/Account/merge?id={long}"}
    for name, address in {**addresses(org), **extremes}.items():
        tab.goto(org.org.url + address)
        if (needed := tab.evaluate("document.documentElement.scrollWidth")) > width:
            wide[name] = needed
    assert wide == {}


def test_an_owner_is_picked_by_keyboard(org: Api, tab: Page) -> None:
    account = first(org, "Account")
    tab.goto(f"{org.org.url}/o/Account/{account}/edit")
    owner = tab.get_by_role("combobox", name="Owner", exact=True)
    owner.fill("")
    owner.press_sequentially("sato", delay=20)
    expect(suggestions(tab)).to_have_text(["Sam SatoUser · sam@emulator.example"])
    expect(owner).to_have_attribute("aria-expanded", "true")
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("Enter")
    expect(owner).to_have_value("Sam Sato")
    expect(suggestions(tab)).to_have_count(0)
    tab.get_by_role("button", name="Save").press("Enter")
    expect(tab.get_by_text("Saved.")).to_be_visible()
    assert org.rows(f"SELECT Owner.Name FROM Account WHERE Id = '{account}'")[0]["Owner"]["Name"] == "Sam Sato"


def test_escape_closes_the_suggestions_and_keeps_what_was_typed(org: Api, tab: Page) -> None:
    tab.goto(f"{org.org.url}/o/Account/new")
    owner = tab.get_by_role("combobox", name="Owner", exact=True)
    owner.fill("ri")
    expect(suggestions(tab).first).to_be_visible()
    tab.keyboard.press("Escape")
    expect(suggestions(tab)).to_have_count(0)
    expect(owner).to_have_value("ri")


def test_a_refusal_takes_the_reader_to_its_field(org: Api, tab: Page) -> None:
    tab.goto(f"{org.org.url}/o/Lead/new")
    tab.get_by_role("textbox", name="Company", exact=True).fill("Kept Ltd")
    tab.get_by_role("button", name="Save").click()
    problems = tab.get_by_role("alert")
    expect(problems).to_be_focused()
    problems.get_by_role("link", name="LastName").click()
    last_name = tab.get_by_role("textbox", name="Last Name")
    expect(last_name).to_be_focused()
    expect(last_name).to_have_attribute("aria-invalid", "true")
    expect(last_name).to_have_accessible_description("Complete this field.")
    expect(tab.get_by_role("textbox", name="Company", exact=True)).to_have_value("Kept Ltd")


def test_a_lead_is_converted_into_the_account_that_is_proposed(org: Api, tab: Page) -> None:
    account = org.create("Account", Name="Quay Ltd")
    lead = org.create("Lead", LastName="Lee", Company="Quay Ltd")
    tab.goto(f"{org.org.url}/o/Lead/{lead}")
    tab.get_by_role("link", name="Convert").click()
    tab.get_by_role("button", name="Quay Ltd").click()
    expect(tab.get_by_role("group", name="Account").get_by_label("Choose existing")).to_be_checked()
    tab.get_by_role("button", name="Convert").click()
    expect(tab.get_by_text("The lead has been converted.")).to_be_visible()
    assert urlsplit(tab.url).path == f"/o/Account/{account}"


def test_the_record_that_stays_proposes_its_values(org: Api, tab: Page) -> None:
    one = org.create("Account", Name="One", Phone="1")
    two = org.create("Account", Name="Two", Industry="Banking")
    tab.goto(f"{org.org.url}/o/Account/merge?id={one}&id={two}")
    tab.get_by_label("Keep Two").check()
    tab.get_by_role("button", name="Merge").click()
    expect(tab.get_by_role("heading", level=1)).to_have_text("Two")
    (row,) = org.rows("SELECT Name, Phone, Industry FROM Account WHERE Name IN ('One', 'Two')")
    assert row == {"Name": "Two", "Phone": "1", "Industry": "Banking"}


def test_by_keyboard_alone(org: Api, tab: Page) -> None:
    tab.goto(f"{org.org.url}/o/Account")
    tab.keyboard.press("Tab")
    expect(tab.get_by_role("link", name="Skip to content")).to_be_focused()
    tab.keyboard.press("Enter")
    for _ in range(30):
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.closest('tbody th') !== null"):
            break
    name = tab.evaluate("document.activeElement.textContent")
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("heading", level=1)).to_have_text(name)


def test_hostile_values_run_nothing(open_api: OpenApi, tab: Page) -> None:
    org = open_api(store=OrgStore(loader=hostile.load))
    record = org.create("Account", Name="<img src=x onerror=alert(1)>", Description="<script>alert(2)</script>" * 50)
    tab.on("dialog", lambda dialog: pytest.fail(f"a value of the data ran: {dialog.message}"))
    for address in ("/o/Account", "/o/Contact", "/o/Lead", f"/{record}", f"/o/Account/{record}/edit", "/watch/changes"):
        tab.goto(org.org.url + address)
        assert tab.evaluate("document.documentElement.scrollWidth") <= 1280, address
