"""Records that are meant to hurt: no page runs what they hold, and none is wider than its window.

Every text that comes from Salesforce, from a file or from a person holds markup and a word of 4,000 characters, some of
it from right to left and in emoji; each page is then looked at on a desk and on a telephone.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.db import models
from playwright.sync_api import Page
from tests.web import addresses, org
from tests.web.browser.conftest import Tab

from abmatic.audiences.models import Account, Collection, Contact, Opportunity, Owner, SavedView
from abmatic.campaigns.models import Campaign, CampaignMember
from abmatic.changes.models import Cause, Change
from abmatic.identity.models import ApiKey, AuditEntry, Notice, User
from abmatic.sync.models import Connection, FieldMapping, Finding, Issue, Run

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ATTACK = (
    """<script>alert(1)</script><img src=x onerror=alert(1) class=injected>" autofocus onfocus="alert(1)" x='{{7*7}}"""
)
TEXTS = {
    "markup and a long word": ATTACK + "شركة‮ المثال 🚀👩‍👩‍👧 " + "W" * 4000,
}
# Those that show such words.
PAGES = [
    "home", "accounts", "account-collections", "account-collection", "account-overview", "account-contacts",
    "account-opportunities", "account-timeline", "account-sync", "contacts", "contact-overview", "contact-campaigns",
    "opportunities", "opportunity-overview", "campaigns", "campaign-overview", "campaign-members", "search", "run",
    "findings", "integrations", "connection", "connected", "disable", "activity", "account-field-history",
    "object-settings", "issues", "users", "audit", "notifications", "push",
]  # fmt: skip
WIDTHS = {"desk": 1280, "telephone": 390}
# What each kind of row says in words of somebody else's, and how many characters of them fit in.
WORDS: dict[type[models.Model], tuple[int, list[str]]] = {
    Account: (9_999, ["name", "website", "industry", "country", "city"]),
    Contact: (9_999, ["work_email", "first_name", "last_name", "job_title", "phone", "company"]),
    Opportunity: (9_999, ["name", "stage"]),
    Campaign: (9_999, ["name", "type", "status"]),
    CampaignMember: (9_999, ["status"]),
    Owner: (9_999, ["name", "email"]),
    Cause: (9_999, ["note"]),
    Connection: (9_999, ["org_name", "edition", "username", "user_name"]),
    Run: (9_999, ["outcome", "error_message", "error_remedy"]),
    Finding: (9_999, ["field", "value"]),
    Issue: (9_999, ["message"]),
    FieldMapping: (9_999, ["broken"]),
    Notice: (9_999, ["title", "text"]),
    Collection: (120, ["name"]),
    SavedView: (80, ["name"]),
    ApiKey: (80, ["name"]),
    User: (150, ["name"]),
}


@pytest.fixture(params=TEXTS.values(), ids=TEXTS.keys())
def text(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def hurt(world: addresses.World, text: str) -> None:
    """Puts the text wherever somebody else's words are."""
    connection = world.connection
    owner = Owner.objects.create(name="Rep")
    Account.objects.update(owner=owner, custom={text[:300]: text})
    org.running(connection, "Contact")
    failed = org.run(connection, "Lead", state="failed", error_code="X", direction="both")
    org.found(failed, "conflict", 2)
    for code in ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "SOMETHING_NEW"):
        Issue.objects.create(
            connection=connection, sobject="Account", local_id=world.account, code=code, run=failed, is_open=True,
            fields=["Industry"], field=code,
        )  # fmt: skip
    for record, pk, field in (
        ("account", world.account, "name"),
        ("contact", world.contact, "last_name"),
        ("campaign", world.campaign, "name"),
        ("opportunity", world.opportunity, "name"),
    ):
        cause = Cause.objects.create(kind=Cause.Kind.API)
        Change.objects.create(record=record, record_id=pk, field=field, before=text, after=text[::-1], cause=cause)
    AuditEntry.objects.create(about="user", act="invited", by=text, subject=text, differences=[])
    Notice.objects.create(kind="connection_lost", key="x", path="/")
    Connection.objects.update(problem="other", problem_detail=text, checks=checks(text))
    for model, (length, fields) in WORDS.items():
        assert model._default_manager.exists(), f"there is no {model.__name__} to hurt"
        for row in model._default_manager.all():
            # Numbered where a name may be there once.
            said = dict.fromkeys(fields, f"{text[: length - 4]}{row.pk % 1000}")
            model._default_manager.filter(pk=row.pk).update(**said)


def checks(text: str) -> list[dict[str, str]]:
    return [{"name": text[:100], "state": state, "detail": text, "remedy": text} for state in ("ok", "failed")]


# The elements that reach beyond the window though what they stand in does not.
WIDEST = """(width) => [...document.querySelectorAll('body *')]
  .filter((one) => one.getBoundingClientRect().right > width + 1 && !one.parentElement.closest('[data-wide]')
                   && !(one.setAttribute('data-wide', '')))
  .map((one) => `${one.tagName}.${one.className}`).slice(0, 3).join(' ')"""


class Watch:
    """Sees to it that no page runs what it shows, and how wide each is."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.faults: list[str] = []
        page.on("dialog", self._dialog)
        page.add_init_script(
            "addEventListener('securitypolicyviolation', (event) => {"
            " window.refused = [...(window.refused || []), `${event.violatedDirective} ${event.blockedURI}`]; });"
        )

    def _dialog(self, dialog: Any) -> None:
        self.faults.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def look(self, name: str) -> None:
        if refused := self.page.evaluate("window.refused || []"):
            self.faults.append(f"{name}: refused by the policy: {refused}")
        if self.page.locator(".injected").count():
            self.faults.append(f"{name}: markup became elements")
        for place, width in WIDTHS.items():
            self.page.set_viewport_size({"width": width, "height": 900})
            wide = self.page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                self.faults.append(f"{name}: {wide} px wide on a {place}: {self.page.evaluate(WIDEST, width)}")


def test_the_watch_sees_what_it_is_for(admin_tab: Tab) -> None:
    watch = Watch(admin_tab.page)
    page = admin_tab.open("/")
    page.evaluate(
        "document.querySelector('main').insertAdjacentHTML('beforeend', '<p class=injected><nobr>' + 'W'.repeat(999))"
    )
    watch.look("Home")
    page.evaluate("alert('hello')")
    assert [fault.split(":")[0] for fault in watch.faults] == ["Home", "Home", "Home", "a dialog"]


def test_pages_show_whatever_records_hold(admin_tab: Tab, text: str) -> None:
    world = addresses.make_world()
    hurt(world, text)
    watch = Watch(admin_tab.page)
    pages = {name: world.address(name) for name in PAGES}
    for name, address in pages.items():
        admin_tab.open(address)
        watch.look(name)
    assert watch.faults == []
