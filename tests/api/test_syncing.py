"""Syncs through the API, against an emulated org: settings, runs, previews, issues, undo; an edit that reaches it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.api.conftest import Program, fault
from tests.sync.live import Live, Orgs
from tests.sync.test_auto_push import perform
from tests.sync.test_push import account, allow, edit, mode
from tests.sync.test_push_sending import refuse
from tests.web import org

from abmatic.audiences import custom_fields
from abmatic.audiences.models import Account
from abmatic.changes.models import Change
from abmatic.identity import api_keys
from abmatic.sync.auto_push import AutoPush
from abmatic.sync.execute import execute
from abmatic.sync.models import Connection, ObjectSetting, PreviewJob, Run, SettingsChange
from abmatic.sync.preview import jobs

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def asking() -> Program:
    """A program with an administrator's key, which is there after the tables were emptied."""
    return Program(api_keys.create("Warehouse", "administrator")[1])


@pytest.fixture
def live(orgs: Orgs) -> Live:
    live = orgs.sample()
    live.sync_well("Account")
    return live


def listed(program: Program, path: str, **filters: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = program.get(path, **filters).json()["items"]
    return items


# -- connections and settings


def test_a_connection_tells_its_state_and_budget(asking: Program, live: Live) -> None:
    (row,) = listed(asking, "/connections")
    told = asking.get(f"/connections/{live.connection.pk}").json()
    assert row["id"] == told["id"] == live.connection.pk
    assert (told["status"], told["problem"]) == ("active", "")
    assert told["api"]["used"] > 0
    assert told["api"]["ceiling_percent"] == 80
    states = {each["object"]: each for each in told["objects"]}
    assert states["Account"]["is_imported"]
    assert states["Account"]["last_pull_at"]
    assert not states["Lead"]["is_imported"]
    assert states["Account"]["next_sync_at"] is None
    ObjectSetting.objects.filter(sobject="Account").update(frequency=6)
    told = asking.get(f"/connections/{live.connection.pk}").json()
    assert next(each for each in told["objects"] if each["object"] == "Account")["next_sync_at"]
    assert "secret" not in str(told)


def test_settings_are_read_changed_and_remembered_with_the_key(asking: Program, connection: Connection) -> None:
    path = f"/connections/{connection.pk}/objects/Account/settings"
    before = asking.get(path)
    assert before.json()["update_in_salesforce"] is False
    told = asking.patch(path, {"update_in_salesforce": True, "frequency": 6}, If_Match=before.headers["ETag"])
    assert {each["where"] for each in told.json()["changes"]} == {"update_in_salesforce", "frequency"}
    assert told.json()["settings"]["frequency"] == 6
    assert asking.get(path).headers["ETag"] == told.headers["ETag"]
    setting = ObjectSetting.objects.get(connection=connection, sobject="Account")
    assert (setting.update_in_salesforce, setting.create_in_salesforce, setting.frequency) == (True, False, 6)
    assert SettingsChange.objects.get().by.startswith("API key Warehouse (abm_")
    fault(asking.patch(path, {"frequency": 1}, If_Match=before.headers["ETag"]), 412)
    assert ObjectSetting.objects.get(pk=setting.pk).frequency == 6


def test_mappings_are_all_of_them_and_keep_the_key(asking: Program, connection: Connection) -> None:
    path = f"/connections/{connection.pk}/objects/Account/settings"
    mappings = asking.get(path).json()["mappings"]
    without_key = [each for each in mappings if each["salesforce"] != "Website"]
    told = fault(asking.patch(path, {"mappings": without_key}), 422)
    assert told["errors"][0]["where"] == "mappings"
    assert "primary key" in told["detail"]
    fewer = [each for each in mappings if each["salesforce"] != "Industry"]
    assert asking.patch(path, {"mappings": fewer}).json()["settings"]["mappings"] == fewer


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ({"frequency": 5}, "frequency"),
        ({"colour": 1}, "colour"),
        ({"auto_push": "yes"}, "auto_push"),
        ({"push_filter": {"field": "nothing", "is": "empty"}}, "push_filter"),
        ({"mappings": [{"salesforce": "Name"}]}, "mappings[0].abmatic"),
    ],
)
def test_settings_that_are_wrong(asking: Program, connection: Connection, document: Any, where: str) -> None:
    told = fault(asking.patch(f"/connections/{connection.pk}/objects/Account/settings", document), 422)
    assert where in [each["where"] for each in told["errors"]]


def test_another_connections_and_unknown_objects(asking: Program, connection: Connection) -> None:
    other = org.connect()
    run = org.run(other)
    assert listed(asking, "/runs", connection=connection.pk) == []
    assert [each["id"] for each in listed(asking, "/runs", connection=other.pk)] == [run.pk]
    assert listed(asking, "/runs", connection=10**9) == []
    asking.patch(f"/connections/{other.pk}/objects/Account/settings", {"frequency": 6})
    assert ObjectSetting.objects.get(connection=connection, sobject="Account").frequency == 0
    for path in (f"/connections/{connection.pk}/objects/User/settings", "/connections/999/objects/Account/settings"):
        fault(asking.get(path), 404)


# -- runs


def test_runs_are_found_by_what_they_left_and_did(asking: Program, connection: Connection) -> None:
    account = org.account("Acme")
    plain = org.run(connection)
    left = org.run(connection, "Contact", direction="both", pushed={"refused": 2, "held": 1})
    assert plain.cause is not None
    org.change(account, "city", "Rome", "Bonn", cause=plain.cause)
    (told,) = listed(asking, "/runs", state="refused")
    assert (told["id"], told["state"], told["status"]) == (left.pk, "succeeded", "Succeeded with 3 refused")
    assert told["refused"] == 3
    for query in ({"direction": "pull"}, {"record": "acm"}, {"record": f"account:{account.pk}"}):
        assert [each["id"] for each in listed(asking, "/runs", **query)] == [plain.pk], query
    assert listed(asking, "/runs", record="nobody") == listed(asking, "/runs", until="2020-01-01T00:00:00") == []
    assert len(listed(asking, "/runs", since="2020-01-01T00:00:00Z")) == 2


def test_a_sync_is_started_watched_and_told(asking: Program, live: Live) -> None:
    answer = asking.post(f"/connections/{live.connection.pk}/runs", {"objects": ["Account"], "full": True})
    assert answer.status_code == 202
    begun = {each["object"]: each for each in answer.json()["runs"]}
    assert set(begun) == {"User", "Account"}
    assert begun["Account"]["trigger"] == "api"
    told = fault(asking.post(f"/connections/{live.connection.pk}/runs", {"objects": ["Account"]}), 409)
    assert told["code"] == "already_running"
    for each in answer.json()["runs"]:
        execute(each["id"])
    shown = asking.get(f"/runs/{begun['Account']['id']}").json()
    assert (shown["state"], shown["fraction"]) == ("succeeded", 1.0)
    assert shown["counts"]["read"] == 12
    assert listed(asking, "/runs", object="Account", state="succeeded")[0]["id"] == shown["id"]


def test_a_start_that_is_sent_twice_is_one(asking: Program, live: Live) -> None:
    path, wanted = f"/connections/{live.connection.pk}/runs", {"objects": ["Account"]}
    first, again = (asking.post(path, wanted, Idempotency_Key="morning") for _ in range(2))
    assert first.content == again.content
    assert Run.objects.filter(trigger="api", sobject="Account").count() == 1


def test_a_run_is_cancelled_once(asking: Program, live: Live) -> None:
    (run,) = [
        each
        for each in asking.post(f"/connections/{live.connection.pk}/runs", {"objects": ["Lead"]}).json()["runs"]
        if each["object"] == "Lead"
    ]
    assert asking.post(f"/runs/{run['id']}/cancel").json()["state"] == "cancelled"
    assert fault(asking.post(f"/runs/{run['id']}/cancel"), 409)["code"] == "over"


@pytest.mark.parametrize(
    ("wanted", "status"),
    [({"objects": ["User"]}, 404), ({"objects": ["Odd"]}, 404), ({"direction": "push"}, 422), ({"objects": "x"}, 422)],
)
def test_a_start_that_makes_no_sense(asking: Program, connection: Connection, wanted: Any, status: int) -> None:
    fault(asking.post(f"/connections/{connection.pk}/runs", wanted), status)
    assert not Run.objects.exists()


def test_a_connection_that_is_not_ready(asking: Program, connection: Connection) -> None:
    Connection.objects.update(status=Connection.Status.INACTIVE)
    for what, wanted in (("runs", {"objects": ["Account"]}), ("previews", {"object": "Account"})):
        told = fault(asking.post(f"/connections/{connection.pk}/{what}", wanted), 409)
        assert "inactive" in told["detail"]


def test_what_a_run_did_is_listed_and_undone(asking: Program, live: Live) -> None:
    with live.editing() as session:
        session.update("Account", account(live, "GenePoint")["Id"], {"Industry": "Energy"})
    allow("Account")
    mode("Account", "BillingCity", to_salesforce="overwrite")
    edit(Account.objects.get(name="GenePoint"), city="Bonn")
    run = live.sync_well("Account")["Account"]
    (change,) = listed(asking, f"/runs/{run.pk}/changes")
    assert (change["field"], change["after"], change["cause"]["run"]) == ("industry", "Energy", run.pk)
    (write,) = [each for each in listed(asking, f"/runs/{run.pk}/writes") if "BillingCity" in each["sent"]]
    assert (write["sent"], write["state"]) == ({"BillingCity": "Bonn"}, "written")
    found = asking.post(f"/runs/{run.pk}/undo/preview").json()
    assert found["here"]["put_back"] == 1
    assert found["salesforce"]["put_back"] >= 1
    answer = asking.post(f"/runs/{run.pk}/undo")
    assert (answer.status_code, answer.json()["undoes"]) == (202, run.pk)
    execute(answer.json()["id"])
    assert Account.objects.get(name="GenePoint").industry == change["before"]
    assert account(live, "GenePoint")["BillingCity"] == write["before"]["BillingCity"]
    rider = Run.objects.filter(sobject="User")[0]
    assert fault(asking.post(f"/runs/{rider.pk}/undo"), 409)["code"] == "not_undone"


def test_findings_by_reason(asking: Program, connection: Connection) -> None:
    run = org.run(connection)
    org.found(run, "no_website", 3)
    first = asking.get(f"/runs/{run.pk}/findings", reason="no_website", limit=2).json()
    rest = asking.get(f"/runs/{run.pk}/findings", reason="no_website", cursor=first["next"]).json()
    assert len({each["id"] for each in first["items"] + rest["items"]}) == 3
    assert first["items"][0]["label"] == "No website"
    assert listed(asking, f"/runs/{run.pk}/findings", reason="duplicate") == []


def test_a_preview_is_asked_for_and_fetched(asking: Program, live: Live) -> None:
    with live.editing() as session:
        session.update("Account", account(live, "GenePoint")["Id"], {"Industry": "Energy"})
    before = Change.objects.count()
    asked = asking.post(f"/connections/{live.connection.pk}/previews", {"object": "Account"}).json()
    assert (asked["state"], asked["found"]) == ("queued", None)
    jobs.execute(asked["id"])
    told = asking.get(f"/previews/{asked['id']}").json()
    assert told["state"] == "done"
    (sample,) = told["found"]["samples"]["to_abmatic"]["updated"]
    assert sample["fields"]["industry"]["after"] == "Energy"
    assert Change.objects.count() == before
    assert fault(asking.post(f"/previews/{asked['id']}/cancel"), 409)["code"] == "over"
    again = asking.post(f"/connections/{live.connection.pk}/previews", {"object": "Account"}).json()
    assert asking.post(f"/previews/{again['id']}/cancel").json()["state"] == "cancelled"
    assert PreviewJob.objects.count() == 2


# -- issues


def test_what_is_refused_is_listed_by_cause_and_tried_again(asking: Program, live: Live) -> None:
    allow("Account")
    mode("Account", "Industry", to_salesforce="overwrite")
    live.sync_well("Account")
    refuse(live, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "Not on a Wednesday.", times=1, fields=["Industry"])
    edit(Account.objects.get(name="GenePoint"), industry="Banking")
    run = live.sync_well("Account")["Account"]
    (issue,) = listed(asking, "/issues")
    assert (issue["record_name"], issue["message"]) == ("GenePoint", "Not on a Wednesday.")
    assert issue["meaning"]
    assert issue["remedy"]
    assert [each["id"] for each in listed(asking, f"/runs/{run.pk}/issues")] == [issue["id"]]
    (cause,) = asking.get("/issues/causes").json()["causes"]
    assert (cause["code"], cause["issues"]) == (issue["code"], 1)
    assert listed(asking, "/issues", object="Lead") == []
    assert listed(asking, "/issues", code="DUPLICATE_VALUE") == []
    assert asking.post("/issues/retry", {"code": "DUPLICATE_VALUE"}).json() == {"issues": 0}
    assert asking.post(f"/issues/{issue['id']}/retry").json() == {"issues": 1}
    assert listed(asking, "/issues")[0]["retry_at"]
    assert asking.post("/issues/retry", {"code": issue["code"]}).json() == {"issues": 1}
    live.sync_well("Account")
    assert account(live, "GenePoint")["Industry"] == "Banking"
    assert listed(asking, "/issues") == []
    fault(asking.post(f"/issues/{issue['id']}/retry"), 404)


# -- changes, and an edit that goes all the way


def test_an_edit_through_the_api_reaches_salesforce_by_itself(asking: Program, live: Live) -> None:
    allow("Account", auto_push=True)
    mode("Account", "Industry", to_salesforce="overwrite")
    live.sync_well("Account")
    automatic = AutoPush()
    assert automatic.start_due() == []
    record = Account.objects.get(name="GenePoint")
    records = [
        {"id": record.pk, "industry": "Banking"},
        {"website": "https://www.fresh-firm.com", "name": "Fresh", "industry": "Energy"},
    ]
    answer = asking.post("/accounts/batch", {"records": records})
    assert [each["status"] for each in answer.json()["results"]] == ["updated", "created"]
    (run,) = perform(automatic.start_due())
    assert (run.sobject, run.trigger) == ("Account", Run.Trigger.AUTO_PUSH)
    assert account(live, "GenePoint")["Industry"] == "Banking"
    assert account(live, "Fresh")["Industry"] == "Energy"
    assert automatic.start_due() == []


def test_changes_are_followed_and_none_is_told_twice(asking: Program) -> None:
    start = asking.get("/changes").json()
    assert (start["items"], start["is_last"]) == ([], True)
    made = asking.post("/accounts", {"name": "Acme"}).json()["id"]
    asking.patch(f"/accounts/{made}", {"name": "New", "city": "Rome"})
    asking.post("/contacts", {"last_name": "Smith"})
    first = asking.get("/changes", cursor=start["next"], limit=2).json()
    rest = asking.get("/changes", cursor=first["next"]).json()
    assert [each["record"] for each in first["items"] + rest["items"]] == ["account"] * 3 + ["contact"]
    assert (first["is_last"], rest["is_last"]) == (False, True)
    assert first["items"][0]["field"] is None, "it was made"
    assert asking.get("/changes", cursor=rest["next"]).json()["items"] == []
    assert [each["record"] for each in asking.get("/changes", record="contact").json()["items"]] == ["contact"]
    asking.patch(f"/accounts/{made}", {"city": "Bonn"})
    (late,) = asking.get("/changes", cursor=rest["next"]).json()["items"]
    assert late["after"] == "Bonn"


# -- custom fields


def test_custom_fields_are_told_and_written(asking: Program) -> None:
    tier = custom_fields.create("account", "Tier", "text")
    score = custom_fields.create("account", "Score", "number")
    active = custom_fields.create("account", "Active customer", "boolean")
    known = {each["name"]: each for each in asking.get("/fields", record="account").json()["fields"]}
    assert (known[score.name]["type"], known[score.name]["is_custom"]) == ("number", True)
    assert not known["name"]["is_custom"]
    told = asking.post("/accounts", {"name": "Acme", "custom": {tier.name: "A", score.name: "1.5"}}).json()
    assert told["custom"] == {tier.name: "A", score.name: 1.5, active.name: False}
    told = asking.patch(f"/accounts/{told['id']}", {"custom": {tier.name: None, active.name: True}}).json()
    assert told["custom"] == {tier.name: None, score.name: 1.5, active.name: True}
    assert told["sources"][active.name]["kind"] == "api"
    assert listed(asking, "/accounts")[0]["custom"] == told["custom"]
    wrong = fault(asking.patch(f"/accounts/{told['id']}", {"custom": {score.name: "x", "tier": "B"}}), 422)
    assert [each["where"] for each in wrong["errors"]] == [score.name, "custom.tier"]
