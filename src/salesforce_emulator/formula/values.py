"""Values of formulas, their kinds, and what a record has to tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Protocol

from salesforce_emulator.schema import Field
from salesforce_emulator.schema.objects import NUMBER_TYPES

TEXT = "Text"
NUMBER = "Number"
BOOLEAN = "Boolean"
DATE = "Date"
DATETIME = "DateTime"
PICKLIST = "Picklist"
MULTIPICKLIST = "Multi-Select Picklist"
NULL = "Null"
"""The kind of the word NULL, which goes with every other."""

Value = str | Decimal | bool | date | datetime | None
"""What a formula computes with. A blank text is None."""

_KINDS = {
    "boolean": BOOLEAN,
    "date": DATE,
    "datetime": DATETIME,
    "picklist": PICKLIST,
    "multipicklist": MULTIPICKLIST,
    **dict.fromkeys(NUMBER_TYPES, NUMBER),
}


@dataclass(frozen=True)
class FieldPath:
    """A field that a formula reads.

    :param root: "" for the record; else ``$User``, ``$Profile``, ``$UserRole`` or ``$Organization``.
    :param parents: the references that lead to the field's object, in order.
    """

    root: str
    parents: tuple[Field, ...]
    field: Field

    def __str__(self) -> str:
        steps = [self.root, *(str(p.relationship_name) for p in self.parents), self.field.name]
        return ".".join(s for s in steps if s)


class Record(Protocol):
    """What a formula is evaluated on."""

    @property
    def is_new(self) -> bool: ...

    @property
    def now(self) -> datetime:
        """In the time zone of the user."""
        ...

    def value(self, path: FieldPath) -> Value: ...

    def prior(self, path: FieldPath) -> Value:
        """The value before the change at hand; of a new record, the value."""
        ...


def kind_of(field: Field) -> str:
    """The kind of a field's value."""
    return _KINDS.get(field.type, TEXT)


def from_stored(field: Field, stored: object) -> Value:
    """A formula's value from that in the table. What isn't of the field's type (a hostile org's) is blank."""
    if stored is None or stored == "":
        return None
    kind = kind_of(field)
    try:
        if kind == BOOLEAN:
            return bool(stored)
        if kind == NUMBER:
            return Decimal(str(stored))
        if kind == DATE:
            return date.fromisoformat(str(stored)[:10])
        if kind == DATETIME:
            return datetime.fromisoformat(str(stored).replace("Z", "+00:00"))
    except (ValueError, InvalidOperation):
        return None
    return str(stored)
