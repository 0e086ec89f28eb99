"""Nothing foreign runs in a page, and no page asks for what the policy forbids."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from django.test import Client
from tests.web import addresses

from abmatic.web.templatetags.abmatic import ICONS, icon

pytestmark = pytest.mark.django_db

# Data holds addresses too, so only what makes a browser load something is looked at.
LOADING = {("script", "src"), ("link", "href"), ("img", "src"), ("iframe", "src")}


class Inspector(HTMLParser):
    """Collects what a strict policy forbids."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.is_inline_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "style" or name.startswith("on"):
                self.faults.append(f"<{tag} {name}>")
            if (tag, name) in LOADING and not (value or "").startswith("/static/"):
                self.faults.append(f"<{tag} {name}={value!r}>")
        if tag == "style" or (tag == "script" and "src" not in dict(attrs)):
            self.faults.append(f"inline <{tag}>")


def directives(header: str) -> dict[str, str]:
    return dict(part.strip().split(" ", 1) for part in header.split(";"))


@pytest.mark.parametrize("name", addresses.PAGES)
def test_pages_hold_nothing_the_policy_forbids(name: str, admin: Client) -> None:
    answer = admin.get(addresses.make_world().address(name))
    assert answer.status_code == 200
    inspector = Inspector()
    inspector.feed(answer.text)
    assert inspector.faults == []
    policy = directives(answer.headers["Content-Security-Policy"])
    assert policy["default-src"] == "'self'"
    assert "script-src" not in policy, "scripts fall under default-src"
    assert "style-src" not in policy
    assert policy["object-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"


@pytest.mark.parametrize("address", ["/user/sign-in/", "/nowhere/", "/static/abmatic/app.css", "/health/", "/setup/"])
def test_every_answer_carries_the_policy(client: Client, address: str) -> None:
    assert "default-src 'self'" in client.get(address).headers["Content-Security-Policy"]


def test_only_the_way_to_salesforce_may_leave_the_site(admin: Client) -> None:
    world = addresses.make_world()
    for name in addresses.PAGES:
        targets = directives(admin.get(world.address(name)).headers["Content-Security-Policy"])["form-action"]
        if name in {"authorize", "reconnect"}:
            assert "https://*.salesforce.com" in targets
        else:
            assert targets == "'self'", name


def test_no_value_in_a_page_is_formatted_where_a_program_reads_it(admin: Client) -> None:
    """Thousands separators belong to people: an address or an attribute with 1,234 in it is broken."""
    world = addresses.make_world()
    for name in addresses.PAGES:
        for value in re.findall(r'(?:href|action|hx-get|value|max|id)="([^"]*)"', admin.get(world.address(name)).text):
            assert not re.search(r"\d,\d{3}", value), (name, value)


def test_every_icon_that_templates_draw_was_collected() -> None:
    assert ICONS.exists(), "collect the front end first: cd frontend && npm ci && node collect.mjs"
    templates = (ICONS.parents[2] / "templates").rglob("*.html")
    used = {name for file in templates for name in re.findall(r'{% icon "([a-z0-9-]+)"', file.read_text("utf-8"))}
    assert used
    assert {name for name in used if "<path" not in icon(name)} == set()


def test_no_icon_is_shipped_that_nobody_draws() -> None:
    rooms = ICONS.parents[2]
    drawn = set()
    for file in [*rooms.rglob("*.html"), *rooms.rglob("*.py")]:
        drawn |= set(re.findall(r'"([a-z0-9-]+)"', file.read_text("utf-8")))
    listed = (rooms.parents[2] / "frontend" / "icons.txt").read_text("utf-8").splitlines()
    assert {name for name in listed if not name.startswith("#")} <= drawn
