"""A process that executes runs in children, each of which kills itself (SIGKILL) at its n-th event.

An event is a statement, a COPY, a commit or an HTTP call, in whichever thread; odd events kill before it happens, even
ones right after. Run as ``python -m tests.sync.crashing SEED RUN…``; prints one line of JSON: how often each run's
executions were killed, and at what.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import django
import httpx2
import psycopg

_STEP = (3, 17)
_PATIENCE = 20.0


class Fuse:
    """Counts events, and ends the process at one of them."""

    def __init__(self, at: int, told: Path) -> None:
        self._left = at
        self._told = told
        self._lock = threading.Lock()

    def around(self, kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            with self._lock:
                self._left -= 1
                left = self._left
            if left == 0 and self._before:
                self._burn(f"before {kind}")
            answer = function(*arguments, **options)
            if left == 0:
                self._burn(f"after {kind}")
            return answer

        return counted

    def lay(self, *, before: bool) -> None:
        self._before = before
        mock.patch.object(psycopg.Cursor, "execute", self.around("statement", psycopg.Cursor.execute)).start()
        mock.patch.object(psycopg.Cursor, "copy", self.around("copy", psycopg.Cursor.copy)).start()
        mock.patch.object(psycopg.Connection, "commit", self.around("commit", psycopg.Connection.commit)).start()
        mock.patch.object(httpx2.Client, "send", self.around("call", httpx2.Client.send)).start()

    def _burn(self, where: str) -> None:
        self._told.write_text(where)
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)


def _child(run_id: int, at: int | None, told: Path) -> int:
    """Executes the run, or dies trying. What died before it may still be ending its last statement."""
    from abmatic.sync.execute import execute

    until = time.monotonic() + _PATIENCE
    if at is not None:
        Fuse(at, told).lay(before=at % 2 == 1)
    while not execute(run_id):
        if time.monotonic() > until:
            return 3
        time.sleep(0.01)
    return 0


def _forked(run_id: int, at: int | None, told: Path) -> bool:
    """Whether the child came to the end of the run."""
    pid = os.fork()
    if pid == 0:
        code = 4
        try:
            code = _child(run_id, at, told)
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return False
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"run {run_id}: a child ended with {os.waitstatus_to_exitcode(status)}")
    return True


def _believe_at_once() -> None:
    """The emulated org's reads don't lag behind its writes, so nobody has to wait for what may still show up."""
    from datetime import timedelta

    from abmatic.sync.push import unknown

    unknown.SETTLED = timedelta(0)


def main(seed: int, run_ids: list[int]) -> None:
    django.setup()
    _believe_at_once()
    chance = random.Random(seed)
    told = Path(os.environ["CRASH_TOLD"])
    kills: dict[int, list[str]] = {}
    for run_id in run_ids:
        at: int = chance.randrange(*_STEP)
        kills[run_id] = []
        while not _forked(run_id, at, told):
            kills[run_id].append(f"{told.read_text()} {at}")
            at += chance.randrange(*_STEP)
    print(json.dumps(kills))


if __name__ == "__main__":
    main(int(sys.argv[1]), [int(argument) for argument in sys.argv[2:]])
