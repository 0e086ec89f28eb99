"""A push of chosen records through the API, against an emulated org."""

from __future__ import annotations

import pytest
from tests.api.conftest import Program, fault
from tests.sync.live import Live, Orgs
from tests.sync.test_push import account, allow, edit, mode
from tests.sync.test_undo import pushed, undone

from abmatic.audiences.models import Account
from abmatic.identity import api_keys
from abmatic.sync.execute import execute
from abmatic.sync.models import SelectedPush
from abmatic.sync.selected import jobs

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def live(orgs: Orgs) -> Live:
    live = orgs.sample()
    live.sync_well("Account")
    allow("Account")
    mode("Account", "Industry", to_salesforce="overwrite")
    return live


def looked_at(number: int) -> None:
    """As the worker does it."""
    jobs.execute(number, SelectedPush.objects.get(pk=number).revision)


def test_prepared_looked_at_and_started(live: Live) -> None:
    asking = Program(api_keys.create("Warehouse", "operator")[1])
    record = Account.objects.get(name="GenePoint")
    edit(record, industry="Banking")
    path = f"/connections/{live.connection.pk}/pushes"
    made = asking.post(path, {"record": "account", "condition": {"search": "GenePoint"}})
    assert (made.status_code, made.json()["state"]) == (202, "queued")
    number = made.json()["id"]
    assert "wait for the preview" in fault(asking.post(f"/pushes/{number}/start"), 409)["detail"]
    looked_at(number)
    told = asking.get(f"/pushes/{number}").json()
    assert (told["records"], told["writes"], told["state"]) == (1, 1, "ready")
    (line,) = [each for each in told["lines"] if each["number"]]
    assert (line["code"], line["samples"][0]["fields"]["Industry"]["after"]) == ("updated", "Banking")
    (run,) = asking.post(f"/pushes/{number}/start").json()["runs"]
    execute(run["id"])
    assert account(live, "GenePoint")["Industry"] == "Banking"
    told = asking.get(f"/pushes/{number}").json()
    assert [each["pushed"]["updated"] for each in told["runs"]] == [1]


def test_what_makes_no_sense_is_refused(live: Live) -> None:
    asking = Program(api_keys.create("Warehouse", "operator")[1])
    path = f"/connections/{live.connection.pk}/pushes"
    fault(asking.post(path, {"record": "account"}), 422)
    fault(asking.post(path, {"record": "account", "ids": [1], "condition": {}}), 422)
    told = fault(asking.post(path, {"record": "account", "condition": {"field": "nothing", "is": "empty"}}), 409)
    assert "nothing" in told["detail"]
    fault(asking.post(path, {"record": "account", "ids": [1], "new_people": "lead"}), 409)
    fault(asking.post("/connections/999999/pushes", {"record": "account", "ids": [1]}), 404)
    fault(asking.get("/pushes/999999"), 404)
    viewer = Program(api_keys.create("Reports", "viewer")[1])
    fault(viewer.post(path, {"record": "account", "ids": [1]}), 403)
    assert not SelectedPush.objects.exists()


def test_ours_is_insisted_on_where_an_undo_left_both_sides_different(live: Live) -> None:
    asking = Program(api_keys.create("Warehouse", "operator")[1])
    undone(pushed(live, industry="Banking"))
    path = f"/connections/{live.connection.pk}/pushes"
    wanted = {"record": "account", "ids": [Account.objects.get(name="GenePoint").pk]}
    assert "no field nothing" in fault(asking.post(path, {**wanted, "insists": ["nothing"]}), 409)["detail"]
    writes = {}
    for insists in ((), ("industry",)):
        number = asking.post(path, {**wanted, "insists": list(insists)}).json()["id"]
        looked_at(number)
        writes[insists] = asking.get(f"/pushes/{number}").json()["writes"]
    assert writes == {(): 0, ("industry",): 1}
