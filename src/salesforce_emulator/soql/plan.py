"""What a compiled query is: pieces of SQL, and the shape of the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from salesforce_emulator.schema import SObject

Convert = Callable[..., object]
"""From the SQL values of one field to its JSON value."""


@dataclass(frozen=True)
class QueryContext:
    """Who asks, and when.

    ``now`` is in the user's time zone; date literals are counted from it.
    """

    now: datetime
    user_id: str
    include_deleted: bool = False
    only_own: frozenset[str] = frozenset()
    """The objects of which the user sees only the records that he owns."""
    fiscal_start: int = 1
    """The month in which the org's fiscal years begin."""


@dataclass(frozen=True)
class Leaf:
    """A field in the answer: ``count`` SQL columns from ``start`` on, made into one JSON value."""

    key: str
    start: int
    count: int
    convert: Convert | None


@dataclass
class Shape:
    """A record in the answer. ``id_column`` is the SQL column of its id; a parent without one is null.

    ``kinds`` names the objects by key prefix where the record may be of several; ``type`` is then "Name", or empty
    where the answer calls it what it is.
    """

    type: str
    id_column: int
    entries: list[Leaf | ParentShape | ChildShape | TypeOfShape] = field(default_factory=list)
    kinds: Mapping[str, str] = field(default_factory=dict)


@dataclass
class ParentShape:
    key: str
    shape: Shape


@dataclass
class TypeOfShape:
    """A parent of which each row shows the fields that TYPEOF names for its object; null where it names none.

    ``column`` is the SQL column of the reference.
    """

    key: str
    column: int
    kinds: Mapping[str, str]
    branches: dict[str, Shape] = field(default_factory=dict)
    otherwise: Shape | None = None


@dataclass
class ChildShape:
    """Child records, filled from the plan of their own query."""

    key: str
    plan: Plan
    foreign_key: str


@dataclass
class Plan:
    """A query ready to run.

    ``columns`` are SQL expressions; ``params`` belong to the placeholders of where and having, in order.
    ``kind``: "rows", "aggregate" or "count".
    """

    sobject: SObject
    kind: str
    columns: list[str]
    from_sql: str
    where_sql: str
    params: list[object]
    shape: Shape
    alive_sql: str = ""
    """The condition that leaves deleted records out."""
    group_sql: str = ""
    order_sql: str = ""
    limit: int | None = None
    offset: int | None = None
    long_text: bool = False
    viewed: bool = False
    """Whether what it finds counts as looked at."""
    names: list[str] = field(default_factory=list)
    """The selected fields as written back to the client, in the order asked: the header of a CSV."""
    types: list[str] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    """The SQL of each selected field, in the order of names."""

    @property
    def alias(self) -> str:
        return self.from_sql.split(" AS ", 1)[1].split(" ", 1)[0]

    def sql(
        self, columns: list[str] | None = None, *, where: str = "", window: bool = True, narrow: bool = False
    ) -> str:
        """The SELECT statement.

        :param columns: other columns than the plan's.
        :param where: a further condition.
        :param window: apply ORDER BY, LIMIT and OFFSET.
        :param narrow: the columns are in the index of the records that are there; a plus keeps others off it,
            since wide rows are read faster from the table itself.
        """
        alive = self.alive_sql if narrow or not self.alive_sql else f"+{self.alive_sql}"
        conditions = " AND ".join(c for c in (alive, self.where_sql, where) if c)
        parts = [
            f"SELECT {', '.join(columns or self.columns)}",
            f"FROM {self.from_sql}",
            f"WHERE {conditions}" if conditions else "",
            self.group_sql,
        ]
        if window:
            parts.append(self.order_sql)
            if self.limit is not None or self.offset is not None:
                limit = -1 if self.limit is None else self.limit
                parts.append(f"LIMIT {limit} OFFSET {self.offset or 0}")
        return " ".join(p for p in parts if p)

    def first(self, count: int) -> str:
        """The SELECT statement of the first so many records. Where they are sorted, the rest needn't be."""
        return replace(self, limit=count if self.limit is None else min(count, self.limit)).sql()
