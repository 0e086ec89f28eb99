"""Date literals (TODAY, LAST_N_DAYS:30 …) as ranges of days.

A literal is the days from ``start`` up to, not including, ``end``.  Weeks begin on Sunday, as they do for the
locale en_US; fiscal quarters and years in the month that the organization says.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

_UNITS = {"DAY": 0, "WEEK": 0, "MONTH": 1, "QUARTER": 3, "YEAR": 12}
_NAMED = re.compile(r"(LAST|THIS|NEXT)_(WEEK|MONTH|QUARTER|YEAR)")
_MANY = re.compile(r"(LAST|NEXT)_N_(DAY|WEEK|MONTH|QUARTER|YEAR)S:(\d+)")
_AGO = re.compile(r"N_(DAY|WEEK|MONTH|QUARTER|YEAR)S_AGO:(\d+)")
_DAYS = {"YESTERDAY": -1, "TODAY": 0, "TOMORROW": 1}
_FISCAL = "FISCAL_"


def literal_days(literal: str, now: datetime, fiscal_start: int = 1) -> tuple[date, date]:
    """The first day of the literal and the day after its last, seen from ``now`` in the user's time zone.

    :param fiscal_start: the month in which fiscal years begin.
    :raises ValueError: no such literal.
    :raises OverflowError: the range leaves the calendar.
    """
    name = literal.upper()
    first, count, unit = _meant(name.replace(_FISCAL, ""))
    start = _begin(now.date(), unit, fiscal_start if _FISCAL in name else 1)
    return _move(start, unit, first), _move(start, unit, first + count)


def _meant(name: str) -> tuple[int, int, str]:
    """How many units away from the present one the literal begins, how many it has, and of which unit."""
    if name in _DAYS:
        return _DAYS[name], 1, "DAY"
    if name in ("LAST_90_DAYS", "NEXT_90_DAYS"):
        name = f"{name[:4]}_N_DAYS:90"
    if found := _NAMED.fullmatch(name):
        return {"LAST": -1, "THIS": 0, "NEXT": 1}[found[1]], 1, found[2]
    if found := _AGO.fullmatch(name):
        return -int(found[2]), 1, found[1]
    if found := _MANY.fullmatch(name):
        unit, count = found[2], int(found[3])
        if found[1] == "NEXT":
            return 1, count, unit
        # LAST_N_DAYS runs on to the current second; the longer units stop where the current one begins.
        return -count, count + (unit == "DAY"), unit
    raise ValueError(f"no such date literal: {name}")


def _begin(day: date, unit: str, first_month: int) -> date:
    if unit == "DAY":
        return day
    if unit == "WEEK":
        return day - timedelta(days=(day.weekday() + 1) % 7)
    into_it = (day.month - first_month) % 12 % _UNITS[unit]
    return _move(day.replace(day=1), "MONTH", -into_it)


def _move(day: date, unit: str, count: int) -> date:
    if unit == "DAY":
        return day + timedelta(days=count)
    if unit == "WEEK":
        return day + timedelta(weeks=count)
    months = day.year * 12 + day.month - 1 + _UNITS[unit] * count
    try:
        return date(months // 12, months % 12 + 1, 1)
    except ValueError as error:
        raise OverflowError(str(error)) from error
