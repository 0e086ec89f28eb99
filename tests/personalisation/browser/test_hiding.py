"""What is hidden, and for how long: once for each path, and no longer than until the answer to it or the limit."""

from __future__ import annotations

import pytest
from tests.personalisation.browser.conftest import Guest, Website, says
from tests.personalisation.worlds import HEADLINE

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NEW = HEADLINE["value"]
PART = "**/personalise-*.js"
# Milliseconds that no machine needs: only a clock that is put forward gets there.
LONG = 600_000
# All ways to another address, and whether the headline can be seen right after each.
MOVES = """
async () => {
  const seen = [];
  const look = () => seen.push(getComputedStyle(document.querySelector("h1")).opacity);
  const popped = act => new Promise(done => {
    addEventListener("popstate", () => { look(); done(); }, { once: true });
    act();
  });
  history.replaceState({}, "", "/app/prices?sorted=1");
  look();
  history.pushState({}, "", "/app/prices/next");
  look();
  await popped(() => history.back());
  await popped(() => { location.hash = "#end"; });
  return seen;
}
"""


def test_where_the_part_is_missing_nothing_is_hidden_again(guest: Guest, website: Website) -> None:
    website.shows(HEADLINE, pages=["/app*"])
    website.waits(LONG)
    guest.context.route(PART, lambda route: route.abort())
    page = guest.open(f"{website.url}/app/prices")
    page.wait_for_function("getComputedStyle(document.querySelector('h1')).opacity === '1'")
    assert page.evaluate(MOVES) == ["1"] * 4


def test_while_the_part_does_not_come_nothing_is_hidden_after_the_limit_and_once_it_comes_the_next_page_is_personal(
    guest: Guest, website: Website
) -> None:
    website.shows(HEADLINE, pages=["/app*"])
    website.waits(LONG)
    guest.page.clock.install()
    held = guest.hold(PART)
    page = guest.arrive(f"{website.url}/app/prices")
    guest.wait_for(held)
    assert guest.opacity("h1") == "0"
    page.clock.fast_forward(LONG)
    assert page.evaluate(MOVES) == ["1"] * 4
    held[0].continue_()
    page.wait_for_function("() => abmatic.inner.go")
    page.click("#home")
    page.click("#prices")
    says(page, "h1", NEW)


def test_what_a_router_does_to_the_address_does_not_prolong_the_wait(guest: Guest, website: Website) -> None:
    website.shows(HEADLINE, pages=["/app/prices"])
    website.waits(LONG)
    guest.page.clock.install()
    held = guest.hold(PART)
    page = guest.arrive(f"{website.url}/app/prices")
    guest.wait_for(held)
    page.clock.fast_forward(LONG * 2 // 3)
    page.evaluate("history.replaceState({}, '', '/app/prices?page=1')")
    assert guest.opacity("h1") == "0"
    page.clock.fast_forward(LONG // 2)
    assert guest.opacity("h1") == "1"
    # The original has been seen: an answer that comes now changes nothing.
    page.evaluate("abmatic.inner.show = () => { window.isAnswered = true; }")
    with page.expect_response("**/decide") as answer:
        held[0].continue_()
    assert [each["changes"] for each in answer.value.json()["experiences"]] == [[HEADLINE]]
    page.wait_for_function("() => window.isAnswered")
    assert page.text_content("h1") == "Original"


def test_what_was_painted_is_not_hidden_when_the_address_is_tidied(guest: Guest, website: Website) -> None:
    website.set(consent="asked")
    website.shows(HEADLINE, pages=["/app/prices"])
    website.waits(LONG)
    guest.hold(PART)
    page = guest.arrive(f"{website.url}/app/prices")
    page.evaluate("abmatic.consent('granted')")
    assert guest.opacity("h1") == "1"
    page.evaluate("history.replaceState({}, '', '/app/prices?page=1')")
    assert guest.opacity("h1") == "1"


def test_the_limit_of_the_page_before_shows_nothing_of_this_one(guest: Guest, website: Website) -> None:
    website.shows(HEADLINE | {"selector": "h2"}, pages=["/app"])
    website.shows(HEADLINE, pages=["/app/prices"])
    website.waits(LONG)
    guest.page.clock.install()
    held = guest.hold("**/decide")
    page = guest.open(f"{website.url}/app")
    guest.wait_for(held)
    page.clock.fast_forward(LONG * 2 // 3)
    page.click("#prices")
    guest.wait_for(held, 2)
    page.clock.fast_forward(LONG // 2)
    assert guest.opacity("h1") == "0"
    # That of the page before has had its time: nothing waits for it.
    held[1].continue_()
    says(page, "h1", NEW)
    assert guest.opacity("h1") == "1"


def test_an_earlier_answer_does_not_show_what_a_later_one_is_waited_for(guest: Guest, website: Website) -> None:
    website.shows({"kind": "text", "selector": "#again", "value": "Changed"}, pages=["/app*"])
    website.shows(HEADLINE, pages=["/app/prices"])
    website.waits(LONG)
    held = guest.hold("**/decide")
    page = guest.open(f"{website.url}/app")
    guest.wait_for(held)
    page.click("#prices")
    guest.wait_for(held, 2)
    held[0].continue_()
    says(page, "#again", "Changed")
    assert guest.opacity("h1") == "0"
    held[1].continue_()
    says(page, "h1", NEW)
    assert guest.opacity("h1") == "1"
    assert guest.painted() == [NEW]
