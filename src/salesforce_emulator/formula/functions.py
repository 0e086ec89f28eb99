"""The functions of formulas that compute a value from values.

They see no blank: :mod:`~salesforce_emulator.formula.compile` hands them "" for a blank text, and answers blank itself
where any other argument is.  Those that look at fields, or evaluate only some of their arguments, are there too.
"""

from __future__ import annotations

import calendar
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, ROUND_UP, Context, Decimal
from functools import lru_cache
from typing import Any

from salesforce_emulator.formula.values import BOOLEAN, DATE, DATETIME, NUMBER, TEXT, Value
from salesforce_emulator.ids import is_id, to18

MATH = Context(prec=38)
"""Numbers are decimal: 0.1 + 0.2 is 0.3."""
_MAX_PLACES = 18
_MAX_TEXT = 100_000
_NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)\s*")


@dataclass(frozen=True)
class Function:
    """``takes``: the kinds of the arguments, the last ``optional`` of which may be left out."""

    takes: tuple[str, ...]
    gives: str
    run: Callable[..., Value]
    optional: int = 0
    repeats: bool = False
    """Whether the last argument may be given any number of times."""


def _rounded(number: Decimal, places: Decimal, way: str) -> Decimal:
    digits = max(-_MAX_PLACES, min(_MAX_PLACES, int(places)))
    return number.quantize(Decimal(1).scaleb(-digits), way, MATH)


def _mid(text: str, start: Decimal, count: Decimal) -> str:
    first = max(int(start), 1) - 1
    return text[first : first + max(int(count), 0)]


def _left(text: str, count: Decimal) -> str:
    return text[: max(int(count), 0)]


def _right(text: str, count: Decimal) -> str:
    return text[-int(count) :] if count >= 1 else ""


def _find(wanted: str, text: str, start: Decimal = Decimal(1)) -> Decimal:
    return Decimal(text.find(wanted, max(int(start), 1) - 1) + 1) if wanted else Decimal(0)


def _padded(text: str, length: Decimal, pad: str, *, before: bool) -> str:
    size = min(int(length), _MAX_TEXT)
    if len(text) >= size or not pad:
        return text[: max(size, 0)] if pad else text
    added = (pad * size)[: size - len(text)]
    return added + text if before else text + added


@lru_cache(maxsize=256)
def pattern(text: str) -> re.Pattern[str]:
    """A regular expression, as Java writes it: alike enough but for classes such as ``\\p{Alpha}``.

    :raises re.error: it isn't one.
    """
    return re.compile(text)


def _regex(text: str, expression: str) -> bool | None:
    try:
        return pattern(expression).fullmatch(text) is not None
    except re.error:
        return None


def _value(text: str) -> Decimal | None:
    return Decimal(text.strip()) if _NUMBER.fullmatch(text) else None


def _date(year: Decimal, month: Decimal, day: Decimal) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except (ValueError, OverflowError):
        return None


def _datevalue(moment: Value) -> date | None:
    if isinstance(moment, datetime):
        return moment.astimezone(UTC).date()
    try:
        return moment if isinstance(moment, date) else date.fromisoformat(str(moment).strip())
    except ValueError:
        return None


def _addmonths(day: date, months: Decimal) -> date | None:
    """The last day of a month stays one."""
    year, month = divmod(day.year * 12 + day.month - 1 + int(months), 12)
    if not 1 <= year <= 9999:
        return None
    last = calendar.monthrange(year, month + 1)[1]
    is_last = day.day == calendar.monthrange(day.year, day.month)[1]
    return day.replace(year=year, month=month + 1, day=last if is_last else min(day.day, last))


def _mod(number: Decimal, by: Decimal) -> Decimal:
    """The remainder has the sign of the divisor."""
    return MATH.subtract(number, MATH.multiply(by, MATH.divide(number, by).to_integral_value(ROUND_FLOOR)))


def _casesafe(text: str) -> str:
    return to18(text) if is_id(text) else text


def _sqrt(number: Decimal) -> Decimal | None:
    return MATH.sqrt(number) if number >= 0 else None


def text_of(value: Value) -> str:
    """A value as TEXT() writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        plain = format(value.normalize(MATH), "f")
        return "0" if plain == "-0" else plain
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    return "" if value is None else str(value)


def _part(name: str) -> Function:
    return Function((DATE,), NUMBER, lambda day: Decimal(getattr(day, name)))


def _on_text(run: Callable[[str], str]) -> Function:
    return Function((TEXT,), TEXT, run)


def _on_numbers(run: Callable[..., Any], **more: Any) -> Function:
    return Function((NUMBER,), NUMBER, run, **more)


def _towards(way: str) -> Function:
    return _on_numbers(lambda n: n.to_integral_value(way))


FUNCTIONS: dict[str, Function] = {
    # text
    "LEN": Function((TEXT,), NUMBER, lambda text: Decimal(len(text))),
    "CONTAINS": Function((TEXT, TEXT), BOOLEAN, lambda text, wanted: wanted in text),
    "BEGINS": Function((TEXT, TEXT), BOOLEAN, lambda text, wanted: text.startswith(wanted)),
    "LEFT": Function((TEXT, NUMBER), TEXT, _left),
    "RIGHT": Function((TEXT, NUMBER), TEXT, _right),
    "MID": Function((TEXT, NUMBER, NUMBER), TEXT, _mid),
    "FIND": Function((TEXT, TEXT, NUMBER), NUMBER, _find, optional=1),
    "SUBSTITUTE": Function((TEXT, TEXT, TEXT), TEXT, lambda text, old, new: text.replace(old, new) if old else text),
    "LPAD": Function((TEXT, NUMBER, TEXT), TEXT, lambda t, n, pad=" ": _padded(t, n, pad, before=True), optional=1),
    "RPAD": Function((TEXT, NUMBER, TEXT), TEXT, lambda t, n, pad=" ": _padded(t, n, pad, before=False), optional=1),
    "TRIM": _on_text(str.strip),
    "UPPER": _on_text(str.upper),
    "LOWER": _on_text(str.lower),
    "VALUE": Function((TEXT,), NUMBER, _value),
    "REGEX": Function((TEXT, TEXT), BOOLEAN, _regex),
    "ISNUMBER": Function((TEXT,), BOOLEAN, lambda text: _NUMBER.fullmatch(text) is not None),
    "CASESAFEID": _on_text(_casesafe),
    "BR": Function((), TEXT, lambda: "\n"),
    # numbers
    "ROUND": Function((NUMBER, NUMBER), NUMBER, lambda n, places: _rounded(n, places, ROUND_HALF_UP)),
    "TRUNC": Function(
        (NUMBER, NUMBER), NUMBER, lambda n, places=Decimal(0): _rounded(n, places, ROUND_DOWN), optional=1
    ),
    "ABS": _on_numbers(abs),
    "MAX": _on_numbers(max, repeats=True),
    "MIN": _on_numbers(min, repeats=True),
    "CEILING": _towards(ROUND_UP),
    "FLOOR": _towards(ROUND_DOWN),
    "MCEILING": _towards(ROUND_CEILING),
    "MFLOOR": _towards(ROUND_FLOOR),
    "MOD": Function((NUMBER, NUMBER), NUMBER, _mod),
    "SQRT": Function((NUMBER,), NUMBER, _sqrt),
    "EXP": _on_numbers(MATH.exp),
    "LN": _on_numbers(lambda n: MATH.ln(n) if n > 0 else None),
    "LOG": _on_numbers(lambda n: MATH.log10(n) if n > 0 else None),
    "PI": Function((), NUMBER, lambda: Decimal(str(math.pi))),
    # dates
    "DATE": Function((NUMBER, NUMBER, NUMBER), DATE, _date),
    "YEAR": _part("year"),
    "MONTH": _part("month"),
    "DAY": _part("day"),
    "WEEKDAY": Function((DATE,), NUMBER, lambda day: Decimal(day.isoweekday() % 7 + 1)),
    "ADDMONTHS": Function((DATE, NUMBER), DATE, _addmonths),
}
"""By name. DATEVALUE and TEXT take several kinds: :data:`OF_ANY`."""

OF_ANY: dict[str, tuple[tuple[str, ...], str, Callable[[Value], Value]]] = {
    "DATEVALUE": ((TEXT, DATETIME, DATE), DATE, _datevalue),
}
