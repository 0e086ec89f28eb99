"""The org as it was some seconds ago, for queries that lag behind what was written.

SQLite shows a connection that has begun to read one and the same state until it ends.  So before a write, where
somebody may want to look back, a connection begins to read, and is kept until nobody can want that state any more.
Nothing is copied; the log of writes grows for as long as the oldest of them is kept.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

_MOST = 64
"""States that are kept: with a longer lag they stand further apart."""


@dataclass
class _State:
    """The org before the writes that began at ``until``."""

    until: datetime
    conn: sqlite3.Connection
    readers: int = 0
    is_over: bool = False


class Lag:
    """Keeps earlier states for as long as somebody may ask for them: ``wanted`` seconds. Thread-safe.

    :param connect: opens a connection.
    :param now: the org's time.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], now: Callable[[], datetime]) -> None:
        self._connect = connect
        self._now = now
        self._states: deque[_State] = deque()
        self._lock = threading.Lock()
        self.wanted: Callable[[], float] = float

    def before_write(self) -> None:
        """Keep the state as it is. Called by the one who may write."""
        seconds = self.wanted()
        if not seconds and not self._states:
            return
        with self._lock:
            now = self._now()
            self._let_go(now, seconds)
            if seconds and not self._is_kept(now, seconds):
                conn = self._connect()
                conn.execute("BEGIN")
                conn.execute("SELECT count(*) FROM emulator_setting").fetchone()  # the state is that of the first read
                self._states.append(_State(now, conn))

    def _is_kept(self, now: datetime, seconds: float) -> bool:
        if not self._states:
            return False
        apart = timedelta(seconds=max(1.0, seconds / _MOST))
        return now - self._states[-1].until < apart

    def _let_go(self, now: datetime, seconds: float) -> None:
        oldest = now - timedelta(seconds=seconds)
        while self._states and (self._states[0].until <= oldest or self._states[0].until > now):
            state = self._states.popleft()
            state.is_over = True
            if not state.readers:
                state.conn.close()

    @contextmanager
    def reading(self, seconds: float) -> Iterator[sqlite3.Connection | None]:
        """The org as it was so many seconds ago; None where nothing was written since."""
        with self._lock:
            now = self._now()
            self._let_go(now, max(seconds, self.wanted()))
            moment = now - timedelta(seconds=seconds)
            state = next((s for s in self._states if s.until > moment), None)
            if state is not None:
                state.readers += 1
        try:
            yield state.conn if state is not None else None
        finally:
            if state is not None:
                with self._lock:
                    state.readers -= 1
                    if state.is_over and not state.readers:
                        state.conn.close()

    def close(self) -> None:
        with self._lock:
            while self._states:
                self._states.popleft().conn.close()
