"""The org's clock: set, moved on, let run faster or stand still; all that tells the time follows it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.salesforce_emulator.client import Api, OpenApi

from salesforce_emulator import OrgStore, Settings
from salesforce_emulator.clock import OrgClock

NOON = "2031-06-02T12:00:00+00:00"


@pytest.fixture
def still(open_api: OpenApi) -> Api:
    """An org whose clock stands, and whose sessions live long."""
    api = open_api(settings=Settings(session_seconds=10**9))
    _set(api, set=NOON, run=False)
    return api


def _set(api: Api, **told: Any) -> dict[str, Any]:
    answer = api.post("/__emulator/clock", json=told)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_setting_and_advancing(still: Api) -> None:
    assert still.get("/__emulator/clock").json() == {"now": "2031-06-02T12:00:00.000+00:00", "rate": 1.0, "run": False}
    assert _set(still, advance=90.5)["now"] == "2031-06-02T12:01:30.500+00:00"
    assert _set(still, set="2031-06-03")["now"] == "2031-06-03T00:00:00.000+00:00"
    assert still.get("limits").headers["Date"] == "Tue, 03 Jun 2031 00:00:00 GMT"


def test_never_backwards_unless_forced(still: Api) -> None:
    for told in ({"advance": -1}, {"set": "2031-06-02T11:59:59Z"}, {"rate": -1}):
        answer = still.post("/__emulator/clock", json=told)
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_CLOCK")
    assert still.get("/__emulator/clock").json()["now"] == "2031-06-02T12:00:00.000+00:00"
    assert _set(still, advance=-3600, force=True)["now"] == "2031-06-02T11:00:00.000+00:00"


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("[]", "a JSON object is wanted"),
        ('{"advance": "1"}', "advance: a number is wanted"),
        ('{"set": "soon"}', "set: soon is no time such as"),
        ('{"run": "no"}', "run: true or false is wanted"),
        ('{"speed": 2}', "speed: nothing that a clock can be told"),
        ('{"advance": 1e300}', "advance: 1e+300 seconds lead beyond"),
        ('{"advance": NaN}', "advance: nan is no number of seconds"),
        ('{"advance": -Infinity, "force": true}', "advance: -inf is no number of seconds"),
        ('{"advance": 1' + "0" * 400 + "}", "advance: a smaller number is wanted"),
        ('{"advance": 1e10}', "is not from 1990-01-01 to 2200-01-01"),
        ('{"set": "9999-12-31T23:59:59Z"}', "set: 9999-12-31T23:59:59+00:00 is not from 1990-01-01 to 2200-01-01"),
        ('{"set": "0001-01-01T00:00:00+05:00", "force": true}', "set: 0001-01-01T00:00:00+05:00 is not from"),
        ('{"rate": true}', "rate: a number is wanted"),
        ('{"rate": 0}', 'rate: 0 is not above 0 and at most 100000; "run": false lets the clock stand'),
        ('{"rate": NaN}', "rate: nan is not above 0"),
        ('{"rate": 1e300}', "rate: 1e+300 is not above 0 and at most 100000"),
    ],
    ids=range(16),
)
def test_what_a_clock_cannot_be_told(still: Api, told: str, said: str) -> None:
    before = still.org.store.setting("clock")
    answer = still.post("/__emulator/clock", content=told)
    assert (answer.status_code, answer.json()[0]["errorCode"][:8]) == (400, "INVALID_")
    assert said in answer.json()[0]["message"]
    assert still.org.store.setting("clock") == before, "nothing of it is kept"
    assert still.get("limits").status_code == 200


def test_the_ends_of_time_can_be_told(open_api: OpenApi) -> None:
    api = open_api(settings=Settings(session_seconds=10**10))
    _set(api, set="2200-01-01", run=False)
    record = api.create("Account", Name="A")
    assert api.get(f"sobjects/Account/{record}").json()["CreatedDate"] == "2200-01-01T00:00:00.000+0000"
    assert api.query("SELECT COUNT() FROM Account WHERE CreatedDate <= NEXT_N_YEARS:5")["totalSize"] == 1
    _set(api, set="1990-01-01", force=True)
    assert api.get("/__emulator/clock").json()["now"] == "1990-01-01T00:00:00.000+00:00"


def test_a_fast_clock_stands_at_the_end_of_time() -> None:
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    clock = OrgClock(lambda: now[0])
    clock.change(rate=100_000)
    now[0] += timedelta(days=3000)
    assert clock() == datetime(2200, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "kept",
    [
        {"org": "9999-12-31T23:59:59+00:00", "rate": 1.0},
        {"org": "2031-01-01T00:00:00+00:00", "rate": 1e300},
        {"org": "soon", "rate": 1.0},
        {"rate": 1.0},
    ],
)
def test_a_kept_clock_that_cannot_run_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kept: dict[str, Any]
) -> None:
    file = tmp_path / "org.sqlite3"
    with OrgStore(file) as store:
        store.put_setting("clock", json.dumps({"source": "2026-01-01T00:00:00+00:00", "runs": True, **kept}))
    with OrgStore(file, clock=lambda: datetime(2026, 5, 1, tzinfo=UTC)) as store:
        assert store.now() == datetime(2026, 5, 1, tzinfo=UTC)
    assert "org.sqlite3: its clock can't be set as it once was" in caplog.text


def test_a_rate() -> None:
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    clock = OrgClock(lambda: now[0])
    clock.change(rate=60)
    now[0] += timedelta(seconds=2)
    assert clock() == datetime(2026, 1, 1, 0, 2, tzinfo=UTC)
    clock.change(runs=False)
    now[0] += timedelta(seconds=2)
    assert clock() == datetime(2026, 1, 1, 0, 2, tzinfo=UTC)
    clock.change(runs=True)
    now[0] -= timedelta(hours=1)
    assert clock() == datetime(2026, 1, 1, 0, 2, tzinfo=UTC), "the machine's clock was set back, the org's is not"


def test_a_kept_org_keeps_its_time(tmp_path: Path) -> None:
    file = tmp_path / "org.sqlite3"
    with OrgStore(file) as store:
        store.set_clock(to=datetime(2040, 1, 1, tzinfo=UTC), runs=False)
    with OrgStore(file) as store:
        assert store.now() == datetime(2040, 1, 1, tzinfo=UTC)


def test_stamps_and_date_literals_follow(still: Api) -> None:
    record = still.create("Account", Name="A")
    assert still.get(f"sobjects/Account/{record}").json()["CreatedDate"] == "2031-06-02T12:00:00.000+0000"
    today = "SELECT COUNT() FROM Account WHERE CreatedDate = TODAY"
    assert still.query(today)["totalSize"] == 1
    _set(still, advance=24 * 3600)
    assert still.query(today)["totalSize"] == 0
    assert still.query(today.replace("TODAY", "YESTERDAY"))["totalSize"] == 1


def test_tokens_follow(open_api: OpenApi) -> None:
    api = open_api(settings=Settings(session_seconds=600))
    assert api.get("limits").status_code == 200
    _set(api, advance=601)
    assert api.get("limits").status_code == 401


def test_the_allowance_follows(open_api: OpenApi) -> None:
    api = open_api(settings=Settings(allowance=2, session_seconds=10**6))
    assert [api.get("limits").status_code for _ in range(3)] == [200, 200, 403]
    _set(api, advance=23 * 3600)
    assert api.get("limits").status_code == 403
    _set(api, advance=3600)
    answer = api.get("limits")
    assert answer.headers["Sforce-Limit-Info"] == "api-usage=1/2"


def test_jobs_and_their_results_are_kept_for_seven_days(open_api: OpenApi) -> None:
    api = open_api(settings=Settings(session_seconds=10**7))
    _set(api, run=False)
    query = api.bulk_query("SELECT Id FROM User")
    ingest = api.ingest("Account", "insert", "Name\nA\n")["id"]
    waiting = api.post("jobs/ingest", json={"object": "Account", "operation": "insert"}).json()["id"]
    jobs = [f"jobs/query/{query}", f"jobs/ingest/{ingest}", f"jobs/ingest/{waiting}"]
    _set(api, advance=7 * 86_400)
    assert [api.get(job).status_code for job in jobs] == [200, 200, 200]
    _set(api, advance=1)
    assert [api.get(job).status_code for job in (f"{jobs[0]}/results", *jobs)] == [404] * 4
    assert api.get("jobs/query").json()["records"] == []
    assert list(api.org.store.path_of_files.iterdir()) == []


def test_a_job_takes_its_time_by_this_clock(open_api: OpenApi) -> None:
    api = open_api(settings=Settings(job_seconds=3600))
    _set(api, run=False)
    job = api.post("jobs/query", json={"operation": "query", "query": "SELECT Id FROM User"}).json()["id"]
    api.job_info("query", job, until=("InProgress",))
    _set(api, advance=3600)
    assert api.job_info("query", job)["state"] == "JobComplete"


def test_the_recycle_bin_is_emptied_after_fifteen_days(open_api: OpenApi) -> None:
    api = open_api(settings=Settings(session_seconds=10**7))
    _set(api, run=False)
    old, newer = api.create("Account", Name="Old"), api.create("Account", Name="Newer")
    child = api.create("Contact", LastName="Child", AccountId=old)
    api.delete(f"sobjects/Account/{old}")
    _set(api, advance=86_400)
    api.delete(f"sobjects/Account/{newer}")
    _set(api, advance=14 * 86_400 - 1)
    assert len(api.rows("SELECT Id FROM Account", deleted=True)) == 2
    _set(api, advance=1)
    assert [r["Id"] for r in api.rows("SELECT Id FROM Account", deleted=True)] == [newer]
    assert api.rows("SELECT Id FROM Contact", deleted=True) == []
    assert api.delete(f"sobjects/Contact/{child}").status_code == 404
    with api.org.store.session() as session:
        session.undelete("Account", newer)
    _set(api, advance=30 * 86_400)
    assert [r["Id"] for r in api.rows("SELECT Id FROM Account")] == [newer]
