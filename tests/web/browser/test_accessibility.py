"""Every page for everybody: axe finds no serious fault, and nothing has to be scrolled sideways on a telephone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Page
from tests.web import addresses, org
from tests.web.browser.conftest import Tab

from abmatic.identity.models import User
from abmatic.sync import undo_created
from abmatic.web.salesforce.tabs import object_tabs

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

AXE = Path(__file__).resolve().parents[3] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
DOORS = ["/user/sign-in/", "/in/used/", "/nowhere/"]
# What needs an action before it can be looked at: where, and what is pressed.
OPENED = {
    "keys": ("/accounts/", ""),
    "filter": ("/accounts/", "role=button[name='Filter']"),
    "columns": ("/accounts/", "role=button[name='Columns']"),
    "views": ("/accounts/", "role=button[name='Views']"),
    "selection": ("/accounts/", "[data-pick]"),
    "push": ("account-overview", "role=button[name='Push to Salesforce']"),
    "import from CRM": ("/accounts/", "role=link[name='Import from CRM']"),
    "user menu": ("/accounts/", "role=button[name='Your account']"),
    "theme menu": ("/accounts/", "role=button[name='Theme']"),
    "history of a field": ("account-overview", ".history summary"),
    "dynamic collection": ("account-collection-new", "text=Dynamic"),
    "confirmation": ("connection", "role=button[name='Sync Accounts Manually']"),
    "confirmation of visits": ("connection-visits", "role=button[name='Write visits to Salesforce']"),
    "mappings": ("connection", ".mappings summary >> nth=0"),
    "confirmation of a tab": ("object-settings", "role=button[name='Sync Accounts Manually']"),
    "filter of a tab": ("object-settings", "role=button[name='Add filter']"),
    "new mapping": ("object-settings", "role=button[name='Add Mapping']"),
    "troubleshooting": ("activity", ".troubles summary"),
    "how a file is written": ("account-import", ".written summary"),
    "removal": ("run-undo", "input[name=delete_created]"),
}


def faults(page: Page) -> list[str]:
    """What axe calls serious or critical, in a line each."""
    # A colour on its way from one theme to the other is neither's.
    page.evaluate(
        """() => Promise.all(document.getAnimations()
          .filter((one) => one.effect.getComputedTiming().endTime !== Infinity)
          .map((one) => one.finished.catch(() => null)))"""
    )
    # Evaluated by the browser's own tools, which the page's policy does not bind.
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in found["violations"]
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
    ]


def everything(world: addresses.World, browser: Client) -> dict[str, str]:
    running = org.running(world.connection, "Contact")
    failed = org.run(
        world.connection, "Lead", state="failed", error_code="X", error_message="It broke", error_remedy="Mend it"
    )
    return {
        **addresses.documents(world, browser),
        "API documentation": "/api/v1/docs/",
        "run under way": f"/runs/{running.pk}/",
        "failed run": f"/runs/{failed.pk}/",
        "search": "/search/?q=a",
        "nothing found": '/accounts/?q=zzz&filter={"field":"employee_count","is":"at_least","value":"many"}',
        "broken connection": f"/settings/integrations/salesforce/{_broken()}/",
        **{
            f"settings of {tab.slug}": f"/settings/integrations/salesforce/{world.connection.pk}/{tab.slug}/"
            for tab in object_tabs()
        },
        "problem": "/settings/integrations/salesforce/callback/?state=unknown",
    }


def _broken() -> int:
    return org.connect(status="needs_attention", problem="invalid_grant", problem_detail="expired token").pk


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, settings: Any) -> addresses.World:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, demo=True)  # where there is a tour
    addresses.without_an_org(monkeypatch)
    monkeypatch.setattr(undo_created, "count_made", lambda run: 3)
    return addresses.make_world()


def test_every_page_is_looked_at(world: addresses.World, admin: Client) -> None:
    assert set(addresses.PAGES) <= set(addresses.documents(world, admin))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_serious_fault(admin_tab: Tab, admin: Client, world: addresses.World, theme: str) -> None:
    page = admin_tab.page
    page.emulate_media(color_scheme="light" if theme == "light" else "dark", reduced_motion="reduce")
    found = {}
    for name, address in everything(world, admin).items():
        admin_tab.open(address)
        assert page.locator("html").get_attribute("data-bs-theme") == theme
        found[name] = faults(page)
    for name, (address, pressed) in OPENED.items():
        admin_tab.open(address if address.startswith("/") else world.address(address))
        if pressed:
            page.locator(pressed).click()
        else:
            page.keyboard.press("?")
        page.wait_for_load_state("networkidle")
        found[name] = faults(page)
    assert {name: said for name, said in found.items() if said} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_serious_fault_before_signing_in(tab: Tab, alice: User, theme: str) -> None:
    tab.page.emulate_media(color_scheme="light" if theme == "light" else "dark")
    found = {}
    for address in DOORS:
        tab.open(address)
        found[address] = faults(tab.page)
    User.objects.all().delete()
    tab.open("/setup/")
    tab.page.get_by_role("button", name="Create administrator").click()
    found["/setup/"] = faults(tab.page)
    assert {name: said for name, said in found.items() if said} == {}


def test_nothing_is_wider_than_a_telephone(admin_tab: Tab, admin: Client, world: addresses.World) -> None:
    page = admin_tab.page
    page.set_viewport_size({"width": 390, "height": 844})
    account = org.account("W" * 4000, industry="I" * 4000, city="C" * 4000, website="https://" + "w" * 4000)
    contact = org.contact("L" * 4000, company="C" * 4000, work_email="e" * 4000, account=account)
    wide = {}
    addresses_of_all = {
        **everything(world, admin),
        **{f"long {tab}": f"/accounts/{account.pk}/{tab}" for tab in ("", "contacts/", "timeline/", "sync/")},
        "long contact": f"/contacts/{contact.pk}/",
        "sign-in": "/user/sign-in/",
    }
    for name, address in addresses_of_all.items():
        admin_tab.open(address)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > 390:
            wide[name] = width
    assert wide == {}


def test_on_a_telephone_the_rail_is_a_menu(admin_tab: Tab) -> None:
    page = admin_tab.page
    page.set_viewport_size({"width": 390, "height": 844})
    admin_tab.open("/accounts/")
    rail = page.get_by_role("navigation", name="Main")
    assert not rail.is_visible()
    page.get_by_role("button", name="Menu").click()
    assert rail.is_visible()
    page.keyboard.press("Escape")
    assert not rail.is_visible()
    page.get_by_role("button", name="Menu").click()
    rail.get_by_role("link", name="Contacts").click()
    page.wait_for_url("**/contacts/")
