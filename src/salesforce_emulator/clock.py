"""The org's clock, which can be set, run faster or slower, or stand still.

It tells the time of another clock, the machine's as a rule, from a point in time at which both were compared on.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

EARLIEST, LATEST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""What the clock may tell: what is counted from it, days or years ahead, can be told too."""
FASTEST = 100_000.0
_LONGEST_WAIT = 0.05


class ClockRefused(ValueError):
    """What was asked of the clock can't be done; the message says why."""


@dataclass(frozen=True)
class Reading:
    """Both clocks at one point, and how fast the org's runs from there on."""

    org: datetime
    source: datetime
    rate: float = 1.0
    runs: bool = True

    def at(self, source: datetime) -> datetime:
        """The org's time when the other clock tells ``source``. Never earlier than the point itself, nor beyond
        :data:`LATEST`, where it stands."""
        if not self.runs:
            return self.org
        passed = max(timedelta(), source - self.source)
        if passed.total_seconds() * self.rate >= (LATEST - self.org).total_seconds():
            return LATEST
        return self.org + passed * self.rate

    def to_json(self) -> dict[str, object]:
        return {
            "org": self.org.isoformat(), "source": self.source.isoformat(), "rate": self.rate, "runs": self.runs
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: dict[str, object]) -> Reading:
        """What :meth:`to_json` made.

        :raises ClockRefused: no clock can go by it.
        """
        try:
            org, source = (datetime.fromisoformat(str(data[name])).astimezone(UTC) for name in ("org", "source"))
            rate, runs = float(str(data["rate"])), bool(data["runs"])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ClockRefused(f"no setting of a clock ({error})") from None
        return cls(_in_bounds("org", org), source, _possible(rate), runs)


def _in_bounds(name: str, time: datetime) -> datetime:
    if not EARLIEST <= time <= LATEST:
        raise ClockRefused(f"{name}: {time.isoformat()} is not from {EARLIEST:%Y-%m-%d} to {LATEST:%Y-%m-%d}")
    return time.astimezone(UTC)


def _possible(rate: float) -> float:
    if not 0 < rate <= FASTEST:  # nor is NaN
        message = f"rate: {rate:g} is not above 0 and at most {FASTEST:g}"
        raise ClockRefused(f'{message}; "run": false lets the clock stand')
    return rate


def _moved(name: str, time: datetime, by: float) -> datetime:
    """
    :param name: what a caller calls the change.
    """
    if not math.isfinite(by):
        raise ClockRefused(f"advance: {by:g} is no number of seconds")
    try:
        return _in_bounds(name, time + timedelta(seconds=by))
    except OverflowError:
        raise ClockRefused(f"advance: {by:g} seconds lead beyond the last year that can be told") from None


class OrgClock:
    """Tells the org's time, in UTC. Thread-safe.

    :param source: the clock that it goes by.
    :param known: what was set when the org was last served.
    """

    def __init__(self, source: Callable[[], datetime], known: Reading | None = None) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._reading = known

    def __call__(self) -> datetime:
        with self._lock:
            return self._now()

    def _now(self) -> datetime:
        now = self._source().astimezone(UTC)
        return now if self._reading is None else self._reading.at(now)

    @property
    def rate(self) -> float:
        return 1.0 if self._reading is None else self._reading.rate

    @property
    def runs(self) -> bool:
        return self._reading is None or self._reading.runs

    def change(
        self,
        *,
        to: datetime | None = None,
        by: float = 0.0,
        rate: float | None = None,
        runs: bool | None = None,
        forced: bool = False,
    ) -> Reading:
        """Set the clock, or move it ahead, or say how it is to run.

        :param forced: it may be set back.
        :raises ClockRefused: it would go backwards, leave :data:`EARLIEST` to :data:`LATEST`, or be too fast.
        """
        with self._lock:
            now = self._now()
            then = _moved("set" if to else "advance", to or now, by)
            if then < now and not forced:
                message = f"{then.isoformat()} is before the org's time, {now.isoformat()}"
                raise ClockRefused(f'{message}: add "force": true to set it back')
            self._reading = Reading(
                then,
                self._source().astimezone(UTC),
                self.rate if rate is None else _possible(rate),
                self.runs if runs is None else runs,
            )
            return self._reading

    def wait_until(self, until: datetime, stop: threading.Event) -> None:
        """Wait until this clock tells a time, or somebody says stop."""
        while (left := (until - self()).total_seconds()) > 0:
            if stop.wait(min(_LONGEST_WAIT, left / self.rate)):
                return
