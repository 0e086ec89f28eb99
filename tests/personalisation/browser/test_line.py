"""The line that the Installation page gives to copy, in a real page: with it nothing is seen before it is changed."""

from __future__ import annotations

import html
import re

import pytest
from django.test import Client
from tests.personalisation.browser.conftest import Guest, Website, says
from tests.personalisation.worlds import HEADLINE
from tests.web.conftest import SignedIn, signed_in, vera

from abmatic.identity.models import User

__all__ = ["signed_in", "vera"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NEW = HEADLINE["value"]


@pytest.fixture
def reader(signed_in: SignedIn, vera: User) -> Client:
    """Whoever looks the line up."""
    return signed_in(vera)


def copied(reader: Client, website: Website, label: str = "The line to paste") -> str:
    """What its button copies."""
    page = reader.get(f"/settings/tracking/{website.site.pk}/").text
    found = re.search(rf'readonly value="([^"]+)" aria-label="{label}"', page)
    assert found, page
    return html.unescape(found[1])


def test_with_the_copied_line_the_original_is_never_painted_however_late_the_script_is(
    guest: Guest, website: Website, reader: Client
) -> None:
    website.shows(HEADLINE)
    website.line = copied(reader, website)
    held = guest.hold(f"**/t/{website.site.public_id}.js")
    guest.page.goto(f"{website.url}/", wait_until="commit")
    guest.wait_for(held)
    assert guest.page.evaluate("() => document.body === null"), "there is something to paint before the script has run"
    held[0].continue_()
    says(guest.page, "h1", NEW)
    assert guest.painted() == [NEW]


def test_the_line_of_other_pages_makes_none_of_them_wait(guest: Guest, website: Website, reader: Client) -> None:
    website.shows(HEADLINE)
    website.line = copied(reader, website, "The line of other pages")
    held = guest.hold(f"**/t/{website.site.public_id}.js")
    guest.page.goto(f"{website.url}/", wait_until="commit")
    guest.page.wait_for_function("() => window.frames_ && window.frames_.length")
    guest.wait_for(held)
    held[0].continue_()
    says(guest.page, "h1", NEW)
    assert guest.painted() == ["Original", NEW]
