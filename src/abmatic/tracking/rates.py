"""Token buckets: how many events one network, and one visitor, may send to one site.

Each process has buckets of its own, so the limit of an installation is that of a process times their number. It is
there against floods and loops, not to count to the last one.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock

# Buckets that are remembered; who was forgotten begins with a full one.
_MOST = 50_000
# A network may send at once what it may send in so many seconds.
BURST_SECONDS = 10


class Buckets:
    """Buckets that get ``rate`` tokens a second, up to ``most``, which is `BURST_SECONDS` of them unless said."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic, most: float | None = None) -> None:
        self._rate = rate
        self._most = rate * BURST_SECONDS if most is None else most
        self._clock = clock
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def take(self, key: Hashable, tokens: int) -> bool:
        """Takes the tokens; False, and none taken, where there are not enough."""
        now = self._clock()
        with self._lock:
            left, since = self._buckets.get(key, (self._most, now))
            left = min(self._most, left + (now - since) * self._rate)
            enough = left >= tokens
            self._buckets[key] = (left - tokens if enough else left, now)
            self._buckets.move_to_end(key)
            if len(self._buckets) > _MOST:
                self._buckets.popitem(last=False)
        return enough
