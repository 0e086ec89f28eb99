"""The script in a real browser: what it tells of static pages and of a single-page app."""

from __future__ import annotations

import re

import pytest
from tests.tracking.browser.conftest import Visit, Website

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_pages_are_told_with_their_title_referrer_campaign_and_one_visitor(visit: Visit, website: Website) -> None:
    page = visit.open(f"{website.url}/?utm_source=news&utm_campaign=may")
    page.click("#next")
    first, second = website.wait_for("page", 2)
    assert (first["title"], first["path"], first["utm"]) == ("Home", "/", {"source": "news", "campaign": "may"})
    assert (second["title"], second["path"]) == ("Prices", "/prices")
    assert second["referrer"].startswith(f"{website.url}/")
    assert first["visitor"] == second["visitor"]
    (cookie,) = visit.context.cookies()
    assert (cookie["name"], cookie["value"]) == ("_abmatic", first["visitor"])
    assert 394 < (cookie["expires"] - page.evaluate("Date.now() / 1000")) / 86400 <= 395


def test_the_token_of_a_link_is_out_of_sight_once_it_is_told(visit: Visit, website: Website) -> None:
    token = f"17.20000.{'aB3-_' * 8}xyz"
    page = visit.open(f"{website.url}/app?a=1&ab={token}&b=2%20c#part")
    page.evaluate("history.replaceState({kept: 1}, '')")
    website.wait_for("page")
    page.wait_for_function("() => !location.search.includes('ab=')")
    assert page.url == f"{website.url}/app?a=1&b=2%20c#part"
    assert page.evaluate("history.state") == {"kept": 1}
    # It is no other page by that, and other values of that name are somebody else's.
    page.evaluate("location.hash = 'other'")
    page.evaluate("history.pushState({}, '', '/app/a?ab=test')")
    website.wait_for("page", 2)
    visit.leave()
    website.wait_for("leave", 2)
    assert [each["path"] for each in website.events("page")] == ["/app", "/app/a"]
    assert website.events("leave")[-1]["url"].endswith("/app/a")


def test_a_cookie_is_not_prolonged_by_later_visits(visit: Visit, website: Website) -> None:
    visit.open(f"{website.url}/")
    website.wait_for("page")
    (before,) = visit.context.cookies()
    visit.open(f"{website.url}/prices")
    website.wait_for("page", 2)
    assert visit.context.cookies() == [before]


def test_leaving_tells_how_long_the_page_was_visible_and_how_far_it_was_read(visit: Visit, website: Website) -> None:
    visit.page.clock.install()
    page = visit.open(f"{website.url}/")

    def become(state: str) -> None:
        page.evaluate(
            "state => { Object.defineProperty(document, 'visibilityState', {value: state, configurable: true});"
            " document.dispatchEvent(new Event('visibilitychange')); }",
            state,
        )

    page.clock.run_for(7_000)
    become("hidden")
    page.clock.run_for(50_000)
    become("visible")
    page.locator("#end").scroll_into_view_if_needed()
    page.wait_for_function("() => window.scrollY > 1000")
    page.clock.run_for(3_000)
    visit.leave()
    first, second = website.wait_for("leave", 2)
    assert first["properties"]["seconds"] == pytest.approx(7, abs=0.9)
    assert second["properties"]["seconds"] == pytest.approx(3, abs=0.9)
    assert second["properties"]["depth"] == 100
    assert [each["properties"]["depth"] for each in website.wait_for("scroll", 4)] == [25, 50, 75, 100]
    view = str(website.events("page")[0]["id"])
    assert {each["properties"]["page"] for each in website.events() if each["kind"] != "page"} == {view}


def test_links_to_other_hosts_and_to_files_are_told_and_others_not(visit: Visit, website: Website) -> None:
    page = visit.open(f"{website.url}/")
    page.click("#pdf")
    page.click("#quiet")
    page.click("#out")
    download, outbound = website.wait_for("click", 2)
    assert (download["properties"]["type"], download["properties"]["text"]) == ("download", "Brochure")
    assert download["properties"]["href"] == f"{website.url}/brochure.pdf"
    assert outbound["properties"]["type"] == "outbound"
    assert len(website.events("click")) == 2


def test_a_form_tells_what_may_be_told_and_no_secret(visit: Visit, website: Website) -> None:
    page = visit.open(f"{website.url}/form")
    with page.expect_request(
        lambda request: "/collect/" in request.url and "contact" in (request.post_data or "")
    ) as told:
        page.click("#send")
    sent = told.value.post_data or ""
    for secret in ("hunter2", "s3cret", "4111", "A ADLER", "43", "DE"):
        assert f'"{secret}' not in sent, "it left the page"
    (form,) = website.wait_for("form")
    assert form["properties"]["form"] == "contact"
    assert form["properties"]["fields"] == {
        "first_name": "Ann", "last_name": "Adler", "email": "ann@acme.com", "company": "Acme",
    }  # fmt: skip
    assert form["properties"]["email"] == "ann@acme.com"


def test_a_single_page_app_is_followed_from_page_to_page(visit: Visit, website: Website) -> None:
    page = visit.open(f"{website.url}/app")
    website.wait_for("page")
    page.click("#a")
    website.wait_for("page", 2)
    page.click("#tidy")
    page.click("#b")
    website.wait_for("page", 3)
    page.go_back()
    found = website.wait_for("page", 4)
    assert [each["path"] for each in found] == ["/app", "/app/a", "/app/b", "/app/a"]
    assert [each["title"] for each in found[:3]] == ["App", "A", "B"]
    assert found[1]["referrer"] == f"{website.url}/app"
    assert len(website.events("leave")) == 3


def test_the_pages_own_code_can_say_who_it_is_and_what_happened(visit: Visit, website: Website) -> None:
    # Left for the script before it has loaded.
    visit.page.add_init_script("window.abmatic = [['track', 'early', {seats: 3}]]")
    page = visit.open(f"{website.url}/")
    page.evaluate("abmatic.identify({email: 'ann@acme.com', plan: 'pro', deep: {a: 1}})")
    page.evaluate("abmatic.push(['track', 'late'])")
    early, late = website.wait_for("track", 2)
    assert (early["properties"]["name"], early["properties"]["values"]) == ("early", {"seats": 3})
    assert late["properties"]["name"] == "late"
    (who,) = website.wait_for("identify")
    assert who["properties"] == {"email": "ann@acme.com", "plan": "pro", "page": who["properties"]["page"]}


def test_a_mistake_in_a_call_is_a_warning_and_breaks_nothing(visit: Visit, website: Website) -> None:
    warnings: list[str] = []
    visit.page.on("console", lambda message: warnings.append(message.text))
    page = visit.open(f"{website.url}/")
    page.evaluate("abmatic.identify({}); abmatic.track(); abmatic.consent('perhaps'); abmatic.push(['nothing'])")
    page.click("#next")
    website.wait_for("page", 2)
    assert len([text for text in warnings if text.startswith("abmatic: ")]) == 4


def test_ids_are_uuids_of_version_7_in_the_order_of_time(visit: Visit, website: Website) -> None:
    page = visit.open(f"{website.url}/")
    page.evaluate("for (let number = 0; number < 5; number++) abmatic.track('n' + number)")
    found = website.wait_for("track", 5)
    assert [each["properties"]["name"] for each in found] == [f"n{number}" for number in range(5)]
    assert all(re.match(r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab]", str(each["id"])) for each in found)
