"""How many records there are, and how long a page may take to find out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import OperationalError, connection, models, transaction
from django.db.models import QuerySet
from django.utils.formats import number_format

# From here on the planner's estimate of a whole table is shown instead of counting it.
ESTIMATE_ABOVE = 100_000
# A count that takes longer is given up.
COUNT_MS = 1_500


class TookTooLong(Exception):
    """The database did not answer within the time allowed."""


@dataclass(frozen=True, slots=True)
class Count:
    """A number of records, and how sure it is: "exact", "about" or "more"."""

    number: int
    kind: str = "exact"

    @property
    def text(self) -> str:
        """Such as "1,234", "about 1,000,000" or "more than 50"."""
        if self.kind == "more" and not self.number:
            return "too many to count quickly"
        written = number_format(self.number, use_l10n=True, force_grouping=True)
        return {"exact": written, "about": f"about {written}", "more": f"more than {written}"}[self.kind]


@contextmanager
def time_allowed(milliseconds: int) -> Iterator[None]:
    """Ends a statement of the block that takes longer. Raises `TookTooLong`; the block must only read."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(milliseconds)])
            yield
            # Inside another transaction the setting would outlive the block.
            cursor.execute("SELECT set_config('statement_timeout', '0', true)")
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != "57014":
            raise
        raise TookTooLong from error


def whole_table(model: type[models.Model]) -> Count:
    """All rows of a table: exact while it is small, the planner's estimate when it is large."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [model._meta.db_table])
        row = cursor.fetchone()
    estimate = row[0] if row else -1
    if estimate > ESTIMATE_ABOVE:
        return Count(_rounded(estimate), "about")
    return quick_count(model._default_manager.all())


def quick_count(records: QuerySet[Any], *, at_least: int = 0) -> Count:
    """An exact count, or "more than ``at_least``" when it isn't there within the time allowed."""
    try:
        with time_allowed(COUNT_MS):
            return Count(records.order_by().count())
    except TookTooLong:
        return Count(at_least, "more")


def _rounded(estimate: int) -> int:
    """Three digits that mean something, zeros after them."""
    step = int(10 ** max(len(str(estimate)) - 3, 0))
    return round(estimate / step) * step
