"""Where a soak takes place: a Postgres of its own that can be killed, orgs that are copied, children that may die."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from django.conf import settings
from django.db import connections
from tests.sync.live import CHUNK_BYTES_A_ROW, Live

from abmatic.postgres.embedded import DATABASE, EmbeddedServer
from abmatic.sync.models import Connection
from salesforce_emulator import OrgStore
from salesforce_emulator.bulk import query_routes
from salesforce_emulator.faults import Asked, Struck
from salesforce_emulator.testing import RunningOrg, running

# A killed process loses nothing that it gave the system to write: only the power cut is left out.
OPTIONS = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "64MB"}
_PATIENCE = 120.0


class Broken(Exception):
    """A child ended as none may, or something took for ever; the message says what."""


@dataclass(frozen=True)
class Ended:
    """How a child ended: ``code`` is None where it was killed; ``where`` it was struck."""

    code: int | None
    where: str | None


@dataclass(frozen=True)
class Kept:
    """A moment that lives begin with: a database, and the org that belongs to it."""

    database: str
    org: Path


class Children:
    """The process that forks (see `forking`)."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "children.log"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.soak.forking"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log.open("a"), text=True,
            env=os.environ | {"SOAK_TOLD": str(folder / "told")}, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        self.pid: int | None = None
        self._is_known = threading.Event()

    def work(self, job: dict[str, Any]) -> Ended:
        """Has a piece of work done, and waits for its end."""
        assert self._process.stdin is not None
        self._is_known.clear()
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        self.pid = int(self._said())
        self._is_known.set()
        return Ended(**json.loads(self._said()))

    def kill(self) -> None:
        """Ends the child that is at work now. Called from another thread."""
        self._is_known.wait(_PATIENCE)
        assert self.pid is not None
        os.kill(self.pid, 9)

    def _said(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise Broken(f"the process that forks has ended: {self.said()}")
        return line

    def said(self) -> str:
        return self._log.read_text()[-6000:]

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


class World:
    """One folder with a database server, and the orgs and databases that are copied for each life."""

    def __init__(self, folder: Path, server: EmbeddedServer) -> None:
        self.folder = folder
        self._server = server
        self.children = Children(folder)

    # -- Postgres

    @property
    def postmaster(self) -> int:
        pid = self._server.status().pid
        assert pid is not None
        return pid

    def restart(self) -> None:
        """After its death: what whoever supervises does (`abmatic up`)."""
        connections.close_all()
        self._server.ensure_running()

    @contextmanager
    def _outside(self) -> Iterator[psycopg.Connection[Any]]:
        with psycopg.connect(self._server.dsn, dbname="postgres", autocommit=True) as session:
            yield session

    # -- orgs

    @contextmanager
    def org(self, template: Path) -> Iterator[RunningOrg]:
        """A copy of an org, served; the client may talk to it."""
        path = self.folder / "org.sqlite3"
        for left in self.folder.glob("org.sqlite3*"):
            left.unlink()
        shutil.copy(template, path)
        with running(OrgStore(path)) as org:
            hosts = frozenset({urlsplit(org.url).netloc})
            settings.ENVIRONMENT = replace(settings.ENVIRONMENT, salesforce_extra_hosts=hosts)
            yield org

    def live(self, org: RunningOrg) -> Live:
        """The connection in the database, led to the org: a copy has another port."""
        Connection.objects.update(instance_url=org.url, login_url=org.url)
        return Live(org, Connection.objects.get())

    def keep(self, moment: Kept, org: RunningOrg) -> None:
        """Keeps both sides as they are now, in place of what was kept under the name."""
        connections.close_all()
        with self._outside() as session:
            session.execute(f"DROP DATABASE IF EXISTS {moment.database}")
            session.execute(f"CREATE DATABASE {moment.database} TEMPLATE {DATABASE} STRATEGY FILE_COPY")
        with closing(sqlite3.connect(org.store.path)) as there, closing(sqlite3.connect(moment.org)) as kept:
            there.backup(kept)

    @contextmanager
    def back_at(self, moment: Kept) -> Iterator[Live]:
        """Both sides as they were then."""
        connections.close_all()
        with self._outside() as session:
            session.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
            session.execute(f"CREATE DATABASE {DATABASE} TEMPLATE {moment.database} STRATEGY FILE_COPY")
        with self.org(moment.org) as org:
            yield self.live(org)

    def read_by(self, rest_limit: int, page: int) -> None:
        """From where on runs read and write in bulk, and in pages of how many records."""
        query_routes.PAGE_ROWS = page
        settings.ENVIRONMENT = replace(
            settings.ENVIRONMENT,
            rest_limit=rest_limit, import_page_records=page, import_chunk_bytes=page * CHUNK_BYTES_A_ROW,
        )  # fmt: skip

    # -- children

    def work(self, **job: Any) -> Ended:
        environment = settings.ENVIRONMENT
        told = {
            "rest_limit": environment.rest_limit, "import_page_records": environment.import_page_records,
            "import_chunk_bytes": environment.import_chunk_bytes,
            "salesforce_extra_hosts": sorted(environment.salesforce_extra_hosts),
        }  # fmt: skip
        # The child's is another session than ours, and may want what ours has locked.
        connections.close_all()
        return self.children.work({"settings": told, **job})

    def kill_at_call(self, org: RunningOrg, number: int) -> Receiver:
        return Receiver(org, self.children, number)


class Receiver:
    """Kills the child whose n-th call has reached the org, which then carries it out, and has nobody to answer."""

    def __init__(self, org: RunningOrg, children: Children, number: int) -> None:
        self._org, self._children, self._left = org, children, number
        self._lock = threading.Lock()
        self.struck: str | None = None

    def __enter__(self) -> Receiver:
        self._answer = self._org.emulator.faults.before
        self._org.emulator.faults.before = self._before  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        self._org.emulator.faults.before = self._answer  # type: ignore[method-assign]
        quiet(self._org)

    def _before(self, asked: Asked) -> Struck:
        with self._lock:
            self._left -= 1
            is_now = self._left == 0
        if is_now:
            self.struck = f"sent {asked.method} {re.sub(r'[?].*', '', asked.path)}"
            self._children.kill()
        return self._answer(asked)


def quiet(org: RunningOrg) -> None:
    """Waits until the org has carried out all that it was sent."""
    until = time.monotonic() + _PATIENCE
    while org.emulator.under_way.count:
        if time.monotonic() > until:
            raise Broken("a call to the org takes for ever:\n" + _under_way())
        time.sleep(0.005)


def _under_way() -> str:
    """Where each thread of this process, which serves the org, is now."""
    stacks = sys._current_frames()
    return "\n".join("".join(traceback.format_stack(frame)[-8:]) for frame in stacks.values())
