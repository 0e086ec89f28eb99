"""`abmatic sync`, `runs` and `records`: by a worker or here, with what came of it."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator

import pytest
from tests.cli.orgs import Connected, sample_org
from tests.cli.processes import Installation, wait_until

pytestmark = pytest.mark.server


@pytest.fixture
def salesforce(installation: Installation) -> Iterator[Connected]:
    with sample_org(installation) as connected:
        connected.connect()
        yield connected


def test_here_then_looked_at(salesforce: Connected) -> None:
    said = salesforce.run("sync", "--here")
    assert "Accounts: 12 records read: 10 created, 2 linked as duplicates." in said
    again = salesforce.run("sync", "--here", "accounts", "Lead")
    assert "Accounts: Nothing has changed" in again
    assert "Contacts" not in again
    # What was done here is no job any more.
    assert salesforce.installation.query("SELECT count(*) FROM procrastinate_jobs") == [(0,)]

    listed = json.loads(salesforce.run("runs", "--limit", "3", "--json"))
    assert len(listed["runs"]) == 3
    assert listed["more"]
    assert "Account" in salesforce.run("runs")
    one = json.loads(salesforce.run("runs", "2", "--json", "--reason", "duplicate", "--limit", "1"))
    assert (one["object"], one["counts"]["duplicate"], one["more"]) == ("Account", 2, True)
    (first,) = one["findings"]
    rest = salesforce.run("runs", "2", "--json", "--reason", "duplicate", "--after", str(first["id"]))
    assert len(json.loads(rest)["findings"]) == 1
    shown = salesforce.run("runs", "2")
    assert "Duplicate (duplicate)" in shown
    assert "Merge the records in Salesforce" in shown
    by_state = json.loads(salesforce.run("runs", "--state", "succeeded", "--object", "accounts", "--json"))["runs"]
    assert {(each["object"], each["status"], each["refused"]) for each in by_state} == {("Account", "Succeeded", 0)}
    assert "No run matches" in salesforce.run("runs", "--state", "refused")
    assert "No record here is called 'nobody at all'" in salesforce.run("runs", "--record", "nobody at all", code=1)
    assert "is no state of a run; these are: queued," in salesforce.run("runs", "--state", "bad", code=2)
    assert "narrow the list" in salesforce.run("runs", "2", "--state", "failed", code=2)
    assert "There is no run 999" in salesforce.run("runs", "999", code=1)
    assert "there are: " in salesforce.run("runs", "2", "--reason", "bad", code=2)

    accounts = [json.loads(line) for line in salesforce.run("records", "accounts").splitlines()]
    assert len(accounts) == 10
    (oil,) = (each for each in accounts if each["domain"] == "uos.com")
    assert sorted(link["is_duplicate"] for link in oil["salesforce"]) == [False, True, True]
    assert oil["owner"]["email"].endswith("@emulator.example")
    burlington = json.loads(salesforce.run("records", "accounts", "--search", "BURLINGTON textiles"))
    assert burlington["revenue"] == 350000000
    contacts = [json.loads(line) for line in salesforce.run("records", "contacts", "--limit", "3").splitlines()]
    assert len(contacts) == 3
    assert all({"first_name", "work_email", "account", "kind"} <= each.keys() for each in contacts)
    assert salesforce.run("records", "opportunities", "--search", "100%_") == ""
    members = salesforce.run("records", "accounts", "--collection", "Salesforce Import").splitlines()
    assert len(members) == 10
    assert "there is: “Salesforce Import”" in salesforce.run("records", "accounts", "--collection", "x", code=1)
    assert "'bananas' is not one of" in salesforce.run("records", "bananas", code=2)


def test_whoever_reads_records_may_have_enough(salesforce: Connected) -> None:
    salesforce.installation.query(
        "INSERT INTO account (name, custom, created_at, updated_at) "
        "SELECT repeat('x', 1000), '{}', now(), now() FROM generate_series(1, 5000) RETURNING id"
    )
    reading = salesforce.installation.start("records", "accounts")
    assert reading.stdout is not None
    assert json.loads(reading.stdout.readline())["name"]
    reading.stdout.close()
    assert (reading.wait(60), salesforce.installation.said()) == (0, "")


def test_without_a_worker_it_says_so(salesforce: Connected) -> None:
    assert "No worker is alive" in salesforce.run("sync", code=3)
    assert salesforce.installation.query("SELECT count(*) FROM run") == [(0,)]
    assert "Accounts: queued as run" in salesforce.run("sync", "--no-wait")
    # Nobody does those; a second one can't be queued beside them, and --here does them first.
    assert "queued or running already" in salesforce.run("sync", "--no-wait", code=1)
    said = salesforce.run("sync", "--here", "--json")
    assert json.loads(said)["ok"]
    assert salesforce.installation.query("SELECT state, count(*) FROM run GROUP BY state") == [("succeeded", 18)]


def test_waits_for_the_worker(salesforce: Connected) -> None:
    salesforce.installation.start("worker")
    wait_until(lambda: salesforce.installation.query("SELECT FROM procrastinate_workers"))
    told = json.loads(salesforce.run("sync", "--json"))
    assert told["ok"]
    assert [run["object"] for run in told["runs"]] == [
        "User", "Account", "Contact", "Lead", "Campaign", "CampaignMemberStatus", "CampaignMember",
        "Opportunity",
        "OpportunityContactRole",
    ]  # fmt: skip
    assert all(run["state"] == "succeeded" for run in told["runs"])


def test_a_failed_run_ends_with_1_its_error_and_a_remedy(salesforce: Connected) -> None:
    refusal = [{"message": "The REST API is not enabled for this Organization.", "errorCode": "API_DISABLED_FOR_ORG"}]
    salesforce.org.fault("status", {"path": "/query"}, status=403, body=refusal, times=0)
    assert "run 1 failed: API_DISABLED_FOR_ORG" in salesforce.run("sync", "accounts", "--here", code=1)
    shown = salesforce.run("runs", "1")
    assert "API_DISABLED_FOR_ORG" in shown
    assert "→ " in shown
    # The connection is known to need somebody now, so nothing more is tried.
    refused = salesforce.run("sync", "--here", code=3)
    assert "needs attention (API not enabled for this edition)" in refused
    # Another sign-in would not switch the API on; checking says when it is.
    assert "Check it again with `abmatic doctor`" in refused
    assert "Reconnect" not in refused


def test_ctrl_c_cancels_what_is_done_here(salesforce: Connected) -> None:
    salesforce.org.fault("slow", {"path": "/query"}, seconds=2, times=0)
    hosts = salesforce.org.url.removeprefix("http://")
    process = salesforce.installation.start("sync", "--here", ABMATIC_SALESFORCE_EXTRA_HOSTS=hosts)
    wait_until(lambda: salesforce.installation.query("SELECT FROM run WHERE state = 'running'"))
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    states = salesforce.installation.query("SELECT DISTINCT state FROM run")
    assert states == [("cancelled",)]
    said = salesforce.installation.said()
    assert "What is written stays, nothing goes on in the background; the same command again does the rest." in said


def test_ctrl_c_leaves_what_a_worker_does_to_it_and_says_so(salesforce: Connected) -> None:
    salesforce.org.fault("slow", {"path": "/query"}, seconds=2, times=0)
    hosts = {"ABMATIC_SALESFORCE_EXTRA_HOSTS": salesforce.org.url.removeprefix("http://")}
    worker = salesforce.installation.start("worker", **hosts)
    wait_until(lambda: salesforce.installation.query("SELECT FROM procrastinate_workers"))
    process = salesforce.installation.start("sync", "Lead", **hosts)
    wait_until(lambda: salesforce.installation.query("SELECT FROM run WHERE state = 'running'"))
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert "Not waiting any longer: the worker goes on with run" in salesforce.installation.said()
    assert not salesforce.installation.query("SELECT FROM run WHERE state = 'cancelled'")
    worker.send_signal(signal.SIGINT)
    worker.wait(60)
    assert "What they have written is kept" in salesforce.installation.said()


def test_nothing_to_sync_with(installation: Installation) -> None:
    done = installation.run("sync")
    assert done.returncode == 3
    assert "No Salesforce org is connected" in done.stderr
    assert "there is no database" not in done.stderr.lower()


def test_no_database_yet(embedded_installation: Installation) -> None:
    for command in (["sync"], ["runs"], ["records", "accounts"], ["settings", "export"], ["user", "list"]):
        done = embedded_installation.run(*command)
        assert done.returncode == 3
        assert "There is no database in" in done.stderr
    assert not (embedded_installation.data_dir / "postgres").exists()


def test_wrong_names(salesforce: Connected) -> None:
    assert "'Case' is not an object that is synchronised" in salesforce.run("sync", "Case", code=2)
    assert "there is “Sample Org”" in salesforce.run("sync", "--connection", "Other", code=1)
    assert "leave out --no-wait" in salesforce.run("sync", "--here", "--no-wait", code=2)
