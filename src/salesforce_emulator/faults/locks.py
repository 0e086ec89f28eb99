"""Row locks: which attempts to write a record find it locked by somebody else."""

from __future__ import annotations

import threading
from hashlib import blake2b

_WHOLE = 1 << 64


class RowLocks:
    """Decides by record and attempt, so that neither order nor number of the others matters. Thread-safe.

    :param share: of the attempts that are refused.
    :param attempts: a record's later attempts all succeed; 0: no end.
    """

    def __init__(self, seed: str, share: float, attempts: int) -> None:
        self._seed = seed.encode()
        self._below = int(share * _WHOLE)
        self._most = attempts
        self._made: dict[str, int] = {}
        self._lock = threading.Lock()
        self.refused = 0

    def __call__(self, record_id: str) -> bool:
        """Count an attempt, and say whether the record is locked."""
        with self._lock:
            attempt = self._made[record_id] = self._made.get(record_id, 0) + 1
            if self._most and attempt > self._most:
                return False
            drawn = blake2b(f"{record_id} {attempt}".encode(), digest_size=8, key=self._seed[:64]).digest()
            is_locked = int.from_bytes(drawn, "big") < self._below
            self.refused += is_locked
        return is_locked
