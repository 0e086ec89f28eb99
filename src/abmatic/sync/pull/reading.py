"""Reading: which reader a pull takes, and how the pages of a bulk result become committed chunks.

A query by REST tells, with its first page, how many records there are. Up to a limit (about 2,000) its pages are all
there is to read, and they are one chunk. Above, the same query goes to the Bulk API, whose pages several sessions
fetch and type at once and apply in order.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import psycopg

from abmatic.postgres import sessions
from abmatic.salesforce import Client, errors
from abmatic.salesforce.bulk import BulkQueryJob, ResultPage
from abmatic.sync.pull.careful import careful_rows
from abmatic.sync.pull.chunk import ChunkWriter, Counts, Target
from abmatic.sync.pull.plan import PullPlan

logger = logging.getLogger(__name__)

# One more page is fetched and typed while one is applied. More sessions than that only wait for their turn.
SLOTS = 2
ATTEMPTS = 5

Session = psycopg.Connection[tuple[Any, ...]]
# Stores counts and position in the chunk's own transaction, or raises when the run is not this execution's any more.
Checkpoint = Callable[[Session, Counts, int], None]

# What one page can suffer from that reading or applying it again may mend.
_AGAIN = (
    errors.Transient,
    psycopg.errors.UniqueViolation,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
)


class Cancelled(Exception):
    """Somebody cancelled the run."""


class FieldsMissing(Exception):
    """An answer lacks columns that were asked for."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(
            f"Salesforce's answer lacks {', '.join(names)}, which it was asked for. Nothing was read as empty. "
            "Check that the fields still exist and that the connected user may read them, then sync again."
        )


class Turns:
    """Lets threads apply their pages in page order, and stops all of them when one fails."""

    def __init__(self, first: int) -> None:
        self._next = first
        self._failure: BaseException | None = None
        self._changed = threading.Condition()

    def wait_for(self, index: int) -> bool:
        """Waits until it is the page's turn. False when another page has failed."""
        with self._changed:
            self._changed.wait_for(lambda: self._failure is not None or self._next == index)
            return self._failure is None

    def done(self, index: int) -> None:
        """The page is committed."""
        with self._changed:
            self._next = index + 1
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """The first failure is kept; everybody stops."""
        with self._changed:
            self._failure = self._failure or error
            self._changed.notify_all()

    @property
    def failure(self) -> BaseException | None:
        return self._failure


@contextmanager
def open_writer(plan: PullPlan, target: Target) -> Iterator[tuple[Session, ChunkWriter]]:
    """A session with the plan's tables and statements."""
    with sessions.session(f"pull {plan.spec.name}", sessions.IMPORT_SETTINGS) as session:
        writer = ChunkWriter(plan, session, target)
        writer.prepare()
        yield session, writer


def read_by_rest(
    client: Client, plan: PullPlan, target: Target, soql: str, limit: int, checkpoint: Checkpoint
) -> int | None:
    """Reads everything by REST in one chunk, or nothing at all.

    Answers the number of records, or None when there are more than ``limit``, or the query is too long for an address
    (then nothing was written, and the Bulk API takes it: it gets its query in a body).
    """
    with open_writer(plan, target) as (session, writer):
        for attempt in range(ATTEMPTS):
            try:
                return _one_chunk(client, plan, session, writer, soql, limit, checkpoint)
            except errors.QueryTooLong:
                session.rollback()
                return None
            except _AGAIN as error:
                session.rollback()
                if attempt + 1 == ATTEMPTS:
                    raise
                _pause(attempt, error)
    raise AssertionError("unreachable: the last attempt raises")


def _one_chunk(
    client: Client,
    plan: PullPlan,
    session: Session,
    writer: ChunkWriter,
    soql: str,
    limit: int,
    checkpoint: Checkpoint,
) -> int | None:
    total = 0
    for page in client.query_pages(soql, include_deleted=True):
        if page.total_size > limit:
            session.rollback()
            return None
        total = page.seen
        if page.count:
            _require_fields(plan, page.records_json)
            writer.stage_records(page.records_json)
        if page.done and page.seen < page.total_size:
            raise errors.BadAnswer(f"a query of {page.total_size} records ended after {page.seen}")
    if total:
        writer.type_rows()
        counts = writer.apply()
    else:
        counts = Counts()
    checkpoint(session, counts, total)
    session.commit()
    return total


def _require_fields(plan: PullPlan, records: bytes) -> None:
    """Salesforce writes null where a field is empty: one that is absent was not answered, and is not empty."""
    rows = orjson.loads(records)
    missing = [name for name in plan.selected if any(name not in row for row in rows)]
    if missing:
        raise FieldsMissing(missing)


class BulkReading:
    """The pages of one bulk job, from the first one not yet committed."""

    def __init__(self, job: BulkQueryJob, plan: PullPlan, target: Target, checkpoint: Checkpoint) -> None:
        self._job = job
        self._plan = plan
        self._target = target
        self._checkpoint = checkpoint

    def run(self, pages: list[ResultPage], first: int) -> None:
        """Reads and applies ``pages[first:]``. Raises what the first failing page raised."""
        waiting = iter(pages[first:])
        turns = Turns(first)
        lock = threading.Lock()

        def take() -> ResultPage | None:
            with lock:
                return next(waiting, None)

        threads = [
            threading.Thread(target=self._work, args=(take, turns), name=f"pull-{slot}", daemon=True)
            for slot in range(min(SLOTS, len(pages) - first))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if turns.failure is not None:
            raise turns.failure

    def _work(self, take: Callable[[], ResultPage | None], turns: Turns) -> None:
        try:
            with open_writer(self._plan, self._target) as (session, writer):
                while turns.failure is None and (page := take()) is not None:
                    if not self._page(page, session, writer, turns):
                        return
                    turns.done(page.index)
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits, which raises it
            turns.fail(error)
        finally:
            _close_django_connection()

    def _page(self, page: ResultPage, session: Session, writer: ChunkWriter, turns: Turns) -> bool:
        """Reads, applies and commits one page, again where that may help. False when another page failed."""
        broken_rows = 0
        for attempt in range(ATTEMPTS):
            try:
                # A page whose CSV broke twice is broken at its source: from then on its rows are judged one by one.
                staged = self._stage(page, writer, careful=broken_rows >= 2)
                writer.type_rows()
                if not turns.wait_for(page.index):
                    return False
                counts = writer.apply()
                if staged.damaged:
                    self._note_damaged(session, counts, staged.damaged)
                self._checkpoint(session, counts, page.index + 1)
                session.commit()
                return True
            except psycopg.DataError as error:
                session.rollback()
                broken_rows += 1
                if attempt + 1 == ATTEMPTS:
                    raise
                _pause(attempt, error)
            except _AGAIN as error:
                session.rollback()
                if attempt + 1 == ATTEMPTS:
                    raise
                _pause(attempt, error)
        raise AssertionError("unreachable: the last attempt raises")

    def _note_damaged(self, session: Session, counts: Counts, rows: int) -> None:
        """Rows so damaged that nobody can say whose they were: counted, with an entry each."""
        counts.read += rows
        counts.skipped += rows
        counts.reasons["row_unusable"] += rows
        session.execute(
            "INSERT INTO finding (run_id, reason, sf_id, field) SELECT %s, 'row_unusable', '', 'Id' "
            "FROM generate_series(1, %s)",
            (self._target.run, rows),
        )

    def _stage(self, page: ResultPage, writer: ChunkWriter, *, careful: bool) -> Staged:
        with self._job.open_page(page) as stream:
            if not stream.columns:
                return Staged(0)
            have = {column.lower() for column in stream.columns}
            missing = [name for name in self._plan.selected if name.lower() not in have]
            if missing:
                raise FieldsMissing(missing)
            if careful:
                rows = careful_rows(stream.chunks, len(stream.columns))
                staged = writer.stage_csv(stream.columns, rows.encoded())
                writer.mark_replaced()
                # A damaged row may have swallowed others: the header says how many there were.
                return Staged(max(rows.damaged, (stream.expected or 0) - staged))
            staged = writer.stage_csv(stream.columns, stream.chunks)
            if stream.expected is not None and staged != stream.expected:
                raise errors.BadAnswer(f"a page of {stream.expected} records held {staged}")
            return Staged(0)


class Staged:
    """How many damaged rows of a page were left out."""

    def __init__(self, damaged: int) -> None:
        self.damaged = damaged


def _pause(attempt: int, error: Exception) -> None:
    logger.warning("page will be read again (%s): %s", type(error).__name__, error)
    time.sleep(0.1 * 2**attempt)


def _close_django_connection() -> None:
    """A renewal of the token in this thread opened one."""
    from django.db import connections

    connections.close_all()
