"""Fields that differ from Salesforce, on the record's page: why, and the two ways out of what an undo left."""

from __future__ import annotations

import html
import re

import pytest
from django.test import Client
from tests.sync.live import Live, Orgs
from tests.sync.test_push import account, allow, mode
from tests.sync.test_undo import pushed, undone
from tests.web.conftest import SignedIn
from tests.web.test_pushing import looked_at
from tests.web.test_record_refused import row, text

from abmatic.audiences.models import Account
from abmatic.changes.models import Change
from abmatic.identity.models import User
from abmatic.sync.execute import execute
from abmatic.sync.models import Run, SelectedPush

pytestmark = pytest.mark.django_db(transaction=True)
HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def live(orgs: Orgs) -> Live:
    live = orgs.sample()
    live.sync_well("Account")
    return live


def record() -> Account:
    return Account.objects.get(name="GenePoint")


def shown(browser: Client) -> str:
    return row(browser.get(f"/accounts/{record().pk}/").text, "industry")


def form(of: str, do: str) -> tuple[str, dict[str, str]]:
    """The form of a button: its address, and what it sends."""
    for address, inner in re.findall(r'<form method="post" action="([^"]*)"[^>]*>(.*?)</form>', of, re.DOTALL):
        if f'value="{do}"' in inner:
            sent = re.findall(r'name="(connection|object|saw)" value="([^"]*)"', inner)
            return address, {name: html.unescape(value) for name, value in sent} | {"do": do}
    raise AssertionError(f"no form for {do}")


def test_the_field_says_both_values_and_by_which_undo(live: Live, oscar: User, vera: User, signed_in: SignedIn) -> None:
    run = pushed(live, industry="Banking")
    undo = undone(run)
    said = shown(signed_in(oscar))
    for words in ("Differs from Salesforce.", f"of run {run.pk}", "Biotechnology", "Banking"):
        assert words in text(said)
    assert f'href="/runs/{undo.pk}/"' in said
    assert f'href="/runs/{run.pk}/"' in said
    assert "Use Salesforce’s value" in said
    assert "Write ours to Salesforce" in said
    seen = shown(signed_in(vera))
    assert "Differs from Salesforce." in seen
    assert "<button" not in seen


def test_salesforces_value_is_taken_by_an_edit(live: Live, oscar: User, signed_in: SignedIn) -> None:
    undone(pushed(live, industry="Banking"))
    browser = signed_in(oscar)
    address, sent = form(shown(browser), "take")
    answer = browser.post(address, sent)
    assert answer.headers["Location"] == f"/accounts/{record().pk}/#field-industry"
    assert record().industry == "Biotechnology"
    change = Change.objects.latest("pk")
    assert (change.field, change.after, change.cause.user) == ("industry", "Biotechnology", oscar)
    assert "Differs" not in shown(browser)


def test_ours_is_written_by_a_push_that_is_previewed(live: Live, oscar: User, signed_in: SignedIn) -> None:
    undone(pushed(live, industry="Banking"))
    browser = signed_in(oscar)
    address, sent = form(shown(browser), "write")
    assert "Waiting for a worker" in browser.post(address, sent, **HTMX).text
    push = looked_at(SelectedPush.objects.get())
    assert (push.insists, push.asked_by) == (["industry"], oscar)
    preview = browser.get(f"/pushes/{push.pk}/").text
    assert "Push 1 account<" in preview
    assert account(live, "GenePoint")["Industry"] == "Biotechnology"
    browser.post(f"/pushes/{push.pk}/start/", **HTMX)
    execute(Run.objects.get(selected=push).pk)
    assert account(live, "GenePoint")["Industry"] == "Banking"
    assert "Differs" not in shown(browser)


def test_without_scripts_the_push_has_a_page(live: Live, admin: Client) -> None:
    undone(pushed(live, industry="Banking"))
    address, sent = form(shown(admin), "write")
    answer = admin.post(address, sent)
    assert answer.headers["Location"] == f"/pushes/{SelectedPush.objects.get().pk}/"


def test_what_the_modes_forbid_has_no_button_and_says_why(live: Live, admin: Client) -> None:
    undone(pushed(live, industry="Banking"))
    address, sent = form(shown(admin), "write")
    mode("Account", "Industry", to_salesforce="fill")
    said = shown(admin)
    assert "Ours can’t be written: Only an empty Account.Industry is filled" in text(said)
    assert "Write ours to Salesforce" not in said
    assert "Only an empty Account.Industry" in html.unescape(admin.post(address, sent, **HTMX).text)
    allow("Account", update_in_salesforce=False)
    assert "“Update in Salesforce” of Accounts is off" in text(shown(admin))
    assert not SelectedPush.objects.exists()


def test_other_values_than_those_that_were_shown_are_left_alone(live: Live, admin: Client) -> None:
    undone(pushed(live, industry="Banking"))
    address, sent = form(shown(admin), "take")
    assert "changed meanwhile" in admin.post(address, {**sent, "saw": "x"}, follow=True).text
    assert "the same value by now" in admin.post(address, {**sent, "connection": "999999"}, follow=True).text
    assert "the same value by now" in admin.post(address.replace("industry", "city"), sent, follow=True).text
    assert record().industry == "Banking"


def test_viewers_are_refused(live: Live, vera: User, admin: Client, signed_in: SignedIn) -> None:
    undone(pushed(live, industry="Banking"))
    address, sent = form(shown(admin), "take")
    for do in ("take", "write"):
        assert signed_in(vera).post(address, {**sent, "do": do}).status_code == 403
    assert record().industry == "Banking"
