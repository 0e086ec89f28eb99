"""A connection to an emulated org over real HTTP, whose runs are executed here, one after another.

Salesforce's clock is ten seconds behind, and what the client hears of it is not: so what a test changes there lies
below the next run's upper bound (Salesforce's time in whole seconds), and nobody has to wait for the second to end.
"""

from __future__ import annotations

import functools
import re
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.sync.invariants import assert_adds_up
from tests.web.emulated import EmulatedOrg

from abmatic.salesforce import Client
from abmatic.sync import connect, runs
from abmatic.sync.execute import execute
from abmatic.sync.models import Connection, Run
from abmatic.sync.pull.chunk import Counts
from salesforce_emulator import OrgStore
from salesforce_emulator.data import generate, sample
from salesforce_emulator.faults import Asked, Struck
from salesforce_emulator.store import Session
from salesforce_emulator.testing import RunningOrg, running

SLOW = timedelta(seconds=10)
# About half of what a row of the generated org takes: a page becomes more than one chunk.
CHUNK_BYTES_A_ROW = 100


def late_clock() -> datetime:
    return datetime.now(UTC) - SLOW


@dataclass
class Live:
    """The org, and our connection to it."""

    org: RunningOrg
    connection: Connection

    def start(self, *sobjects: str, full: bool = False) -> list[Run]:
        return runs.start(self.connection, sobjects or None, trigger="manual", full=full)

    def sync(self, *sobjects: str, full: bool = False) -> dict[str, Run]:
        """Starts and executes; every run that ended well must add up."""
        done = {}
        for run in self.start(*sobjects, full=full):
            execute(run.pk)
            run.refresh_from_db()
            assert run.is_over
            assert_adds_up(Counts.from_json(run.counts), run)
            done[run.sobject] = run
        return done

    def sync_well(self, *sobjects: str, full: bool = False) -> dict[str, Run]:
        """As `sync`, and nothing may fail."""
        done = self.sync(*sobjects, full=full)
        for run in done.values():
            assert run.state == Run.State.SUCCEEDED, f"{run.sobject}: {run.outcome} {run.error_message}"
        return done

    @contextmanager
    def editing(self) -> Iterator[Session]:
        with self.org.store.session() as session:
            yield session

    def rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """What the org's own database says."""
        with closing(sqlite3.connect(self.org.store.path)) as database:
            return database.execute(statement, parameters).fetchall()

    def number(self, statement: str, *parameters: object) -> int:
        return int(self.rows(statement, *parameters)[0][0])

    def at_call(self, path: str, action: Callable[[], object], *, after: int = 0) -> None:
        """Does something at the org while a call whose path matches is under way, once, before it is answered."""
        faults, pattern, waiting = self.org.emulator.faults, re.compile(path), [after]
        answer = faults.before
        lock = threading.Lock()

        def before(asked: Asked) -> Struck:
            is_now = False
            with lock:
                if waiting and pattern.search(asked.path):
                    waiting[0] -= 1
                    if waiting[0] < 0:
                        waiting.clear()
                        is_now = True
            if is_now:  # outside the lock: it may call the org itself
                action()
            return answer(asked)

        faults.before = before  # type: ignore[method-assign]

    def reconnect(self, connection: Connection | None = None) -> Connection:
        """A person authorises again, through Salesforce's login and consent."""
        begun = connect.begin(
            self.org.url, self.org.client_id, self.org.client_secret, connection=connection or self.connection
        )
        return connect.finish(begun.pending, EmulatedOrg(self.org.url).answer(begun.url))


class _Hasty(Client):
    """The client, told a time that Salesforce's records reach only in a while."""

    def server_time(self) -> datetime:
        return super().server_time() + SLOW


class _Clock:
    """Time that goes on by itself, and by as much as is slept through: what waits for hours gives up in seconds."""

    def __init__(self) -> None:
        self._slept = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self._slept

    def sleep(self, seconds: float) -> None:
        self._slept += seconds
        time.sleep(min(seconds, 0.01))


def made_once(folder: Path, name: str, loader: Any) -> Path:
    """The file of an org, copied from one that is made once a process."""
    template = folder / f"{name}.sqlite3"
    if not template.exists():
        OrgStore(template, loader=loader, clock=late_clock).close()
    return template


def generated(folder: Path, accounts: int, seed: int = 7) -> Path:
    def load(conn: sqlite3.Connection) -> None:
        generate.load(conn, accounts, seed)

    return made_once(folder, f"generated-{accounts}-{seed}", load)


def sampled(folder: Path) -> Path:
    return made_once(folder, "sample", sample.load)


class Orgs:
    """Serves orgs for one test, and connects to them."""

    def __init__(self, folder: Path, templates: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.templates = templates
        self._settings = settings
        self._serving: list[Any] = []
        # Waiting is what a test can't afford: the client's pauses are cut short, and the second ends at once in which
        # the test changed something, because a run reads only what is older than the second in which it asks.
        clock = _Clock()
        impatient = functools.partial(_Hasty, clock=clock, sleep=clock.sleep)
        monkeypatch.setattr("abmatic.sync.clients.Client", impatient)
        for reader in ("reading", "bulk_reading"):
            monkeypatch.setattr(f"abmatic.sync.pull.{reader}.pause", lambda attempt, error: None)
        self._monkeypatch = monkeypatch

    def allow(self, *urls: str, **changed: Any) -> None:
        hosts = self._settings.ENVIRONMENT.salesforce_extra_hosts | {urlsplit(url).netloc for url in urls}
        self._settings.ENVIRONMENT = replace(self._settings.ENVIRONMENT, salesforce_extra_hosts=hosts, **changed)

    def forbid(self, url: str) -> None:
        hosts = self._settings.ENVIRONMENT.salesforce_extra_hosts - {urlsplit(url).netloc}
        self._settings.ENVIRONMENT = replace(self._settings.ENVIRONMENT, salesforce_extra_hosts=hosts)

    def page_records(self, number: int) -> None:
        """So many rows in each page of a bulk result, and some of them in each chunk."""
        self._monkeypatch.setattr("salesforce_emulator.bulk.query_routes.PAGE_ROWS", number)
        self.allow(import_page_records=number, import_chunk_bytes=number * CHUNK_BYTES_A_ROW)

    def serve(self, template: Path, **options: Any) -> RunningOrg:
        path = self.folder / f"org-{len(self._serving)}.sqlite3"
        shutil.copy(template, path)
        manager = running(OrgStore(path, clock=late_clock), **options)
        org = manager.__enter__()
        self._serving.append(manager)
        self.allow(org.url)
        return org

    def live(self, template: Path, *, by_hand: bool = False, **options: Any) -> Live:
        """An org, connected by client credentials or (``by_hand``) by a person, which gives a refresh token."""
        org = self.serve(template, **options)
        if by_hand:
            begun = connect.begin(org.url, org.client_id, org.client_secret)
            connection = connect.finish(begun.pending, EmulatedOrg(org.url).answer(begun.url))
        else:
            connection = connect.connect_headless(
                org.url, "client-credentials", org.client_id, client_secret=org.client_secret
            )
        return Live(org, connection)

    def sample(self, **options: Any) -> Live:
        return self.live(sampled(self.templates), **options)

    def generated(self, accounts: int, seed: int = 7, **options: Any) -> Live:
        return self.live(generated(self.templates, accounts, seed), **options)

    def close(self) -> None:
        while self._serving:
            self._serving.pop().__exit__(None, None, None)


def counts_of(done: dict[str, Run], *names: str) -> dict[str, tuple[int, ...]]:
    return {sobject: tuple(run.counts[name] for name in names) for sobject, run in done.items()}


def state() -> dict[str, list[tuple[Any, ...]]]:
    """Everything an import leaves here, without what differs from time to time (ids of ours, moments, run numbers)."""
    from django.db import connection

    statements: Sequence[tuple[str, str]] = [
        *(
            (
                mirror,
                f"""SELECT m.sf_id, m.modstamp, m.is_deleted, m.role, m.values::text, m.base::text, m.waiting_for,
                           p.sf_id
                      FROM {mirror} AS m
                      LEFT JOIN {mirror} AS p ON p.local_id = m.local_id AND p.role = 1 AND NOT p.is_deleted
                     ORDER BY m.sf_id, p.sf_id""",
            )
            for mirror in (
                "mirror_account",
                "mirror_contact",
                "mirror_lead",
                "mirror_campaign",
                "mirror_opportunity",
                "mirror_user",
            )
        ),
        ("mirror_contact_role", "SELECT sf_id, is_deleted, role, waiting_for FROM mirror_contact_role ORDER BY 1"),
        (
            "account",
            """SELECT name, website, domain, industry, employee_count, revenue, country, city,
                      (SELECT name FROM owner WHERE owner.id = a.owner_id), custom::text
                 FROM account AS a ORDER BY 1, 2, 3, 4, 5, 6, 7, 8""",
        ),
        (
            "contact",
            """SELECT c.work_email, c.email_key, c.first_name, c.last_name, c.job_title, c.phone, c.kind, a.name,
                      c.company
                 FROM contact AS c LEFT JOIN account AS a ON a.id = c.account_id ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9""",
        ),
        (
            "opportunity",
            """SELECT o.name, o.amount, o.stage, o.close_date, o.is_closed, o.is_won, a.name
                 FROM opportunity AS o LEFT JOIN account AS a ON a.id = o.account_id ORDER BY 1, 2, 3, 4, 5, 6, 7""",
        ),
        (
            "opportunity_contact",
            """SELECT o.name, c.last_name, c.work_email, r.role, r.is_primary
                 FROM opportunity_contact AS r JOIN opportunity AS o ON o.id = r.opportunity_id
                 JOIN contact AS c ON c.id = r.contact_id ORDER BY 1, 2, 3, 4, 5""",
        ),
        (
            "mirror_campaign_member",
            "SELECT sf_id, is_deleted, role, waiting_for, base::text FROM mirror_campaign_member ORDER BY 1",
        ),
        (
            "campaign",
            """SELECT c.name, c.type, c.status, c.is_active, c.start_date, c.budgeted_cost, p.name,
                      (SELECT count(*) FROM opportunity AS o WHERE o.campaign_id = c.id)
                 FROM campaign AS c LEFT JOIN campaign AS p ON p.id = c.parent_id ORDER BY 1, 2, 3, 4, 5, 6, 7""",
        ),
        (
            "campaign_member_status",
            """SELECT c.name, s.label, s.position, s.is_default, s.is_responded
                 FROM campaign_member_status AS s JOIN campaign AS c ON c.id = s.campaign_id ORDER BY 1, 2, 3, 4, 5""",
        ),
        (
            "campaign_member",
            """SELECT c.name, p.last_name, p.work_email, m.status, m.has_responded, m.first_responded, m.is_removed
                 FROM campaign_member AS m JOIN campaign AS c ON c.id = m.campaign_id
                 JOIN contact AS p ON p.id = m.contact_id ORDER BY 1, 2, 3, 4, 5, 6, 7""",
        ),
        (
            "collection",
            """SELECT name, record, size, (SELECT count(*) FROM collection_member WHERE collection_id = c.id)
                 FROM collection AS c ORDER BY 1, 2""",
        ),
    ]
    found = {}
    with connection.cursor() as cursor:
        for name, statement in statements:
            cursor.execute(statement)
            found[name] = cursor.fetchall()
    return found
