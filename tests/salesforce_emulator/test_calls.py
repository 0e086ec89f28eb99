"""The log of calls, its filters, its summary, and the allowance that can be set."""

from __future__ import annotations

import select
import socket
import time
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import httpx2
import pytest
from tests.salesforce_emulator.client import DATA, Api, OpenApi

from salesforce_emulator import Settings
from salesforce_emulator.calls import Call, CallLog


@pytest.fixture
def api(open_api: OpenApi) -> Api:
    """An org whose sessions live long, whatever its clock says."""
    return open_api(settings=Settings(session_seconds=10**9))


def test_every_call_is_logged(api: Api) -> None:
    api.org.store.set_clock(to=datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC), runs=False)
    answer = api.get("query", params={"q": "SELECT Id FROM Account"})
    api.get("limits", headers={"Sforce-Call-Options": "defaultNamespace=x, client=Loader/1.0"})
    api.get("/services/data")
    first, second, third = api.get("/__emulator/calls").json()
    ms = first.pop("ms")
    assert ms > 0
    assert first == {
        "number": 1,
        "time": "2031-02-03T04:05:06.000+00:00",
        "method": "GET",
        "path": f"{DATA}/query",
        "query": str(answer.request.url.query.decode()),
        "kind": "GET /query",
        "status": 200,
        "bytes": len(answer.content),
        "counted": True,
        "fault": None,
        "user": api.org.username,
        "client": api.org.emulator.apps.first.name,
    }
    assert (second["kind"], second["client"]) == ("GET /limits", "Loader/1.0")
    assert (third["path"], third["counted"], third["client"]) == ("/services/data", False, None)
    assert api.post("/__emulator/reset-calls").status_code == 204
    assert [c["path"] for c in api.get("/__emulator/calls").json()] == ["/__emulator/reset-calls"]


def test_bytes_of_an_answer_whose_length_is_not_known_before(accounts: Api) -> None:
    job = accounts.bulk_query("SELECT Id, Name FROM Account")
    with accounts.http.stream("GET", f"{DATA}/jobs/query/{job}/results", headers={"Accept-Encoding": "gzip"}) as answer:
        sent = sum(len(piece) for piece in answer.iter_raw())
    assert accounts.org.calls()[-1]["bytes"] == sent > 0


def test_filters(api: Api) -> None:
    api.org.store.set_clock(to=datetime(2031, 1, 1, tzinfo=UTC), runs=False)
    api.get("limits")
    api.post("sobjects/Account", json={"Name": "A"})
    api.org.store.set_clock(by=60)
    api.get("query", params={"q": "SELECT"})
    api.org.fault("status", status=500)
    api.get("limits", headers={"Sforce-Call-Options": "client=Other"})

    def numbers(**told: str) -> list[int]:
        found: list[dict[str, int]] = api.get("/__emulator/calls", params=told).json()
        return [c["number"] for c in found if c["number"] <= 4]

    assert numbers() == [1, 2, 3, 4]
    assert numbers(path="limits") == [1, 4]
    assert numbers(path=r"query\?q=SELECT$") == [3]
    assert numbers(method="post") == [2]
    assert numbers(status="400") == [3]
    assert numbers(fault="status") == [4]
    assert numbers(client="Other") == [4]
    assert numbers(since="2") == [3, 4]
    assert numbers(since="2031-01-01T00:00:30Z") == numbers(since="2031-01-01T02:00:30+02:00") == [3, 4]
    assert numbers(path="limits", since="1") == [4]


@pytest.mark.parametrize(
    "told", ["paht=x", "path=(", "status=ok", "since=yesterday"], ids=["unknown", "path", "status", "since"]
)
def test_filters_that_mean_nothing(api: Api, told: str) -> None:
    for url in ("/__emulator/calls", "/__emulator/calls/summary"):
        assert api.get(f"{url}?{quote(told, safe='=')}").status_code == 400


def test_the_summary_counts_by_kind(api: Api) -> None:
    record = api.create("Account", Name="A")
    for _ in range(2):
        api.get(f"sobjects/Account/{record}")
    api.get("sobjects/Account/001000000000000AAA")
    httpx2.get(f"{api.org.url}/services/data")
    found = api.get("/__emulator/calls/summary").json()
    assert {k: v["calls"] for k, v in found["kinds"].items()} == {
        "GET /services/data": 1,
        "GET /sobjects/<name>/<record_id>": 3,
        "POST /sobjects/<name>": 1,
    }
    assert (found["calls"], found["counted"], found["failed"], found["struck"]) == (5, 4, 1, 0)
    read = found["kinds"]["GET /sobjects/<name>/<record_id>"]
    assert (read["counted"], read["failed"]) == (3, 1)
    assert found["bytes"] == sum(k["bytes"] for k in found["kinds"].values()) > 0
    assert api.get("/__emulator/calls/summary", params={"method": "POST"}).json()["calls"] == 1


def test_memory_is_bounded() -> None:
    log = CallLog(kept=3)
    for number in range(5):
        log.add(Call(datetime.now(UTC), "GET", f"/{number}", "", "GET /", 200, 1, 1.0, True, None, None, None))
    assert [c["path"] for c in log.all()] == ["/2", "/3", "/4"]
    assert (log.summary()["calls"], log.summary()["forgotten"]) == (3, 2)


def test_usage_can_be_set(api: Api) -> None:
    assert api.post("/__emulator/usage", json={"used": 15_000}).json() == {"allowance": 15_000, "used": 15_000}
    assert api.get("limits").status_code == 403


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ('{"used": "x"}', "used: a whole number of at least 0 is wanted"),
        ('{"used": 1.5}', "used: a whole number"),
        ('{"allowance": -1, "used": 3}', "allowance: a whole number"),
        ('{"allowance": true}', "allowance: a whole number"),
        ('{"alowance": 5}', "a JSON object such as "),
        ("[]", "a JSON object such as "),
        ("{", "a JSON object such as "),
    ],
)
def test_usage_that_cannot_be(api: Api, told: str, said: str) -> None:
    before = api.post("/__emulator/usage", json={}).json()
    answer = api.post("/__emulator/usage", content=told)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_USAGE")
    assert answer.json()[0]["message"].startswith(said)
    assert api.post("/__emulator/usage", json={}).json() == before


def test_a_page_of_another_site_may_not_control_the_org(api: Api) -> None:
    asked = {"Sec-Fetch-Site": "cross-site"}
    for path in ("faults", "clock", "schema", "rules"):
        refused = api.http.post(f"/__emulator/{path}", json=[], headers=asked)
        assert (refused.status_code, refused.json()[0]["errorCode"]) == (403, "CROSS_SITE")
    assert api.http.get("/__emulator/faults").status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://[", ""])
def test_nor_may_one_whose_browser_tells_only_its_origin(api: Api, origin: str) -> None:
    asked = {"Origin": origin, "Content-Type": "text/plain"}
    for path in ("faults", "clock", "schema", "rules", "usage", "permissions"):
        refused = api.http.post(f"/__emulator/{path}", content="[]", headers=asked)
        assert (refused.status_code, refused.json()[0]["errorCode"]) == (403, "CROSS_SITE")
    assert api.http.delete("/__emulator/rules", headers=asked).status_code == 403
    assert api.http.post("/__emulator/faults", content="[]", headers={"Origin": api.org.url}).status_code == 200


def test_a_caller_that_is_gone_before_it_read_its_answer_is_not_under_way_for_ever(api: Api) -> None:
    address = urlsplit(api.org.url)
    assert address.hostname
    for _ in range(20):
        with socket.create_connection((address.hostname, address.port or 80)) as caller:
            caller.sendall(f"GET /services/data HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
            select.select([caller], [], [], 10)  # the answer is there; what is killed now resets the connection
    until = time.monotonic() + 10
    while api.org.emulator.under_way.count and time.monotonic() < until:
        time.sleep(0.01)
    assert api.org.emulator.under_way.count == 0
