"""Following the change log: every change once, in an order that misses none which commits late.

Ids are given when a row is written, not when it is committed, so "ids above the last one" would miss some. Rows say
which transaction wrote them; those of transactions that are over are told in the order of transaction and id.
"""

from __future__ import annotations

from typing import Any, LiteralString

from django.db import connection
from django.db.models import BigIntegerField, F, Func, Q, Value

from abmatic.changes.models import Change
from abmatic.postgres.transactions import over_below

# The transaction and the id of the last change that was told.
Position = tuple[int, int]


def following(after: Position, limit: int, record: str | None = None) -> tuple[list[Change], Position]:
    """The next changes, each with its cause and that one's user, and the position to go on from."""
    upto = log_end()
    tx, last = after
    found = Change.objects.annotate(written_by=Func(F("id"), template="tx", output_field=BigIntegerField()))
    found = found.filter(written_by__lt=Value(upto), written_by__gte=tx)
    found = found.filter(Q(written_by__gt=tx) | Q(pk__gt=last))
    if record is not None:
        found = found.filter(record=record)
    told = list(found.select_related("cause__user").order_by("written_by", "pk")[:limit])
    # Where fewer are there, nothing below is left, whatever was asked for.
    end = (told[-1].written_by, told[-1].pk) if len(told) == limit else max(after, (upto, 0))
    return [*told], end


def log_end() -> int:
    """The transaction below which whoever asks next finds every change in the log."""
    return over_below(_ask)


def _ask(statement: LiteralString) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return tuple(cursor.fetchone() or ())
