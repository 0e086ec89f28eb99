"""Many requests, one commit: what arrives while a commit is under way makes up the next one.

A request gives its events and waits until they are committed, so that what was answered is in the database's log on
disk. One thread of each process has a session of its own, copies what is there, commits, and wakes those who wait. A
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
from abmatic.tracking.store import Writer

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
    """A request's events, and whether they are committed."""

    events: Sequence[WebEvent]
    over: threading.Event = field(default_factory=threading.Event)
    is_committed: bool = False
    # They can't be stored at all, alone neither.
    is_impossible: bool = False
    # A session was lost over them: they may get one more.
    was_tried: bool = False


class Committer:
    """The queue, and the thread that empties it."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._queue: queue.SimpleQueue[_Ticket | None] = queue.SimpleQueue()
        self._waiting = 0
        self._lock = threading.Lock()
        # The committing thread asks for the interpreter after each answer of the database, several times a commit; by
        # default a thread that computes may keep it for 5 ms each time.
        sys.setswitchinterval(_SWITCH)
        self._thread = threading.Thread(target=self._run, name="web events", daemon=True)
        self._thread.start()
        atexit.register(self.stop)

    def commit(self, events: Sequence[WebEvent]) -> bool:
        """Returns once the events are committed; False when they can't be stored. Raises `Unavailable`."""
        if self._waiting > _MOST_WAITING:
            raise Unavailable("Too many events wait to be stored.")
        ticket = _Ticket(events)
        with self._lock:
            self._waiting += len(events)
        self._queue.put(ticket)
        if not ticket.over.wait(PATIENCE):
            raise Unavailable("The database has not stored the events in time.")
        if ticket.is_impossible:
            return False
        if not ticket.is_committed:
            raise Unavailable("The database could not store the events.")
        return True

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
            except psycopg.Error as error:
                logger.warning("web events can't be stored: %s", error)
            if saver is None and self._refuse_waiting():
                return

    def _serve(self, saver: _Saver) -> bool:
        """Saves what comes, until the end (True). Raises psycopg's errors where the session is of no use any more."""
        while True:
            tickets, is_end = self._gathered()
            try:
                if tickets:
                    saver.save(tickets)
            except psycopg.Error:
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
        self._release([ticket for ticket in tickets if ticket.was_tried or ticket.is_committed])
        for ticket in tickets:
            if not (ticket.was_tried or ticket.is_committed):
                ticket.was_tried = True
                self._queue.put(ticket)

    def _gathered(self) -> tuple[list[_Ticket], bool]:
        """What is there, after waiting for the first; and whether that was all there will be."""
        try:
            first = self._queue.get(timeout=_COUNT_EVERY)
        except queue.Empty:
            return [], False
        if first is None:
            return [], True
        tickets, number = [first], len(first.events)
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
            number += len(more.events)
        return tickets, False

    def _release(self, tickets: Sequence[_Ticket]) -> None:
        with self._lock:
            self._waiting -= sum(len(ticket.events) for ticket in tickets)
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
        """Commits all, or, where the database takes one's values for impossible, all but that."""
        try:
            self._append(tickets)
        except (psycopg.DataError, ValueError) as error:
            if len(tickets) > 1:
                for ticket in tickets:
                    self.save([ticket])
                return
            logger.error("an event can't be stored: %s", error)
            tickets[0].is_impossible = True

    def _append(self, tickets: Sequence[_Ticket]) -> None:
        events = [event for ticket in tickets for event in ticket.events]
        appended = self._writer.append(events)
        for ticket in tickets:
            ticket.is_committed = True
        self._counts.taken(appended.by_site, events)

    def count(self, *, force: bool) -> None:
        """Writes down what was counted, once a second."""
        now = time.monotonic()
        if self._counts and (force or now - self._counted_at >= _COUNT_EVERY):
            self._counted_at = now
            self._counts.write(self._session)


_committers: dict[int, Committer] = {}
_making = threading.Lock()
counts = Counts()


def committer() -> Committer:
    """That of this process, made when it is first needed: a thread doesn't live on in a fork."""
    found = _committers.get(os.getpid())
    if found is None:
        with _making:
            found = _committers.get(os.getpid())
            if found is None:
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
