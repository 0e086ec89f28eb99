"""An org that is served over a real socket, for the clients of others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from tests.salesforce_emulator.clients.clients import ACCOUNTS, Clients

from salesforce_emulator import OrgStore, Settings
from salesforce_emulator.schema.entries import custom_field
from salesforce_emulator.testing import running


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    """An org with enough accounts for more than one page, each with a key of its own, the first with a contact.

    They are older than anything that a test writes.
    """
    key = custom_field("Key__c", "string", externalId=True, unique=True, length=40)
    store = OrgStore(custom_fields={"Account": [key]})
    today, store.clock = store.clock, lambda: datetime(2026, 1, 5, 8, tzinfo=UTC)
    with store.session() as session:
        first, *_ = [
            session.insert(
                "Account", {"Name": f"Account {number:04}", "Key__c": f"K{number}", "NumberOfEmployees": number}
            )
            for number in range(ACCOUNTS)
        ]
        session.insert("Contact", {"LastName": "Müller", "Email": "m@acme.example", "AccountId": first})
    store.clock = today
    with running(store, settings=Settings(soap_login=True)) as org:
        yield Clients(org, tmp_path_factory.mktemp("home"))
