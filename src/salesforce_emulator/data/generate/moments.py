"""When things happened in a generated org: creation over several years, changes after it, ties.

Inside, a moment is the number of seconds since the org's first day; texts are looked up, not formatted.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import date, timedelta

from salesforce_emulator.data.generate.chance import Chance

YEARS = 6
DAY_SECONDS = 86_400
MASS_UPDATES = 48
"""How often in its life a mass update touched many records within one second."""

_MINUTES = tuple(f"T{hour:02}:{minute:02}:" for hour in range(24) for minute in range(60))
_SECONDS = tuple(f"{second:02}.000Z" for second in range(60))
_BEYOND = 400
"""Days after the last day that still have a text: close dates lie in the future."""


class Calendar:
    """The years before ``as_of``: everything happened until then, only close dates lie beyond."""

    def __init__(self, chance: Chance, as_of: date) -> None:
        self._bits = chance.bits
        first = as_of - timedelta(days=365 * YEARS)
        count = (as_of - first).days
        self.end = count * DAY_SECONDS
        self._days = tuple((first + timedelta(days=n)).isoformat() for n in range(count + _BEYOND))
        self._mass_updates = sorted(chance.below(self.end) for _ in range(MASS_UPDATES))

    def text(self, moment: int) -> str:
        """``2024-02-29T13:05:59.000Z``"""
        minutes = moment // 60
        return self._days[minutes // 1440] + _MINUTES[minutes % 1440] + _SECONDS[moment % 60]

    def day(self, moment: int, days_later: int = 0) -> str:
        """``2024-02-29``"""
        return self._days[min(max(0, moment // DAY_SECONDS + days_later), len(self._days) - 1)]

    def along(self, share: float) -> int:
        """The moment by which this share of the records existed. The org grows: later years bring more."""
        return min(self.end - 1, int(self.end * share**0.75))

    def later(self, moment: int, shift: int = 2) -> int:
        """A moment after this one, within the first 1 / 2 ** ``shift`` of the time that is left."""
        return moment + ((self.end - 1 - moment) * self._bits(20) >> (20 + shift))

    def history(self, created: int) -> tuple[str, str, str]:
        """CreatedDate, LastModifiedDate and SystemModstamp of a record.

        Two in five records never changed; three in ten were last touched by a mass update, together with many
        others in the same second; the rest at a time of their own.  A few were touched by the system only,
        which moves SystemModstamp and not LastModifiedDate.
        """
        kind = self._bits(6)
        text = self.text(created)
        if kind < 26:
            return text, text, text
        if kind < 45 and (left := MASS_UPDATES - (first := bisect_left(self._mass_updates, created))):
            stamp = self.text(self._mass_updates[first + (left * self._bits(10) >> 10)])
        else:
            stamp = self.text(self.later(created, 0))
        return text, text if kind & 7 == 7 else stamp, stamp
