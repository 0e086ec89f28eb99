"""What several lists have in common: a page, a cause, a change; and numbers that lose no digit."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

from ninja import Schema

from abmatic.changes.models import Cause, Change

T = TypeVar("T")


class Page(Schema, Generic[T]):
    """Some items of a list. ``next`` is the cursor of the following page; null at the end."""

    items: list[T]
    next: str | None = None


class CauseShown(Schema):
    """Who or what did something: a run, a user, an API key, a form, an import. ``note`` names the key."""

    kind: str
    run: int | None = None
    user: str | None = None
    note: str | None = None
    at: datetime

    @classmethod
    def of(cls, cause: Cause) -> CauseShown:
        return cls(
            kind=cause.kind,
            run=cause.run_id,
            user=str(cause.user) if cause.user is not None else None,
            note=cause.note or None,
            at=cause.at,
        )


class ChangeShown(Schema):
    """One field of one record from a value to a value. ``field`` is null where the record was made."""

    id: int
    record: str
    record_id: int
    field: str | None
    before: Any = None
    after: Any = None
    at: datetime
    cause: CauseShown

    @classmethod
    def of(cls, change: Change) -> ChangeShown:
        return cls(
            id=change.pk,
            record=change.record,
            record_id=change.record_id,
            field=change.field or None,
            before=change.before,
            after=change.after,
            at=change.at,
            cause=CauseShown.of(change.cause),
        )


def number(value: Decimal | None) -> int | float | str | None:
    """A number as JSON has it, or as text where a reader of JSON would lose some of its digits."""
    if value is None:
        return None
    if value == value.to_integral_value():
        whole = int(value)
        return whole if abs(whole) < 2**53 else str(whole)
    told = float(value)
    return told if Decimal(repr(told)) == value else format(value.normalize(), "f")
