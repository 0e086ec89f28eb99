"""What ends a process, or Postgres, at the n-th thing that it does.

An event is a statement, a COPY, a commit or an HTTP call, in whichever thread; odd numbers strike before it happens,
even ones right after.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import psutil
import psycopg


class Fuse:
    """Counts events, and strikes at one of them; ``told`` is the file that then says where that was."""

    def __init__(self, at: int, told: Path, strike: Callable[[], None]) -> None:
        self._left = at
        self._is_before = at % 2 == 1
        self._told = told
        self._strike = strike
        self._lock = threading.Lock()

    def lay(self) -> None:
        psycopg.Cursor.execute = self._around("statement", psycopg.Cursor.execute)  # type: ignore[method-assign]
        psycopg.Cursor.copy = self._around("copy", psycopg.Cursor.copy)  # type: ignore[method-assign]
        psycopg.Connection.commit = self._around("commit", psycopg.Connection.commit)  # type: ignore[method-assign]
        httpx2.Client.send = self._around("call", httpx2.Client.send)  # type: ignore[method-assign]

    def _around(self, kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            with self._lock:
                self._left -= 1
                left = self._left
            if left == 0 and self._is_before:
                self._burn(f"before {kind}")
            answer = function(*arguments, **options)
            if left == 0 and not self._is_before:
                self._burn(f"after {kind}")
            return answer

        return counted

    def _burn(self, where: str) -> None:
        self._told.write_text(where)
        self._strike()


def end_this_process() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def end_postgres(postmaster: int) -> None:
    """As when the machine's memory runs out: no process of the server gets to say or write anything more."""
    with suppress(psutil.NoSuchProcess):
        server = psutil.Process(postmaster)
        family = [server, *server.children(recursive=True)]
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(family, timeout=10)
