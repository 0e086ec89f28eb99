"""The log of calls: what tests and benches count from."""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import datetime
from itertools import islice

_KEPT = 100_000


@dataclass
class Call:
    """One HTTP call.

    ``at`` is the org's time, ``kind`` the path with names in place of what varies, ``bytes`` the answer's body, ``ms``
    the time until its headers.  ``user`` and ``client`` say who called the API: the username, and the name that the
    client gave itself in ``Sforce-Call-Options`` or SOAP's CallOptions, or else its app's.
    """

    at: datetime
    method: str
    path: str
    query: str
    kind: str
    status: int
    bytes: int | None
    ms: float
    counted: bool
    fault: str | None
    user: str | None
    client: str | None
    number: int = field(default=0)

    @property
    def url(self) -> str:
        """Path and query string."""
        return f"{self.path}?{self.query}" if self.query else self.path

    def to_json(self) -> dict[str, object]:
        rest = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("number", "at")}
        return {"number": self.number, "time": self.at.isoformat(timespec="milliseconds"), **rest}


@dataclass(frozen=True)
class Wanted:
    """Which calls somebody asks for; what isn't said fits every call."""

    path: re.Pattern[str] | None = None
    method: str = ""
    status: int | None = None
    fault: str = ""
    client: str = ""
    number: int = 0
    """Calls after this one."""
    since: datetime | None = None

    def fits(self, call: Call) -> bool:
        return (
            call.number > self.number
            and self.method in ("", call.method)
            and self.status in (None, call.status)
            and self.client in ("", call.client)
            and (not self.fault or self.fault in (call.fault or "").split(", "))
            and (self.since is None or call.at >= self.since)
            and (self.path is None or self.path.search(call.url) is not None)
        )


EVERYTHING = Wanted()


class CallLog:
    """The last hundred thousand calls. Thread-safe."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._calls: deque[Call] = deque(maxlen=kept)
        self._lock = threading.Lock()
        self._number = 0

    def add(self, call: Call) -> Call:
        """Keep a call, and number it."""
        with self._lock:
            self._number += 1
            call.number = self._number
            self._calls.append(call)
        return call

    def all(self, wanted: Wanted = EVERYTHING) -> list[dict[str, object]]:
        return [call.to_json() for call in self._found(wanted)]

    def summary(self, wanted: Wanted = EVERYTHING) -> dict[str, object]:
        """Counts of the calls that are still known, together and by kind; ``forgotten``: how many are not."""
        found = self._found(wanted)
        kinds: dict[str, list[Call]] = {}
        for call in found:
            kinds.setdefault(call.kind, []).append(call)
        with self._lock:
            forgotten = self._number - len(self._calls)
        return {**_counts(found), "forgotten": forgotten, "kinds": {k: _counts(kinds[k]) for k in sorted(kinds)}}

    def _found(self, wanted: Wanted) -> list[Call]:
        with self._lock:
            calls = list(self._calls)
        return [call for call in calls if wanted.fits(call)]

    def latest(self, count: int, *, api_only: bool) -> list[Call]:
        """The newest calls, the last one first."""
        with self._lock:
            newest = reversed(self._calls)
            return list(islice((c for c in newest if not api_only or c.path.startswith("/services/")), count))

    def clear(self) -> None:
        with self._lock:
            self._calls.clear()
            self._number = 0


def _counts(calls: list[Call]) -> dict[str, object]:
    def how_many(fits: Callable[[Call], bool]) -> int:
        return sum(1 for call in calls if fits(call))

    return {
        "calls": len(calls),
        "counted": how_many(lambda c: c.counted),
        "failed": how_many(lambda c: c.status >= 400),
        "struck": how_many(lambda c: c.fault is not None),
        "bytes": sum(c.bytes or 0 for c in calls),
        "ms": round(sum(c.ms for c in calls), 3),
    }
