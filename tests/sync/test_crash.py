"""Killed at any statement, commit or call, and started again: nothing lost, nothing twice, the counts right."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import psycopg
import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from tests.cli.processes import PROGRAM, wait_until
from tests.sync.invariants import assert_adds_up
from tests.sync.live import CHUNK_BYTES_A_ROW, Live, Orgs, state

from abmatic.sync.models import Finding, Run
from abmatic.sync.pull.chunk import Counts

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.server]

ACCOUNTS, PAGE, REST_LIMIT = 150, 25, 20


def database_url() -> str:
    """The address of this test's own database, for the processes it starts."""
    entry: dict[str, Any] = django_settings.DATABASES["default"]
    secret = f":{quote(entry['PASSWORD'], safe='')}" if entry.get("PASSWORD") else ""
    where = urlencode({"host": entry["HOST"], "port": entry.get("PORT") or ""}, quote_via=quote)
    return f"postgresql://{quote(entry['USER'], safe='')}{secret}@/{entry['NAME']}?{where}"


def environment(live: Live, told: Path) -> dict[str, str]:
    return os.environ | {
        "DATABASE_URL": database_url(),
        "ABMATIC_SALESFORCE_EXTRA_HOSTS": urlsplit(live.org.url).netloc,
        "ABMATIC_IMPORT_PAGE_RECORDS": str(PAGE),
        "ABMATIC_IMPORT_CHUNK_BYTES": str(PAGE * CHUNK_BYTES_A_ROW),
        "ABMATIC_REST_LIMIT": str(REST_LIMIT),
        "ABMATIC_LOG_LEVEL": "ERROR",
        "CRASH_TOLD": str(told),
    }


def small_pages(orgs: Orgs) -> Live:
    orgs.page_records(PAGE)
    orgs.allow(rest_limit=REST_LIMIT)
    return orgs.generated(ACCOUNTS)


def outcome(runs: list[Run]) -> dict[str, Any]:
    """What a run says of itself and of single records."""
    found = {}
    for run in runs:
        run.refresh_from_db()
        assert run.state == Run.State.SUCCEEDED, run.error_message
        assert_adds_up(Counts.from_json(run.counts), run)
        entries = Finding.objects.filter(run=run).values_list("reason", "sf_id", "field", "value")
        found[run.sobject] = (run.counts, run.processed, run.expected, run.outcome, Counter(entries))
    return found


_UNDISTURBED: list[Any] = []


@pytest.fixture
def undisturbed(orgs: Orgs) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the same import leaves when nobody kills it."""
    if not _UNDISTURBED:
        done = small_pages(orgs).sync_well()
        _UNDISTURBED.append((outcome(list(done.values())), state()))
        call_command("flush", verbosity=0, interactive=False)
    found: tuple[dict[str, Any], dict[str, Any]] = _UNDISTURBED[0]
    return found


def test_killed_everywhere(orgs: Orgs, undisturbed: Any, tmp_path: Path) -> None:
    live = small_pages(orgs)
    runs = live.start()
    done = subprocess.run(
        [sys.executable, "-m", "tests.sync.crashing", "1", *(str(run.pk) for run in runs)],
        env=environment(live, tmp_path / "told"), cwd=Path(__file__).parents[2], capture_output=True, text=True,
        timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    kills = [where for places in json.loads(done.stdout).values() for where in places]
    assert len(kills) >= 25
    assert {where.rsplit(" ", 1)[0].split()[1] for where in kills} >= {"statement", "commit"}
    assert outcome(runs) == undisturbed[0]
    assert state() == undisturbed[1]


def test_a_lost_database_session_is_a_job_tried_again(orgs: Orgs, undisturbed: Any, tmp_path: Path) -> None:
    """What an administrator's pg_terminate_backend, a failover or a restart of Postgres does to a worker at work."""
    live = small_pages(orgs)
    with psycopg.connect(database_url(), autocommit=True) as outside:

        def terminate() -> None:
            outside.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND application_name LIKE 'abmatic: %'"
            )

        live.at_call(r"/results\?.*locator", terminate, after=2)
        runs = live.start("Account")
        worker = subprocess.Popen(
            [*PROGRAM, "worker"], env=environment(live, tmp_path / "told"), stdout=subprocess.DEVNULL,
            stderr=(tmp_path / "worker.log").open("w"),
        )  # fmt: skip
        try:
            wait_until(lambda: not Run.objects.filter(state__in=["queued", "running"]).exists(), 40)
        finally:
            worker.terminate()
            worker.wait(30)
    found = outcome(runs)
    account = Run.objects.get(sobject="Account")
    assert account.attempts == 2, (tmp_path / "worker.log").read_text()
    assert found["Account"] == undisturbed[0]["Account"]
