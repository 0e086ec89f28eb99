"""A grid as a page shows it: rows, header links, conditions, count."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict

from abmatic.audiences import wording
from abmatic.audiences.conditions import Condition
from abmatic.audiences.fields import LocalField, fields
from abmatic.audiences.list_indexes import RECORDS, Table, table_of
from abmatic.web.counting import Count, TookTooLong, quick_count, sampled_count, time_allowed, whole_table
from abmatic.web.domains import encoded
from abmatic.web.grids.columns import MOST, Column, Spec
from abmatic.web.grids.filters import Builder, Filter, clean, for_viewer, in_words, read, written
from abmatic.web.grids.meets import Meets, Stored
from abmatic.web.grids.paging import PAGE, Cursor, Order, Page, Search, page

# A sort of a large table without an index takes seconds; beyond this it is given up and said so.
PAGE_MS = 8_000
# Shorter words have no index (see abmatic.audiences.quick).
SHORTEST = 3

_IS_MEMBER: Condition = {"field": "is_removed", "is": "equals", "value": False}
# Quick choices above the grid: the parameter ``show`` and what it means.
SHOW: dict[str, dict[str, tuple[str, Condition]]] = {
    "account": {
        "": ("All", {}),
        "website": ("With domain", {"field": "domain", "is": "not_empty"}),
        "no-website": ("Without", {"field": "domain", "is": "empty"}),
    },
    "contact": {
        "": ("All", {}),
        "contact": ("Contacts", {"field": "kind", "is": "equals", "value": "contact"}),
        "lead": ("Leads", {"field": "kind", "is": "equals", "value": "lead"}),
    },
    "opportunity": {
        "": ("All", {}),
        "open": ("Open", {"field": "is_closed", "is": "equals", "value": False}),
        "won": ("Won", {"field": "is_won", "is": "equals", "value": True}),
    },
    "campaign": {
        "": ("All", {}),
        "active": ("Active", {"field": "is_active", "is": "equals", "value": True}),
    },
    "campaign_member": {
        "": ("Members", _IS_MEMBER),
        "responded": (
            "Responded",
            {"all": [_IS_MEMBER, {"field": "has_responded", "is": "equals", "value": True}]},
        ),
        "removed": ("Removed", {"not": _IS_MEMBER}),
    },
}
# Parameters that say which part of a list is sent, not which list it is.
PASSING = ("after", "count", "seen")
KEPT_IN_VIEWS = ("filter", "q", "show", "sort", "cols")


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
    """A condition in force, in words, and the address without it."""

    text: str
    url: str


@dataclass(frozen=True)
class Grid:
    """One view of one kind of record, read from an address.

    ``scope`` limits it (a collection, the contacts of an account); ``scope_size`` is known for a collection. Frozen, so
    that what is worked out once holds.
    """

    spec: Spec
    asked: QueryDict
    path: str
    scope: Condition = field(default_factory=dict)
    scope_size: int | None = None

    @property
    def is_scoped(self) -> bool:
        """Whether it is of a part of the records from the outset."""
        return bool(self.scope)

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The columns that are shown."""
        return self.spec.chosen(self.asked.get("cols", ""), self.all_columns)

    @cached_property
    def all_columns(self) -> tuple[Column, ...]:
        """Every column that can be chosen."""
        return self.spec.all_columns(self.fields)

    @cached_property
    def fields(self) -> tuple[LocalField, ...]:
        """The fields of such records, custom ones too."""
        return fields(self.spec.record)

    @property
    def order(self) -> Order:
        """The sort in force; the default one where the address has none or nonsense."""
        return self._order(self.asked.get("sort", "")) or self.default_order

    @property
    def default_order(self) -> Order:
        """The sort that needs no asking and is quick over any number of rows."""
        return self._order(self.spec.sort) or Order(self.spec.columns[0])

    def _order(self, wanted: str) -> Order | None:
        named = (column for column in self.all_columns if column.name == wanted.removeprefix("-"))
        column = next(named, None)
        return Order(column, wanted.startswith("-")) if column and column.is_sortable else None

    @property
    def search(self) -> str:
        """What the search box holds."""
        return clean(self.asked.get("q", ""))

    @property
    def show(self) -> str:
        """The quick choice in force."""
        wanted = self.asked.get("show", "")
        return wanted if wanted in SHOW[self.spec.record] else ""

    @cached_property
    def filter(self) -> Filter:
        """The filter in force."""
        return read(self.spec.record, self.asked.get("filter", ""))

    @property
    def filter_text(self) -> str:
        """The filter as it is in an address."""
        return written(self.filter.tree)

    @property
    def filter_typed(self) -> str:
        """The filter as the builder shows it: numbers as the viewer types them."""
        known = {each.name: each for each in wording.asked_about(self.spec.record, self.fields)}
        return written(for_viewer(self.spec.record, self.filter.tree, known))

    @cached_property
    def builder(self) -> Builder:
        """What the builder of the filter offers."""
        return Builder(self.spec.record, self.fields)

    @cached_property
    def condition(self) -> Condition:
        """What every row meets: scope, quick choice, search and filter. Not to be used where the filter is broken."""
        parts = [self.scope, SHOW[self.spec.record][self.show][1], self.filter.tree]
        parts += [self._word(word) for word in self.search.split()]
        kept = [part for part in parts if part]
        return {"all": kept} if kept else {}

    def _word(self, word: str) -> Condition:
        """What holds a word; of many records what begins with it, where it is a letter or two on the way to a word."""
        is_of_many = not self.is_scoped and self._size is not None and self._size.is_large
        if is_of_many and len(word) < SHORTEST and word.isascii():
            return {"field": self.spec.columns[0].field, "is": "starts_with", "value": word}
        alike = {word, encoded(word)} if self.spec.record == "account" else {word}
        return {"any": [{"search": each} for each in sorted(alike)]}

    @property
    def is_narrowed(self) -> bool:
        """Whether anything besides the scope limits the rows."""
        return bool(self.search or self.show or self.filter.tree or self.filter.problem)

    @property
    def kept_with_search(self) -> list[tuple[str, str]]:
        """What the search form must send along: everything but its own box."""
        return self._kept({"q"})

    @property
    def kept_with_filter(self) -> list[tuple[str, str]]:
        """What the filter form must send along: everything but the filter."""
        return self._kept({"filter"})

    @property
    def kept_with_columns(self) -> list[tuple[str, str]]:
        """What choosing columns must send along."""
        return self._kept({"cols"})

    @property
    def choosable(self) -> list[tuple[Column, bool]]:
        """The columns that may be shown or not, and whether they are."""
        shown = {column.name for column in self.columns}
        return [(column, column.name in shown) for column in self.all_columns[1:]]

    @property
    def column_names(self) -> str:
        """The columns that are shown, as in an address."""
        return ",".join(column.name for column in self.columns[1:])

    @property
    def most_columns(self) -> int:
        """How many may be shown beside the name."""
        return MOST - 1

    @property
    def usual_columns_url(self) -> str:
        """This address with the usual columns."""
        return self.url(cols=None)

    @property
    def as_view(self) -> str:
        """What a saved view keeps of this one, as in an address."""
        query = self.asked.copy()
        for name in set(query) - set(KEPT_IN_VIEWS):
            query.pop(name)
        return query.urlencode()

    def _kept(self, own: set[str]) -> list[tuple[str, str]]:
        left_out = own | set(PASSING)
        return [(name, value) for name, values in self.asked.lists() if name not in left_out for value in values]

    def records(self) -> QuerySet[Any]:
        """Every row that the grid covers, in no order."""
        records = self._all()
        if self.filter.problem:
            return records.none()
        return records.filter(Meets(self.spec.record, self.condition)) if self.condition else records

    def _all(self) -> QuerySet[Any]:
        records: QuerySet[Any] = self.spec.model._default_manager.all()
        # Django doesn't know the columns of custom fields.
        made = {column.name: Stored(column.name, column.output) for column in self._custom_columns()}
        return records.annotate(**made) if made else records

    def page(self) -> Page | None:
        """The rows asked for; None when the database took too long."""
        after = Cursor.decode(self.asked.get("after", ""), self.order)
        try:
            with time_allowed(PAGE_MS):
                return page(self._searched(), self.order, after)
        except TookTooLong:
            return None

    def _searched(self) -> QuerySet[Any] | Search:
        """The rows, and where they are some of many, how they can be found."""
        table = self._table
        if table is None or not table.is_large or self._is_of_one:
            return self.records().select_related(*self._related())
        every = self._all()
        found = every.filter(Meets(self.spec.record, self.condition, table))
        return Search(every.select_related(*self._related()), Meets(self.spec.record, self.condition), found)

    @cached_property
    def _table(self) -> Table | None:
        """What is known of the table where it is searched through; None where it isn't."""
        return None if not self.condition or self.filter.problem else self._size

    @cached_property
    def _size(self) -> Table | None:
        return table_of(self.spec.record, self.fields) if self.spec.record in RECORDS else None

    @property
    def _is_of_one(self) -> bool:
        """Whether it is of the few records of one other record, which an index of their own finds."""
        return bool(self.scope) and "collection" not in self.scope

    def _custom_columns(self) -> list[Column]:
        """Those that are shown or sorted by, as the catalogue names them."""
        wanted = {column.name: column for column in (*self.columns, self.order.column)}
        return [column for column in wanted.values() if column.is_custom]

    def _related(self) -> list[str]:
        return [*self.spec.related, *(["owner"] if any(column.drawn == "owner" for column in self.columns) else [])]

    def count(self, at_least: int = 0, *, is_exact: bool = False) -> Count:
        """How many rows there are; known or estimated where nothing narrows them.

        Of many it is counted exactly where that takes no time; ``is_exact``: or where it does.
        """
        if not self.is_narrowed and self.scope_size is not None:
            return Count(self.scope_size)
        if not self.is_narrowed and not self.is_scoped:
            return whole_table(self.spec.model)
        table = self._table
        if table is None or not table.is_large:
            return quick_count(self.records(), at_least=at_least)
        found = self.spec.model._default_manager.filter(Meets(self.spec.record, self.condition, table))
        if is_exact:
            return quick_count(found, at_least=at_least, milliseconds=PAGE_MS)
        return sampled_count(self.spec.record, self.condition, found, table.rows, at_least=at_least)

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
            "headers": [self._header(column) for column in self.columns],
            "choices": self._choices(),
            "chips": self._chips(),
        }

    def url(self, **changed: str | None) -> str:
        """This address with parameters changed; None takes one away. A cursor never survives."""
        query = self.asked.copy()
        for name in PASSING:
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
        if not column.is_sortable:
            return Header(column, "", "")
        state = "none" if not is_sorted else "descending" if order.descending else "ascending"
        return Header(column, self.url(sort=Order(column, descending).name), state)

    def _choices(self) -> list[Choice]:
        return [
            Choice(label, self.url(show=name or None), name == self.show)
            for name, (label, _) in SHOW[self.spec.record].items()
        ]

    def _chips(self) -> list[Chip]:
        if self.filter.problem:
            return [Chip(self.filter.problem, self.url(filter=None))]
        return [
            Chip(text, self.url(filter=written(self.filter.without(place))))
            for place, text in enumerate(wording.described_each(self.spec.record, self.filter.parts, in_words))
        ]


def grid_of(request: HttpRequest, spec: Spec, **scope: Any) -> Grid:
    """The grid that a request asks for."""
    return Grid(spec, request.GET, request.path, **scope)
