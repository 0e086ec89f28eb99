"""What Salesforce says it found is what must have been read, and what was made there for the reading goes again."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest
from tests.sync.invariants import assert_adds_up
from tests.sync.live import Live, Orgs

from abmatic.salesforce.bulk import BulkQueryJob
from abmatic.sync import runs
from abmatic.sync.execute import execute
from abmatic.sync.models import FieldMapping, Finding, MirrorAccount, ObjectSetting, Run
from abmatic.sync.pull.chunk import Counts

pytestmark = pytest.mark.django_db(transaction=True)

NO_LIST = {
    "match": {"path": "/resultPages"}, "action": "status", "times": 0, "status": 404,
    "body": [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}],
}  # fmt: skip


@pytest.fixture
def live(orgs: Orgs) -> Live:
    """An org whose accounts are read by Bulk, in several pages."""
    orgs.page_records(40)
    orgs.allow(rest_limit=30)
    live = orgs.generated(150)
    live.sync_well("Contact")
    return live


def in_the_org(live: Live, sobject: str = "Account") -> int:
    return live.number(f'SELECT count(*) FROM "{sobject}"')


def run_of_accounts(live: Live) -> Run:
    user, account = live.start("Account")
    execute(user.pk)
    return account


def cursor() -> Any:
    return ObjectSetting.objects.get(sobject="Account").cursor


def no_locator(times: int) -> list[dict[str, Any]]:
    """Nothing lists the pages, and a page doesn't say that another follows."""
    return [NO_LIST, {"match": {"path": "/results"}, "action": "no_locator", "times": times}]


def test_a_page_nobody_told_of_is_read_after_all(live: Live) -> None:
    live.org.emulator.faults.set(no_locator(1))
    run = live.sync_well("Account")["Account"]
    assert run.counts["read"] == MirrorAccount.objects.count() == in_the_org(live)
    assert run.counts["unchanged"] == 0


def test_pages_nobody_ever_tells_of_fail_the_run_and_leave_the_cursor(live: Live) -> None:
    live.org.emulator.faults.set(no_locator(0))
    run = live.sync("Account")["Account"]
    assert (run.state, run.error_code) == (Run.State.FAILED, "result_incomplete")
    assert f"40 of {in_the_org(live)} records" in run.error_message
    assert run.error_remedy
    assert run.counts["read"] == MirrorAccount.objects.count() == 40
    assert cursor() is None
    assert live.org.emulator.query_jobs.all() == []
    live.org.emulator.faults.set([])
    live.sync_well("Account")
    assert MirrorAccount.objects.count() == in_the_org(live)


def test_a_record_without_an_id_does_not_stand_in_for_one_that_never_came(live: Live) -> None:
    with closing(sqlite3.connect(live.org.store.path)) as database:
        ids = [row[0] for row in database.execute('SELECT "Id" FROM "Account" WHERE NOT "IsDeleted" ORDER BY 1')]
        database.execute('DELETE FROM "Account" WHERE "IsDeleted" OR "Id" > ?', (ids[40],))
        database.execute('UPDATE "Account" SET "Id" = ? WHERE "Id" = ?', (f"{ids[0][:17]}!", ids[0]))
        database.commit()
    live.org.emulator.faults.set(no_locator(0))
    run = live.sync("Account")["Account"]
    assert run.counts["reasons"]["row_unusable"] == 1
    assert (run.state, run.error_code) == (Run.State.FAILED, "result_incomplete")
    assert "40 of 41 records" in run.error_message


def short_answer(live: Live, times: int) -> None:
    live.org.fault(
        "status", {"path": "/queryAll.*FROM.User"}, status=200, times=times,
        body={"totalSize": 7, "done": True, "records": []},
    )  # fmt: skip


def test_a_query_that_ends_too_early_is_asked_again(live: Live) -> None:
    short_answer(live, 2)
    assert live.sync_well("Account", full=True)["User"].counts["read"] == in_the_org(live, "User")


def test_a_query_that_always_ends_too_early_fails(live: Live) -> None:
    short_answer(live, 0)
    run = live.sync("Account", full=True)["User"]
    assert (run.state, run.error_code) == (Run.State.FAILED, "bad_answer")
    assert "7 records ended after 0" in run.error_message


def lose_results_half_way(live: Live) -> None:
    """Another job has to read everything again."""

    def lose() -> None:
        for job in live.org.emulator.query_jobs.all():
            live.org.emulator.query_jobs.delete(job)

    live.at_call(r"/results\?.*locator", lose, after=1)


def test_what_is_read_twice_counts_once(live: Live) -> None:
    before = live.org.emulator.query_jobs.started
    lose_results_half_way(live)
    run = live.sync_well("Account")["Account"]
    assert live.org.emulator.query_jobs.started == before + 2
    assert run.counts["read"] == run.processed == in_the_org(live)
    assert run.counts["unchanged"] == 0


def test_what_is_damaged_and_read_twice_has_one_entry(live: Live) -> None:
    with closing(sqlite3.connect(live.org.store.path)) as database:
        ids = [row[0] for row in database.execute('SELECT "Id" FROM "Account" ORDER BY 1 LIMIT 2')]
        database.execute('UPDATE "Account" SET "Id" = ? WHERE "Id" = ?', (f"{ids[0][:17]}!", ids[0]))
        database.execute('UPDATE "Account" SET "Name" = ? WHERE "Id" = ?', ("A\0B", ids[1]))
        database.commit()
    before = live.org.emulator.query_jobs.started
    lose_results_half_way(live)
    run = live.sync_well("Account")["Account"]
    assert live.org.emulator.query_jobs.started == before + 2
    assert {reason: run.counts["reasons"][reason] for reason in ("row_unusable", "nul_removed")} == {
        "row_unusable": 1, "nul_removed": 1,
    }  # fmt: skip
    assert (run.counts["read"], run.counts["unchanged"]) == (in_the_org(live), 0)


def map_a_text_to_a_number() -> None:
    mapping = FieldMapping.objects.get(setting__sobject="Account", local_field="employee_count")
    # What the field holds is learned anew, as where settings are saved.
    mapping.sf_field, mapping.sf_kind = "Phone", ""
    mapping.save()


def unreadable(run: Run) -> list[str]:
    found = Finding.objects.filter(run=run, reason="value_unreadable").order_by("sf_id")
    return list(found.values_list("sf_id", flat=True))


@pytest.mark.parametrize("is_lost", [False, True], ids=["", "read twice"])
def test_a_field_newly_mapped_says_of_unchanged_records_too_what_it_cant_read(live: Live, is_lost: bool) -> None:
    live.sync_well("Account")
    map_a_text_to_a_number()
    if is_lost:
        lose_results_half_way(live)
    run = live.sync_well("Account")["Account"]
    texts = live.rows('SELECT "Id" FROM "Account" WHERE "Phone" IS NOT NULL ORDER BY 1')
    assert unreadable(run) == [sf_id for (sf_id,) in texts]
    assert unreadable(run)
    assert unreadable(live.sync_well("Account", full=True)["Account"]) == []


def test_a_job_that_was_read_leaves_salesforce(live: Live) -> None:
    run = live.sync_well("Account")["Account"]
    assert run.reader == "Bulk API 2.0"
    assert live.org.emulator.query_jobs.started
    assert live.org.emulator.query_jobs.all() == []


@pytest.mark.parametrize("where", ["/jobs/query$", "/resultPages", r"/results\?.*locator"])
def test_a_cancelled_run_takes_its_job_along(live: Live, where: str) -> None:
    live.org.emulator.query_jobs._least_seconds = 60 if where == "/jobs/query$" else 0
    run = run_of_accounts(live)
    live.at_call(where, lambda: runs.cancel(run))
    before = live.org.counted_calls()
    execute(run.pk)
    run.refresh_from_db()
    assert run.state == Run.State.CANCELLED
    assert live.org.emulator.query_jobs.all() == []
    assert run.api_calls == live.org.counted_calls() - before
    assert_adds_up(Counts.from_json(run.counts), run)


class Killed(BaseException):
    """What no part of a worker can do anything about."""


def killed(*_: object) -> None:
    raise Killed


def test_a_run_cancelled_while_its_worker_was_dead_takes_its_job_along(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of_accounts(live)
    with monkeypatch.context() as patch:
        patch.setattr(BulkQueryJob, "pages", killed)
        with pytest.raises(Killed):
            execute(run.pk)
    assert len(live.org.emulator.query_jobs.all()) == 1
    assert runs.cancel(run)
    assert execute(run.pk)
    assert live.org.emulator.query_jobs.all() == []
    calls = live.org.counted_calls()
    assert execute(run.pk)
    assert live.org.counted_calls() == calls


def test_salesforce_refusing_to_forget_a_job_is_no_trouble_of_the_run(live: Live) -> None:
    live.org.fault("status", {"method": "DELETE"}, status=403, times=0,
                   body=[{"errorCode": "INSUFFICIENT_ACCESS", "message": "no"}])  # fmt: skip
    run = live.sync_well("Account")["Account"]
    assert run.counts["read"] == in_the_org(live)
