"""How many records there are, and how long a page may take to find out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import Model, QuerySet
from django.utils.formats import number_format
from psycopg import sql

from abmatic.audiences.conditions import Condition, compiled

# From here on the planner's estimate of a whole table is shown instead of counting it.
ESTIMATE_ABOVE = 100_000
# A count that takes longer is given up.
COUNT_MS = 1_500
# Of a large table: what is not counted by then is estimated from a sample of so many rows. With fewer than so many of
# them an estimate says too little.
AT_ONCE_MS = 60
_SAMPLE = 20_000
_ENOUGH = 10


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


def whole_table(model: type[Model]) -> Count:
    """All rows of a table: exact while it is small, the planner's estimate when it is large."""
    (estimate,) = estimates([model]).values()
    if estimate > ESTIMATE_ABOVE:
        return Count(_rounded(estimate), "about")
    return quick_count(model._default_manager.all())


def part_of_table(records: QuerySet[Any], estimate: int) -> Count:
    """Rows of a part that the planner can judge: exact while the table is small, else the planner's estimate.

    ``estimate``: that of the whole table, as `estimates` answers it.
    """
    if estimate <= ESTIMATE_ABOVE:
        return quick_count(records)
    (plan,) = json.loads(records.order_by().explain(format="json"))
    return Count(_rounded(plan["Plan"]["Plan Rows"]), "about")


def estimates(models: Iterable[type[Model]]) -> dict[str, int]:
    """About how many rows tables have, by their names; -1 where nobody knows yet. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.name, c.reltuples::bigint FROM unnest(%s::text[]) AS t (name) "
            "JOIN pg_class AS c ON c.oid = t.name::regclass",
            [[model._meta.db_table for model in models]],
        )
        return dict(cursor.fetchall())


def quick_count(records: QuerySet[Any], *, at_least: int = 0, milliseconds: int = COUNT_MS) -> Count:
    """An exact count, or "more than ``at_least``" when it isn't there within the time allowed."""
    try:
        with time_allowed(milliseconds):
            return Count(records.order_by().count())
    except TookTooLong:
        return Count(at_least, "more")


def sampled_count(record: str, condition: Condition, found: QuerySet[Any], rows: int, *, at_least: int) -> Count:
    """How many of about so many rows meet a condition: exactly where they are found at once, else by a sample.

    The sample is of pages of the table, always the same ones, so that the number stands still while nothing changes.
    """
    exact = quick_count(found, at_least=-1, milliseconds=AT_ONCE_MS)
    if exact.number >= 0:
        return exact
    share = min(_SAMPLE / rows, 1.0)
    statement = sql.SQL(
        "SELECT count(*) FROM {} AS r TABLESAMPLE SYSTEM ({}) REPEATABLE (1) WHERE {}"
    ).format(
        sql.Identifier(record), sql.Literal(100 * share), compiled(record, condition, sql.Identifier("r"), beyond=True)
    )  # fmt: skip
    try:
        with time_allowed(COUNT_MS), connection.cursor() as cursor:
            cursor.execute(statement)
            met: int = cursor.fetchone()[0]
    except TookTooLong:
        return Count(at_least, "more")
    estimate = round(met / share)
    if met < _ENOUGH or estimate <= at_least:
        return Count(at_least, "more")
    return Count(_rounded(estimate, 2), "about")


def _rounded(estimate: int, digits: int = 3) -> int:
    """So many digits that mean something, zeros after them."""
    step = int(10 ** max(len(str(estimate)) - digits, 0))
    return round(estimate / step) * step
