"""Pages of a sorted grid by keyset: each begins after the last row of the one before.

An offset would read and throw away everything above it, and would skip or repeat rows while an import goes on. Rows
with a value come first, in order; rows without one follow, whichever way the sort goes. They are two ranges of the
index, so they are read by two statements, the second only when the first gives out.

A list of some of many records is found in one of two ways. What many records meet is met by some of the next few
thousand in the order of the list: those are walked through. What few meet is found by the indexes of what is asked, and
then put into order. Which of both it is nobody knows beforehand, the planner least of all where several things are
asked at once, so the walk comes first, and is short.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models import Expression, Q, QuerySet

from abmatic.web.grids.columns import Column, Keys
from abmatic.web.grids.meets import FirstThatMeet

PAGE = 50
# Rows of a walk, some microseconds each. Fewer than a page of them are met by what less than one in forty meets.
WALKED = 2_000


@dataclass(frozen=True, slots=True)
class Order:
    """A column and a direction."""

    column: Column
    descending: bool = False

    @property
    def name(self) -> str:
        """As in the address: ``-revenue``."""
        return f"-{self.column.name}" if self.descending else self.column.name


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page: its sort key (None where it has no value), what decides among equals, its id."""

    key: str | int | Decimal | date | None
    then: str | None
    id: int

    def encode(self) -> str:
        """As in the address; no secret, only compact."""
        key = self.key
        written = key.isoformat() if isinstance(key, date) else str(key) if isinstance(key, Decimal) else key
        return base64.urlsafe_b64encode(json.dumps([written, self.then, self.id]).encode()).decode()

    @classmethod
    def decode(cls, text: str, order: Order) -> Cursor | None:
        """Reads what `encode` wrote; None for anything else, which then means the first page."""
        try:
            key, then, id_ = json.loads(base64.urlsafe_b64decode(text))
            if isinstance(id_, bool) or not isinstance(id_, int):
                return None
            return cls(_key(key, order.column.type), _text(then), id_)
        except (ValueError, TypeError, InvalidOperation):
            return None


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, and where the next page begins (None at the end)."""

    rows: list[Any]
    next: Cursor | None


@dataclass(frozen=True, slots=True)
class Search:
    """Some of many records: all of them, what those meet that are meant, and those as the indexes find them."""

    every: QuerySet[Any]
    meets: Expression
    found: QuerySet[Any]


def page(records: QuerySet[Any] | Search, order: Order, after: Cursor | None) -> Page:
    """The page after a cursor: at most two statements; of a search at most eight."""
    rows: list[Any] = []
    if after is None or after.key is not None:
        rows = _read(records, order, lambda keyed: _valued(keyed, order, after), PAGE + 1)
    if len(rows) <= PAGE:
        rows += _read(records, order, lambda keyed: _empty(keyed, order, after), PAGE + 1 - len(rows))
    if len(rows) <= PAGE:
        return Page(rows, None)
    last = rows[PAGE - 1]
    return Page(rows[:PAGE], Cursor(last.sort_key, last.sort_then, last.pk))


def _read(
    records: QuerySet[Any] | Search, order: Order, part: Callable[[QuerySet[Any]], QuerySet[Any]], most: int
) -> list[Any]:
    """The first rows of a part of the order."""

    def keyed(some: QuerySet[Any], by: Keys) -> QuerySet[Any]:
        annotated: QuerySet[Any] = some.annotate(sort_key=by.own, sort_then=by.then)
        return annotated

    def ordered(some: QuerySet[Any]) -> QuerySet[Any]:
        return _ordered(part(keyed(some, order.column.keys)), order)

    if isinstance(records, QuerySet):
        return list(ordered(records)[:most])
    walked = ordered(records.every.annotate(met=records.meets)).values("pk", "met")
    for steps in (WALKED, 4 * WALKED):
        rows = list(ordered(records.every.filter(pk__in=FirstThatMeet(walked[:steps], most))))
        if len(rows) == most:
            return rows
        if 4 * len(rows) < most:  # not to be reached by the longer walk
            break
    # By keys that no index has: else the planner, who takes what is asked for more frequent or rarer than it is, might
    # rather walk through the whole table in its order. What belongs to the rows is only read for those that are shown.
    found = _ordered(part(keyed(records.found, order.column.unindexed_keys)), order).values_list("pk", flat=True)[:most]
    return list(ordered(records.every.filter(pk__in=list(found))))


def _valued(keyed: QuerySet[Any], order: Order, after: Cursor | None) -> QuerySet[Any]:
    valued = keyed.filter(sort_key__isnull=False)
    return valued if after is None else valued.filter(_beyond(after, order))


def _empty(keyed: QuerySet[Any], order: Order, after: Cursor | None) -> QuerySet[Any]:
    empty = keyed.filter(sort_key__isnull=True)
    return empty.filter(_beyond_equals(after, order)) if after is not None and after.key is None else empty


def _ordered(records: QuerySet[Any], order: Order) -> QuerySet[Any]:
    """In the order of the index, forwards or backwards: NULL is its last value."""
    keys = ["sort_key", *(["sort_then"] if order.column.then else []), "id"]
    sign = "-" if order.descending else ""
    return records.order_by(*(sign + key for key in keys))


def _beyond(after: Cursor, order: Order) -> Q:
    """Rows after the cursor. The first term repeats what the second implies: an index can start from it."""
    comparison = "lt" if order.descending else "gt"
    return Q(**{f"sort_key__{comparison}e": after.key}) & (
        Q(**{f"sort_key__{comparison}": after.key}) | _beyond_equals(after, order)
    )


def _beyond_equals(after: Cursor, order: Order) -> Q:
    """Rows after the cursor among those with its key."""
    comparison = "lt" if order.descending else "gt"
    by_id = Q(**{f"id__{comparison}": after.id})
    if order.column.then is None:
        return by_id
    if after.then is None:
        without = Q(sort_then__isnull=True) & by_id
        return without | Q(sort_then__isnull=False) if order.descending else without
    beyond = Q(**{f"sort_then__{comparison}": after.then}) | (Q(sort_then=after.then) & by_id)
    return beyond if order.descending else beyond | Q(sort_then__isnull=True)


def _text(written: object) -> str | None:
    """The second key of a decoded cursor. Raises ValueError for what no column holds."""
    if written is None or (isinstance(written, str) and "\x00" not in written):
        return written
    raise ValueError(written)


def _key(written: object, kind: str) -> str | int | Decimal | date | None:
    """The sort key of a decoded cursor. Raises ValueError for what the column can't hold."""
    if written is None:
        return None
    if kind == "text":
        return _text(written)
    if kind == "arrival" and isinstance(written, int) and not isinstance(written, bool):
        return written
    if kind == "number" and isinstance(written, int | str) and not isinstance(written, bool):
        number = Decimal(written)
        if number.is_finite():
            return number
    if kind == "date" and isinstance(written, str):
        return date.fromisoformat(written)
    if kind == "time" and isinstance(written, str):
        return datetime.fromisoformat(written)
    raise ValueError(written)
