"""What pictures.py takes pictures of: scenes, each a walk through a part of the program.

They go in order, and a later one may build on what an earlier one did; each also works alone (``--only``), unless it
says otherwise.
"""

from __future__ import annotations

import re
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import Locator, Page, expect

if TYPE_CHECKING:
    from pictures import Camera

    Scene = Callable[[Camera], None]

# Milliseconds that a worker gets.
PATIENCE = 120_000
# Of an installation that lasts as long as its pictures take.
PASSWORD = secrets.token_urlsafe(16)
# A browser that says it has no window is a robot, whose visits aren't counted.
PERSON = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
CONNECTION = "/settings/integrations/salesforce/1/"
LISTS = ("accounts", "contacts", "opportunities", "campaigns")


# ---- an installation that was just started -------------------------------------------------------------------------


def first_run(camera: Camera) -> None:
    page = camera.open("/setup/")
    camera.take("setup")
    page.get_by_role("button", name="Create administrator").click()
    camera.take("setup-refused")
    page.get_by_label("Name", exact=True).fill("Alice Adler")
    page.get_by_label("E-mail").fill("alice@example.com")
    for box in page.locator("input[type=password]").all():
        box.fill(PASSWORD)
    page.get_by_role("button", name="Create administrator").click()
    page.get_by_role("heading", name="Home").wait_for()
    camera.take("home-empty")
    for name in LISTS:
        camera.open(f"/{name}/")
        camera.take(f"{name}-empty")
    pages = {
        "collections-empty": "/accounts/collections/",
        "imports-empty": "/accounts/csv/",
        "from-crm-empty": "/accounts/from-crm/",
        "search-empty": "/search/",
        "integrations-empty": "/settings/integrations/",
        "users-first": "/settings/users/",
        "api-keys-empty": "/settings/api-keys/",
        "webhooks-empty": "/settings/webhooks/",
        "audit-empty": "/settings/audit/",
        "notifications-empty": "/notifications/",
        "not-found": "/nowhere/",
        "callback-problem": "/settings/integrations/salesforce/callback/?state=unknown",
    }
    for name, address in pages.items():
        camera.open(address)
        camera.take(name)
    page = camera.open("/settings/integrations/salesforce/authorize/")
    camera.take("authorize", docs="authorize")
    page.get_by_role("radio", name="My Domain").check()
    page.get_by_role("button", name="Continue to Salesforce").click()
    camera.take("authorize-refused")


def ways_in(camera: Camera) -> None:
    """After first_run: the second factor, and the door."""
    page = camera.open("/user/profile/")
    camera.take("profile")
    camera.open("/user/password/")
    camera.take("password")
    page = camera.open("/user/second-factor/add/")
    camera.take("confirm-password")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    page.locator("[data-key]").wait_for()
    camera.take("second-factor")
    page = camera.open("/in/used/")
    camera.take("link-used")
    page.context.clear_cookies()
    page = camera.open("/user/sign-in/")
    camera.take("sign-in")
    page.get_by_label("Email").fill("alice@example.com")
    page.locator("input[type=password]").fill("not it")
    page.get_by_role("button", name="Sign in", exact=True).click()
    camera.take("sign-in-refused")


# ---- a demo whose org was imported ---------------------------------------------------------------------------------


def frame(camera: Camera) -> None:
    page = camera.open("/")
    camera.take("home")
    page.keyboard.press("?")
    camera.take("keyboard", whole=False)
    page.keyboard.press("Escape")
    for button in ("Theme", "Your account"):
        page.get_by_role("button", name=button).click()
        camera.take(f"menu-{button.split()[-1].lower()}", whole=False)
        page.keyboard.press("Escape")
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_role("button", name="Menu").click()
    page.screenshot(path=camera.folder / "rail-telephone-light.png")
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.keyboard.press("/")
    page.keyboard.type("an")
    page.get_by_role("option").first.wait_for()
    camera.take("search-list", whole=False)
    camera.open("/search/?q=an")
    camera.take("search")


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
    page = _first(camera, "accounts/?sort=-employees")
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
        page = _first(camera, kind)
        camera.take(f"{kind}-one")
        for tab in tabs:
            page.locator("main nav.tabs").get_by_role("link", name=tab, exact=True).click()
            camera.take(f"{kind}-one-{tab.lower()}")
    for kind in LISTS[:3]:
        page = camera.open(f"/{kind}/new/")
        camera.take(f"{kind}-new")
        page.locator("main form.card button[type=submit]").click()
        camera.take(f"{kind}-new-refused")


def website(camera: Camera) -> None:
    """The year of visits, and an experience that some see."""
    for name, query in {"visitors": "", "visitors-companies": "?who=company"}.items():
        page = camera.open(f"/visitors/{query}")
        camera.take(name, whole=False, docs="visitors" if not query else "")
    page = _first(camera, "accounts/?sort=-engagement_score")
    for tab in ("Engagement", "Journey"):
        page.locator("main nav.tabs").get_by_role("link", name=tab, exact=True).click()
        page.wait_for_load_state("networkidle")
        camera.take(tab.lower(), docs=tab.lower())
    page = camera.open("/attribution/")
    page.locator("[data-chart] canvas").wait_for()
    camera.take("attribution", docs="attribution")
    for by in ("campaign", "page"):
        camera.open(f"/attribution/?by={by}")
        camera.take(f"attribution-{by}")
    camera.open("/attribution/settings/")
    camera.take("attribution-settings")
    page = camera.open("/settings/tracking/")
    page.locator("main table").get_by_role("link").first.click()
    camera.take("tracking-site")
    page.get_by_role("link", name="Edit the site").click()
    origin = page.get_by_label("Pages").input_value().split()[0]
    camera.take("tracking-edit")
    _experience(camera, origin)


def _experience(camera: Camera, origin: str) -> None:
    page = _first(camera, "campaigns")
    page.locator("main nav.tabs").get_by_role("link", name="Web", exact=True).click()
    page.get_by_role("link", name="New experience").click()
    for name, typed in {
        "name": "Facility managers from the advertisement",
        "pages": "/",
        "utm_source": "google",
        "control_percent": "40",
    }.items():
        page.locator(f"#{name}").fill(typed)
    page.locator("#site").select_option("Tidewell (demo)")
    page.get_by_label("On", exact=True).check()
    change = page.get_by_role("group", name="Change 1 of variant").first
    change.get_by_label("Change", exact=True).select_option("Text")
    change.get_by_label("Element").fill(".hero h1")
    change.get_by_label("New text or address").fill("Two hundred buildings, and not one wet ceiling")
    camera.take("experience-edit")
    page.get_by_role("button", name="Save", exact=True).last.click()
    page.get_by_role("heading", name="Results").wait_for()
    shown = page.url
    for _ in range(14):
        # Each is somebody else; browsers know of an experience once the script was loaded anew.
        somebody = camera.chromium.new_context(user_agent=PERSON)
        visit = somebody.new_page()
        with visit.expect_response(lambda answer: "/collect/" in answer.url):
            visit.goto(f"{origin}/?utm_source=google&utm_medium=cpc")
        visit.wait_for_timeout(2000)
        somebody.close()
    for _ in range(30):
        # The worker counts them every minute.
        page.wait_for_timeout(4000)
        page.goto(shown)
        if all(int(seen) for seen in page.locator(".experience-results tbody td:nth-child(3)").all_inner_texts()):
            break
    camera.take("experience", docs="experience")


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
    _pick(page, "Salesforce field", "SLA__c")
    _pick(page, "Abmatic field", "no such field")
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


def sync(camera: Camera) -> None:
    """Writing is allowed, something differs on either side, and the org takes its time."""
    _allow_writing(camera)
    page = _first(camera, "accounts/?sort=-employees")
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


def runs(camera: Camera) -> None:
    page = camera.open(f"{CONNECTION}activity/?object=Account")
    page.locator("main table").get_by_role("link", name="Accounts").last.click()
    camera.take("run", docs="run")
    page.locator("table.reasons").get_by_role("link").first.click()
    camera.take("findings")


def failing(camera: Camera) -> None:
    """What Salesforce refuses, and what it doesn't answer."""
    _allow_writing(camera)
    rule = {
        "object": "Account",
        "fullName": "Banks_are_approved",
        "active": True,
        "errorConditionFormula": 'ISPICKVAL(Industry, "Banking")',
        "errorMessage": "Banking must be approved by the legal department first.",
    }
    camera.tell_org("rules", {"validation_rules": [rule]})
    page = _first(camera, "accounts/?sort=-employees")
    page.locator("#field-industry a.value").click()
    page.get_by_label("Industry", exact=True).fill("Banking")
    page.keyboard.press("Enter")
    page.get_by_text("Saved.").wait_for()
    _sync(camera, "accounts")
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
    _sync(camera, "leads")
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


def push(camera: Camera) -> None:
    page = _selected(camera, "accounts", 2)
    page.get_by_role("button", name="Push to Salesforce").click()
    dialog = page.get_by_role("dialog", name="Push to Salesforce")
    dialog.get_by_text("are off for Accounts").wait_for(timeout=PATIENCE)
    camera.take("push-off", whole=False)
    _allow_writing(camera)
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
    page = _selected(camera, "contacts", 3)
    page.get_by_role("button", name="Push to Salesforce").click()
    page.wait_for_timeout(3000)
    camera.take("push-contacts", whole=False)


def set_a_field(camera: Camera) -> None:
    page = _selected(camera, "accounts", 4)
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


def people(camera: Camera) -> None:
    page = camera.open("/settings/users/")
    page.get_by_label("E-mail").fill("oscar@example.com")
    page.get_by_label("Name").last.fill("Oscar Ortiz")
    page.get_by_role("button", name="Invite").click()
    page.get_by_label("Sign-in link").wait_for()
    camera.take("users-invited")
    page.get_by_role("button", name="Invite", exact=True).click()
    camera.take("users-refused")
    page = camera.open("/settings/api-keys/")
    page.get_by_label("Name").fill("Reports")
    page.get_by_role("button", name="Make a key").click()
    page.get_by_label("API key", exact=True).wait_for()
    camera.take("api-keys-made")
    page = camera.open("/settings/webhooks/")
    page.get_by_role("button", name="Add a webhook").click()
    camera.take("webhooks-refused")
    page.get_by_label("Name").fill("Marketing channel")
    page.get_by_label(re.compile("URL|Address")).fill("https://hooks.invalid/services/T000/B000")
    page.get_by_role("checkbox").first.check()
    page.get_by_role("button", name="Add a webhook").click()
    camera.take("webhooks-made")
    test = page.get_by_role("button", name=re.compile("^Test "))
    if test.count():
        test.first.click()
        page.wait_for_load_state()
        camera.take("webhooks-tested")
    page = camera.open(f"{CONNECTION}settings/")
    text = page.request.get(f"{camera.base}{CONNECTION}settings.yaml").text()
    for name, changed in {
        "plan": text.replace("frequency: manual", "frequency: 6").replace("to_salesforce: fill", "to_salesforce: none"),
        "problems": text.replace("to_abmatic: overwrite", "to_abmatic: sometimes"),
    }.items():
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "settings.yaml").write_text(changed, encoding="utf-8")
            page.set_input_files("#file", Path(folder, "settings.yaml"))
            page.get_by_role("button", name="Show what it would change").click()
            camera.take(f"settings-file-{name}")
            camera.open(f"{CONNECTION}settings/")
    camera.open("/settings/audit/")
    camera.take("audit")


# ---- steps that scenes share -----------------------------------------------------------------------------------------


def _first(camera: Camera, kind: str) -> Page:
    """Opens the first record of a list."""
    page = camera.open(f"/{kind}" if "?" in kind else f"/{kind}/")
    page.locator("#grid tbody .col-name a.strong").first.click()
    page.locator("main nav.tabs").wait_for()
    return page


def _selected(camera: Camera, kind: str, many: int) -> Page:
    page = camera.open(f"/{kind}/")
    for place in range(many):
        page.locator("[data-pick]").nth(place).check()
    return page


def _pick(page: Page, label: str, typed: str) -> None:
    """Types into a box with a list, and takes what is left."""
    page.get_by_role("combobox", name=label).fill(typed)
    expect(page.locator(".combo-list:not([hidden]) [role=option]")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")


def _allow_writing(camera: Camera) -> None:
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


def _sync(camera: Camera, tab: str) -> None:
    """Syncs an object by hand, without waiting for the preview."""
    page = camera.open(f"{CONNECTION}{tab}/")
    page.get_by_role("button", name=f"Sync {tab.capitalize()} Manually").click()
    page.get_by_role("dialog").get_by_role("button", name=f"Sync {tab.capitalize()}", exact=True).click()
    page.get_by_role("progressbar").wait_for()
    page.locator("#sync-panel .last-run").wait_for(timeout=PATIENCE)


# A command, and the scenes that are taken of what it runs.
def tour(camera: Camera) -> None:
    """In a demo of its own: it switches on writing."""
    page = camera.open("/")
    page.get_by_role("button", name="Start the tour").click()
    panel = page.get_by_role("complementary", name="Tour")
    panel.get_by_text("Tour, 1 of 5").wait_for()
    camera.take("tour-start")
    _press_in(panel, "Skip this step", "Tour, 2 of 5")
    camera.take("tour-allow")
    _press_in(panel, "Switch it on", "Edit City")
    _press_in(panel, "Skip this step", "Tour, 3 of 5")
    _press_in(panel, "Skip this step", "Tour, 4 of 5")
    panel.get_by_role("link", name="Edit Employees").click()
    page.get_by_role("main").get_by_label("Employees", exact=True).fill("12000")
    page.keyboard.press("Enter")
    panel.get_by_text("Salesforce refused").wait_for(timeout=PATIENCE)
    panel.get_by_role("link", name="Open the issue").click()
    page.get_by_role("heading", name="By cause").wait_for()
    camera.take("tour-refused", docs="tour")
    _press_in(panel, "Skip this step", "Tour, 5 of 5")
    _press_in(panel, "Skip this step", "That was the tour")
    camera.take("tour-over")


def _press_in(panel: Locator, button: str, then: str) -> None:
    panel.get_by_role("button", name=button).click()
    panel.get_by_text(then).wait_for()


INSTALLATIONS: list[tuple[list[str], list[Scene]]] = [
    (["up", "--port", "0", "--json-ready"], [first_run, ways_in]),
    (
        ["demo", "--json", "--no-browser", "--port", "0", "--emulator-port", "0"],
        [
            frame,
            grids,
            records,
            website,
            integrations,
            settings,
            runs,
            csv,
            crm,
            set_a_field,
            people,
            push,
            sync,
            failing,
        ],
    ),
    (["demo", "--json", "--no-browser", "--port", "0", "--emulator-port", "0"], [tour]),
]


def names() -> list[str]:
    return [scene.__name__ for _, scenes in INSTALLATIONS for scene in scenes]
