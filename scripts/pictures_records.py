"""Lists, records, and the ways in which they come from files and Salesforce."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pictures_steps import LISTS, PATIENCE, first, selected

if TYPE_CHECKING:
    from pictures import Camera


def grids(camera: Camera) -> None:
    for name in LISTS:
        camera.open(f"/{name}/")
        camera.take(name, whole=False)
    page = camera.open("/accounts/?sort=-employees")
    page.get_by_role("button", name="Filter").click()
    camera.take("filter", whole=False)
    pop = page.locator("#filter-pop")
    pop.get_by_label("Field", exact=True).select_option("Employees")
    pop.get_by_label("Condition", exact=True).select_option("is at least")
    pop.get_by_label("Value", exact=True).locator("visible=true").fill("100")
    pop.get_by_role("button", name="Group").click()
    camera.take("filter-group", whole=False)
    pop.get_by_role("button", name="Remove this group").click()
    pop.get_by_role("button", name="Apply filter").click()
    page.locator(".condition").wait_for()
    camera.take("accounts-filtered", whole=False, docs="accounts")
    for button in ("Columns", "Views"):
        page.get_by_role("button", name=button).click()
        camera.take(button.lower(), whole=False)
        page.keyboard.press("Escape")
    for place in range(3):
        page.locator("[data-pick]").nth(place).check()
    camera.take("selection", whole=False)
    pages = {
        "nothing-found": "/accounts/?q=zzzz",
        "filter-broken": '/accounts/?filter={"field":"employee_count","is":"at_least","value":"many"}',
        "collections": "/accounts/collections/",
        "collection-new": "/accounts/collections/new/",
        "collection": "/accounts/collections/1/",
        "collection-edit": "/accounts/collections/1/edit/",
        "collection-delete": "/accounts/collections/1/delete/",
    }
    for name, address in pages.items():
        camera.open(address)
        camera.take(name, whole=name != "collection")
    page = camera.open("/accounts/collections/new/")
    page.get_by_text("Dynamic").click()
    camera.take("collection-dynamic")


def records(camera: Camera) -> None:
    page = first(camera, "accounts/?sort=-employees")
    camera.take("account", docs="account")
    page.locator("#field-employee_count a.value").click()
    box = page.get_by_label("Employees", exact=True)
    box.fill("many")
    camera.take("account-edit")
    box.press("Enter")
    page.get_by_role("alert").get_by_text("must be").wait_for()
    camera.take("account-edit-refused")
    page.keyboard.press("Escape")
    for kind, tabs in {
        "accounts": ("Contacts", "Opportunities", "Timeline", "Sync"),
        "contacts": ("Opportunities", "Campaigns", "Timeline", "Sync"),
        "opportunities": ("Contacts", "Timeline", "Sync"),
        "campaigns": ("Members", "Opportunities", "Timeline", "Sync"),
    }.items():
        page = first(camera, kind)
        camera.take(f"{kind}-one")
        for tab in tabs:
            page.locator("main nav.tabs").get_by_role("link", name=tab, exact=True).click()
            camera.take(f"{kind}-one-{tab.lower()}")
    for kind in LISTS[:3]:
        page = camera.open(f"/{kind}/new/")
        camera.take(f"{kind}-new")
        page.locator("main form.card button[type=submit]").click()
        camera.take(f"{kind}-new-refused")


def csv(camera: Camera) -> None:
    lines = [
        "Company,Internet address,Employees,Town,Founded,Notes",
        "Baltic Ropes,https://baltic-ropes.example,120,Riga,2004-05-01,met at the fair",
        "Meridian Sails,meridian-sails.example,45,Split,1998-11-30,",
        "Northern Lights Ltd,northern-lights.example,lots,Tromsø,,asks for a call",
        "Nobody,,3,Oslo,,",
        "Baltic Ropes again,www.baltic-ropes.example,121,Riga,2004-05-01,",
    ]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "boat-fair.csv")
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        page = camera.open("/accounts/csv/")
        page.set_input_files("#file", file)
        camera.take("csv-file")
        page.get_by_role("button", name="Upload").click()
        page.get_by_role("heading", name="What each column is").wait_for()
        page.get_by_label("Field for Internet address").fill("Website")
        page.get_by_label("Field for Internet address").press("Tab")
        page.get_by_label("Field for Town").fill("City")
        page.get_by_label("Field for Town").press("Tab")
        page.get_by_label("or to a new one").fill("Boat fair")
        page.get_by_text("fit: such rows are rejected").wait_for()
        camera.take("csv-columns", docs="csv-columns")
        page.locator(".written summary").click()
        camera.take("csv-written", whole=False)
        page.locator(".written summary").click()
        page.get_by_role("button", name="Preview").click()
        page.get_by_text("nothing is written yet").wait_for(timeout=PATIENCE)
        camera.take("csv-preview", docs="csv-preview")
        page.get_by_role("button", name="Import", exact=True).click()
        page.get_by_text("Import another file").wait_for(timeout=PATIENCE)
        camera.take("csv-result")
        page.get_by_role("link", name="Import another file").click()
        camera.take("csv-past")
        Path(folder, "empty.csv").write_text("", encoding="utf-8")
        page.set_input_files("#file", Path(folder, "empty.csv"))
        page.get_by_role("button", name="Upload").click()
        camera.take("csv-refused")


def crm(camera: Camera) -> None:
    page = camera.open("/accounts/")
    page.get_by_role("link", name="Import from CRM").click()
    dialog = page.get_by_role("dialog", name="Import from CRM")
    dialog.get_by_label("All Accounts").wait_for()
    camera.take("from-crm", whole=False)
    for kind in ("Report", "SOQL"):
        dialog.get_by_role("radio", name=kind).check()
        page.wait_for_timeout(1000)
        camera.take(f"from-crm-{kind.lower()}", whole=False)
    dialog.locator("#crm-soql").fill("SELECT Name FROM Account")
    dialog.get_by_role("button", name="Preview").click()
    dialog.get_by_role("alert").wait_for()
    camera.take("from-crm-refused", whole=False)
    dialog.locator("#crm-soql").fill("SELECT Id FROM Account WHERE NumberOfEmployees > 5000")
    dialog.get_by_role("button", name="Preview").click()
    dialog.get_by_label("Name of a new collection").wait_for(timeout=PATIENCE)
    camera.take("from-crm-preview", whole=False, docs="from-crm")
    dialog.locator("#crm-name").fill("Large accounts")
    dialog.get_by_role("button", name=re.compile("^Import ")).click()
    dialog.get_by_text("holds").wait_for(timeout=PATIENCE)
    camera.take("from-crm-result", whole=False)


def set_a_field(camera: Camera) -> None:
    page = selected(camera, "accounts", 4)
    page.get_by_role("button", name="Set a field…").click()
    camera.take("set-field")
    page.get_by_label("Field", exact=True).select_option("Industry")
    page.get_by_text("Leave it empty to clear Industry").wait_for()
    page.get_by_label("Value", exact=True).fill("Energy")
    page.get_by_role("button", name="Preview").click()
    page.locator("#found-title").wait_for()
    camera.take("set-field-preview")
    page.get_by_role("button", name=re.compile("^Change ")).click()
    page.get_by_role("button", name="Put back").wait_for(timeout=PATIENCE)
    camera.take("set-field-done")
    page.get_by_role("button", name="Put back").click()
    page.get_by_text("Changed since, and left").wait_for(timeout=PATIENCE)
    camera.take("set-field-back")
