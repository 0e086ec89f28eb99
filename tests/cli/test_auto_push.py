"""What is changed here reaches Salesforce by itself, and soon: web process, worker and org, as people have them."""

from __future__ import annotations

import json
import signal
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

import psutil
import pytest
from tests.cli.orgs import Connected, sample_org
from tests.cli.processes import Installation, children_of, wait_until
from tests.cli.pushing import allow, industry

pytestmark = pytest.mark.server

SOON = 5.0
BY_API = "com/salesforce/api"


@dataclass
class AtWork:
    """`abmatic up`, pushing the industries of accounts by itself, and a key for its API."""

    salesforce: Connected
    pid: int
    url: str
    key: str

    def ids(self) -> dict[str, int]:
        """The linked accounts, by name."""
        return dict(
            self.salesforce.installation.query(
                "SELECT a.name, a.id FROM account AS a JOIN mirror_account AS m ON m.local_id = a.id AND m.role = 1 "
                "WHERE NOT m.is_deleted ORDER BY a.id"
            )
        )

    def edit(self, account: int, industry: str) -> None:
        request = urllib.request.Request(
            f"{self.url}/api/v1/accounts/{account}",
            data=json.dumps({"industry": industry}).encode(),
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
            method="PATCH",
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.status == 200

    def runs(self) -> list[str]:
        """The states of the runs that started by themselves."""
        return [
            row[0]
            for row in self.salesforce.installation.query(
                "SELECT state FROM run WHERE trigger = 'auto_push' ORDER BY id"
            )
        ]

    def is_idle(self) -> bool:
        return not {"queued", "running"} & set(self.runs())

    def worker(self) -> psutil.Process:
        [worker] = [child for child in children_of(self.pid) if "abmatic.cli worker" in " ".join(child.cmdline())]
        return worker


@pytest.fixture
def at_work(installation: Installation) -> Iterator[AtWork]:
    with sample_org(installation) as salesforce:
        salesforce.connect()
        allow(salesforce)
        installation.query("UPDATE object_setting SET auto_push = true WHERE sobject = 'Account' RETURNING id")
        key = json.loads(salesforce.run("api-keys", "create", "Edits", "--role", "operator", "--json"))["key"]
        process, ready = installation.up(ABMATIC_SALESFORCE_EXTRA_HOSTS=urlsplit(salesforce.org.url).netloc)
        made = AtWork(salesforce, process.pid, ready["url"], key)
        wait_until(lambda: installation.query("SELECT 1 FROM procrastinate_workers"))
        yield made
        installation.end()


def _has_arrived(at_work: AtWork, value: str) -> bool:
    return industry(at_work.salesforce, "GenePoint") == value


def test_an_edit_reaches_salesforce_within_seconds(at_work: AtWork) -> None:
    account = at_work.ids()["GenePoint"]
    took = []
    for value in ("Banking", "Energy", "Media"):
        wait_until(at_work.is_idle)
        at_work.edit(account, value)
        took.append(wait_until(partial(_has_arrived, at_work, value)))
    # Of three, because other tests may keep the machine busy for a moment.
    assert min(took) < SOON, took


def test_edits_under_load_are_few_runs_in_order_and_a_killed_worker_loses_none(at_work: AtWork) -> None:
    org = at_work.salesforce.org
    accounts = at_work.ids()
    rounds = [f"Industry {number}" for number in range(8)]
    first, *rest = accounts
    position = org.store.changes.newest()
    # Salesforce carries the first batch out, and its answer never comes: the worker dies waiting for it.
    org.fault("stalled", {"method": "PATCH", "path": "/composite/sobjects"}, until="headers", times=1)
    at_work.edit(accounts[first], rounds[0])
    wait_until(lambda: industry(at_work.salesforce, first) == rounds[0])
    for name in rest:
        at_work.edit(accounts[name], rounds[0])
    at_work.worker().send_signal(signal.SIGKILL)
    org.emulator.faults.set([])
    for value in rounds[1:]:
        for account in accounts.values():
            at_work.edit(account, value)
    wait_until(lambda: {industry(at_work.salesforce, name) for name in accounts} == {rounds[-1]}, 120)
    wait_until(at_work.is_idle)

    written = defaultdict(list)
    for event in org.store.changes.after(position, 1_000_000):
        if event.origin.startswith(BY_API):
            for sf_id in event.record_ids:
                written[sf_id].append(str(event.values.get("Industry")))
    assert len(written) == len(accounts)
    for values in written.values():
        assert values == sorted(set(values)), "a value was written twice, or after a newer one"
        assert values[-1] == rounds[-1]
    # Salesforce was not called for each edit.
    assert len(at_work.runs()) < len(rounds) * len(accounts) / 4
    assert not at_work.salesforce.installation.query("SELECT 1 FROM push_due")
    assert set(at_work.runs()) == {"succeeded"}
