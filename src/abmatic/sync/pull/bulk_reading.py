"""Reading a bulk result: its pages become parts, and the parts committed chunks.

One thread fetches and cuts (see `parts`); two sessions take the parts in turn: while one part is typed and its
newcomers are written, the part before it is applied. Parts are applied in order, one at a time. Whatever goes wrong
ends the pass: the next one begins after what is committed.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

import psycopg

from abmatic.salesforce import errors
from abmatic.salesforce.bulk import BulkQueryJob, ResultPage
from abmatic.sync.pull import parts
from abmatic.sync.pull.careful import careful_rows
from abmatic.sync.pull.chunk import ChunkWriter, Counts, Target
from abmatic.sync.pull.parts import Part, Position
from abmatic.sync.pull.plan import PullPlan
from abmatic.sync.pull.reading import (
    AGAIN,
    CONTENDED,
    Checkpoint,
    Session,
    attempts,
    open_writer,
    pause,
    require_columns,
)  # fmt: skip

logger = logging.getLogger(__name__)

# One part is typed while one is applied. More sessions than that only wait for their turn.
SESSIONS = 2
# Fetched and not yet taken.
_WAITING = 1
# Longer than anybody's edit takes.
_LOCK_PATIENCE = "SET LOCAL lock_timeout = '20s'"
# What another pass may mend.
_MENDABLE = (psycopg.DataError, psycopg.errors.LockNotAvailable, *AGAIN)
# Of one page, how many passes may end on broken CSV before its rows are judged one by one.
_BROKEN_PASSES = 2


@dataclass(frozen=True, slots=True)
class Ticket:
    """A part and its turn."""

    turn: int
    part: Part


class Belt:
    """Hands parts from the thread that fetches to those that apply, and gives each its turn. A failure stops all.

    Parts that are typed and not committed yet tell their keys, for those after them to know.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[Ticket] = deque()
        self._given = 0
        self._turn = 0
        self._is_complete = False
        self._claims: dict[int, frozenset[bytes]] = {}
        self.failure: BaseException | None = None

    def put(self, part: Part) -> bool:
        """Waits for room. False when everybody stops."""
        with self._changed:
            self._changed.wait_for(lambda: self.failure is not None or len(self._waiting) < _WAITING)
            if self.failure is not None:
                return False
            self._waiting.append(Ticket(self._given, part))
            self._given += 1
            self._changed.notify_all()
            return True

    def complete(self) -> None:
        """There are no more parts."""
        with self._changed:
            self._is_complete = True
            self._changed.notify_all()

    def take(self) -> Ticket | None:
        """The next part; None when there is none any more, or everybody stops."""
        with self._changed:
            self._changed.wait_for(lambda: self.failure is not None or self._waiting or self._is_complete)
            if self.failure is not None or not self._waiting:
                return None
            ticket = self._waiting.popleft()
            self._changed.notify_all()
            return ticket

    def claim(self, turn: int, keys: frozenset[bytes]) -> frozenset[bytes] | None:
        """Tells a part's keys. Answers which of them parts before it have told; None when everybody stops."""
        with self._changed:
            self._claims[turn] = keys
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: self.failure is not None or all(before in self._claims for before in range(self._turn, turn))
            )
            if self.failure is not None:
                return None
            before = [claimed for other, claimed in self._claims.items() if other < turn]
        return keys.intersection(frozenset().union(*before))

    def wait_for(self, turn: int) -> bool:
        """Waits until all parts before are committed. False when everybody stops."""
        with self._changed:
            self._changed.wait_for(lambda: self.failure is not None or self._turn == turn)
            return self.failure is None

    def done(self) -> None:
        """The part whose turn it is is committed."""
        with self._changed:
            del self._claims[self._turn]
            self._turn += 1
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """The first failure is kept; everybody stops."""
        with self._changed:
            self.failure = self.failure or error
            self._changed.notify_all()


class BulkReading:
    """The pages of one finished bulk job, from a position on."""

    def __init__(
        self, job: BulkQueryJob, plan: PullPlan, target: Target, checkpoint: Checkpoint, *, part_bytes: int
    ) -> None:
        self._job = job
        self._plan = plan
        self._target = target
        self._checkpoint = checkpoint
        self._part_bytes = part_bytes
        # What is committed. Written by whoever has the turn.
        self._position = Position()
        # Whether parts are written in their turn only.
        self._is_alone = False

    def run(self, pages: list[ResultPage], position: Position) -> None:
        """Reads and applies what follows the position. Raises what it ended on."""
        self._position = position
        attempt = broken = 0
        while self._position.page < len(pages):
            begun = self._position
            failure = self._careful_pass(pages) if broken >= _BROKEN_PASSES else self._pass(pages)
            if self._position != begun:
                attempt = broken = 0
            if failure is None:
                continue
            broken += isinstance(failure, psycopg.DataError)
            # Perhaps the part whose turn it was waited for one that waited for its turn.
            self._is_alone |= isinstance(failure, psycopg.errors.LockNotAvailable)
            attempt += 1
            if attempt >= attempts(failure) or not isinstance(failure, _MENDABLE):
                raise failure
            pause(attempt - 1, failure)

    def _pass(self, pages: list[ResultPage]) -> BaseException | None:
        belt = Belt()
        threads = [threading.Thread(target=self._fetch, args=(belt, pages), name="pull-fetch", daemon=True)]
        threads += [
            threading.Thread(target=self._work, args=(belt,), name=f"pull-apply-{number}", daemon=True)
            for number in range(SESSIONS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return belt.failure

    # -- fetching

    def _fetch(self, belt: Belt, pages: list[ResultPage]) -> None:
        try:
            position = self._position
            for page in pages[position.page :]:
                for part in self._parts(page, position if page.index == position.page else Position(page.index)):
                    if not belt.put(part):
                        return
            belt.complete()
        except BaseException as error:  # noqa: BLE001 - `run` gets it, and tries again or raises it
            belt.fail(error)
        finally:
            _close_django_connection()

    def _parts(self, page: ResultPage, begin: Position) -> Iterator[Part]:
        with self._job.open_page(page) as stream:
            require_columns(self._plan, stream)
            # One is held back, because only the end of the page tells which was its last.
            held: Part | None = None
            for data, after in parts.cut(parts.skip(stream.chunks, begin), self._part_bytes, begin):
                if held is not None:
                    yield held
                held = Part(stream.columns, data, after, None, is_last=False)
            assert held is not None
            yield replace(held, after=Position(page.index + 1), expected=stream.expected, is_last=True)

    # -- applying

    def _work(self, belt: Belt) -> None:
        try:
            with open_writer(self._plan, self._target) as (session, writer):
                while (ticket := belt.take()) is not None:
                    staged = writer.stage_csv(ticket.part.columns, ticket.part.data) if ticket.part.columns else 0
                    writer.type_rows()
                    claimed = belt.claim(ticket.turn, writer.keys())
                    if claimed is None:
                        return
                    if not self._is_alone:
                        _write_early(session, writer, claimed)
                    if not belt.wait_for(ticket.turn):
                        return
                    self._apply(session, writer, ticket.part, staged)
                    belt.done()
        except BaseException as error:  # noqa: BLE001 - `run` gets it, and tries again or raises it
            belt.fail(error)
        finally:
            _close_django_connection()

    def _apply(self, session: Session, writer: ChunkWriter, part: Part, staged: int) -> None:
        of_page = self._position.records + staged
        if part.expected is not None and of_page != part.expected:
            raise errors.BadAnswer(f"a page of {part.expected} records held {of_page}")
        if not self._is_alone:
            session.execute(_LOCK_PATIENCE)
        counts = writer.apply() if staged else Counts()
        self._commit(session, counts, part.after if part.is_last else replace(part.after, records=of_page))

    def _commit(self, session: Session, counts: Counts, position: Position, *, is_countable: bool = True) -> None:
        self._checkpoint(session, counts, position, is_countable=is_countable)
        session.commit()
        self._position = position

    # -- judging row by row

    def _careful_pass(self, pages: list[ResultPage]) -> BaseException | None:
        """What is left of one page, as one chunk. Answers what another pass may mend, and raises everything else."""
        page = pages[self._position.page]
        try:
            with open_writer(self._plan, self._target) as (session, writer), self._job.open_page(page) as stream:
                require_columns(self._plan, stream)
                rows = careful_rows(parts.skip(stream.chunks, self._position), len(stream.columns))
                staged = writer.stage_csv(stream.columns, rows.encoded())
                writer.mark_replaced()
                writer.type_rows()
                counts = writer.apply()
                # A damaged row may have swallowed others: the header says how many there were.
                damaged = max(rows.damaged, (stream.expected or 0) - self._position.records - staged)
                if damaged:
                    self._note_damaged(session, counts, damaged)
                is_countable = not damaged or stream.expected is not None
                self._commit(session, counts, Position(page.index + 1), is_countable=is_countable)
        except _MENDABLE as error:
            return error
        return None

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


def _write_early(session: Session, writer: ChunkWriter, claimed: frozenset[bytes]) -> None:
    """Writes the newcomers; where somebody else has made one of them meanwhile, all wait for their part's turn.

    The part before, which may well go through, must not be stopped by it.
    """
    try:
        with session.transaction():
            writer.write_newcomers(claimed)
    except CONTENDED as error:
        logger.info("newcomers wait for their turn (%s): %s", type(error).__name__, error)
        writer.leave_newcomers()


def _close_django_connection() -> None:
    """A renewal of the token in this thread opened one."""
    from django.db import connections

    connections.close_all()
