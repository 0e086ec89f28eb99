"""Many requests, one commit: what arrives while a commit is under way makes up the next one.

A request gives its events and waits until they are committed, so that what was answered is in the database's log on
disk. One thread of each process has a session of its own, commits what is there, and wakes those who wait. A
commit that waits for a disk then costs once for all of them.
"""

from __future__ import annotations

import atexit
import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import psycopg

from abmatic.postgres import sessions
from abmatic.tracking.counting import Counts
from abmatic.tracking.events import WebEvent
from abmatic.tracking.store import Line, Unstorable, Writer, line_of

logger = logging.getLogger(__name__)

# Seconds that a request waits for its commit. It may still happen after that; the browser sends again, and the event's
# id makes it one.
PATIENCE = 5.0
# Seconds in which events gather once the first has come; of so many events none is waited for.
_GATHER = 0.002
_ENOUGH = 50
# Events of one commit, and those that may wait at all.
_MOST = 2_000
_MOST_WAITING = 20_000
# Seconds for which a thread that computes may keep others waiting.
_SWITCH = 0.0005
# Seconds between writing down what was counted.
_COUNT_EVERY = 1.0

_SETTINGS = {"jit": "off", "timezone": "UTC", "synchronous_commit": "on", "statement_timeout": "10s"}


class Unavailable(Exception):
    """The events were not committed (or nobody knows): the browser should send them again a little later."""


@dataclass(slots=True, eq=False)
class _Ticket:
    """A request's events, and what became of them."""

    lines: Sequence[Line]
    over: threading.Event = field(default_factory=threading.Event)
    # How many are committed, and how many can't be stored at all, alone neither.
    committed: int = 0
    refused: int = 0
    # A session was lost over them: they may get one more.
    was_tried: bool = False

    @property
    def is_done(self) -> bool:
        return self.committed + self.refused == len(self.lines)


class Committer:
    """The queue, and the thread that empties it."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._queue: queue.SimpleQueue[_Ticket | None] = queue.SimpleQueue()
        self._waiting = 0
        self._lock = threading.Lock()
        # The committing thread asks for the interpreter after each answer of the database, as each request does after
        # its commit; by default a thread that computes may keep it for 5 ms each time.
        sys.setswitchinterval(_SWITCH)
        self._thread = threading.Thread(target=self._run, name="web events", daemon=True)
        self._thread.start()
        atexit.register(self.stop)

    def commit(self, events: Sequence[WebEvent]) -> int:
        """Returns once the events are committed; answers how many can't ever be. Raises `Unavailable`."""
        if self._waiting > _MOST_WAITING:
            raise Unavailable("Too many events wait to be stored.")
        # Here, so that an event which makes no row costs its own request's time, and nobody else anything.
        lines = _lines(events)
        unstorable = len(events) - len(lines)
        if not lines:
            return unstorable
        ticket = _Ticket(lines)
        with self._lock:
            self._waiting += len(lines)
        self._queue.put(ticket)
        if not ticket.over.wait(PATIENCE):
            raise Unavailable("The database has not stored the events in time.")
        if not ticket.is_done:
            raise Unavailable("The database could not store the events.")
        return unstorable + ticket.refused

    def is_alive(self) -> bool:
        """Whether there is still a thread that commits."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Writes what waits, and ends the thread."""
        self._queue.put(None)
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while True:
            saver = None
            try:
                with sessions.session("web events", _SETTINGS) as session:
                    saver = _Saver(session, self._counts)
                    if self._serve(saver):
                        return
            except Exception as error:  # noqa: BLE001 - said, and the next session is begun
                # Whatever it was: a thread that ends here would answer nobody until the process is started again.
                logger.warning("web events can't be stored: %s", _said(error))
            if saver is None and self._refuse_waiting():
                return

    def _serve(self, saver: _Saver) -> bool:
        """Saves what comes, until the end (True). Raises where the session is of no use any more."""
        while True:
            tickets, is_end = self._gathered()
            try:
                if tickets:
                    saver.save(tickets)
            except Exception:
                self._once_more(tickets)
                if is_end:
                    self._queue.put(None)
                raise
            self._release(tickets)
            saver.count(force=is_end)
            if is_end:
                return True

    def _once_more(self, tickets: Sequence[_Ticket]) -> None:
        """The database may only have been restarted. A commit that came through after all does no harm: see ids."""
        again = [ticket for ticket in tickets if not (ticket.was_tried or ticket.is_done)]
        self._release([ticket for ticket in tickets if ticket.was_tried or ticket.is_done])
        for ticket in again:
            ticket.was_tried = True
            ticket.committed = ticket.refused = 0
            self._queue.put(ticket)

    def _gathered(self) -> tuple[list[_Ticket], bool]:
        """What is there, after waiting for the first; and whether that was all there will be."""
        try:
            first = self._queue.get(timeout=_COUNT_EVERY)
        except queue.Empty:
            return [], False
        if first is None:
            return [], True
        tickets, number = [first], len(first.lines)
        gathers = True
        while number < _MOST:
            try:
                more = self._queue.get_nowait()
            except queue.Empty:
                if not gathers or number >= _ENOUGH:
                    break
                gathers = False
                time.sleep(_GATHER)
                continue
            if more is None:
                return tickets, True
            tickets.append(more)
            number += len(more.lines)
        return tickets, False

    def _release(self, tickets: Sequence[_Ticket]) -> None:
        with self._lock:
            self._waiting -= sum(len(ticket.lines) for ticket in tickets)
        for ticket in tickets:
            ticket.over.set()

    def _refuse_waiting(self) -> bool:
        """Without a database nobody is kept waiting for what won't come soon. True at the end."""
        until = time.monotonic() + 0.5
        with suppress(queue.Empty):
            while (left := until - time.monotonic()) > 0:
                ticket = self._queue.get(timeout=left)
                if ticket is None:
                    return True
                self._release([ticket])
        return False


class _Saver:
    """Saves tickets on one session."""

    def __init__(self, session: psycopg.Connection[tuple[object, ...]], counts: Counts) -> None:
        self._session = session
        self._writer = Writer(session)
        self._counts = counts
        self._counted_at = time.monotonic()

    def save(self, tickets: Sequence[_Ticket]) -> None:
        """Commits all, or, where the database takes an event's values for impossible, all but that."""
        self._save([(ticket, line) for ticket in tickets for line in ticket.lines])

    def _save(self, lines: Sequence[tuple[_Ticket, Line]]) -> None:
        """By halves where not all at once: an event that is refused costs few commits, and its neighbours nothing."""
        try:
            appended = self._writer.append_lines([line for _, line in lines])
        except Exception as error:
            # An error that is none of the database's is an event's fault until it is shown that it isn't: alone.
            if isinstance(error, psycopg.Error) and not isinstance(error, _OF_VALUES):
                raise
            self._session.rollback()
            if len(lines) > 1:
                half = len(lines) // 2
                self._save(lines[:half])
                self._save(lines[half:])
                return
            logger.error("an event can't be stored: %s", _said(error))
            lines[0][0].refused += 1
            return
        for ticket, _ in lines:
            ticket.committed += 1
        self._counts.taken(appended.by_site, [line.event for _, line in lines])

    def count(self, *, force: bool) -> None:
        """Writes down what was counted, once a second."""
        now = time.monotonic()
        if self._counts and (force or now - self._counted_at >= _COUNT_EVERY):
            self._counted_at = now
            self._counts.write(self._session)


# What the database says of values. Anything else that it says is of itself: the same events may do later.
_OF_VALUES = (psycopg.DataError, psycopg.IntegrityError)


def _lines(events: Sequence[WebEvent]) -> list[Line]:
    """Those of the events that make a row."""
    lines = []
    for event in events:
        with suppress(Unstorable):
            lines.append(line_of(event))
    return lines


def _said(error: Exception) -> str:
    """What of an error may be logged. The database's own words quote what a visitor sent; a lost connection's don't."""
    if isinstance(error, psycopg.OperationalError) and error.sqlstate is None:
        return str(error)
    state = error.sqlstate if isinstance(error, psycopg.Error) else None
    return f"{type(error).__name__} ({state})" if state else type(error).__name__


_committers: dict[int, Committer] = {}
_making = threading.Lock()
counts = Counts()


def committer() -> Committer:
    """That of this process, made when it is first needed (a thread doesn't live on in a fork), or its thread ended."""
    found = _committers.get(os.getpid())
    if found is None or not found.is_alive():
        with _making:
            found = _committers.get(os.getpid())
            if found is None or not found.is_alive():
                if found is not None:
                    atexit.unregister(found.stop)
                _committers.clear()
                found = _committers[os.getpid()] = Committer(counts)
    return found


def stop() -> None:
    """Ends this process's committer, once all is written; the next event makes another."""
    with _making:
        found = _committers.pop(os.getpid(), None)
    if found is not None:
        atexit.unregister(found.stop)
        found.stop()
