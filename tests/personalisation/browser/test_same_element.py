"""Changes of the same element, and the page's own code that changes it too: one holds, and the original comes back."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page
from tests.personalisation.browser.conftest import Guest, Website, says
from tests.personalisation.worlds import HEADLINE

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NEW = HEADLINE["value"]
# How often an element's text is set, from the start.
COUNT = """
new MutationObserver(all => all.forEach(one => {
  if (one.target.parentNode?.id === "again") window.sets_ = (window.sets_ || 0) + 1;
})).observe(document, { subtree: true, characterData: true });
"""


def again(value: str, selector: str = "#again") -> dict[str, str]:
    """A change of a button that stays on all pages of the app."""
    return {"kind": "text", "selector": selector, "value": value}


def sets(page: Page) -> int:
    return int(page.evaluate("window.sets_"))


def test_of_two_experiences_the_older_holds_and_only_that_is_counted(guest: Guest, website: Website) -> None:
    older = website.shows(again("Older"), pages=["/app/prices"])
    website.shows(again("Newer", "nav button:last-child"), pages=["/app/prices"])
    guest.page.add_init_script(COUNT)
    page = guest.open(f"{website.url}/app/prices")
    says(page, "#again", "Older")
    page.click("#again")
    assert page.text_content("#again") == "Older"
    assert sets(page) == 1
    page.click("#home")
    says(page, "#again", "Again")
    guest.leave()
    website.wait_for("leave")
    assert website.told("impression") == website.told("personalised_click") == [(older.pk, older.variants.get().pk)]


def test_of_two_changes_of_a_variant_the_first_holds(guest: Guest, website: Website) -> None:
    website.shows(again("First"), again("Second", "nav button:last-child"), pages=["/app/prices"])
    guest.page.add_init_script(COUNT)
    page = guest.open(f"{website.url}/app/prices")
    says(page, "#again", "First")
    page.click("#again")
    assert page.text_content("#again") == "First"
    assert sets(page) == 1
    page.click("#home")
    says(page, "#again", "Again")


def test_an_element_goes_from_one_to_the_other_and_back_to_what_it_was(guest: Guest, website: Website) -> None:
    website.shows(again("Prices"), pages=["/app/prices"])
    website.shows(again("Everywhere"), pages=["/app*"])
    page = guest.open(f"{website.url}/app")
    says(page, "#again", "Everywhere")
    page.click("#prices")
    says(page, "#again", "Prices")
    page.click("#home")
    says(page, "#again", "Everywhere")
    page.click("#prices")
    says(page, "#again", "Prices")
    page.evaluate("abmatic.consent('denied')")
    assert page.text_content("#again") == "Again"


def test_where_nothing_was_changed_nothing_is_counted(guest: Guest, website: Website) -> None:
    absent = {"name": "A", "changes": [HEADLINE | {"selector": ".absent"}]}
    website.shows(variants=[absent, {"name": "B", "changes": [HEADLINE], "weight": 0}])
    other = website.shows(again("Search", ".intro"))
    page = guest.open(f"{website.url}/")
    says(page, ".intro", "Search")
    page.click("h1")
    page.click(".intro")
    guest.leave()
    website.wait_for("leave")
    assert website.told("impression") == website.told("personalised_click") == [(other.pk, other.variants.get().pk)]


def test_attributes_that_the_page_sets_anew_are_changed_anew(guest: Guest, website: Website) -> None:
    website.shows(
        {"kind": "link", "selector": "#go", "value": "/new"},
        {"kind": "image", "selector": "#pic", "value": "/new.png"},
        {"kind": "attribute", "selector": "#q", "attribute": "placeholder", "value": "Search"},
        {"kind": "attribute", "selector": "#q", "attribute": "title", "value": "Search here"},
        HEADLINE,
        {"kind": "text", "selector": ".intro.open", "value": "Opened"},
    )
    page = guest.open(f"{website.url}/")
    says(page, "h1", NEW)
    page.evaluate(
        """() => {
          go.href = "/again";
          pic.src = "/again.png";
          pic.srcset = "/again2.png 2x";
          q.placeholder = "Again";
          q.removeAttribute("title");
          document.querySelector(".intro").classList.add("open");
        }"""
    )
    assert page.get_attribute("#go", "href") == "/new"
    assert page.get_attribute("#pic", "src") == page.get_attribute("#pic", "srcset") == "/new.png"
    assert page.get_attribute("#q", "placeholder") == "Search"
    assert page.get_attribute("#q", "title") == "Search here"
    assert page.text_content(".intro") == "Opened"


def test_with_a_page_that_insists_nobody_quarrels_for_ever(guest: Guest, website: Website) -> None:
    website.shows({"kind": "attribute", "selector": "#q", "attribute": "placeholder", "value": "Search"})
    page = guest.open(f"{website.url}/")
    page.wait_for_selector("#q[placeholder=Search]")
    page.evaluate(
        """() => {
          window.times_ = 0;
          const insist = () => { if (q.placeholder !== "Mine") { q.placeholder = "Mine"; times_++; } };
          new MutationObserver(insist).observe(q, { attributes: true });
          insist();
        }"""
    )
    assert page.get_attribute("#q", "placeholder") == "Mine"
    assert 10 < page.evaluate("window.times_") < 30
