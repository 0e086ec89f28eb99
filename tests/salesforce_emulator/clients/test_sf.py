"""Salesforce's own command line works against the org: login by access token, records, bulk."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from tests.salesforce_emulator.clients.clients import ACCOUNTS, Clients, Json, answer


class Sf:
    """The command ``sf``, logged in. Every command answers as JSON."""

    def __init__(self, clients: Clients) -> None:
        self.clients = clients
        self.token = clients.org.access_token()

    def __call__(self, command: str, *arguments: str | Path) -> Json:
        done = self.clients.node(
            "sf.js",
            *command.split(),
            *arguments,
            "--json",
            SF_ACCESS_TOKEN=self.token,
            SF_USE_GENERIC_UNIX_KEYCHAIN="true",  # a file, where no desktop keeps secrets
            SF_DISABLE_LOG_FILE="true",
            SF_TARGET_ORG="emulated",
        )
        return answer(done)["result"]

    def file(self, name: str, *lines: str) -> Path:
        path = self.clients.folder / name
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path


@pytest.fixture(scope="module")
def login(clients: Clients) -> tuple[Sf, Json]:
    sf = Sf(clients)
    return sf, sf("org login access-token --no-prompt --alias emulated --instance-url", clients.org.url)


@pytest.fixture(scope="module")
def sf(login: tuple[Sf, Json]) -> Sf:
    return login[0]


def test_login(clients: Clients, login: tuple[Sf, Json]) -> None:
    _, told = login
    assert (told["username"], told["orgId"]) == (clients.org.username, clients.org.store.organization_id)
    assert (told["orgEdition"], told["isSandbox"], told["isDevHub"]) == ("Developer Edition", False, False)


def test_it_reads(clients: Clients, sf: Sf) -> None:
    told = sf(
        "data query --query", "SELECT Name, Owner.Name, (SELECT LastName FROM Contacts) FROM Account ORDER BY Name"
    )
    began = clients.account_names()
    assert [row["Name"] for row in told["records"] if row["Name"] in began] == began
    assert told["records"][0]["Contacts"]["records"][0]["LastName"] == "Müller"
    fields = sf("sobject describe --sobject Account")["fields"]
    assert [field["name"] for field in fields] == [field.name for field in clients.org.store.schema["Account"].fields]


def test_it_writes_records(clients: Clients, sf: Sf) -> None:
    made = sf("data create record --sobject Account --values", "Name='Made here' Key__c=made")["id"]
    sf("data update record --sobject Account --where Key__c=made --values", "Name='Changed here'")
    assert (clients.account("made") or {}).get("Name") == "Changed here"
    sf("data delete record --sobject Account --record-id", made)
    assert clients.account("made") is None


def test_it_writes_and_reads_in_bulk(clients: Clients, sf: Sf) -> None:
    rows = sf.file("new.csv", "Name,Key__c", '"Bulk, one",b1', "Bulk two,b2")
    told = sf("data import bulk --sobject Account --wait 2 --file", rows)
    assert (told["processedRecords"], told["successfulRecords"], told["failedRecords"]) == (2, 2, 0)
    rows = sf.file("again.csv", "Name,Key__c", "Bulk again,b1", "Bulk three,b3")
    told = sf("data upsert bulk --sobject Account --external-id Key__c --wait 2 --file", rows)
    created = {row["Key__c"]: row["sf__Created"] for row in told["records"]["successfulResults"]}
    assert created == {"b1": "false", "b3": "true"}
    assert [(clients.account(key) or {}).get("Name") for key in ("b1", "b2", "b3")] == [
        "Bulk again",
        "Bulk two",
        "Bulk three",
    ]
    file = clients.folder / "all.csv"
    query = "SELECT Name FROM Account WHERE Key__c LIKE 'K%' ORDER BY Name"
    assert sf("data export bulk --wait 2 --query", query, "--output-file", file)["totalSize"] == ACCOUNTS
    with file.open(encoding="utf-8", newline="") as lines:
        assert [row["Name"] for row in csv.DictReader(lines)] == clients.account_names()
