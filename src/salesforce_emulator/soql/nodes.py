"""The syntax tree of a query. Every node that an error may point at carries its position in the text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Path:
    """A dotted name as written: ``Account.Owner.Name``."""

    text: str
    pos: int

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(self.text.split("."))


@dataclass(frozen=True)
class Call:
    """A function: aggregates, date functions, toLabel, FORMAT, FIELDS."""

    name: str
    pos: int
    arguments: tuple[Path | Call, ...]

    @property
    def lower(self) -> str:
        return self.name.lower()


Operand = Path | Call


@dataclass(frozen=True)
class Literal:
    """A value. ``kind``: string, number, amount (USD5000), date, datetime, date_literal, null, boolean."""

    kind: str
    text: str
    pos: int


@dataclass(frozen=True)
class Compare:
    left: Operand
    operator: str
    value: Literal


@dataclass(frozen=True)
class Like:
    left: Operand
    value: Literal


@dataclass(frozen=True)
class InValues:
    left: Operand
    values: tuple[Literal, ...]
    negated: bool


@dataclass(frozen=True)
class InQuery:
    left: Operand
    query: Query
    negated: bool


@dataclass(frozen=True)
class Includes:
    left: Operand
    values: tuple[Literal, ...]
    negated: bool


@dataclass(frozen=True)
class Logical:
    """``operator``: AND, OR."""

    operator: str
    terms: tuple[Condition, ...]


@dataclass(frozen=True)
class Not:
    term: Condition


Condition = Compare | Like | InValues | InQuery | Includes | Logical | Not


@dataclass(frozen=True)
class SelectItem:
    value: Operand
    alias: str | None


@dataclass(frozen=True)
class SelectChildren:
    query: Query


@dataclass(frozen=True)
class TypeOf:
    path: Path
    branches: tuple[tuple[Path, tuple[Path, ...]], ...]
    otherwise: tuple[Path, ...]


@dataclass(frozen=True)
class OrderItem:
    value: Operand
    descending: bool
    nulls_last: bool


@dataclass(frozen=True)
class Query:
    select: tuple[SelectItem | SelectChildren | TypeOf, ...]
    source: Path
    alias: str | None = None
    where: Condition | None = None
    group: tuple[Operand, ...] = ()
    having: Condition | None = None
    order: tuple[OrderItem, ...] = ()
    limit: int | None = None
    offset: int | None = None
    all_rows: bool = False
    scope: Path | None = None
    locking: bool = False
    """FOR UPDATE."""
    viewed: bool = False
    """FOR VIEW, FOR REFERENCE."""
