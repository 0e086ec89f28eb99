"""What became of the visits of the last days as tasks in an org, for people to read."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Count

from abmatic.sync.models import Connection, VisitTask

DAYS = 7
_REASONS = 5
_State = VisitTask.State


@dataclass(frozen=True, slots=True)
class Day:
    """How many visits of a day (UTC) came to what."""

    day: date
    written: int
    waiting: int
    refused: int
    left_out: int

    @property
    def is_any(self) -> bool:
        """Whether there were any."""
        return bool(self.written or self.waiting or self.refused or self.left_out)


def told_of(connection: Connection, today: date) -> list[Day]:
    """The last days, today first; those without a visit too."""
    days = [today - timedelta(days=n) for n in range(DAYS)]
    found = VisitTask.objects.filter(connection=connection, day__gte=days[-1], day__lte=today)
    numbers: dict[date | None, Counter[str]] = defaultdict(Counter)
    for day, state, number in found.values_list("day", "state").annotate(Count("id")).order_by():
        numbers[day][state] = number
    return [
        Day(
            day, numbers[day][_State.WRITTEN], numbers[day][_State.PLANNED] + numbers[day][_State.SENT],
            numbers[day][_State.REFUSED], numbers[day][_State.LEFT_OUT],
        )
        for day in days
    ]  # fmt: skip


def problems(connection: Connection, today: date) -> list[tuple[str, int]]:
    """Why visits of these days have no task, or none yet: the most frequent reasons, and of how many visits each."""
    found = VisitTask.objects.filter(connection=connection, day__gte=today - timedelta(days=DAYS - 1)).exclude(
        problem=""
    )
    told = found.values_list("problem").annotate(number=Count("id")).order_by("-number", "problem")
    return [(str(problem), int(number)) for problem, number in told[:_REASONS]]
