"""The syntax tree of a formula."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Literal:
    """A number, a text, TRUE, FALSE or NULL."""

    value: Decimal | str | bool | None


@dataclass(frozen=True)
class Path:
    """A field, of the record or across relationships: ``Industry``, ``Account.Owner.Name``, ``$User.Title``."""

    text: str


@dataclass(frozen=True)
class Call:
    """A function, by its name in capitals."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class Operation:
    """An operator between two values. ``==`` and ``!=`` are written ``=`` and ``<>``."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Sign:
    negative: bool
    value: Node


Node = Literal | Path | Call | Operation | Sign
