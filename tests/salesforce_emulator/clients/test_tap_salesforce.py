"""The Singer tap discovers the org and reads all of it, then what changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.salesforce_emulator.clients.clients import ACCOUNTS, Clients, Json, answer

UNWANTED = {"REST": {"Name"}, "BULK": {"Name", "TaskPriority", "TaskStatus"}}
"""Objects that a real org doesn't let one read this way. The tap leaves them out."""


class Tap:
    """The command ``tap-salesforce`` with the settings of one org."""

    def __init__(self, clients: Clients, folder: Path, api: str) -> None:
        self.clients = clients
        self.folder = folder
        settings = {
            "client_id": clients.org.client_id,
            "client_secret": clients.org.client_secret,
            "refresh_token": clients.org.refresh_token(),
            "start_date": "2000-01-01T00:00:00Z",
            "api_type": api,
            "select_fields_by_default": True,
        }
        self.settings = self._file("config.json", settings)

    def discover(self) -> Json:
        return answer(self.clients.python("with_tap_salesforce.py", "--config", self.settings, "--discover"))

    def sync(self, catalog: Json, state: Json) -> list[Json]:
        """The messages of a run."""
        files = ("--properties", self._file("catalog.json", catalog), "--state", self._file("state.json", state))
        done = self.clients.python("with_tap_salesforce.py", "--config", self.settings, *files)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def _file(self, name: str, content: Json) -> Path:
        path = self.folder / name
        path.write_text(json.dumps(content), encoding="utf-8")
        return path


def select(catalog: Json, stream: str) -> None:
    """Choose a stream, to be read by when its records last changed."""
    entry = next(found for found in catalog["streams"] if found["stream"] == stream)
    whole = next(found["metadata"] for found in entry["metadata"] if found["breadcrumb"] == [])
    assert whole["valid-replication-keys"] == ["SystemModstamp"]
    whole |= {"selected": True, "replication-key": "SystemModstamp", "replication-method": "INCREMENTAL"}


def records(messages: list[Json]) -> list[Json]:
    return [message["record"] for message in messages if message["type"] == "RECORD"]


@pytest.mark.parametrize("api", ["REST", "BULK"])
def test_discovery_and_two_runs(clients: Clients, tmp_path: Path, api: str) -> None:
    tap = Tap(clients, tmp_path, api)
    catalog = tap.discover()
    objects = {sobject.name for sobject in clients.org.store.schema}
    assert {entry["stream"] for entry in catalog["streams"]} == objects - UNWANTED[api]
    select(catalog, "Account")
    with clients.org.store.session() as session:
        changed = str((clients.account("K3") or {})["Id"])
        session.update("Account", changed, {"Name": f"Changed before {api}"})

    first = tap.sync(catalog, {})
    read = {record["Id"]: (record["Name"], record["NumberOfEmployees"]) for record in records(first)}
    there = clients.rows('SELECT "Id", "Name", "NumberOfEmployees" FROM "Account"')
    assert len(there) >= ACCOUNTS
    assert read == {record_id: (name, employees) for record_id, name, employees in there}

    with clients.org.store.session() as session:
        new = session.insert("Account", {"Name": f"New after {api}"})
    second = tap.sync(catalog, first[-1]["value"])
    assert {changed, new} <= {record["Id"] for record in records(second)}
    assert len(records(second)) < 10, "what is older than the last run's newest is not read again"
