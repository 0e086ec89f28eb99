"""What is counted besides the events: how many arrived, and how many were dropped and why.

Counted in memory and written once a second, so that counting costs no commit of its own; of a process that is killed
the last second's counts are missing, never its events.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from threading import Lock
from typing import LiteralString

from abmatic.postgres.sql import block
from abmatic.tracking.events import WebEvent
from abmatic.tracking.models import Drop
from abmatic.tracking.store import Session


@dataclass(slots=True)
class _Hour:
    number: int
    first: datetime
    last: datetime
    host: str | None


class Counts:
    """Of one process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._hours: dict[tuple[int, datetime], _Hour] = {}
        self._drops: Counter[tuple[int | None, date, Drop]] = Counter()
        self._dropped_at: dict[tuple[int | None, date, Drop], datetime] = {}

    def __bool__(self) -> bool:
        return bool(self._hours or self._drops)

    def dropped(self, site: int | None, reason: Drop, number: int, now: datetime) -> None:
        """Counts events that were not taken."""
        key = (site, now.date(), reason)
        with self._lock:
            self._drops[key] += number
            self._dropped_at[key] = now

    def taken(self, by_site: dict[int, int], events: Iterable[WebEvent]) -> None:
        """Counts events that were new: so many by site, and of all that were sent the time and host of the last."""
        last = {event.site_id: event for event in events}
        with self._lock:
            for site, number in by_site.items():
                event = last[site]
                at = event.received_at
                key = (site, at.replace(minute=0, second=0, microsecond=0))
                hour = self._hours.setdefault(key, _Hour(0, at, at, None))
                hour.number += number
                hour.first, hour.last = min(hour.first, at), max(hour.last, at)
                hour.host = _host(event.url) or hour.host

    def write(self, session: Session) -> None:
        """Writes what was counted since the last time, in a transaction of its own; kept where that fails."""
        with self._lock:
            hours, self._hours = self._hours, {}
            drops, self._drops = self._drops, Counter()
            dropped_at, self._dropped_at = self._dropped_at, {}
        try:
            # In an order, so that processes which count the same don't lock each other out.
            with session.transaction(), session.cursor() as cursor:
                for (site, hour), each in sorted(hours.items(), key=lambda one: one[0]):
                    cursor.execute(_text("count"), {
                        "site": site, "hour": hour, "number": each.number, "first": each.first, "last": each.last,
                        "host": each.host,
                    })  # fmt: skip
                for key in sorted(drops, key=lambda one: (one[0] or 0, one[1], one[2])):
                    site_id, day, reason = key
                    cursor.execute(_text("count_drop"), {
                        "site": site_id, "day": day, "reason": reason.value, "number": drops[key],
                        "last": dropped_at[key],
                    })  # fmt: skip
        except BaseException:
            self._put_back(hours, drops, dropped_at)
            raise

    def _put_back(
        self,
        hours: dict[tuple[int, datetime], _Hour],
        drops: Counter[tuple[int | None, date, Drop]],
        dropped_at: dict[tuple[int | None, date, Drop], datetime],
    ) -> None:
        with self._lock:
            self._drops.update(drops)
            self._dropped_at = dropped_at | self._dropped_at
            for key, hour in hours.items():
                newer = self._hours.get(key)
                if newer is None:
                    self._hours[key] = hour
                else:
                    newer.number += hour.number
                    newer.first = min(newer.first, hour.first)


def _host(url: str | None) -> str | None:
    return url.split("/", 3)[2] if url else None


def _text(name: LiteralString) -> LiteralString:
    return block("abmatic.tracking", "sql/store.sql", name)
