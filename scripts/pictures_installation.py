"""An installation that was just started, what surrounds each page, and who may come in."""

from __future__ import annotations

import re
import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pictures_steps import CONNECTION, LISTS

if TYPE_CHECKING:
    from pictures import Camera

# Of an installation that lasts as long as its pictures take.
PASSWORD = secrets.token_urlsafe(16)


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
