"""Operators, and how functions meet blanks."""

from __future__ import annotations

import operator as py
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Context, Decimal
from typing import Any

from salesforce_emulator.formula.errors import FormulaError
from salesforce_emulator.formula.functions import MATH
from salesforce_emulator.formula.special import Part, Run
from salesforce_emulator.formula.values import BOOLEAN, DATE, DATETIME, NULL, NUMBER, TEXT, Record, Value

_DAY_SECONDS = Decimal(86_400)
_ORDERED = {NUMBER, DATE, DATETIME}
_COMPARES: dict[str, Callable[[Any, Any], bool]] = {"<": py.lt, "<=": py.le, ">": py.gt, ">=": py.ge}


def unless_blank(run: Callable[..., Value], arguments: Sequence[Run], texts: Sequence[bool]) -> Run:
    """Call with the arguments' values: a blank text is "", any other blank makes the result blank."""

    def call(record: Record) -> Value:
        given: list[Value] = []
        for argument, text in zip(arguments, texts, strict=False):
            value = argument(record)
            if value is None and not text:
                return None
            given.append("" if value is None else value)
        try:
            found = run(*given)
        except (ArithmeticError, OverflowError):
            return None
        return None if found == "" else found

    return call


def zero_for_blank(run: Run) -> Run:
    def number(record: Record) -> Value:
        value = run(record)
        return Decimal(0) if value is None else value

    return number


def sign(negative: bool, part: Part) -> Part:
    if part.kind not in (NUMBER, NULL):
        raise _wrong("-" if negative else "+", "Number", part.kind)
    run = (lambda number: MATH.minus(number)) if negative else (lambda number: number)
    return Part(NUMBER, unless_blank(run, (part.run,), (False,)))


def operation(operator: str, left: Part, right: Part) -> Part:
    """An operator applied, once its two sides are of kinds that go together."""
    if operator in ("=", "<>"):
        return _equal(operator, left, right)
    if operator in _COMPARES:
        return _ordered(operator, left, right)
    if operator == "&":
        for part in (left, right):
            if part.kind not in (TEXT, NULL):
                raise _wrong("&", "Text", part.kind)
        return _concatenated(left, right)
    if operator in ("+", "-"):
        return _sum(operator, left, right)
    for part in (left, right):
        if part.kind not in (NUMBER, NULL):
            raise _wrong(operator, "Number", part.kind)
    method = {"*": Context.multiply, "/": Context.divide, "^": Context.power}[operator]
    return _numbers(lambda a, b: method(MATH, a, b), left, right)


def _wrong(operator: str, expected: str, received: str) -> FormulaError:
    return FormulaError(f"Incorrect parameter type for operator '{operator}'. Expected {expected}, received {received}")


def _numbers(run: Callable[[Decimal, Decimal], Decimal], left: Part, right: Part) -> Part:
    return Part(NUMBER, unless_blank(run, (left.run, right.run), (False, False)))


def _concatenated(left: Part, right: Part) -> Part:
    return Part(TEXT, unless_blank(lambda a, b: a + b, (left.run, right.run), (True, True)))


def _sum(operator: str, left: Part, right: Part) -> Part:
    kinds = (left.kind if left.kind != NULL else right.kind, right.kind if right.kind != NULL else left.kind)
    both = (left.run, right.run)
    neither = (False, False)
    if kinds in ((NUMBER, NUMBER), (NULL, NULL)):
        return _numbers(MATH.add if operator == "+" else MATH.subtract, left, right)
    if kinds == (TEXT, TEXT) and operator == "+":
        return _concatenated(left, right)
    if operator == "-" and kinds in ((DATE, DATE), (DATETIME, DATETIME)):
        return Part(NUMBER, unless_blank(_between, both, neither))
    if kinds in ((DATE, NUMBER), (DATETIME, NUMBER)):
        return Part(kinds[0], unless_blank(_later if operator == "+" else _earlier, both, neither))
    if operator == "+" and kinds in ((NUMBER, DATE), (NUMBER, DATETIME)):
        return Part(kinds[1], unless_blank(lambda days, day: _later(day, days), both, neither))
    wrong = right.kind if left.kind in _ORDERED else left.kind
    raise _wrong(operator, "Number, Date, DateTime", wrong)


def _later(moment: date, days: Decimal) -> date:
    if isinstance(moment, datetime):
        return moment + timedelta(seconds=float(days * _DAY_SECONDS))
    return moment + timedelta(days=int(days))


def _earlier(moment: date, days: Decimal) -> date:
    return _later(moment, -days)


def _between(later: Any, earlier: Any) -> Decimal:  # two dates, or two moments
    passed: timedelta = later - earlier
    return MATH.add(Decimal(passed.days), MATH.divide(Decimal(passed.seconds), _DAY_SECONDS))


def _equal(operator: str, left: Part, right: Part) -> Part:
    if left.kind != right.kind and NULL not in (left.kind, right.kind):
        raise _wrong(operator, left.kind, right.kind)
    first, second, wanted = left.run, right.run, operator == "="
    return Part(BOOLEAN, lambda record: (first(record) == second(record)) is wanted)


def _ordered(operator: str, left: Part, right: Part) -> Part:
    """A comparison with a blank doesn't hold."""
    for part in (left, right):
        if part.kind not in (*_ORDERED, NULL):
            raise _wrong(operator, "Number, Date, DateTime", part.kind)
    if left.kind != right.kind and NULL not in (left.kind, right.kind):
        raise _wrong(operator, left.kind, right.kind)
    first, second, holds = left.run, right.run, _COMPARES[operator]

    def run(record: Record) -> Value:
        a, b = first(record), second(record)
        return a is not None and b is not None and holds(a, b)

    return Part(BOOLEAN, run)
