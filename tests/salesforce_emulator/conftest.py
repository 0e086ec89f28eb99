"""An emulated org for every test, over a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx2
import pytest
from tests.salesforce_emulator.client import Api, OpenApi

from salesforce_emulator import OrgStore
from salesforce_emulator.schema.entries import custom_field
from salesforce_emulator.testing import running


def _opening() -> Iterator[OpenApi]:
    with ExitStack() as stack:

        def start(*, user_id: str | None = None, scope: str = "id api", **options: Any) -> Api:
            org = stack.enter_context(running(**options))
            http = stack.enter_context(httpx2.Client(base_url=org.url, timeout=30))
            http.headers["Authorization"] = f"Bearer {org.access_token(user_id, scope)}"
            return Api(org, http)

        yield start


@pytest.fixture
def open_api() -> Iterator[OpenApi]:
    """Start an org with what a test wants of it (store=, settings=, apps=), signed in."""
    yield from _opening()


@pytest.fixture(scope="module")
def module_api() -> Iterator[OpenApi]:
    """The same, for orgs that the tests of a module only read."""
    yield from _opening()


@pytest.fixture
def api(open_api: OpenApi) -> Api:
    """An org with base records only, and a few custom fields."""
    custom = {
        "Account": [
            custom_field("External__c", "string", externalId=True, unique=True, length=40),
            custom_field("Code__c", "string", externalId=True, length=40),
            custom_field("Topics__c", "multipicklist", values=("A", "B", "C"), restrictedPicklist=True, length=400),
            custom_field("Tier__c", "picklist", label="Tier", values=("Gold", "Silver"), restrictedPicklist=True),
        ]
    }
    return open_api(store=OrgStore(custom_fields=custom))


@pytest.fixture
def accounts(api: Api) -> Api:
    """An org with ten accounts."""
    with api.org.store.session() as session:
        for number in range(10):
            session.insert("Account", {"Name": f"Account {number}", "NumberOfEmployees": number})
    return api
