"""Records that somebody else holds: by a transaction of his that takes long, or by an approval under way.

A row lock refuses every write of the record and of those that refer to it, as writing a contact locks its account.  An
approval refuses changes of the record itself, and lets administrators pass unless it is told not to.  Locks are held
while the org runs; they aren't kept with its file.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

from salesforce_emulator import ids
from salesforce_emulator.store.errors import RecordError, entity_locked, row_locked
from salesforce_emulator.store.wording import BadRule, Json, flag, only

ROW, APPROVAL = "row", "approval"
_KEYS = ("records", "kind", "calls", "administrators")


@dataclass
class Held:
    """One lock on some records.

    ``calls``: how many more calls find it, None for any number.  ``administrators``: whether an approval binds them
    too.  ``refused`` counts the writes that it refused.
    """

    number: int
    records: frozenset[str]
    kind: str
    calls: int | None
    administrators: bool
    refused: int = field(default=0, compare=False)

    def to_json(self) -> dict[str, object]:
        return {
            "id": self.number,
            "records": sorted(self.records),
            "kind": self.kind,
            "calls": self.calls,
            "administrators": self.administrators,
            "refused": self.refused,
        }


class RecordLocks:
    """The locks of an org. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[int, Held] = {}
        self._given = 0

    def __bool__(self) -> bool:
        return bool(self._held)

    def all(self) -> list[Held]:
        with self._lock:
            return list(self._held.values())

    def hold(self, given: Json) -> Held:
        """Lock records as somebody wrote: {"records": [id, …], "kind": "row", "calls": 2}.

        :raises BadRule: it can't be followed.
        """
        only(given, _KEYS, "lock")
        kind, calls, records = given.get("kind", ROW), given.get("calls"), given.get("records")
        if kind not in (ROW, APPROVAL):
            raise BadRule(f"lock: kind is {ROW} or {APPROVAL}, not {kind!r}")
        if calls is not None and (not isinstance(calls, int) or isinstance(calls, bool) or calls < 1):
            raise BadRule(f"lock: calls is a number of at least 1, not {calls!r}; leave it out to hold until released")
        if not isinstance(records, list) or not records or not all(ids.is_id(str(r)) for r in records):
            raise BadRule("lock: records is a list of record ids")
        administrators = flag(given, "administrators", "lock", default=False)
        with self._lock:
            self._given += 1
            locked = frozenset(ids.to18(str(record)) for record in records)
            held = Held(self._given, locked, kind, calls, administrators)
            self._held[held.number] = held
        return held

    def release(self, number: int | None = None) -> bool:
        """Release a lock, or all; False where there is no such lock."""
        with self._lock:
            if number is None:
                self._held.clear()
                return True
            return self._held.pop(number, None) is not None

    def of_call(self) -> LocksOfCall:
        """The locks that one call finds."""
        return LocksOfCall(self, self.all())

    def found(self, held: Held) -> bool:
        """Note that a call found a lock; whether it is held still."""
        with self._lock:
            if held.number not in self._held:
                return False
            if held.calls is not None:
                held.calls -= 1
                if held.calls == 0:
                    del self._held[held.number]
            return True


class LocksOfCall:
    """What one call finds locked: throughout, once it has found it."""

    def __init__(self, locks: RecordLocks, held: Iterable[Held]) -> None:
        self._locks = locks
        self._held = list(held)
        self._found: set[int] = set()

    def check_rows(self, record_ids: Iterable[str]) -> None:
        """
        :raises RecordError: UNABLE_TO_LOCK_ROW.
        """
        for record_id in record_ids:
            for held in self._held:
                if held.kind == ROW and record_id in held.records:
                    self._refuse(held, row_locked(record_id))

    def check_approval(self, record_id: str, *, administrator: bool) -> None:
        """
        :raises RecordError: ENTITY_IS_LOCKED.
        """
        for held in self._held:
            if held.kind == APPROVAL and record_id in held.records and (held.administrators or not administrator):
                self._refuse(held, entity_locked())

    def _refuse(self, held: Held, error: RecordError) -> None:
        if held.number not in self._found and not self._locks.found(held):
            return
        self._found.add(held.number)
        held.refused += 1
        raise error
