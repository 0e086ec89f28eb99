"""Sessions are made of web events, set by set, as the events come.

What is new since the last time is read with its position (`tracking.store`). The stays of its visitors that it touches
are read again, whole, and cut into sessions anew:

- A **stay** ends with 30 minutes without anything. The seconds for which a page that is left was visible are something.
  One that goes on without such a gap is cut at midnight and noon (UTC), from the first that comes more than 11½ hours
  after its beginning: a page that is never closed makes no visit that grows for ever and is read again with each event.
  Whether half a day was without a gap follows from its own events alone, as visible seconds reach back to its beginning
  at most: so a cut is the same whatever else is known, and whatever comes later.
- A **session** is a stay, or the part of one until the address of a page names another campaign (UTM parameters, click
  ids) than the last that named any.

So sessions follow from the events that are there, not from the order in which they came: late ones join, or join two
sessions to one. A session that is made anew is known again by its first event and keeps its id. Sessions and position
are committed together; killed anywhere, the same is done again, and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, LiteralString
from uuid import UUID

import psycopg

from abmatic.engagement import channels, companies
from abmatic.engagement.channels import Arrival
from abmatic.postgres import sessions
from abmatic.postgres.sql import block
from abmatic.tracking import store
from abmatic.tracking.store import Position, Session

IDLE = timedelta(minutes=30)
HALF_DAY = timedelta(hours=12)
# No session is longer: a stay is cut 23½ hours after its beginning at the latest.
LONGEST = timedelta(days=1)
# Events that are read in one transaction.
BATCH = 100_000

_NONE = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Made:
    """How many events were read, and how many sessions are new."""

    events: int = 0
    sessions: int = 0

    def __add__(self, other: Made) -> Made:
        return Made(self.events + other.events, self.sessions + other.sessions)


def make_sessions(batch: int = BATCH) -> Made:
    """Makes sessions of all events that are new, in transactions of so many events."""
    total = Made()
    with sessions.session("sessions", {"work_mem": "64MB", "jit": "off", "timezone": "UTC"}) as session:
        while True:
            made = _make_some(session, batch)
            total += made
            if made.events < batch:
                return total


def _make_some(session: Session, batch: int) -> Made:
    with session.transaction():
        row = _run(session, "position", {"none": _NONE}).fetchone()
        tx, event = row or (0, _NONE)
        begin = store.after_restore(session, Position(tx, event))
        number, position = store.read_into(session, "fresh_event", begin, batch)
        made = Made(number, _make(session) if number else 0)
        if position != (tx, event):
            _run(session, "go_on", {"tx": position.tx, "event": position.id})
    return made


def _make(session: Session) -> int:
    """The sessions that the events in `fresh_event` touch. Answers how many are new."""
    limits = {"idle": IDLE, "half_day": HALF_DAY}
    session.execute("ANALYZE fresh_event")
    _run(session, "visitors")
    _run(session, "windows", limits)
    session.execute("ANALYZE stay_window")
    store.within_into(session, "stay_event", "stay_window")
    session.execute("ANALYZE stay_event")
    _run(session, "place", limits)
    session.execute("ANALYZE placed_event")
    _run(session, "make")
    session.execute("ANALYZE made_session")
    _classify(session)
    _run(session, "recognise")
    session.execute("ANALYZE made_session")
    _run(session, "remove")
    version = {"version": channels.VERSION}
    _run(session, "change", version)
    added = _run(session, "add", version).rowcount
    _run(session, "forms")
    _run(session, "new_networks")
    _run(session, "known_networks")
    _run(session, "known_visitors", {"confidence": companies.CONFIDENCE})
    _run(session, "mark_scores")
    _run(session, "signs")
    _run(session, "mark_due")
    return added


def _classify(session: Session) -> None:
    """The channel of each way by which sessions came. Ways are few: the rule is asked once for each."""
    _run(session, "name_ways")
    ways = _run(session, "ways").fetchall()
    _run(session, "channels")
    with session.cursor() as cursor, cursor.copy(_text("copy_channels")) as copy:
        for way, host, source, medium, campaign, click_ids in ways:
            arrival = Arrival(host, source, medium, campaign, frozenset(click_ids))
            copy.write_row((way, channels.channel_of(arrival)))
    session.execute("ANALYZE way_channel")


def _run(session: Session, name: LiteralString, parameters: dict[str, Any] | None = None) -> psycopg.Cursor[Any]:
    # CREATE TABLE AS takes no parameters of the protocol: they are put in as literals.
    return psycopg.ClientCursor(session).execute(_text(name), parameters)


def _text(name: LiteralString) -> LiteralString:
    return block("abmatic.engagement", "sql/sessions.sql", name)
