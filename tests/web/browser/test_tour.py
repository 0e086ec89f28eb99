"""The demo's tour as a person takes it: in two tabs, Abmatic's and Salesforce's, with a worker that does what it does.

Nothing is looked up in the database, and nothing is told to the tour: it notices what the person did.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect
from tests.cli.processes import Installation, wait_until
from tests.web import org
from tests.web.browser.conftest import Tab
from tests.web.browser.test_accessibility import faults

from abmatic.audiences.models import Account
from abmatic.sync import connect, runs
from abmatic.sync.models import Connection, ObjectSetting, Run
from abmatic.sync.tour.rule import VALIDATION_RULE
from salesforce_emulator.testing import RunningOrg

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# Milliseconds that a worker gets on a busy machine.
PATIENCE = 60_000
EDGE = "Edge Communications"


def panel(page: Page) -> Locator:
    return page.get_by_role("complementary", name="Tour")


@pytest.mark.server
def test_the_tour_step_by_step(admin_tab: Tab, salesforce: RunningOrg, worker: Installation) -> None:
    import_everything(salesforce)
    page = admin_tab.open("/")
    page.get_by_role("button", name="Start the tour").click()
    a_change_arrives(page, salesforce)
    edit_here_and_see_it_there(page, salesforce)
    a_conflict(page, salesforce)
    a_validation_error_with_its_remedy(page, salesforce)
    undo(page)
    afterwards(page)


def import_everything(salesforce: RunningOrg) -> None:
    """As `abmatic demo` does before it shows anything."""
    salesforce.store.put_rules({"validation_rules": [VALIDATION_RULE]})
    connection = connect.connect_headless(
        salesforce.url, "client-credentials", salesforce.client_id, client_secret=salesforce.client_secret
    )
    started = runs.start(connection, trigger=Run.Trigger.MANUAL)
    wait_until(lambda: all(Run.objects.get(pk=run.pk).is_over for run in started))


def a_change_arrives(page: Page, salesforce: RunningOrg) -> None:
    tour = panel(page)
    expect(tour).to_contain_text("Tour, 1 of 5")
    with record_in_salesforce(page, salesforce, Industry="Banking"):
        pass
    tour.get_by_role("link", name="Open the settings").click()
    page.get_by_role("button", name="Sync Accounts Manually").click()
    page.get_by_role("dialog").get_by_role("button", name="Sync Accounts", exact=True).click()
    expect(tour).to_contain_text("It came over", timeout=PATIENCE)
    expect(tour).to_contain_text("Industry of Edge Communications was Electronics and is Banking")
    tour.get_by_role("link", name="The run that did it").click()
    expect(page.get_by_role("heading", name="Accounts")).to_be_visible()
    tour.get_by_role("link", name="The account’s timeline").click()
    expect(page.get_by_role("main")).to_contain_text("Banking")
    tour.get_by_role("button", name="Next step").click()


def edit_here_and_see_it_there(page: Page, salesforce: RunningOrg) -> None:
    tour = panel(page)
    expect(tour).to_contain_text("Tour, 2 of 5")
    tour.get_by_role("button", name="Switch it on").click()
    edit_here(page, "City", "Dallas")
    expect(tour).to_contain_text("City was Austin there and is Dallas", timeout=PATIENCE)
    with page.expect_popup() as opened:
        tour.get_by_role("link", name="The account in Salesforce").click()
    expect(opened.value.get_by_text("Dallas").first).to_be_visible()
    opened.value.close()
    tour.get_by_role("button", name="Next step").click()


def a_conflict(page: Page, salesforce: RunningOrg) -> None:
    tour = panel(page)
    expect(tour).to_contain_text("Tour, 3 of 5")
    with record_in_salesforce(page, salesforce, **{"Billing City": "Houston"}):
        pass
    edit_here(page, "City", "Waco")
    expect(tour).to_contain_text("Abmatic’s value was kept", timeout=PATIENCE)
    expect(tour).to_contain_text("Salesforce: Houston · Abmatic: Waco")
    expect(tour).to_contain_text("“Most recent change”")
    tour.get_by_role("link", name="Where it is written").click()
    expect(page.get_by_role("main")).to_contain_text("Salesforce: Houston · Abmatic: Waco")
    tour.get_by_role("link", name="The policy").click()
    expect(page.get_by_label("When both sides changed a field")).to_have_value("recent")
    tour.get_by_role("button", name="Next step").click()


def a_validation_error_with_its_remedy(page: Page, salesforce: RunningOrg) -> None:
    tour = panel(page)
    expect(tour).to_contain_text("Tour, 4 of 5")
    edit_here(page, "Employees", "12000")
    expect(tour).to_contain_text("Salesforce refused", timeout=PATIENCE)
    expect(tour).to_contain_text(str(VALIDATION_RULE["errorMessage"]))
    tour.get_by_role("link", name="Open the issue").click()
    issue = page.get_by_role("main").get_by_role("row").filter(has=page.get_by_role("link", name=EDGE))
    expect(issue).to_contain_text(str(VALIDATION_RULE["errorMessage"]))
    with record_in_salesforce(page, salesforce, **{"Account Site": "Headquarters"}):
        pass
    issue.get_by_role("button", name="Try again").click()
    expect(tour).to_contain_text("Employees was 1,000 and is 12,000", timeout=PATIENCE)
    page.reload()
    expect(page.get_by_role("main")).to_contain_text("No open issue matches")
    tour.get_by_role("button", name="Next step").click()


def undo(page: Page) -> None:
    tour = panel(page)
    expect(tour).to_contain_text("Tour, 5 of 5")
    tour.get_by_role("link", name="Undo run").click()
    main = page.get_by_role("main")
    expect(main).to_contain_text("12,000")
    main.get_by_role("button", name="Undo it").click()
    expect(tour).to_contain_text("Employees is 1,000 again in Salesforce", timeout=PATIENCE)
    with page.expect_popup() as opened:
        tour.get_by_role("link", name="The account in Salesforce").click()
    expect(opened.value.get_by_text("1,000").first).to_be_visible()
    opened.value.close()
    tour.get_by_role("button", name="Finish").click()


def afterwards(page: Page) -> None:
    tour = panel(page)
    expect(tour).to_contain_text("That was the tour")
    tour.get_by_role("button", name="Close").click()
    expect(tour).to_contain_text("You find the tour on Home")
    tour.get_by_role("link", name="Home").click()
    expect(page.get_by_role("region", name="Tour", exact=True)).to_contain_text("5 of 5 done")
    expect(tour).to_have_count(0)
    # Once more, about another account.
    page.get_by_role("button", name="Start again").click()
    expect(tour).to_contain_text("Tour, 1 of 5")
    expect(tour).to_contain_text("Burlington Textiles Corp of America")


@contextmanager
def record_in_salesforce(page: Page, salesforce: RunningOrg, **values: str) -> Iterator[Page]:
    """What the tour's button opens in a tab of its own, with fields edited and saved."""
    with page.expect_popup() as opened:
        panel(page).get_by_role("link", name="Open in Salesforce").click()
    there = opened.value
    expect(there.get_by_role("heading", name=EDGE)).to_be_visible()
    there.get_by_role("link", name="Edit", exact=True).click()
    for label, value in values.items():
        control = there.get_by_label(label, exact=True)
        if control.evaluate("element => element.tagName") == "SELECT":
            control.select_option(value)
        else:
            control.fill(value)
    there.get_by_role("button", name="Save", exact=True).click()
    expect(there.get_by_text("Saved.")).to_be_visible()
    # A sync reads what is older than the second in which it asks; people take longer than that to come back.
    saved = second(salesforce)
    wait_until(lambda: second(salesforce) > saved)
    yield there
    there.close()


def second(salesforce: RunningOrg) -> str:
    """Salesforce's clock, to the second."""
    now: str = httpx2.get(f"{salesforce.url}/__emulator/clock").json()["now"]
    return now[:19]


def edit_here(page: Page, label: str, value: str) -> None:
    """Where the tour's button leads, the field's control is open."""
    panel(page).get_by_role("link", name=f"Edit {label}").click()
    control = page.get_by_role("main").get_by_label(label, exact=True)
    expect(control).to_be_focused()
    control.fill(value)
    page.get_by_role("main").get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("main").get_by_text("Saved.")).to_be_visible()


# -- the panel by itself


@pytest.fixture
def account(settings: Any) -> Account:
    """An account that was imported, in a demo."""
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, demo=True, emulator_url="http://127.0.0.1:8088")
    connection = org.connect(login_url="http://127.0.0.1:8088")
    ObjectSetting.objects.filter(sobject="Account").update(cursor=timezone.now())
    run = org.run(connection)
    made = org.account("Acme", city="Berlin", industry="Energy", employee_count=12, cause=run.cause)
    org.link(connection, made, "0015800000000001AAA")
    return made


def arrive(account: Account) -> None:
    run = org.run(Connection.objects.get())
    assert run.cause is not None
    org.change(account, "industry", "Energy", "Banking", cause=run.cause)


def begin(tab: Tab) -> Page:
    page = tab.open("/")
    page.get_by_role("button", name="Start the tour").click()
    expect(panel(page)).to_contain_text("Tour, 1 of 5")
    return page


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_step_is_for_everybody(admin_tab: Tab, account: Account, theme: str, width: int) -> None:
    page = admin_tab.page
    page.emulate_media(color_scheme="light" if theme == "light" else "dark", reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 800})
    begin(admin_tab)
    tour, found = panel(page), {}
    arrive(account)
    expect(tour).to_contain_text("It came over")
    found["done"] = faults(page)
    tour.get_by_role("button", name="Next step").click()
    expect(tour).to_contain_text("Switch it on")
    found["allow"] = faults(page)
    for number in range(3, 7):
        tour.get_by_role("button", name="Skip this step").click()
        expect(tour).to_contain_text(f"Tour, {number} of 5" if number < 6 else "That was the tour")
        found[f"step {number}"] = faults(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert {name: said for name, said in found.items() if said} == {}


def test_it_covers_nothing(admin_tab: Tab, account: Account) -> None:
    page = begin(admin_tab)
    page.set_viewport_size({"width": 1280, "height": 700})
    for address in ("/accounts/", f"/accounts/{account.pk}/", f"/settings/integrations/salesforce/{_id()}/accounts/"):
        admin_tab.open(address)
        here, places = panel(page).bounding_box(), page.locator(".rail-places").bounding_box()
        stage = page.locator(".stage > main").bounding_box()
        assert here is not None
        assert places is not None
        assert stage is not None
        assert places["y"] + places["height"] <= here["y"], "the places of the rail stay free"
        assert here["x"] + here["width"] <= stage["x"], "the page stays free"


def _id() -> int:
    return Connection.objects.get().pk


def test_news_take_nothing_from_whoever_types(admin_tab: Tab, account: Account) -> None:
    begin(admin_tab)
    page = admin_tab.open(f"/accounts/{account.pk}/?edit=city")
    control = page.get_by_role("main").get_by_label("City", exact=True)
    control.fill("Pots")
    arrive(account)
    expect(panel(page)).to_contain_text("It came over")
    expect(control).to_be_focused()
    control.press_sequentially("dam")
    expect(control).to_have_value("Potsdam")


def test_folded_it_stays_so_until_there_are_news(admin_tab: Tab, account: Account) -> None:
    begin(admin_tab)
    page = admin_tab.open("/accounts/")
    tour, link = panel(page), panel(page).get_by_role("link", name="Open the settings")
    tour.get_by_text("Tour, 1 of 5").click()
    expect(link).to_be_hidden()
    page.reload()
    expect(tour).to_contain_text("Tour, 1 of 5")
    expect(link).to_be_hidden()
    arrive(account)
    expect(tour.get_by_text("It came over")).to_be_visible()


def test_by_keyboard(admin_tab: Tab, account: Account) -> None:
    page = begin(admin_tab)
    arrive(account)
    expect(panel(page)).to_contain_text("It came over")
    panel(page).get_by_role("button", name="Next step").focus()
    page.keyboard.press("Enter")
    expect(panel(page)).to_contain_text("Tour, 2 of 5")
    # Where the next step begins.
    expect(panel(page).locator("summary")).to_be_focused()
    page.keyboard.press("Tab")
    expect(panel(page).get_by_role("button", name="Switch it on")).to_be_focused()
