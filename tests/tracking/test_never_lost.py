"""What was answered 204 is in the database, whatever is killed; what was not is taken when it is sent again."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from tests.cli.conftest import embedded_installation, installation
from tests.cli.processes import Installation, children_of, wait_until
from tests.tracking.conftest import uuid7

from abmatic.postgres import embedded
from abmatic.postgres.embedded import EmbeddedServer

__all__ = ["embedded_installation", "installation"]

pytestmark = pytest.mark.server

SITE = "testsite2222"
ORIGIN = "https://www.acme.com"
MAKE_SITE = f"""
INSERT INTO tracking_site (public_id, name, origins, mode, consent, honours_dnt, honours_gpc_cookieless, cookie_days,
                           captures_forms, captured_fields, is_active, created_at, updated_at)
VALUES ('{SITE}', 'Acme', ARRAY['{ORIGIN}'], 'identified', 'not_needed', true, true, 395, true, '{{}}', true, now(),
        now())
RETURNING id
"""
HEADERS = {
    "Origin": ORIGIN, "Content-Type": "text/plain",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
}  # fmt: skip


class Browsers:
    """Some that send events one after the other, each until it is answered."""

    def __init__(self, url: str) -> None:
        self.netloc = urllib.parse.urlsplit(url).netloc
        self.answered: list[str] = []
        self.refused: list[int] = []
        self.is_over = threading.Event()

    def _send(self, event_id: str) -> int:
        body = json.dumps({
            # Another each time: one alone may not send so much.
            "visitor": event_id,
            "events": [{"id": event_id, "kind": "page", "url": f"{ORIGIN}/"}],
        })  # fmt: skip
        connection = http.client.HTTPConnection(self.netloc, timeout=20)
        try:
            connection.request("POST", f"/collect/{SITE}", body, HEADERS)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def _go_on(self) -> None:
        while not self.is_over.is_set():
            event_id = str(uuid7(datetime.now(UTC)))
            while (status := self._send(event_id)) != 204:
                self.refused.append(status)
                if self.is_over.wait(0.05):
                    return
            self.answered.append(event_id)

    @contextmanager
    def sending(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._go_on) for _ in range(6)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.is_over.set()
            for thread in threads:
                thread.join()


def kept(query: Any) -> set[str]:
    return {str(event) for (event,) in query("SELECT id FROM web_event")}


def test_a_killed_web_server_loses_nothing_that_it_answered(installation: Installation) -> None:
    installation.query(MAKE_SITE)
    process, ready = installation.up(ABMATIC_COLLECT_RATE="100000")
    browsers = Browsers(ready["url"])
    with browsers.sending():
        wait_until(lambda: len(browsers.answered) > 100)
        for child in [child for child in children_of(process.pid) if "web" in child.cmdline()]:
            with suppress(ProcessLookupError):
                for each in (child, *child.children(recursive=True)):
                    os.kill(each.pid, signal.SIGKILL)
        before = len(browsers.answered)
        # The supervisor starts it again, and the browsers' second attempts are taken.
        wait_until(lambda: len(browsers.answered) > before + 100)
    assert 0 in browsers.refused, "nobody noticed the kill: the test shows nothing"
    assert set(browsers.answered) <= kept(installation.query)


def test_a_killed_database_loses_nothing_that_was_answered(embedded_installation: Installation) -> None:
    process, ready = embedded_installation.up(ABMATIC_COLLECT_RATE="100000")
    dsn = embedded.dsn(embedded_installation.data_dir)

    def query(statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(dsn) as connection:
            return connection.execute(statement.encode()).fetchall()

    query(MAKE_SITE)
    browsers = Browsers(ready["url"])
    server = EmbeddedServer(embedded_installation.data_dir)
    pid = server.status().pid
    assert pid is not None
    with browsers.sending():
        wait_until(lambda: len(browsers.answered) > 100)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: server.status().pid not in {None, pid})
        before = len(browsers.answered)
        wait_until(lambda: len(browsers.answered) > before + 100)
    assert 503 in browsers.refused, "nobody noticed the kill: the test shows nothing"
    assert set(browsers.answered) <= kept(query)
    assert process.poll() is None
