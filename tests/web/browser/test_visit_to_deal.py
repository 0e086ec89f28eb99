"""From the first web visit to the closed deal, as three people live through it; read it as a guide.

Ada Lind of Northwind Mills visits the website of the company that uses Abmatic. Alice, its administrator, has put
Abmatic's line into the website's pages; Alice also sells, in Salesforce. A worker does what a worker does. What comes
of Ada's visits is credited with 90,000, by figures that can be worked out in one's head::

    yesterday   1  comes by an advertisement of the campaign "Spring launch"     Paid search     the first touch
    today       2  comes back by typing the address                              Direct
                3  sends the contact form                                        Direct          led to the lead
                       Abmatic makes a contact and an account; the contact is pushed to Salesforce as a lead
                4  follows a link in an e-mail to her                            E-mail          led to the opportunity
                       the lead is converted in Salesforce
                5  comes by a post that was paid for                             Paid social     the last touch
                       the opportunity is won with 90,000
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.cli.processes import Installation, wait_until
from tests.web.browser.conftest import Tab
from tests.web.browser.test_accessibility import faults
from tests.web.browser.test_tour import import_everything, second
from tests.web.browser.visiting import Visitor, Website, served

from abmatic.attribution import tasks as attribution
from abmatic.engagement import tasks as engagement
from salesforce_emulator.testing import RunningOrg

pytestmark = [
    pytest.mark.browser,
    pytest.mark.server,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("collects"),
]

# Milliseconds that a worker gets on a busy machine.
PATIENCE = 60_000
EMAIL = "ada.lind@northwind-mills.com"
CAMPAIGN = "Spring launch"

# What each model gives to the channels, of 90,000 for five touches. Direct has two of them: the visit and its form.
CREDITS = {
    # All to the first, or the last.
    "First touch": {"Paid search": 90_000},
    "Last touch": {"Paid social": 90_000},
    # A fifth each.
    "Linear": {"Paid search": 18_000, "Direct": 36_000, "E-mail": 18_000, "Paid social": 18_000},
    # 40 % to the first and to the last; the three others share 20 %.
    "U-shaped": {"Paid search": 36_000, "Direct": 12_000, "E-mail": 6_000, "Paid social": 36_000},
    # 30 % to the first, to the form, which led to the lead, and to the e-mail, which led to the opportunity; the two
    # others share 10 %.
    "W-shaped": {"Paid search": 27_000, "Direct": 31_500, "E-mail": 27_000, "Paid social": 4_500},
    # As Alice has set them: 50 % first, 20 % lead, 20 % opportunity, 10 % last, nothing to others.
    "Custom weights": {"Paid search": 45_000, "Direct": 18_000, "E-mail": 18_000, "Paid social": 9_000},
    # With a half-life of one day, yesterday's counts half of each of today's four: 1 : 2 : 2 : 2 : 2.
    "Time decay": {"Paid search": 10_000, "Direct": 40_000, "E-mail": 20_000, "Paid social": 20_000},
}


@pytest.fixture
def website(tmp_path: Path) -> Iterator[Website]:
    """The company's website, without pages so far."""
    with served(tmp_path / "website") as made:
        yield made


@pytest.fixture
def ada(website: Website, peoples_browser: Browser) -> Iterator[Visitor]:
    """Ada at her browser, which has never been on the website."""
    context = peoples_browser.new_context(locale="en-US", timezone_id="UTC")
    context.set_default_timeout(30_000)
    yield Visitor(context.new_page())
    context.close()


def test_from_the_first_visit_to_the_closed_deal(
    admin_tab: Tab, ada: Visitor, website: Website, salesforce: RunningOrg, worker: Installation
) -> None:
    import_everything(salesforce)
    alice = admin_tab.page

    install_the_script(admin_tab, website, salesforce)
    make_the_campaign(admin_tab)
    set_the_models(admin_tab)

    come_by_an_advertisement_yesterday(ada, website)
    nobody_is_known_yet(admin_tab)
    come_back_and_send_the_form(ada, website)
    ada_is_a_contact_and_her_company_an_account(admin_tab)

    allow_new_leads(admin_tab)
    push_ada_as_a_lead(admin_tab)
    follow_the_link_in_an_e_mail(ada, website, worker)
    with_an_opportunity = convert_the_lead(alice, salesforce)
    come_by_a_post(ada, website)
    win(with_an_opportunity, salesforce)

    sync_everything(admin_tab)
    there_is_one_of_each(admin_tab)
    every_model_credits_the_visits(admin_tab)
    models_that_learn_say_why_they_do_not(admin_tab)
    the_journey_tells_all_of_it(admin_tab)


# -- Alice prepares


def install_the_script(tab: Tab, website: Website, salesforce: RunningOrg) -> None:
    page = tab.open("/settings/tracking/")
    page.get_by_role("link", name="New site").first.click()
    page.get_by_label("Name").fill("Tidewell")
    page.get_by_label("Pages").fill(website.url)
    page.get_by_label("Make people and companies of forms and identify()").check()
    page.get_by_role("button", name="Add the site").click()
    expect(page.get_by_role("heading", name="Waiting for the first event")).to_be_visible()
    website.install(page.get_by_label("The line to paste").input_value(), tab.base, salesforce.url)


def make_the_campaign(tab: Tab) -> None:
    page = tab.open("/campaigns/")
    page.get_by_role("link", name="Create").click()
    page.get_by_label("Name").fill(CAMPAIGN)
    page.get_by_role("button", name="Create campaign").click()
    expect(page.get_by_role("heading", name=CAMPAIGN)).to_be_visible()


def set_the_models(tab: Tab) -> None:
    """A half-life of a day, so that a day makes a difference, and weights of Alice's own."""
    page = tab.open("/attribution/settings/")
    page.get_by_label("Half-life, days").fill("1")
    weights = {"First touch": 50, "Lead creation": 20, "Opportunity creation": 20, "Last touch": 10, "Others": 0}
    for part, weight in weights.items():
        page.get_by_label(f"{part}, %").fill(str(weight))
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()


# -- Ada visits


def come_by_an_advertisement_yesterday(ada: Visitor, website: Website) -> None:
    ada.come_at(datetime.now(UTC) - timedelta(days=1))
    ada.visit(f"{website.url}/?utm_source=google&utm_medium=cpc&utm_campaign={CAMPAIGN.replace(' ', '+')}")
    ada.page.get_by_role("link", name="How it works").click()
    expect(ada.page.get_by_role("heading", name="How it works")).to_be_visible()


def come_back_and_send_the_form(ada: Visitor, website: Website) -> None:
    ada.come_at(datetime.now(UTC))
    page = ada.visit(f"{website.url}/contact/")
    for label, typed in {"First name": "Ada", "Last name": "Lind", "Work e-mail": EMAIL,
                         "Company": "Northwind Mills", "Job title": "Head of Facilities"}.items():  # fmt: skip
        page.get_by_label(label).fill(typed)
    with page.expect_response(lambda response: "/collect/" in response.url):
        page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()


def follow_the_link_in_an_e_mail(ada: Visitor, website: Website, worker: Installation) -> None:
    """The mail program of Ada's company made the link by `abmatic link`, so that it is hers."""
    page = f"{website.url}/webinar/?utm_source=newsletter&utm_medium=email&utm_campaign=Invitation"
    made = worker.run("link", page, EMAIL)
    assert made.returncode == 0, made.stderr
    ada.come_at(datetime.now(UTC))
    ada.visit(made.stdout.split("\t")[1].strip())


def come_by_a_post(ada: Visitor, website: Website) -> None:
    ada.come_at(datetime.now(UTC))
    ada.visit(f"{website.url}/pricing/?utm_source=linkedin&utm_medium=paid-social&utm_campaign=Case+study")


def a_minute_passes() -> None:
    """What the worker does every minute with what came."""
    engagement.follow(timestamp=0)
    attribution.refresh(timestamp=0)


# -- what Alice sees


def nobody_is_known_yet(tab: Tab) -> None:
    a_minute_passes()
    page = tab.open("/contacts/?q=lind")
    expect(page.get_by_role("link", name="Ada Lind")).to_have_count(0)


def ada_is_a_contact_and_her_company_an_account(tab: Tab) -> None:
    a_minute_passes()
    page = open_ada(tab)
    expect(page.locator(".record-facts")).to_contain_text("Head of Facilities")
    expect(page.get_by_text("Not in Salesforce")).to_be_visible()
    page.locator(".record-facts").get_by_role("link", name="Northwind Mills").click()
    expect(page.locator(".record-facts")).to_contain_text("northwind-mills.com")
    # What she did before anybody knew her is hers as well.
    page.get_by_role("link", name="Journey").click()
    for touch in ("Visit: Paid search", "Visit: Direct", "Form: Direct"):
        expect(page.get_by_text(touch)).to_be_visible()


def open_ada(tab: Tab) -> Page:
    page = tab.open("/contacts/?q=lind")
    page.get_by_role("link", name="Ada Lind").first.click()
    expect(page.get_by_role("heading", name="Ada Lind")).to_be_visible()
    return page


# -- into Salesforce, and back


def allow_new_leads(tab: Tab) -> None:
    page = tab.open("/settings/integrations/")
    page.get_by_role("link", name="Settings", exact=True).last.click()
    page.get_by_role("navigation", name="Salesforce").get_by_role("link", name="Leads").click()
    page.get_by_label("Create in Salesforce").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved: 1 change.")).to_be_visible()


def push_ada_as_a_lead(tab: Tab) -> None:
    page = open_ada(tab)
    page.get_by_role("button", name="Push to Salesforce").click()
    dialog = page.get_by_role("dialog", name="Push to Salesforce")
    dialog.get_by_role("button", name="Push 1 contact").click(timeout=PATIENCE)
    expect(dialog.get_by_text("1 created in Salesforce")).to_be_visible(timeout=PATIENCE)
    page.reload()
    expect(page.get_by_role("link", name="Open in Salesforce")).to_be_visible()


def convert_the_lead(page: Page, salesforce: RunningOrg) -> Page:
    """In Salesforce: the lead becomes an account, a contact and an opportunity."""
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Open in Salesforce").click()
    there = opened.value
    expect(there.get_by_role("heading", name="Ada Lind")).to_be_visible()
    there.get_by_role("link", name="Convert", exact=True).click()
    there.get_by_role("textbox", name="Name", exact=True).fill("Sensors for two mills")
    there.get_by_role("button", name="Convert").click()
    expect(there.get_by_text("The lead has been converted.")).to_be_visible()
    expect(there.get_by_role("heading", name="Northwind Mills")).to_be_visible()
    # Salesforce's times are whole seconds; what Ada does next is after this one.
    converted = second(salesforce)
    wait_until(lambda: second(salesforce) > converted)
    return there


def win(there: Page, salesforce: RunningOrg) -> None:
    there.get_by_role("link", name="Sensors for two mills").click()
    there.get_by_role("link", name="Edit", exact=True).click()
    there.get_by_label("Amount").fill("90000")
    there.get_by_label("Close Date").fill(datetime.now(UTC).date().isoformat())
    there.get_by_label("Stage").select_option("Closed Won")
    there.get_by_role("button", name="Save", exact=True).click()
    expect(there.get_by_text("Saved.")).to_be_visible()
    # A sync reads what is older than the second in which it asks.
    saved = second(salesforce)
    wait_until(lambda: second(salesforce) > saved)
    there.close()


def sync_everything(tab: Tab) -> None:
    page = tab.open("/settings/integrations/")
    page.get_by_role("link", name="Settings", exact=True).last.click()
    page.get_by_role("button", name="Sync everything").click()
    expect(page.locator(".sync-chip")).to_have_count(0, timeout=PATIENCE)
    a_minute_passes()


# -- the credit


def there_is_one_of_each(tab: Tab) -> None:
    """What Salesforce made of the lead is what was here, not something beside it."""
    for address, name in (("/contacts/?q=lind", "Ada Lind"), ("/accounts/?q=northwind", "Northwind Mills"),
                          ("/opportunities/?q=sensors", "Sensors for two mills")):  # fmt: skip
        page = tab.open(address)
        expect(page.get_by_role("main").get_by_role("link", name=name, exact=True)).to_have_count(1)
    page.get_by_role("main").get_by_role("link", name="Sensors for two mills").click()
    expect(page.locator(".record-facts")).to_contain_text("Won")
    page.locator(".record-facts").get_by_role("link", name="Northwind Mills").click()
    expect(page.get_by_role("link", name="Open in Salesforce")).to_be_visible()


def every_model_credits_the_visits(tab: Tab) -> None:
    for model, expected in CREDITS.items():
        page = report(tab, model, "By channel")
        credited = table(page)
        # Time decay goes by the second: minutes that the test takes are a few in ten thousand.
        allowed = Decimal("0.01") if model == "Time decay" else Decimal(0)
        for channel, amount in expected.items():
            assert abs(credited.pop(channel, Decimal(0)) - amount) <= amount * allowed, (model, channel)
        assert credited.pop("All") == 90_000, model
        assert set(credited.values()) <= {Decimal(0)}, model

        first = expected.get("Paid search", 0)
        page = report(tab, model, "By campaign")
        got = table(page).get(CAMPAIGN, Decimal(0))
        assert abs(got - first) <= first * allowed, f"{model}: the first visit's campaign has {got}"
    assert faults(page) == []


def report(tab: Tab, model: str, by: str) -> Page:
    """Today's won deals by a model."""
    today = datetime.now(UTC).date().isoformat()
    page = tab.open("/attribution/")
    page.get_by_label("Model").select_option(label=model)
    page.get_by_label("By", exact=True).select_option(label=by)
    page.get_by_label("from").fill(today)
    page.get_by_role("button", name="Show").click()
    return page


def table(page: Page) -> dict[str, Decimal]:
    """The report's rows: what is credited to each."""
    lines = page.locator("table").first.locator("tr:has(td)").all()
    found = {}
    for line in lines:
        name, amount = line.locator("th, td").all_inner_texts()[:2]
        found[name.strip()] = Decimal(amount.replace(",", "").strip() or 0)
    return found


def models_that_learn_say_why_they_do_not(tab: Tab) -> None:
    for model in ("Data-driven: Markov", "Data-driven: Shapley"):
        page = report(tab, model, "By channel")
        expect(page.get_by_role("main")).to_contain_text(
            "1 won deal with touches is too few to learn from; 50 are needed"
        )
        expect(page.locator("table")).to_have_count(0)


def the_journey_tells_all_of_it(tab: Tab) -> None:
    page = open_ada(tab)
    page.locator(".record-facts").get_by_role("link", name="Northwind Mills").click()
    page.get_by_role("link", name="Journey").click()
    steps = page.locator("ol.events > li").all_inner_texts()
    told = ("Opportunity won", "Visit: Paid social", "Opportunity opened", "Visit: E-mail", "Form: Direct",
            "Visit: Direct", "Visit: Paid search")  # fmt: skip
    places = [next((place for place, step in enumerate(steps) if words in step), -1) for words in told]
    assert -1 not in places, dict(zip(told, places, strict=True))
    assert places == sorted(places), dict(zip(told, places, strict=True))
    assert faults(page) == []
