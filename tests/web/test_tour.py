"""The demo's tour on the pages: who sees it, that it costs nothing where it isn't, that it waits for its person."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from tests.web import addresses, org
from tests.web.conftest import SignedIn

from abmatic.audiences.models import Account
from abmatic.identity.models import User
from abmatic.sync.models import Connection, ObjectSetting, SettingsChange, Tour, Write
from abmatic.sync.tour.rule import VALIDATION_RULE

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
EMULATOR = "http://127.0.0.1:8088"
PAGES = ["/", "/accounts/", "/accounts/collections/", "/contacts/", "/notifications/", "/settings/integrations/"]


@pytest.fixture
def demo(settings: Any) -> None:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, demo=True, emulator_url=EMULATOR)


@pytest.fixture
def acme(connection: Connection) -> Account:
    """An account that was imported from the demo's emulator."""
    Connection.objects.filter(pk=connection.pk).update(login_url=EMULATOR)
    ObjectSetting.objects.filter(connection=connection, sobject="Account").update(cursor=timezone.now())
    run = org.run(connection)
    made = org.account("Acme", city="Berlin", industry="Energy", employee_count=12, cause=run.cause)
    org.link(connection, made, "0015800000000001AAA")
    return made


def press(browser: Client, what: str, *, on_page: bool = True) -> str:
    """Presses a button of the panel; what comes back into it."""
    answer = browser.post("/tour/", {"do": what}, headers=HTMX if on_page else {})
    assert answer.status_code == (200 if on_page else 302), answer.status_code
    return answer.text if on_page else ""


def panel(page: str) -> str:
    """The panel beside a page; "" where there is none."""
    found = re.search(r'<aside class="tour".*?</aside>', page, re.DOTALL)
    return found[0] if found else ""


def arrived(account: Account, connection: Connection) -> None:
    """A sync brings another industry."""
    run = org.run(connection)
    assert run.cause is not None
    org.change(account, "industry", "Energy", "Banking", cause=run.cause)


def poll(browser: Client) -> tuple[int, str]:
    """What the panel beside Accounts gets when it asks again."""
    address = re.search(r'hx-get="(/tour/\?seen=[^"]*)"', browser.get("/accounts/").text)
    assert address is not None
    answer = browser.get(address[1], headers=HTMX)
    return answer.status_code, answer.text


def test_outside_a_demo_there_is_none(admin: Client, acme: Account) -> None:
    assert "Start the tour" not in admin.get("/").text
    for answer in (admin.get("/tour/"), admin.get("/tour/", headers=HTMX), admin.post("/tour/", {"do": "start"})):
        assert answer.status_code == 404
    assert not Tour.objects.exists()


def test_outside_a_demo_a_tour_that_was_begun_is_not_shown(
    admin: Client, acme: Account, demo: None, settings: Any
) -> None:
    press(admin, "start", on_page=False)
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, demo=False)
    assert panel(admin.get("/accounts/").text) == ""
    assert "tour" not in admin.get("/").text.lower()


def test_nobody_is_led_through_a_real_org(admin: Client, acme: Account, connection: Connection, demo: None) -> None:
    Connection.objects.filter(pk=connection.pk).update(login_url="https://login.salesforce.com")
    answer = admin.post("/tour/", {"do": "start"}, follow=True)
    assert "Import them first, then take the tour" in answer.text
    assert not Tour.objects.exists()


def test_home_offers_it_and_every_page_has_it_then(admin: Client, acme: Account, demo: None) -> None:
    home = admin.get("/").text
    assert "Start the tour" in home
    assert panel(home) == ""
    press(admin, "start", on_page=False)
    for address in (*PAGES, f"/accounts/{acme.pk}/"):
        said = panel(admin.get(address).text)
        assert "Tour, 1 of 5" in said, address
        assert "Acme" in said
        assert "https://northwind.my.salesforce.com/0015800000000001AAA" in said


def test_nothing_was_imported_yet(admin: Client, demo: None) -> None:
    press(admin, "start", on_page=False)
    assert "Import them first" in admin.get("/").text
    assert not Tour.objects.exists()


@pytest.mark.parametrize("address", PAGES)
def test_a_page_costs_no_more_where_the_tour_is_not_on(
    address: str, admin: Client, acme: Account, settings: Any, demo: None
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(database) as captured:
            assert admin.get(address).status_code == 200
        return len(captured)

    queries()  # what is done once for a session
    in_demo = queries()
    press(admin, "start", on_page=False)
    with_tour = queries()
    press(admin, "hide")
    put_aside = queries()
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, demo=False)
    plain = queries()
    card = 1 if address == "/" else 0  # on Home, how far the tour is
    assert in_demo == put_aside == plain + card
    assert plain < with_tour <= plain + 12


def test_it_notices_by_itself(admin: Client, acme: Account, connection: Connection, demo: None) -> None:
    press(admin, "start", on_page=False)
    assert poll(admin) == (204, "")
    address = re.search(r'hx-get="(/tour/\?seen=[^"]*)"', admin.get("/accounts/").text)
    assert address is not None
    arrived(acme, connection)
    answer = admin.get(address[1], headers=HTMX)
    assert answer.status_code == 200
    assert "It came over" in answer.text
    assert "Energy" in answer.text
    assert "Next step" in answer.text
    assert poll(admin) == (204, ""), "said once"


def test_the_proof_stays_when_what_it_tells_of_is_gone(
    admin: Client, acme: Account, connection: Connection, demo: None
) -> None:
    press(admin, "start", on_page=False)
    arrived(acme, connection)
    poll(admin)
    Tour.objects.update(marks={"change": 10**9, "run": 10**9, "write": 10**9})
    assert "It came over" in panel(admin.get("/accounts/").text)


def test_put_aside_it_waits_on_home(admin: Client, acme: Account, connection: Connection, demo: None) -> None:
    press(admin, "start", on_page=False)
    arrived(acme, connection)
    poll(admin)
    assert "Tour, 2 of 5" in press(admin, "next")
    assert "You find the tour on" in press(admin, "hide")
    assert panel(admin.get("/accounts/").text) == ""
    home = admin.get("/").text
    assert panel(home) == ""
    assert "1 of 5 done" in home
    press(admin, "show", on_page=False)
    assert "Tour, 2 of 5" in panel(admin.get("/accounts/").text)


def test_whoever_signs_in_anew_goes_on_where_they_were(
    admin: Client, acme: Account, demo: None, alice: User, signed_in: SignedIn
) -> None:
    press(admin, "start", on_page=False)
    press(admin, "skip")
    other = signed_in(alice)
    assert "Tour, 2 of 5" in panel(other.get("/").text)
    # Put aside there, it is put aside here.
    press(other, "hide")
    assert panel(admin.get("/accounts/").text) == ""
    assert panel(admin.get("/accounts/").text) == ""


def test_everybody_has_their_own(
    admin: Client, acme: Account, connection: Connection, demo: None, oscar: User, signed_in: SignedIn
) -> None:
    org.link(connection, org.account("Other"), "0015800000000002AAA")
    press(admin, "start", on_page=False)
    operator = signed_in(oscar)
    assert panel(operator.get("/").text) == ""
    press(operator, "start", on_page=False)
    assert "Other" in panel(operator.get("/").text)
    assert "Acme" in panel(admin.get("/").text)


def test_a_viewer_sees_none_and_does_nothing(acme: Account, demo: None, vera: User, signed_in: SignedIn) -> None:
    browser = signed_in(vera)
    assert "Start the tour" not in browser.get("/").text
    assert browser.post("/tour/", {"do": "start"}).status_code == 403
    assert browser.get("/tour/", headers=HTMX).status_code == 403
    assert not Tour.objects.exists()


def test_somebody_who_may_no_longer_sees_it_no_longer(
    acme: Account, demo: None, oscar: User, signed_in: SignedIn
) -> None:
    browser = signed_in(oscar)
    press(browser, "start", on_page=False)
    User.objects.filter(pk=oscar.pk).update(role="viewer")
    assert panel(browser.get("/").text) == ""


def test_only_administrators_switch_writing_on(
    admin: Client, acme: Account, connection: Connection, demo: None, oscar: User, signed_in: SignedIn
) -> None:
    org.link(connection, org.account("Other"), "0015800000000002AAA")
    operator = signed_in(oscar)
    press(operator, "start", on_page=False)
    said = press(operator, "skip")
    assert "Only an administrator" in said
    assert "Switch it on" not in said
    assert operator.post("/tour/", {"do": "allow"}, headers=HTMX).status_code == 403
    assert not SettingsChange.objects.exists()
    press(admin, "start", on_page=False)
    press(admin, "skip")
    assert "Edit City" in press(admin, "allow")
    assert SettingsChange.objects.get().user == User.objects.get(email="alice@example.com")
    assert "Edit City" in panel(operator.get("/").text), "it goes on by itself"


def test_what_is_in_the_way_of_switching_on_is_said(
    admin: Client, acme: Account, connection: Connection, demo: None
) -> None:
    setting = ObjectSetting.objects.get(connection=connection, sobject="Account")
    setting.mappings.filter(sf_field="BillingCity").update(sf_field="ShippingCity")
    press(admin, "start", on_page=False)
    press(admin, "skip")
    said = press(admin, "allow")
    assert "Nothing was switched on" in said
    assert "city" in said
    assert not SettingsChange.objects.exists()


def test_to_the_end_and_once_more(admin: Client, acme: Account, connection: Connection, demo: None) -> None:
    org.link(connection, org.account("Other"), "0015800000000002AAA")
    press(admin, "start", on_page=False)
    arrived(acme, connection)
    poll(admin)
    press(admin, "next")
    for _ in range(3):
        press(admin, "skip")
    said = press(admin, "skip")
    assert "That was the tour" in said
    assert said.count("skipped") == 4
    assert "go on being written" not in said
    press(admin, "hide")
    home = admin.get("/").text
    assert "1 of 5 done" in home
    assert "Go on with the tour" not in home
    press(admin, "start", on_page=False)
    assert "Other" in panel(admin.get("/accounts/").text)


def test_data_with_markup_stays_text(admin: Client, acme: Account, connection: Connection, demo: None) -> None:
    Account.objects.update(name=org.HOSTILE["markup"])
    press(admin, "start", on_page=False)
    run = org.run(connection)
    assert run.cause is not None
    org.change(acme, "city", org.HOSTILE["attribute"], org.HOSTILE["markup"], cause=run.cause)
    for said in (panel(admin.get("/accounts/").text), admin.get("/tour/", headers=HTMX).text):
        assert "&lt;script&gt;" in said
        assert "<script" not in said


def test_without_a_panel_there_is_a_page_to_go_to(admin: Client, acme: Account, demo: None) -> None:
    assert admin.get("/tour/").headers["Location"] == "/"
    for what in ("hide", "show", "next", "skip", "allow", "nonsense"):
        press(admin, what, on_page=False)
    assert not Tour.objects.exists()


def test_the_issue_of_the_fourth_step_is_told_in_salesforces_words(
    admin: Client, acme: Account, connection: Connection, demo: None
) -> None:
    press(admin, "start", on_page=False)
    for _ in range(3):
        press(admin, "skip")
    assert str(VALIDATION_RULE["errorMessage"]) in press(admin, "allow")
    run = org.run(connection)
    Write.objects.create(
        run=run, connection=connection, sobject="Account", local_id=acme.pk, sf_id="0015800000000001AAA",
        operation="update", sent={"NumberOfEmployees": 12_000}, state="refused", message="No <b>way</b>",
        code="FIELD_CUSTOM_VALIDATION_EXCEPTION",
    )  # fmt: skip
    connection.issues.create(
        sobject="Account", local_id=acme.pk, code="FIELD_CUSTOM_VALIDATION_EXCEPTION", message="No <b>way</b>"
    )
    said = panel(admin.get("/accounts/").text)
    assert "No &lt;b&gt;way&lt;/b&gt;" in said
    assert f"/settings/integrations/salesforce/{connection.pk}/issues/" in said


def test_it_is_beside_every_page(admin: Client, demo: None) -> None:
    """Also beside those that show something of another kind."""
    world = addresses.make_world()
    Connection.objects.update(login_url=EMULATOR)
    ObjectSetting.objects.filter(sobject="Account").update(cursor=timezone.now())
    press(admin, "start", on_page=False)
    for name in ("account-overview", "run", "issues", "object-settings", "users", "profile", "audit"):
        assert panel(admin.get(world.address(name)).text), name
