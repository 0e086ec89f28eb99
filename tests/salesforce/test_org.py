"""Who and what the org is, and which API version is spoken with it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import httpx2
import pytest

from abmatic.salesforce import TESTED_VERSION, errors

from .conftest import Org, in_turn


def versions(*numbers: str) -> httpx2.Response:
    return httpx2.Response(
        200, json=[{"label": "Spring ’18", "url": f"/services/data/v{n}", "version": n} for n in numbers]
    )


@pytest.mark.parametrize(
    ("offered", "spoken"),
    [
        (("20.0", "59.0", "60.0"), "60.0"),
        (("65.0", "66.0", "67.0"), "67.0"),
        (("67.0", "68.0", "69.0", "100.0"), TESTED_VERSION),
        (("66.0", "9.0", "61.0"), "66.0"),
    ],
)
def test_the_newest_tested_version_is_spoken(offered: tuple[str, ...], spoken: str) -> None:
    org = Org(in_turn(versions(*offered)))
    client = org.client(api_version=None)
    assert client.api_version == spoken
    assert client.api_version == spoken
    assert len(org.requests) == 1


@pytest.mark.parametrize("offered", [("20.0", "59.0"), ("68.0",)])
def test_an_org_we_share_no_version_with_is_refused(offered: tuple[str, ...]) -> None:
    with pytest.raises(errors.UnsupportedVersion, match=offered[-1]):
        _ = Org(in_turn(versions(*offered))).client(api_version=None).api_version


@pytest.mark.parametrize("body", [{}, [], "x", None])
def test_a_list_of_versions_that_is_none_is_refused(body: Any) -> None:
    with pytest.raises(errors.BadAnswer):
        _ = Org(in_turn(httpx2.Response(200, json=body))).client(api_version=None).api_version


@pytest.mark.parametrize("version", ["59.0", "67", "v67.0", "67.0/../x", ""])
def test_a_version_given_is_checked(version: str) -> None:
    with pytest.raises(errors.UnsupportedVersion):
        Org(in_turn(versions("67.0"))).client(api_version=version)


def test_the_organization_is_read_from_its_record() -> None:
    record = {
        "attributes": {"type": "Organization"},
        "Id": "00D58000000JkrZEAS",
        "Name": "Acme",
        "OrganizationType": "Developer Edition",
        "IsSandbox": False,
        "InstanceName": "NA123",
        "TrialExpirationDate": None,
        "NamespacePrefix": None,
    }
    org = Org(in_turn(httpx2.Response(200, json={"totalSize": 1, "done": True, "records": [record]})))
    found = org.client().organization()
    assert (found.id, found.name, found.edition) == ("00D58000000JkrZEAS", "Acme", "Developer Edition")
    assert (found.is_sandbox, found.is_trial, found.instance_name) == (False, False, "NA123")


def test_an_org_without_a_record_of_itself_is_an_error() -> None:
    org = Org(in_turn(httpx2.Response(200, json={"totalSize": 0, "done": True, "records": []})))
    with pytest.raises(errors.BadAnswer):
        org.client().organization()


def test_the_connected_user() -> None:
    body = {
        "user_id": "00558000001c9TpAAI",
        "organization_id": "00D58000000JkrZEAS",
        "preferred_username": "ada@acme.example",
        "name": "Ada",
        "email": "ada@acme.example",
    }
    org = Org(in_turn(httpx2.Response(200, json=body)))
    user = org.client().userinfo()
    assert (user.user_id, user.organization_id, user.username) == (
        "00558000001c9TpAAI",
        "00D58000000JkrZEAS",
        "ada@acme.example",
    )
    assert org.paths() == ["GET /services/oauth2/userinfo"]


def test_salesforces_clock_is_read_without_spending_a_call() -> None:
    answer = httpx2.Response(200, json=[], headers={"Date": "Tue, 24 Nov 2026 12:00:00 GMT"})
    client = Org(in_turn(answer)).client()
    assert client.server_time() == dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
    assert client.calls == 0


@pytest.mark.parametrize("date", ["", "yesterday"])
def test_an_answer_without_a_date_tells_no_time(date: str) -> None:
    with pytest.raises(errors.BadAnswer):
        Org(in_turn(httpx2.Response(200, json=[], headers={"Date": date}))).client().server_time()
