"""The log of calls: what tests and benches count from."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import asdict, dataclass
from itertools import islice

_KEPT = 100_000


@dataclass
class Call:
    """One HTTP call. ``bytes`` is the answer's body where its length is known, ``ms`` until its headers.

    ``user`` and ``client`` say who called the API: the username, and the name that the client gave itself in
    ``Sforce-Call-Options``, or else its app's.
    """

    number: int
    method: str
    path: str
    query: str
    status: int
    bytes: int | None
    ms: float
    counted: bool
    fault: str | None
    user: str | None
    client: str | None


class CallLog:
    """The last hundred thousand calls. Thread-safe."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=_KEPT)
        self._lock = threading.Lock()
        self._number = 0

    def add(
        self,
        method: str,
        path: str,
        query: str,
        status: int,
        size: int | None,
        ms: float,
        *,
        counted: bool,
        fault: str | None,
        user: str | None = None,
        client: str | None = None,
    ) -> None:
        with self._lock:
            self._number += 1
            call = Call(self._number, method, path, query, status, size, ms, counted, fault, user, client)
            self._calls.append(call)

    def all(self) -> list[dict[str, object]]:
        with self._lock:
            return [asdict(c) for c in self._calls]

    def latest(self, count: int, *, api_only: bool) -> list[Call]:
        """The newest calls, the last one first."""
        with self._lock:
            newest = reversed(self._calls)
            return list(islice((c for c in newest if not api_only or c.path.startswith("/services/")), count))

    def clear(self) -> None:
        with self._lock:
            self._calls.clear()
            self._number = 0
