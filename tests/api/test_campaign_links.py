"""Campaigns are linked with those in Salesforce, unlinked and created there through the API, in an emulated org."""

from __future__ import annotations

from typing import Any

import pytest
from tests.api.conftest import Program, fault
from tests.sync.live import Live, Orgs
from tests.sync.test_campaign_links import linked, made_here, made_there, names_there
from tests.sync.test_push import allow
from tests.web import org

from abmatic.changes.models import Change
from abmatic.identity import api_keys
from abmatic.sync.execute import execute
from abmatic.sync.models import Connection, ObjectSetting, Run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def asking() -> Program:
    """A program with an operator's key, which is there after the tables were emptied."""
    return Program(api_keys.create("Warehouse", "operator")[1])


@pytest.fixture
def live(orgs: Orgs) -> Live:
    live = orgs.sample()
    live.sync_well()
    ObjectSetting.objects.filter(sobject="Campaign").update(create_in_abmatic=False)
    return live


def links(asking: Program, campaign: int) -> tuple[list[str], list[int]]:
    """The Ids that a campaign is linked with, and the connections without one."""
    told = asking.get(f"/campaigns/{campaign}/links").json()
    return [each["salesforce_id"] for each in told["items"]], told["without"]


def test_one_is_found_linked_and_unlinked(asking: Program, live: Live) -> None:
    ours, number = made_here(), live.connection.pk
    theirs, person = made_there(live)
    assert links(asking, ours.pk) == ([], [number])
    (found,) = asking.get("/salesforce/campaigns", search="expo 20").json()["items"]
    assert (found["salesforce_id"], found["name"], found["connection"]) == (theirs, "Expo 2026", number)
    assert (found["facts"], found["campaign"]) == (["Trade Show", "Planned"], None)
    path, wanted = f"/campaigns/{ours.pk}/links", {"connection": number, "salesforce_id": theirs}
    made, again = (asking.post(path, wanted, Idempotency_Key="expo") for _ in range(2))
    assert (made.status_code, made.content) == (201, again.content)
    assert made.json()["url"] == found["url"]
    assert links(asking, ours.pk) == ([theirs], [])
    assert asking.get("/salesforce/campaigns", search=theirs).json()["items"][0]["campaign"] == ours.pk
    change = Change.objects.get(record="campaign", record_id=ours.pk, field="salesforce_id")
    assert (change.cause.kind, change.cause.note[:14]) == ("api", "Warehouse (abm")
    ObjectSetting.objects.filter(sobject="Campaign").update(create_in_abmatic=True)
    live.sync_well("Campaign")
    assert [each.contact for each in ours.members.all()] == [person]

    told = fault(asking.post(path, wanted), 409)
    assert (told["code"], "already" in told["detail"]) == ("not_linked", True)
    gone = asking.ask("DELETE", f"{path}/{number}/{theirs}")
    assert (gone.status_code, gone.json()) == (200, {"connection": number, "salesforce_id": theirs})
    assert links(asking, ours.pk) == ([], [number])
    assert "not linked any more" in fault(asking.ask("DELETE", f"{path}/{number}/{theirs}"), 409)["detail"]


def test_one_is_created_there(asking: Program, live: Live) -> None:
    ours = made_here()
    path, wanted = f"/campaigns/{ours.pk}/links/create", {"connection": live.connection.pk}
    assert "an administrator turns on" in fault(asking.post(path, wanted), 409)["detail"]
    allow("Campaign")
    begun = asking.post(path, wanted)
    assert begun.status_code == 202
    assert asking.post(path, wanted).json() == {"runs": []}, "one is queued"
    runs = Run.objects.in_bulk([each["id"] for each in begun.json()["runs"]])
    assert {run.trigger for run in runs.values()} == {Run.Trigger.API}
    before = names_there(live)
    for number in sorted(runs):
        execute(number)
    assert sorted(names_there(live)) == sorted([*before, "Expo"])
    assert links(asking, ours.pk) == (linked(ours), [])
    assert "already" in fault(asking.post(path, wanted), 409)["detail"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/campaigns/{campaign}/links", {"connection": 999, "salesforce_id": "701580000000001AAA"}, 404),
        ("POST", "/campaigns/999/links", {"connection": 1, "salesforce_id": "701580000000001AAA"}, 404),
        ("POST", "/campaigns/{campaign}/links", {"connection": 1, "salesforce_id": "701"}, 422),
        ("DELETE", "/campaigns/{campaign}/links/{connection}/701", None, 422),
        ("DELETE", "/campaigns/{campaign}/links/{connection}/701580000000001AAA", None, 409),
        ("POST", "/campaigns/{campaign}/links/create", {"connection": 999}, 404),
        ("GET", "/campaigns/999/links", None, 404),
        ("GET", "/salesforce/campaigns?search=%00", None, 422),
    ],
)
def test_what_makes_no_sense(
    asking: Program, connection: Connection, method: str, path: str, body: Any, status: int
) -> None:
    where = path.format(campaign=org.campaign().pk, connection=connection.pk)
    fault(asking.ask(method, where, body), status)
    assert not Change.objects.exists()
    assert not Run.objects.exists()


def test_a_connection_that_is_inactive_gets_none(asking: Program, connection: Connection) -> None:
    allow("Campaign")
    Connection.objects.update(status=Connection.Status.INACTIVE)
    told = fault(asking.post(f"/campaigns/{org.campaign().pk}/links/create", {"connection": connection.pk}), 409)
    assert told["code"] == "connection_not_ready"
