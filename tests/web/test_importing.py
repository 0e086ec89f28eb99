"""Import from CRM from a list, over the wire to an org."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from tests.sync.live import Live, Orgs
from tests.web import org
from tests.web.conftest import SignedIn

from abmatic.audiences.models import Account, Collection
from abmatic.identity.models import User
from abmatic.sync.execute import execute
from abmatic.sync.importing import jobs
from abmatic.sync.models import CrmImport, Run
from salesforce_emulator.schema.reports import Report
from salesforce_emulator.store.reports import put_reports

pytestmark = pytest.mark.django_db(transaction=True)
HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def live(orgs: Orgs) -> Live:
    return orgs.sample()


def looked_at(wanted: CrmImport) -> CrmImport:
    """As the worker does it."""
    jobs.execute(wanted.pk)
    wanted.refresh_from_db()
    return wanted


def test_from_a_list_view_to_its_collection(live: Live, admin: Client) -> None:
    form = admin.get("/accounts/from-crm/", **HTMX).text
    assert "List view" in form
    assert "Only the Id is selected. Which fields come along is set in the field mapping." in form
    shown = admin.get("/accounts/from-crm/choices/", {"kind": "list_view", "search": "all acc"}, **HTMX)
    assert "All Accounts" in shown.text
    assert "New This Week" not in shown.text
    source = shown.text.split('name="source" value="')[1].split('"')[0]
    nul = admin.post("/accounts/from-crm/", {"kind": "list_view", "source": f"{source}\0"}, **HTMX).text
    assert "The name holds a NUL character" in nul
    asked = admin.post("/accounts/from-crm/", {"kind": "list_view", "source": source}, **HTMX).text
    assert "Waiting for a worker" in asked
    wanted = looked_at(CrmImport.objects.get())
    address = f"/imports/{wanted.pk}/"
    page = admin.get(address).text
    assert "0 are here already" in page
    assert "Create here" in page
    assert 'value="All Accounts"' in page
    assert "every 2s" in admin.post(f"{address}start/", {"name": "Everybody"}, **HTMX).text
    run = Run.objects.get(imports=wanted)
    execute(run.pk)
    done = admin.get(address).text
    made = Collection.objects.get(name="Everybody")
    assert f"/accounts/collections/{made.pk}/" in done
    assert f"holds {made.size} accounts" in done
    assert "Import from CRM" in admin.get(f"/runs/{run.pk}/").text
    assert "started already" in admin.post(f"{address}start/", **HTMX).text


def test_searching_costs_one_call(live: Live, admin: Client) -> None:
    before = live.org.emulator.usage.used
    for search in ("", "a", "all", "all acc"):
        assert "All Accounts" in admin.get("/accounts/from-crm/choices/", {"search": search}, **HTMX).text
    assert live.org.emulator.usage.used == before + 1
    live.connection.refresh_from_db()
    assert live.connection.api_used == before + 1, "it is seen where calls are shown"
    shown = admin.get("/contacts/from-crm/choices/", {"object": "Lead"}, **HTMX).text
    assert "All Accounts" not in shown, "each object has its own"
    other = org.connect(name="Other", org_id="00D580000000077EAA")
    assert "All Accounts" not in admin.get("/accounts/from-crm/choices/", {"connection": other.pk}, **HTMX).text


def test_reports_are_listed(live: Live, admin: Client) -> None:
    shown = admin.get("/accounts/from-crm/choices/", {"kind": "report"}, **HTMX).text
    assert "sees no reports" in shown
    with live.editing() as session:
        report = Report("Account", "Big & <b>", "Big", ("Account.Name",))
        put_reports(session.conn, [report], "2026-01-01T00:00:00.000+0000")
    cache.clear()  # as a minute later
    shown = admin.get("/accounts/from-crm/choices/", {"kind": "report"}, **HTMX).text
    assert "Big &amp; &lt;b&gt;" in shown
    assert "opened last" in shown


def test_what_is_wrong_with_a_query_is_said(live: Live, admin: Client) -> None:
    sent = {"kind": "soql", "soql": "SELECT Name FROM Account"}
    page = admin.post("/accounts/from-crm/", sent).text
    assert "must select the Id and nothing else" in page
    assert "SELECT Name FROM Account" in page, "it need not be typed again"
    admin.post("/accounts/from-crm/", {**sent, "soql": "SELECT Id FROM Account WHERE <b> = 1"})
    wanted = looked_at(CrmImport.objects.get())
    page = admin.get(f"/imports/{wanted.pk}/").text
    assert "Salesforce refuses the query" in page
    assert "<b> = 1" not in page


def test_what_cant_be_imported_is_said(admin: Client) -> None:
    assert "No Salesforce org is connected" in admin.get("/accounts/from-crm/").text
    assert "is connected" in admin.get("/accounts/from-crm/choices/").text
    assert "is connected" in admin.post("/accounts/from-crm/", {"kind": "soql", "soql": "x"}).text
    connection = org.connect()
    other = org.connect(status="inactive")
    sent: dict[str, Any] = {"kind": "soql", "soql": "SELECT Id FROM Account"}
    refused = admin.post("/accounts/from-crm/", {**sent, "connection": other.pk})
    assert "No such Salesforce org is connected" in refused.text
    assert "Choose a list view" in admin.post("/accounts/from-crm/", {"kind": "report", "source": "../x"}).text
    assert not CrmImport.objects.exists()
    admin.post("/accounts/from-crm/", {**sent, "connection": connection.pk})
    wanted = CrmImport.objects.get()
    people = org.collection("contact", [], "People")
    assert admin.post(f"/imports/{wanted.pk}/start/", {"collection": people.pk}).status_code == 404
    assert "was given up" in admin.post(f"/imports/{wanted.pk}/stop/", **HTMX).text
    assert looked_at(wanted).state == "cancelled"


def test_an_import_under_way_is_given_up(live: Live, admin: Client) -> None:
    admin.post("/accounts/from-crm/", {"kind": "soql", "soql": "SELECT Id FROM Account"}, **HTMX)
    wanted = looked_at(CrmImport.objects.get())
    address = f"/imports/{wanted.pk}/"
    page = admin.post(f"{address}start/", {"name": "Everybody"}, **HTMX).text
    assert "Records that have come in stay when you give up, in the collection" in page
    assert f'action="{address}stop/"' in page
    given_up = admin.post(f"{address}stop/", **HTMX).text
    run = Run.objects.get(imports=wanted)
    assert run.state == Run.State.CANCELLED
    assert "It was given up: what had come in stays, here and in the collection." in given_up
    assert "every 2s" not in given_up
    execute(run.pk)
    assert not Account.objects.exists()


def test_only_operators_see_the_button(vera: User, oscar: User, signed_in: SignedIn, connection: Any) -> None:
    for address in ("/accounts/", "/accounts/collections/", "/opportunities/"):
        assert "Import from CRM" in signed_in(oscar).get(address).text
        assert "Import from CRM" not in signed_in(vera).get(address).text
