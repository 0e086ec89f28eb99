"""Push to Salesforce from a grid and from a record's page, over the wire to an org."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from tests.sync.live import Live, Orgs
from tests.sync.test_push import allow, edit, mode
from tests.web import org
from tests.web.conftest import SignedIn

from abmatic.audiences.models import Account, Contact
from abmatic.identity.models import User
from abmatic.sync.execute import execute
from abmatic.sync.models import Run, SelectedPush
from abmatic.sync.selected import jobs

pytestmark = pytest.mark.django_db(transaction=True)
HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def live(orgs: Orgs) -> Live:
    live = orgs.sample()
    live.sync_well()
    allow("Account")
    mode("Account", "Industry", to_salesforce="overwrite")
    return live


def looked_at(push: SelectedPush) -> SelectedPush:
    """As the worker does it."""
    jobs.execute(push.pk, push.revision)
    push.refresh_from_db()
    return push


def test_from_the_selection_to_the_result(live: Live, admin: Client) -> None:
    record = Account.objects.get(name="GenePoint")
    edit(record, industry="Banking")
    asked = admin.post("/accounts/push/", {"all": "1", "asked": "q=genepoint"}, **HTMX).text
    assert "Waiting for a worker" in asked
    push = looked_at(SelectedPush.objects.get())
    address = f"/pushes/{push.pk}/"
    shown = admin.get(address, **HTMX).text
    assert re.search(r"Update <b>1</b>", shown)
    assert "Biotechnology" in shown
    assert "Banking" in shown
    assert "Push 1 account<" in shown
    assert not Run.objects.filter(selected=push).exists()
    assert 'hx-trigger="every 2s"' in admin.post(f"{address}start/", **HTMX).text
    (run,) = Run.objects.filter(selected=push)
    execute(run.pk)
    done = admin.get(address).text
    assert "1 updated in Salesforce" in done
    assert f"/runs/{run.pk}/" in done
    assert "Activity Log" in done
    assert "started already" in admin.post(f"{address}start/", **HTMX).text
    assert "Push of a selection" in admin.get(f"/runs/{run.pk}/").text


def test_a_choice_is_previewed_anew(live: Live, admin: Client) -> None:
    allow("Account", push_filter={"field": "employee_count", "is": "at_least", "value": 10**9})
    record = Account.objects.create(name="Acme", domain="acme.example", website="acme.example")
    admin.post("/accounts/push/", {"ids": record.pk}, **HTMX)
    push = looked_at(SelectedPush.objects.get())
    shown = admin.get(f"/pushes/{push.pk}/").text
    assert "Outside the push filter <b>1</b>" in re.sub(r"\s+", " ", shown) or "Outside the push filter" in shown
    assert "Nothing would be written" in shown
    admin.post(f"/pushes/{push.pk}/choose/", {"past_filter": "1"}, **HTMX)
    push.refresh_from_db()
    assert (push.past_filter, push.state) == (True, "queued")
    assert "Push 1 account<" in admin.get(f"/pushes/{looked_at(push).pk}/").text


def test_people_are_pushed_as_lead_or_as_contact(live: Live, admin: Client) -> None:
    allow("Lead")
    person = Contact.objects.create(last_name="Newcomer", work_email="n@people.example", company="Acme")
    admin.post("/contacts/push/", {"ids": person.pk}, **HTMX)
    push = SelectedPush.objects.get()
    page = admin.get(f"/pushes/{push.pk}/").text
    assert "As set under Leads" in page
    assert "Create people who are not in Salesforce yet as" in page
    admin.post(f"/pushes/{push.pk}/choose/", {"new_people": "contact"}, **HTMX)
    push.refresh_from_db()
    shown = admin.get(f"/pushes/{looked_at(push).pk}/").text
    assert "“Create in Salesforce” is off for Contacts" in shown
    admin.post(f"/pushes/{push.pk}/choose/", {"new_people": "lead"}, **HTMX)
    push.refresh_from_db()
    assert "Push 1 contact<" in admin.get(f"/pushes/{looked_at(push).pk}/").text


def test_what_cant_be_pushed_is_said(admin: Client, settings: Any, tmp_path: Path) -> None:
    record = org.account("Acme")
    assert "No Salesforce org is connected" in admin.post("/accounts/push/", {"ids": record.pk}, **HTMX).text
    assert "No Salesforce org is connected" in admin.post("/accounts/push/", {"ids": record.pk}, follow=True).text
    connection = org.connect()
    assert "Nothing was selected" in admin.post("/accounts/push/", {}, **HTMX).text
    admin.post("/accounts/push/", {"ids": record.pk})
    push = looked_at(SelectedPush.objects.get())
    shown = admin.get(f"/pushes/{push.pk}/").text
    assert "are off for Accounts" in shown
    other = org.connect(status="inactive")
    assert admin.post(f"/pushes/{push.pk}/choose/", {"connection": 10**9}).status_code == 404
    assert "is inactive" in admin.post(f"/pushes/{push.pk}/choose/", {"connection": other.pk}, **HTMX).text
    push.refresh_from_db()
    assert push.connection == connection
    assert "wait for the preview" in admin.post(f"/pushes/{push.pk}/start/", **HTMX).text
    assert not Run.objects.filter(selected=push).exists()


def test_a_preview_is_given_up(admin: Client, connection: Any) -> None:
    admin.post("/accounts/push/", {"ids": org.account("Acme").pk})
    push = SelectedPush.objects.get()
    assert "was given up" in admin.post(f"/pushes/{push.pk}/stop/", **HTMX).text
    assert looked_at(push).state == "cancelled"


def test_a_push_under_way_is_given_up(live: Live, admin: Client) -> None:
    edit(Account.objects.get(name="GenePoint"), industry="Banking")
    admin.post("/accounts/push/", {"all": "1", "asked": "q=genepoint"}, **HTMX)
    push = looked_at(SelectedPush.objects.get())
    address = f"/pushes/{push.pk}/"
    page = re.sub(r"\s+", " ", admin.post(f"{address}start/", **HTMX).text)
    assert "What is written stays in Salesforce when you give up, until its run is undone." in page
    assert f'action="{address}stop/"' in page
    given_up = admin.post(f"{address}stop/", **HTMX).text
    (run,) = Run.objects.filter(selected=push)
    assert run.state == Run.State.CANCELLED
    assert "It was given up: what was written by then stays in Salesforce" in given_up
    assert "every 2s" not in given_up
    execute(run.pk)
    ((industry,),) = live.rows("""SELECT "Industry" FROM "Account" WHERE "Name" = 'GenePoint'""")
    assert industry == "Biotechnology", "nothing is written after that"


def test_only_operators_see_the_button(vera: User, oscar: User, signed_in: SignedIn, connection: Any) -> None:
    record = org.account("Acme")
    for address in ("/accounts/", f"/accounts/{record.pk}/"):
        assert 'data-opens="push-dialog"' in signed_in(oscar).get(address).text
        assert "Push to Salesforce" not in signed_in(vera).get(address).text
