"""Settings → Integrations, and starting syncs from there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from tests.web import org
from tests.web.conftest import SignedIn

from abmatic.identity.models import User
from abmatic.sync.models import Connection, FieldMapping, ObjectSetting, Run
from abmatic.sync.objects import OBJECTS

Queries = Callable[[int], AbstractContextManager[object]]

pytestmark = pytest.mark.django_db


def test_before_anything_is_connected(admin: Client) -> None:
    page = admin.get("/settings/integrations/").text
    for words in ("CRM Platforms", "Salesforce", "Inactive", "Authorize"):
        assert words in page


@pytest.mark.parametrize(
    ("status", "chip", "buttons"),
    [
        ("active", "Active", ["Settings", "Reconnect", "Disable"]),
        ("needs_attention", "Needs attention", ["Settings", "Reconnect", "Disable"]),
        ("inactive", "Inactive", ["Settings", "Reconnect"]),
    ],
)
def test_a_connection_shows_its_state_and_what_can_be_done(
    admin: Client, status: str, chip: str, buttons: list[str]
) -> None:
    connection = org.connect(status=status)
    page = admin.get("/settings/integrations/").text
    assert chip in page
    assert "Northwind Traders" in page
    assert "integration@northwind.example" in page
    for button in ("Settings", "Reconnect", "Disable"):
        name = {"Settings": "connection", "Reconnect": "reconnect", "Disable": "disable"}[button]
        assert (f'href="{reverse(name, args=[connection.pk])}"' in page) == (button in buttons), button


def test_a_connection_page_shows_objects_and_mappings(admin: Client, connection: Connection) -> None:
    FieldMapping.objects.filter(sf_field="AnnualRevenue").update(broken="The org has no such field any more.")
    account = org.account()
    org.link(connection, account, "0015800000000001AAA")
    page = admin.get(reverse("connection", args=[connection.pk])).text
    for words in ("Sync Accounts Manually", "Sync Leads Manually", "Last Sync with Abmatic", "never", "Primary key",
                  "NumberOfEmployees", ">Employees<", "employee_count",
                  "The org has no such field any more."):  # fmt: skip
        assert words in page


def test_a_connection_page_says_when_an_object_is_next_synchronised(
    signed_in: SignedIn, vera: User, connection: Connection
) -> None:
    address = reverse("connection", args=[connection.pk])
    client = signed_in(vera)
    assert "next sync" not in client.get(address).text
    lead = ObjectSetting.objects.get(connection=connection, sobject="Lead")
    ObjectSetting.objects.filter(pk=lead.pk).update(frequency=24)
    assert "Every 24 hours · next sync within a minute" in client.get(address).text
    ObjectSetting.objects.filter(pk=lead.pk).update(last_started_at=timezone.now())
    page = client.get(address).text
    assert "Every 24 hours · next sync " in page
    assert "within a minute" not in page


def test_a_connection_page_says_what_is_used_and_what_a_frequency_costs(
    signed_in: SignedIn, vera: User, connection: Connection
) -> None:
    address = reverse("connection", args=[connection.pk])
    client = signed_in(vera)
    ObjectSetting.objects.filter(connection=connection, sobject="Lead").update(frequency=6)
    now = timezone.now()
    Connection.objects.update(api_used=850, api_allowed=1_000, api_seen_at=now, api_waiting_since=now)
    Run.objects.create(
        connection=connection, sobject="Lead", batch="00000000-0000-0000-0000-000000000000", trigger="schedule",
        state=Run.State.SUCCEEDED, phase=Run.Phase.DONE, api_calls=3,
    )  # fmt: skip
    page = client.get(address).text
    for words in ("API calls: 850 of 1,000", "stops at 80 %", "It has waited since", "about 12 API calls a day"):
        assert words in page


def test_a_run_that_waits_for_api_calls_has_a_page(signed_in: SignedIn, vera: User, connection: Connection) -> None:
    run = Run.objects.create(
        connection=connection, sobject="Lead", batch="00000000-0000-0000-0000-000000000000", trigger="schedule",
        phase=Run.Phase.PAUSED, outcome="80 % are used.",
    )  # fmt: skip
    assert "80 % are used." in signed_in(vera).get(reverse("run", args=[run.pk])).text


def test_a_sync_of_one_object_leads_to_its_run(oscar: User, signed_in: SignedIn, connection: Connection) -> None:
    answer = signed_in(oscar).post(reverse("sync-now", args=[connection.pk]), {"sobject": "Contact"})
    run = Run.objects.get(sobject="Contact")
    assert answer.headers["Location"] == f"/runs/{run.pk}/"
    assert run.started_by == oscar
    assert run.state == Run.State.QUEUED


def test_a_sync_of_everything_leads_to_the_accounts(admin: Client, connection: Connection) -> None:
    answer = admin.post(reverse("sync-now", args=[connection.pk]))
    run = Run.objects.get(sobject="Account")
    assert answer.headers["Location"] == f"/runs/{run.pk}/"
    assert run.trigger == Run.Trigger.FIRST_IMPORT
    assert Run.objects.count() == len(OBJECTS)


def test_a_second_sync_while_one_runs_is_explained(admin: Client, connection: Connection) -> None:
    org.running(connection)
    answer = admin.post(reverse("sync-now", args=[connection.pk]), {"sobject": "Account"}, follow=True)
    assert "queued or running already" in answer.text
    assert Run.objects.count() == 1


@pytest.mark.parametrize("sobject", ["User", "Nonsense", "<script>"])
def test_an_object_that_is_not_synchronised_is_refused(admin: Client, connection: Connection, sobject: str) -> None:
    answer = admin.post(reverse("sync-now", args=[connection.pk]), {"sobject": sobject}, follow=True)
    assert "not an object that is synchronised" in answer.text
    assert not Run.objects.exists()


def test_a_connection_that_needs_attention_is_not_synced(admin: Client) -> None:
    connection = org.connect(status="needs_attention", problem="invalid_grant")
    answer = admin.post(reverse("sync-now", args=[connection.pk]), follow=True)
    assert "Reconnect" in answer.text
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    ("problem", "helps", "does_not"),
    [("invalid_grant", "reconnect", "check"), ("unreachable", "check", "reconnect")],
)
def test_what_helps_is_offered(admin: Client, problem: str, helps: str, does_not: str) -> None:
    connection = org.connect(status="needs_attention", problem=problem, problem_detail="It said so.")
    page = admin.get(reverse("connection", args=[connection.pk])).text
    assert reverse(helps, args=[connection.pk]) in page
    assert reverse(does_not, args=[connection.pk]) not in page


def test_the_checks_are_shown_a_line_each_with_remedies(admin: Client, connection: Connection) -> None:
    page = admin.get(reverse("connected", args=[connection.pk])).text
    for check in org.CHECKS:
        assert check["name"] in page
        assert check["detail"] in page
    assert "Give the user read access." in page
    assert "something to put right" in page


def test_queries(admin: Client, django_assert_max_num_queries: Queries) -> None:
    for _ in range(5):
        connection = org.connect()
        for sobject in ("Account", "Contact", "Lead", "Campaign", "Opportunity"):
            org.run(connection, sobject)
    with django_assert_max_num_queries(5):
        admin.get("/settings/integrations/")
    admin.get(reverse("connection", args=[connection.pk]))  # marks a step of the checklist, once
    with django_assert_max_num_queries(46):  # five objects, each counted in a savepoint with its time limit
        admin.get(reverse("connection", args=[connection.pk]))
