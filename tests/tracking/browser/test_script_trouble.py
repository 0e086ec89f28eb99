"""The script where it may not, or can't: consent, privacy signals, no collector, no network, a page from the cache."""

from __future__ import annotations

from typing import Any

import pytest
from tests.tracking.browser.conftest import Visit, Website

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

GPC = "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true})"
DNT = "Object.defineProperty(Navigator.prototype, 'doNotTrack', {get: () => '1'})"


def do_everything(visit: Visit, website: Website) -> None:
    """What would be told, time for it to be told, and leaving."""
    visit.page.clock.install()
    page = visit.open(f"{website.url}/form")
    page.evaluate("abmatic.identify('ann@acme.com'); abmatic.track('x')")
    page.evaluate("window.scrollTo(0, 1000)")
    page.click("#send")
    page.wait_for_function("() => window.abmatic && window.abmatic.loaded && location.pathname === '/thanks'")
    page.clock.run_for(120_000)
    visit.leave()


@pytest.mark.parametrize(
    ("signal", "values"),
    [
        (GPC, {}),
        (GPC, {"honours_gpc_cookieless": False}),
        (GPC, {"mode": "cookieless"}),
        (DNT, {}),
    ],
)
def test_nothing_is_sent_or_stored_for_who_asks_not_to_be_tracked(
    visit: Visit, website: Website, signal: str, values: dict[str, Any]
) -> None:
    website.set(**values)
    visit.page.add_init_script(signal)
    do_everything(visit, website)
    assert (visit.collected, visit.cookies, website.events()) == ([], [], [])


def test_do_not_track_is_the_sites_choice(visit: Visit, website: Website) -> None:
    website.set(honours_dnt=False)
    visit.page.add_init_script(DNT)
    visit.open(f"{website.url}/")
    assert website.wait_for("page")


def test_denied_nothing_leaves_the_page_and_the_cookie_goes(visit: Visit, website: Website) -> None:
    page = visit.open(f"{website.url}/")
    website.wait_for("page")
    assert visit.cookies == ["_abmatic"]
    page.evaluate("abmatic.track('waits'); abmatic.consent('denied')")
    before = len(visit.collected)
    assert visit.cookies == []
    do_everything(visit, website)
    assert len(visit.collected) == before
    assert visit.cookies == []
    assert website.events("track") == [], "what waited is thrown away"


def test_where_consent_is_asked_nothing_happens_before_it_is_granted(visit: Visit, website: Website) -> None:
    website.set(consent="asked")
    do_everything(visit, website)
    assert (visit.collected, visit.cookies, website.events()) == ([], [], [])


def test_granted_consent_is_remembered_for_the_next_page(visit: Visit, website: Website) -> None:
    website.set(consent="asked")
    page = visit.open(f"{website.url}/")
    page.evaluate("abmatic.consent('granted')")
    assert [each["path"] for each in website.wait_for("page")] == ["/"]
    page.click("#next")
    assert [each["path"] for each in website.wait_for("page", 2)] == ["/", "/prices"]


def test_without_cookies_nothing_is_stored_and_the_day_has_one_visitor(visit: Visit, website: Website) -> None:
    website.set(mode="cookieless")
    page = visit.open(f"{website.url}/")
    page.click("#next")
    first, second = website.wait_for("page", 2)
    assert first["visitor"] == second["visitor"]
    assert first["visitor"].startswith("d-")
    assert visit.cookies == []
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0


def test_a_blocked_collector_harms_nothing_and_hears_all_once_it_answers(visit: Visit, website: Website) -> None:
    visit.page.clock.install()
    visit.context.route("**/collect/**", lambda route: route.abort("blockedbyclient"))
    page = visit.open(f"{website.url}/")
    page.evaluate("abmatic.track('kept')")
    with page.expect_event("requestfailed"):
        page.clock.run_for(1_500)
    assert page.inner_text("#hello") == "Hello"
    assert website.events() == []
    visit.context.unroute("**/collect/**")
    page.wait_for_function("() => true")
    page.clock.run_for(5_000)
    assert website.wait_for("page")
    assert website.wait_for("track")


def test_a_collector_that_is_never_reached_is_not_asked_for_ever(visit: Visit, website: Website) -> None:
    visit.page.clock.install()
    visit.context.route("**/collect/**", lambda route: route.abort("blockedbyclient"))
    page = visit.open(f"{website.url}/")
    for _ in range(30):
        page.clock.run_for(61_000)
        page.evaluate("() => new Promise(requestIdleCallback ? done => done() : done => done())")
    assert 3 <= len(visit.collected) <= 10


def test_a_blocked_script_harms_nothing(visit: Visit, website: Website) -> None:
    visit.context.route("**/t/*.js", lambda route: route.abort("blockedbyclient"))
    visit.page.goto(f"{website.url}/")
    assert visit.page.inner_text("#hello") == "Hello"


def test_an_error_of_the_server_is_tried_again_and_a_refusal_is_not(visit: Visit, website: Website) -> None:
    visit.page.clock.install()
    answers = [503, 400]
    visit.context.route(
        "**/collect/**",
        lambda route: route.fulfill(
            status=answers.pop(0) if answers else 204, headers={"Access-Control-Allow-Origin": website.url}
        ),
    )
    page = visit.open(f"{website.url}/")
    with page.expect_response("**/collect/**") as first:
        page.clock.run_for(1_000)
    assert first.value.status == 503
    with page.expect_response("**/collect/**") as second:
        page.clock.run_for(2_000)
        page.wait_for_function("() => true")
        page.clock.run_for(2_000)
    assert second.value.status == 400
    page.clock.run_for(300_000)
    assert len(visit.collected) == 2


def test_what_happens_offline_is_sent_when_the_network_is_back(visit: Visit, website: Website) -> None:
    page = visit.open(f"{website.url}/")
    website.wait_for("page")
    visit.context.set_offline(True)
    page.evaluate("abmatic.track('offline')")
    page.wait_for_event("requestfailed")
    assert website.events("track") == []
    visit.context.set_offline(False)
    (event,) = website.wait_for("track")
    assert event["properties"]["name"] == "offline"


def test_a_page_from_the_back_forward_cache_is_seen_again(visit: Visit, website: Website) -> None:
    page = visit.open(f"{website.url}/")
    website.wait_for("page")
    page.evaluate("window.kept = true; addEventListener('pageshow', e => { window.persisted = e.persisted })")
    page.goto(f"{website.url}/prices")
    website.wait_for("page", 2)
    # Nothing is loaded, so there is no end of it to wait for.
    page.go_back(wait_until="commit")
    page.wait_for_function("() => window.persisted === true && window.kept")
    assert [each["path"] for each in website.wait_for("page", 3)] == ["/", "/prices", "/"]
