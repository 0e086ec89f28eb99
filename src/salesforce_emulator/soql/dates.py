"""Date literals (TODAY, LAST_N_DAYS:30 …) as ranges of days.

A literal is the days from ``start`` up to, not including, ``end``.  Weeks begin on Sunday, as they do for the
locale en_US; fiscal years begin in January.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

_UNITS = {"DAY": 0, "WEEK": 0, "MONTH": 1, "QUARTER": 3, "YEAR": 12}
_NAMED = re.compile(r"(LAST|THIS|NEXT)_(WEEK|MONTH|QUARTER|YEAR)")
_MANY = re.compile(r"(LAST|NEXT)_N_(DAY|WEEK|MONTH|QUARTER|YEAR)S:(\d+)")
_AGO = re.compile(r"N_(DAY|WEEK|MONTH|QUARTER|YEAR)S_AGO:(\d+)")
_DAYS = {"YESTERDAY": -1, "TODAY": 0, "TOMORROW": 1}


def literal_days(literal: str, now: datetime) -> tuple[date, date]:
    """The first day of the literal and the day after its last, seen from ``now`` in the user's time zone.

    :raises ValueError: no such literal.
    :raises OverflowError: the range leaves the calendar.
    """
    today = now.date()
    name = literal.upper().replace("FISCAL_", "")
    if name in _DAYS:
        return _span(today, "DAY", _DAYS[name], 1)
    if name == "LAST_90_DAYS":
        name = "LAST_N_DAYS:90"
    if name == "NEXT_90_DAYS":
        name = "NEXT_N_DAYS:90"
    if found := _NAMED.fullmatch(name):
        return _span(today, found[2], {"LAST": -1, "THIS": 0, "NEXT": 1}[found[1]], 1)
    if found := _AGO.fullmatch(name):
        return _span(today, found[1], -int(found[2]), 1)
    if found := _MANY.fullmatch(name):
        unit, count = found[2], int(found[3])
        if found[1] == "NEXT":
            return _span(today, unit, 1, count)
        # LAST_N_DAYS runs on to the current second; the longer units stop where the current one begins.
        return _span(today, unit, -count, count + (unit == "DAY"))
    raise ValueError(f"no such date literal: {literal}")


def _span(today: date, unit: str, first: int, count: int) -> tuple[date, date]:
    start = _begin(today, unit)
    return _move(start, unit, first), _move(start, unit, first + count)


def _begin(day: date, unit: str) -> date:
    if unit == "DAY":
        return day
    if unit == "WEEK":
        return day - timedelta(days=(day.weekday() + 1) % 7)
    if unit == "MONTH":
        return day.replace(day=1)
    if unit == "QUARTER":
        return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    return day.replace(month=1, day=1)


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
