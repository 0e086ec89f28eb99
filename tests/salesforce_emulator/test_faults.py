"""Faults on request, and the log of calls."""

from __future__ import annotations

import httpx2
import pytest
from tests.salesforce_emulator.client import DATA, Api, OpenApi

from salesforce_emulator import Settings


def test_after_and_times(api: Api) -> None:
    plan = [{"match": {"method": "GET", "path": "limits"}, "after": 1, "times": 2, "action": "status", "status": 500}]
    assert api.post("/__emulator/faults", json=plan).json() == {"rules": 1}
    assert [api.get("limits").status_code for _ in range(4)] == [200, 500, 500, 200]
    assert api.get("sobjects").status_code == 200
    assert api.get("/__emulator/faults").json() == [{"action": "status", "path": "limits", "seen": 4, "struck": 2}]


def test_a_plan_that_cannot_be_followed(api: Api) -> None:
    for plan in ({"action": "status"}, [{"action": "explode"}], [{"action": "status", "match": {"path": "("}}]):
        answer = api.post("/__emulator/faults", json=plan)
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_PLAN")


def test_control_can_be_off(open_api: OpenApi) -> None:
    assert open_api(settings=Settings(control=False)).get("/__emulator/calls").status_code == 403


def test_html_and_headers(api: Api) -> None:
    api.org.fault("html")
    answer = api.get("limits")
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (200, "text/html")
    api.org.fault("status", status=503, headers={"Retry-After": "7"}, body={"x": 1})
    answer = api.get("limits")
    assert (answer.status_code, answer.headers["Retry-After"], answer.json()) == (503, "7", {"x": 1})


def test_a_body_cut_short(api: Api) -> None:
    api.org.fault("cut", {"path": "describe"}, bytes=100)
    with pytest.raises(httpx2.RemoteProtocolError):
        api.get("sobjects/Account/describe")


def test_a_connection_reset_before_and_after_the_work(api: Api) -> None:
    for when, kept in (("before", 0), ("after", 1)):
        api.org.fault("reset", {"method": "POST"}, when=when)
        with pytest.raises(httpx2.RemoteProtocolError):
            api.post("sobjects/Account", json={"Name": "A"})
        assert api.query("SELECT COUNT() FROM Account")["totalSize"] == kept


def test_locators_and_sessions_expire(api: Api) -> None:
    with api.org.store.session() as session:
        for number in range(201):
            session.insert("Account", {"Name": str(number)})
    options = {"params": {"q": "SELECT Id FROM Account"}, "headers": {"Sforce-Query-Options": "batchSize=200"}}
    url = api.get("query", **options).json()["nextRecordsUrl"]
    api.org.fault("locator_expired", {"path": "query/0r8"})
    assert api.get(url).json()[0]["errorCode"] == "INVALID_QUERY_LOCATOR"
    api.org.fault("session_expired", {"path": "limits"})
    assert [api.get("limits").status_code for _ in range(2)] == [401, 401]


def test_a_field_that_vanishes(accounts: Api) -> None:
    accounts.org.fault("field_missing", {"path": "query"}, field="Name", times=0)
    assert "Name" not in accounts.rows("SELECT Id, Name FROM Account LIMIT 1")[0]
    job = accounts.bulk_query("SELECT Id, Name, NumberOfEmployees FROM Account")
    answer = accounts.get(f"jobs/query/{job}/results", headers={"Accept-Encoding": "identity"})
    assert answer.text.split("\n")[0] == '"Id","NumberOfEmployees"'


def test_headers_of_bulk_results(accounts: Api) -> None:
    job = accounts.bulk_query("SELECT Id FROM Account")
    accounts.org.fault("no_locator", {"path": "results"})
    assert "Sforce-Locator" not in accounts.get(f"jobs/query/{job}/results").headers
    accounts.org.fault("row_count", {"path": "results"}, count=99)
    assert accounts.get(f"jobs/query/{job}/results").headers["Sforce-NumberOfRecords"] == "99"


def test_the_limit(api: Api) -> None:
    api.org.fault("limit")
    assert api.get("limits").json()[0]["errorCode"] == "REQUEST_LIMIT_EXCEEDED"


def test_slow(api: Api) -> None:
    api.org.fault("slow", {"path": "limits"}, seconds=0.2)
    api.get("limits")
    call = api.org.calls()[-1]
    assert call["fault"] == "slow"
    assert float(str(call["ms"])) >= 200


def test_every_call_is_logged(api: Api) -> None:
    api.get("query", params={"q": "SELECT Id FROM Account"})
    api.get("/services/data")
    first, second = api.get("/__emulator/calls").json()
    assert (first["method"], first["path"], first["status"], first["counted"]) == ("GET", f"{DATA}/query", 200, True)
    assert first["bytes"] > 0
    assert (second["path"], second["counted"]) == ("/services/data", False)
    assert api.post("/__emulator/reset-calls").status_code == 204
    assert [c["path"] for c in api.get("/__emulator/calls").json()] == ["/__emulator/reset-calls"]


def test_usage_can_be_set(api: Api) -> None:
    assert api.post("/__emulator/usage", json={"used": 15_000}).json() == {"allowance": 15_000, "used": 15_000}
    assert api.get("limits").status_code == 403
