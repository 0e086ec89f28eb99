"""The log of calls: what tests and benches count from."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import asdict, dataclass

_KEPT = 100_000


@dataclass
class Call:
    """One HTTP call. ``bytes`` is the answer's body where its length is known, ``ms`` until its headers."""

    number: int
    method: str
    path: str
    query: str
    status: int
    bytes: int | None
    ms: float
    counted: bool
    fault: str | None


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
    ) -> None:
        with self._lock:
            self._number += 1
            self._calls.append(Call(self._number, method, path, query, status, size, ms, counted, fault))

    def all(self) -> list[dict[str, object]]:
        with self._lock:
            return [asdict(c) for c in self._calls]

    def clear(self) -> None:
        with self._lock:
            self._calls.clear()
            self._number = 0
