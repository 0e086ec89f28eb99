"""Reading by REST, and what both readers share.

A query by REST tells, with its first page, how many records there are. Up to a limit (about 2,000) its pages are all
there is to read, and they are one chunk. Above, the same query goes to the Bulk API (`bulk_reading`).
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any, Protocol

import orjson
import psycopg

from abmatic.postgres import sessions
from abmatic.salesforce import Client, errors
from abmatic.salesforce.query import QueryPage
from abmatic.salesforce.streams import PageStream
from abmatic.sync.pull.chunk import ChunkWriter, Counts, Target
from abmatic.sync.pull.parts import Position
from abmatic.sync.pull.plan import PullPlan

logger = logging.getLogger(__name__)

ATTEMPTS = 5
# Where others work at the same time each failure of ours is a step forward of theirs, so that it will end.
CONTENDED_ATTEMPTS = 40
_LONGEST_PAUSE = 2.0

Session = psycopg.Connection[tuple[Any, ...]]
Pages = Callable[[str], Iterator[QueryPage]]


class Checkpoint(Protocol):
    """Stores counts (and the position in a bulk result) in the chunk's own transaction.

    Raises when the run is not this execution's any more.
    """

    def __call__(
        self, session: Session, counts: Counts, position: Position | None, *, is_countable: bool = True
    ) -> None:
        """``is_countable``: False where the text was so damaged that nobody can say how many records it held."""


# Somebody else made the same record meanwhile: a person, a form, or another connection whose people are the same ones.
CONTENDED = (
    psycopg.errors.UniqueViolation,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
)
# What a chunk can suffer from that reading or applying it again may mend.
AGAIN = (errors.Transient, *CONTENDED)


class Cancelled(Exception):
    """Somebody cancelled the run."""


class FieldsMissing(Exception):
    """An answer lacks columns that were asked for."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(
            f"Salesforce's answer lacks {', '.join(names)}, which it was asked for. Nothing was read as empty. "
            "Check that the fields still exist and that the connected user may read them, then sync again."
        )


@contextmanager
def open_writer(plan: PullPlan, target: Target) -> Iterator[tuple[Session, ChunkWriter]]:
    """A session with the plan's tables and statements."""
    with sessions.session(f"pull {plan.spec.name}", sessions.IMPORT_SETTINGS) as session:
        writer = ChunkWriter(plan, session, target)
        writer.prepare()
        yield session, writer


def read_by_rest(
    client: Client, plan: PullPlan, target: Target, soql: str, limit: int, checkpoint: Checkpoint,
    *, ask: Pages | None = None,
) -> int | None:  # fmt: skip
    """Reads everything by REST in one chunk, or nothing at all.

    Answers the number of records, or None when there are more than ``limit``, or the query is too long for an address
    (then nothing was written, and the Bulk API takes it: it gets its query in a body). ``ask``: how the query is asked,
    where something else is asked with it.
    """
    ask = ask or (lambda asked: client.query_pages(asked, include_deleted=True))
    for attempt in range(CONTENDED_ATTEMPTS):
        try:
            return _read_once(ask(soql), plan, target, limit, checkpoint)
        except errors.QueryTooLong:
            return None
        except AGAIN as error:
            if attempt + 1 >= attempts(error):
                raise
            pause(attempt, error)
    raise AssertionError("unreachable: the last attempt raises")


def _read_once(
    pages: Iterator[QueryPage], plan: PullPlan, target: Target, limit: int, checkpoint: Checkpoint
) -> int | None:
    first = next(pages)
    if first.total_size > limit:
        return None
    if first.total_size:
        with open_writer(plan, target) as (session, writer):
            return _one_chunk(plan, session, writer, chain((first,), pages), checkpoint)
    # Most runs of a schedule find nothing, and need no tables for it.
    with sessions.session(f"pull {plan.spec.name}") as session:
        checkpoint(session, Counts(), None)
        session.commit()
    return 0


def _one_chunk(
    plan: PullPlan, session: Session, writer: ChunkWriter, pages: Iterable[QueryPage], checkpoint: Checkpoint
) -> int:
    total = 0
    for page in pages:
        total = page.seen
        if page.count:
            require_fields(plan, page.records_json)
            writer.stage_records(page.records_json)
        if page.done and page.seen < page.total_size:
            raise errors.BadAnswer(f"a query of {page.total_size} records ended after {page.seen}")
    writer.type_rows()
    checkpoint(session, writer.apply(), None)
    session.commit()
    return total


def require_fields(plan: PullPlan, records: bytes) -> None:
    """Salesforce writes null where a field is empty: one that is absent was not answered, and is not empty."""
    rows = orjson.loads(records)
    missing = [name for name in plan.selected if any(name not in row for row in rows)]
    if missing:
        raise FieldsMissing(missing)


def stage_by_ids(client: Client, plan: PullPlan, writer: ChunkWriter, sf_ids: Sequence[str]) -> int:
    """Stages records by their Ids; in two parts where one query for them would be too long. How many there are."""
    try:
        staged = 0
        for page in client.query_pages(plan.soql_of(sf_ids), include_deleted=True):
            staged = page.seen
            if page.count:
                require_fields(plan, page.records_json)
                writer.stage_records(page.records_json)
        return staged
    except errors.QueryTooLong:
        if len(sf_ids) == 1:
            raise
        middle = len(sf_ids) // 2
        return sum(stage_by_ids(client, plan, writer, half) for half in (sf_ids[:middle], sf_ids[middle:]))


def require_columns(plan: PullPlan, stream: PageStream) -> None:
    """Raises FieldsMissing where a bulk result lacks a column. One without any columns has no records either."""
    have = {column.lower() for column in stream.columns}
    missing = [name for name in plan.selected if name.lower() not in have]
    if stream.columns and missing:
        raise FieldsMissing(missing)


def attempts(error: BaseException) -> int:
    """How often a chunk that ended so may be tried in all, without any that was committed in between."""
    return CONTENDED_ATTEMPTS if isinstance(error, CONTENDED) else ATTEMPTS


def pause(attempt: int, error: BaseException) -> None:
    """Longer each time, and never as long as somebody else's who waits for the same reason."""
    logger.warning("a chunk will be read again (%s): %s", type(error).__name__, error)
    time.sleep(min(0.1 * 2**attempt, _LONGEST_PAUSE) * random.uniform(0.5, 1))  # noqa: S311  # nosec B311 - no secret
