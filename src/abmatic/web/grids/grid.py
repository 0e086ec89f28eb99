"""A grid as a page shows it: rows, header links, conditions, count."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest, QueryDict

from abmatic.web.counting import Count, TookTooLong, quick_count, time_allowed, whole_table
from abmatic.web.domains import encoded
from abmatic.web.grids.columns import Column, Spec, contains
from abmatic.web.grids.filters import OPERATORS, SUITED, Condition, clean, conditions
from abmatic.web.grids.paging import PAGE, Cursor, Order, Page, page

# A sort of a large table without an index takes seconds; beyond this it is given up and said so.
PAGE_MS = 8_000

# Quick choices above the grid: the parameter ``show`` and what it means.
SHOW: dict[str, dict[str, tuple[str, Q]]] = {
    "account": {
        "": ("All", Q()),
        "website": ("With domain", Q(domain__isnull=False)),
        "no-website": ("Without", Q(domain__isnull=True)),
    },
    "contact": {
        "": ("All", Q()),
        "contact": ("Contacts", Q(kind="contact")),
        "lead": ("Leads", Q(kind="lead")),
    },
    "opportunity": {
        "": ("All", Q()),
        "open": ("Open", Q(is_closed=False)),
        "won": ("Won", Q(is_won=True)),
    },
}


@dataclass(frozen=True, slots=True)
class Header:
    """A column's head: where its sort link leads, and how it is sorted now ("ascending", "descending" or "none")."""

    column: Column
    url: str
    sorted: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One quick choice."""

    label: str
    url: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Chip:
    """A condition in force, and the address without it."""

    condition: Condition
    url: str


@dataclass(frozen=True)
class Grid:
    """One view of one kind of record, read from an address.

    ``scope`` limits it (a collection, the contacts of an account); ``scope_size`` is known for a collection.
    """

    spec: Spec
    asked: QueryDict
    path: str
    scope: Q = field(default_factory=Q)
    scope_size: int | None = None
    is_scoped: bool = False

    @property
    def order(self) -> Order:
        """The sort in force; the default one where the address has none or nonsense."""
        return self._order(self.asked.get("sort", "")) or self.default_order

    @property
    def default_order(self) -> Order:
        """The sort that needs no asking and is quick over any number of rows."""
        return self._order(self.spec.sort) or Order(self.spec.columns[0])

    def _order(self, wanted: str) -> Order | None:
        column = self.spec.column(wanted.removeprefix("-"))
        return Order(column, wanted.startswith("-")) if column else None

    @property
    def search(self) -> str:
        """What the search box holds."""
        return clean(self.asked.get("q", ""))

    @property
    def show(self) -> str:
        """The quick choice in force."""
        wanted = self.asked.get("show", "")
        return wanted if wanted in SHOW[self.spec.record] else ""

    @property
    def conditions(self) -> list[Condition]:
        """The filter row."""
        return conditions(self.spec, self.asked)

    @property
    def is_narrowed(self) -> bool:
        """Whether anything besides the scope limits the rows."""
        return bool(self.search or self.show or self.conditions)

    @property
    def operators(self) -> list[tuple[str, str, str]]:
        """The operators of the filter row: name, words, and the types they suit."""
        return [(name, words, " ".join(SUITED[name])) for name, words in OPERATORS.items()]

    @property
    def kept_with_search(self) -> list[tuple[str, str]]:
        """What the search form must send along: everything but its own box."""
        return self._kept({"q"})

    @property
    def kept_with_filter(self) -> list[tuple[str, str]]:
        """What the filter form must send along: everything, the conditions in force included."""
        return self._kept(set())

    def _kept(self, own: set[str]) -> list[tuple[str, str]]:
        left_out = own | {"after", "count", "seen"}
        return [(name, value) for name, values in self.asked.lists() if name not in left_out for value in values]

    def records(self) -> QuerySet[Any]:
        """Every row that the grid covers, in no order."""
        found: QuerySet[Any] = self.spec.model._default_manager.filter(self.scope)
        found = found.filter(SHOW[self.spec.record][self.show][1])
        for condition in self.conditions:
            found = found.filter(condition.query)
        for word in self.search.split():
            anywhere = Q()
            for name in self.spec.searched:
                anywhere |= contains(name, encoded(word) if name == "domain" else word)
            found = found.filter(anywhere)
        return found

    def page(self) -> Page | None:
        """The rows asked for; None when the database took too long."""
        after = Cursor.decode(self.asked.get("after", ""), self.order)
        try:
            with time_allowed(PAGE_MS):
                return page(self.records().select_related(*self.spec.related), self.order, after)
        except TookTooLong:
            return None

    def count(self, at_least: int = 0) -> Count:
        """How many rows there are; known or estimated where nothing narrows them."""
        if not self.is_narrowed and self.scope_size is not None:
            return Count(self.scope_size)
        if not self.is_narrowed and not self.is_scoped:
            return whole_table(self.spec.model)
        return quick_count(self.records(), at_least=at_least)

    def context(self) -> dict[str, object]:
        """Everything the template needs."""
        shown = self.page()
        rows = shown.rows if shown else []
        further = shown.next if shown else None
        # A first page that isn't full is the whole: nothing is left to count.
        is_whole = further is None and "after" not in self.asked and shown is not None
        return {
            "grid": self,
            "spec": self.spec,
            "rows": rows,
            "took_too_long": shown is None,
            "next_url": self.url(after=further.encode()) if further else None,
            "count": Count(len(rows)) if is_whole else None if self.is_narrowed else self.count(len(rows)),
            "count_url": self.url(count="1", seen=str(min(len(rows), PAGE))),
            "headers": [self._header(column) for column in self.spec.columns],
            "choices": self._choices(),
            "chips": self._chips(),
        }

    def url(self, **changed: str | None) -> str:
        """This address with parameters changed; None takes one away. A cursor never survives."""
        query = self.asked.copy()
        for name in ("after", "count", "seen"):
            query.pop(name, None)
        for name, value in changed.items():
            if value:
                query[name] = value
            else:
                query.pop(name, None)
        return f"{self.path}?{query.urlencode()}" if query else self.path

    def _header(self, column: Column) -> Header:
        order = self.order
        is_sorted = order.column.name == column.name
        # The next press turns it round; numbers and times begin with the largest.
        descending = not order.descending if is_sorted else column.type in {"number", "time", "arrival"}
        state = "none" if not is_sorted else "descending" if order.descending else "ascending"
        return Header(column, self.url(sort=Order(column, descending).name), state)

    def _choices(self) -> list[Choice]:
        return [
            Choice(label, self.url(show=name or None), name == self.show)
            for name, (label, _) in SHOW[self.spec.record].items()
        ]

    def _chips(self) -> list[Chip]:
        kept = self.conditions
        return [
            Chip(condition, self._url_with(kept[:place] + kept[place + 1 :])) for place, condition in enumerate(kept)
        ]

    def _url_with(self, kept: list[Condition]) -> str:
        query = self.asked.copy()
        for name in ("after", "count", "seen", "field", "op", "value"):
            query.pop(name, None)
        query.setlist("field", [condition.column.name for condition in kept])
        query.setlist("op", [condition.operator for condition in kept])
        query.setlist("value", [condition.value for condition in kept])
        return f"{self.path}?{query.urlencode()}" if query else self.path


def grid_of(request: HttpRequest, spec: Spec, **scope: Any) -> Grid:
    """The grid that a request asks for."""
    return Grid(spec, request.GET, request.path, **scope)
