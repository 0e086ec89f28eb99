"""Personalised pages in a real browser: what is painted, what is never changed, and what is told of it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.personalisation.browser.conftest import Guest, Website, says
from tests.personalisation.worlds import HEADLINE

from abmatic.personalisation import previewing
from abmatic.personalisation.models import Assignment, Variant

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NEW = HEADLINE["value"]


def test_the_original_is_never_painted_where_the_answer_is_fast(guest: Guest, website: Website) -> None:
    made = website.shows(HEADLINE)
    guest.open(f"{website.url}/")
    says(guest.page, "h1", NEW)
    assert guest.painted() == [NEW]
    # Also the second time, with the files in the browser's cache.
    guest.open(f"{website.url}/")
    says(guest.page, "h1", NEW)
    assert guest.painted() == [NEW]
    guest.leave()
    assert website.told("impression", 2) == [(made.pk, made.variants.get().pk)] * 2


def test_after_the_limit_the_original_is_shown_and_stays(guest: Guest, website: Website) -> None:
    website.shows(HEADLINE)
    website.waits(300)
    guest.slow_down(1.2)
    guest.open(f"{website.url}/")
    guest.page.wait_for_timeout(2_000)
    assert guest.painted() == ["Original"]
    # 300 ms from when the script ran, and what this machine needs to load it and to paint.
    begun = guest.page.evaluate(
        "() => performance.getEntriesByType('resource').filter(each => each.name.endsWith('.js'))[0].responseEnd"
    )
    assert guest.first_painted_after() - begun < 300 + 250
    guest.leave()
    website.wait_for("leave")
    assert website.events("impression") == []


def test_without_an_answer_the_original_is_shown(guest: Guest, website: Website) -> None:
    website.shows(HEADLINE)
    guest.context.route("**/decide", lambda route: route.abort())
    guest.open(f"{website.url}/")
    assert guest.painted() == ["Original"]
    guest.context.unroute("**/decide")
    guest.context.route("**/personalise-*.js", lambda route: route.abort())
    guest.open(f"{website.url}/")
    assert guest.painted() == ["Original"]


def test_nothing_more_is_loaded_where_nothing_is_personalised(guest: Guest, website: Website) -> None:
    website.shows(HEADLINE, pages=["/other"])
    website.shows(HEADLINE, is_on=False)
    guest.open(f"{website.url}/")
    assert guest.painted() == ["Original"]
    guest.leave()
    assert not [url for url in guest.sent if "personalise-" in url]
    assert not guest.asked


def test_all_kinds_of_changes(guest: Guest, website: Website) -> None:
    website.shows(
        {"kind": "text", "selector": ".intro", "value": "5 < 6 <b>no html</b>"},
        {"kind": "link", "selector": "#go", "value": "/new"},
        {"kind": "image", "selector": "#pic", "value": "/new.png"},
        {"kind": "attribute", "selector": "#pic", "attribute": "alt", "value": "New"},
        {"kind": "attribute", "selector": "#q", "attribute": "placeholder", "value": "Search"},
        {"kind": "banner", "value": "Hello & welcome", "link": "/prices", "position": "top"},
    )
    page = guest.open(f"{website.url}/")
    page.wait_for_selector("aside")
    assert page.text_content(".intro") == "5 < 6 <b>no html</b>"
    assert page.get_attribute("#go", "href") == "/new"
    assert page.get_attribute("#pic", "src") == page.get_attribute("#pic", "srcset") == "/new.png"
    assert page.get_attribute("picture source", "srcset") == "/new.png"
    assert (page.get_attribute("#pic", "alt"), page.get_attribute("#q", "placeholder")) == ("New", "Search")
    assert page.evaluate("document.body.firstElementChild.tagName") == "ASIDE"
    assert page.get_attribute("aside a", "href") == "/prices"
    page.click("aside >> role=button[name=Close]")
    page.evaluate("document.body.append(document.createElement('hr'))")
    assert page.query_selector("aside") is None


# What the server refuses; stored behind its back, so that only the script stands against it.
UNSAFE = [
    {"kind": "text", "selector": "#code", "value": "window.ran = 1"},
    {"kind": "text", "selector": "#sheet", "value": "p { color: red }"},
    {"kind": "text", "selector": "h1", "value": "{{constructor.constructor('ran=1')()}}"},
    {"kind": "text", "selector": "body", "value": "gone"},
    {"kind": "link", "selector": "#go", "value": "javascript:window.ran=1"},
    {"kind": "link", "selector": "#go", "value": "java\nscript:window.ran=1"},
    {"kind": "link", "selector": "#frame", "value": "/x"},
    {"kind": "image", "selector": "#frame", "value": "/x"},
    {"kind": "image", "selector": "#code", "value": "/x.js"},
    {"kind": "image", "selector": "#pic", "value": "data:image/svg+xml,<svg/>"},
    {"kind": "attribute", "selector": "#pic", "attribute": "onerror", "value": "window.ran=1"},
    {"kind": "attribute", "selector": "#go", "attribute": "style", "value": "color:red"},
    {"kind": "attribute", "selector": "#frame", "attribute": "srcdoc", "value": "<script>parent.ran=1</script>"},
    {"kind": "html", "selector": "h1", "value": "<img src=x onerror=window.ran=1>"},
    {"kind": "text", "selector": "h1{", "value": "x"},
    *({"kind": "link", "selector": f"#{name}", "value": "/evil"} for name in ("driven", "remote", "folds")),
    {"kind": "link", "selector": "#go", "value": "/<img>"},
    {"kind": "image", "selector": "#pic", "value": '/"x'},
    {"kind": "attribute", "selector": "#pic", "attribute": "alt", "value": "<img src=x onerror=window.ran=1>"},
    {"kind": "attribute", "selector": "#typed[value^=s]", "attribute": "title", "value": "evil"},
    {"kind": "attribute", "selector": "body:has(#typed) h1", "attribute": "title", "value": "evil"},
]  # fmt: skip


def test_what_is_unsafe_is_refused_by_the_script_too(guest: Guest, website: Website) -> None:
    made = website.shows(HEADLINE | {"selector": ".intro"})
    variant = made.variants.get().pk

    def evil(route: Any) -> None:
        answer = {"id": made.pk, "variant": variant, "changes": [*UNSAFE, HEADLINE | {"selector": ".intro"}]}
        headers = {"Access-Control-Allow-Origin": website.url}
        route.fulfill(json={"experiences": [answer]}, headers=headers)

    guest.context.route("**/decide", evil)
    page = guest.open(f"{website.url}/")
    says(page, ".intro", NEW)
    html = page.inner_html("body")
    for each in (
        "<h1>Original</h1>",
        'href="/old"',
        'src="/old.png"',
        "window.ran = 0",
        "p { color: black }",
        'src="about:blank"',
    ):
        assert each in html
    assert "onerror" not in html
    assert "evil" not in html
    assert 'alt="Old"' in html
    assert page.evaluate("window.ran") == 0


@pytest.mark.parametrize("why", ["consent asked", "consent denied", "gpc", "dnt"])
def test_without_consent_nothing_is_asked(guest: Guest, website: Website, why: str) -> None:
    website.shows(HEADLINE)
    if why == "consent asked":
        website.set(consent="asked")
    elif why == "consent denied":
        guest.context.add_init_script(
            "if (location.protocol === 'http:') localStorage.setItem('_abmatic_consent', 'denied')"
        )
    else:
        name = {"gpc": "globalPrivacyControl", "dnt": "doNotTrack"}[why]
        value = {"gpc": "true", "dnt": "'1'"}[why]
        guest.context.add_init_script(f"Object.defineProperty(navigator, '{name}', {{value: {value}}})")
    guest.open(f"{website.url}/")
    assert guest.painted() == ["Original"]
    guest.leave()
    assert not guest.collected
    assert not guest.cookies
    assert not Assignment.objects.exists()


def test_once_consent_is_granted_it_is_asked_and_once_it_is_taken_back_the_original_is_there(
    guest: Guest, website: Website
) -> None:
    website.set(consent="asked")
    website.shows(HEADLINE)
    page = guest.open(f"{website.url}/")
    page.evaluate("abmatic.consent('granted')")
    says(page, "h1", NEW)
    page.evaluate("abmatic.consent('denied')")
    says(page, "h1", "Original")
    assert len(guest.asked) == 1


def test_the_control_group_sees_the_page_as_it_is_and_is_counted(guest: Guest, website: Website) -> None:
    made = website.shows(HEADLINE)
    Variant.objects.update(weight=0)
    page = guest.open(f"{website.url}/")
    before = page.content()
    assert guest.painted() == ["Original"]
    assert page.content() == before
    page.click("h1")
    guest.leave()
    assert website.told("impression") == website.told("personalised_click") == [(made.pk, 0)]


def test_clicks_on_what_is_personalised_are_told(guest: Guest, website: Website) -> None:
    made = website.shows({"kind": "link", "selector": "#go", "value": "/other"}, HEADLINE)
    page = guest.open(f"{website.url}/")
    says(page, "h1", NEW)
    page.click(".intro")
    page.click("#go")
    page.wait_for_url("**/other")
    guest.leave()
    assert website.told("personalised_click") == [(made.pk, made.variants.get().pk)]


def test_an_app_is_followed_without_flicker_and_what_it_paints_anew_is_changed_anew(
    guest: Guest, website: Website
) -> None:
    made = website.shows(HEADLINE, pages=["/app/prices"])
    page = guest.open(f"{website.url}/app")
    assert not guest.asked
    page.click("#prices")
    says(page, "h1", NEW)
    page.click("#again")
    assert page.text_content("h1") == NEW
    page.click("#home")
    page.click("#prices")
    assert page.text_content("h1") == NEW
    page.go_back()
    page.wait_for_selector("h2")
    assert guest.painted() == [NEW]
    assert len(guest.asked) == 1
    guest.leave()
    assert website.told("impression", 2) == [(made.pk, made.variants.get().pk)] * 2


def test_what_stays_on_the_next_page_of_an_app_is_put_back(guest: Guest, website: Website) -> None:
    website.shows(
        {"kind": "text", "selector": "#again", "value": "Changed"},
        {"kind": "banner", "value": "New"},
        pages=["/app/prices"],
    )
    page = guest.open(f"{website.url}/app/prices")
    says(page, "#again", "Changed")
    page.wait_for_selector("aside")
    page.click("#home")
    says(page, "#again", "Again")
    assert page.query_selector("aside") is None


def test_a_preview_shows_a_variant_that_is_off_and_nobody_is_counted(guest: Guest, website: Website) -> None:
    made = website.shows(HEADLINE, is_on=False, known="known")
    made.site.refresh_from_db()
    page = guest.open(previewing.link_of(made, made.variants.get()))
    says(page, "h1", NEW)
    page.click("h1")
    guest.leave()
    assert [set(each) for each in guest.asked] == [{"to", "preview"}]
    assert len(guest.bodies) == 1
    assert not guest.cookies
    assert not Assignment.objects.exists()


@pytest.mark.parametrize("why", ["gpc", "consent asked"])
def test_a_preview_asks_nothing_of_browsers_that_want_to_be_left_alone(
    guest: Guest, website: Website, why: str
) -> None:
    made = website.shows(HEADLINE, is_on=False)
    made.site.refresh_from_db()
    if why == "gpc":
        guest.context.add_init_script("Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})")
    else:
        website.set(consent="asked")
    said: list[str] = []
    guest.context.on("console", lambda message: said.append(message.text) if "abmatic" in message.text else None)
    page = guest.open(previewing.link_of(made, made.variants.get()))
    assert guest.painted() == ["Original"]
    assert said == ["abmatic: no preview without consent, or with Global Privacy Control or Do Not Track"]
    assert not guest.bodies
    if why == "consent asked":
        page.evaluate("abmatic.consent('granted')")
        says(page, "h1", NEW)
        assert [set(each) for each in guest.asked] == [{"to", "preview"}]


def test_a_preview_that_is_over_says_so_to_whoever_looks(guest: Guest, website: Website) -> None:
    website.shows(HEADLINE, is_on=False)
    with guest.context.expect_console_message(lambda message: "shows nothing (any more)" in message.text):
        guest.open(f"{website.url}/?abmatic_preview=x")
    assert guest.painted() == ["Original"]


def test_a_policy_for_styles_and_scripts_forbids_nothing_of_it(
    guest: Guest, website: Website, live_server: Any
) -> None:
    website.policy = (
        f"default-src 'none'; script-src {live_server.url} 'unsafe-inline'; connect-src {live_server.url}; "
        "style-src 'self'"
    )
    website.shows(HEADLINE, {"kind": "banner", "value": "New"})
    page = guest.open(f"{website.url}/")
    page.wait_for_selector("aside")
    assert guest.painted() == [NEW]
    assert page.evaluate("getComputedStyle(document.querySelector('aside')).display") == "flex"
