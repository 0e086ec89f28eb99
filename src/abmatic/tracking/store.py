"""The store of web events: append, read on, what a visitor left, forget. Nothing else touches `web_event`.

Doors, so that another engine can stand behind them:

append      a batch, at most once each event, however often it is sent
read        the events since a position, in an order that misses none which commits late
read_into   the same as a temporary table, for who works on sets
after_restore where a restored database goes on
within_into what visitors did within a time each, as a temporary table
of_visitor  all that there is of visitors, for export
of_visits   the first events of some visits, to be looked at
visitors_of who gave an e-mail address
forget      erases them

Positions follow transactions, not ids or times: an event is told once every transaction that could still put one before
it is over (see `postgres.transactions`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

import orjson
import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from abmatic.postgres import sessions
from abmatic.postgres.sql import block
from abmatic.postgres.transactions import over_below
from abmatic.tracking import partitions
from abmatic.tracking.events import Kind, WebEvent

Session = psycopg.Connection[tuple[Any, ...]]

# Events of one commit where many are appended.
BATCH = 10_000
# So many go in one statement, which is one round trip and no temporary table: a browser waits for the answer. More are
# copied, which costs five, and less for each.
_ONE_STATEMENT = 200
# NUL within JSON: not the letters that a backslash of its own stands before.
_JSON_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class Position(NamedTuple):
    """Up to where events were read: the transaction that wrote the last one, and its id."""

    tx: int
    id: UUID


START = Position(0, UUID(int=0))
# Before every event, also those that `after_restore` has put behind the beginning.
BEFORE_ALL = Position(-2, UUID(int=0))


class ImpossibleTime(ValueError):
    """No event can have happened then: the collector drops it before, as too old or too new."""


class Unstorable(ValueError):
    """A value of an event is nothing that a row can hold: NUL, half a letter, a number beyond 64 bits."""


class Line(NamedTuple):
    """An event, and the row that it becomes: a JSON object with the names of the columns, in one line."""

    event: WebEvent
    data: bytes


@dataclass(frozen=True, slots=True)
class Appended:
    """What was new of a batch: events by site. What is missing to its size was there already."""

    by_site: dict[int, int]

    @property
    def number(self) -> int:
        """Of all sites."""
        return sum(self.by_site.values())


def _append_of(events: LiteralString) -> bytes:
    """The statement that appends what an expression says, as bytes that are made once."""
    return sql.SQL(_text("append")).format(events=sql.SQL(events)).as_bytes(None)


class Writer:
    """Appends on a session of its own, which is in autocommit from then on."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._session.autocommit = True
        # Its own statements are few and always the same.
        self._session.prepare_threshold = 2
        self._append_told = _append_of("%(events)s::json")
        self._append_copied = _append_of("(SELECT json_agg(event) FROM incoming_web_event)")
        self._months: set[date] = set()
        self._can_copy = False

    def append(self, events: Sequence[WebEvent]) -> Appended:
        """Appends the events, committed once this returns.

        Raises `Unstorable`, `ImpossibleTime`, psycopg's errors: then none is.
        """
        return self.append_lines([line_of(event) for event in events])

    def append_lines(self, lines: Sequence[Line]) -> Appended:
        """The same with lines that are made already, by a thread that has the time."""
        months = {partitions.month_of(line.event.occurred_at) for line in lines}
        self._make_months(months)
        try:
            return self._append(lines)
        except psycopg.errors.CheckViolation:
            # It may be that a month is not there any more.
            self._months.clear()
            self._make_months(months)
            return self._append(lines)

    def _append(self, lines: Sequence[Line]) -> Appended:
        return Appended(dict(self._say(lines) if len(lines) <= _ONE_STATEMENT else self._copy(lines)))

    def _say(self, lines: Sequence[Line]) -> list[tuple[Any, ...]]:
        told = b"[" + b",".join([line.data for line in lines]) + b"]"
        return self._session.execute(self._append_told, {"events": told.decode()}).fetchall()

    def _copy(self, lines: Sequence[Line]) -> list[tuple[Any, ...]]:
        if not self._can_copy:
            self._session.execute(_text("incoming"))
            self._can_copy = True
        with self._session.transaction(), self._session.cursor() as cursor:
            with cursor.copy(_text("copy")) as copy:
                # JSON has no line breaks or tabs of its own; a backslash has a meaning for COPY too.
                copy.write(b"".join([line.data.replace(b"\\", b"\\\\") + b"\n" for line in lines]))
            return cursor.execute(self._append_copied).fetchall()

    def _make_months(self, wanted: set[date]) -> None:
        missing = wanted - self._months
        if missing:
            if min(missing).year < 2000 or max(missing).year > 2200:
                raise ImpossibleTime(f"An event of {min(missing):%Y-%m} to {max(missing):%Y-%m} can't be stored.")
            partitions.make(self._session, missing)
            self._months |= missing


def line_of(event: WebEvent) -> Line:
    """An event as `Writer.append_lines` takes it. Raises `Unstorable`."""
    try:
        data = orjson.dumps(_row(event))
    except TypeError as error:
        raise Unstorable(f"A value of the event {event.id} can't be written: {type(error).__name__}.") from None
    if b"u0000" in data and _JSON_NUL.search(data):
        raise Unstorable(f"A value of the event {event.id} contains NUL.")
    return Line(event, data)


def append(events: Sequence[WebEvent]) -> Appended:
    """Appends any number of events, in batches that commit one by one."""
    total: dict[int, int] = {}
    with sessions.session("events") as session:
        writer = Writer(session)
        for begin in range(0, len(events), BATCH):
            for site, number in writer.append(events[begin : begin + BATCH]).by_site.items():
                total[site] = total.get(site, 0) + number
    return Appended(total)


def read(session: Session, after: Position, most: int) -> tuple[list[dict[str, Any]], Position]:
    """The next events as rows (keys: the columns of `web_event`), and the position to go on from."""
    upto = _end(session)
    with _in_order(session), session.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(_text("read"), _asked(after, upto, most, tuple(Kind))).fetchall()
    return found, _position(after, upto, most, len(found), (found[-1]["tx"], found[-1]["id"]) if found else None)


def read_into(
    session: Session, table: str, after: Position, most: int, kinds: Sequence[Kind] = tuple(Kind)
) -> tuple[int, Position]:
    """The next events as a temporary table of the transaction, and how many, and the position to go on from.

    Only those of ``kinds``. The table has the columns of `web_event` and is gone with the transaction, which must be
    READ COMMITTED.
    """
    upto = _end(session)
    made = sql.SQL("CREATE TEMP TABLE {} ON COMMIT DROP AS ").format(sql.Identifier(table)) + sql.SQL(_text("read"))
    # CREATE TABLE AS takes no parameters of the protocol: they are put in as literals.
    with _in_order(session), psycopg.ClientCursor(session) as cursor:
        number = cursor.execute(made, _asked(after, upto, most, kinds)).rowcount
        last = cursor.execute(
            sql.SQL("SELECT tx, id FROM {} ORDER BY tx DESC, id DESC LIMIT 1").format(sql.Identifier(table))
        ).fetchone()
    return number, _position(after, upto, most, number, last)


def is_restored(session: Session, position: Position) -> bool:
    """Whether an event, or the position, is of a transaction that this server has not come to yet: another server's."""
    return session.execute(_text("is_restored"), {"tx": position.tx}).fetchone() == (True,)


def after_restore(session: Session, position: Position) -> Position:
    """The position to go on from, where the database may have been restored into a server that counts anew.

    Transactions of the events, or of the position, that this server has not come to yet are another server's. Then what
    was not read is put before all others, what was read behind the beginning, and it begins there; what this server has
    an own number for may be read twice. Otherwise the position is answered.
    """
    if not is_restored(session, position):
        return position
    session.execute(_text("restore"), position._asdict())
    return START


def within_into(session: Session, table: str, windows: str) -> int:
    """What visitors did within a time, as a temporary table of the transaction with the columns of `web_event`.

    ``windows`` names a table of the session with the columns site_id, visitor, began_at and ended_at (both included),
    with one row a visitor of a site. Answers how many events.
    """
    bounds = sql.SQL("SELECT min(began_at), max(ended_at) FROM {}").format(sql.Identifier(windows))
    first, last = session.execute(bounds).fetchone() or (None, None)
    made = sql.SQL("CREATE TEMP TABLE {} ON COMMIT DROP AS ").format(sql.Identifier(table)) + sql.SQL(
        _text("within")
    ).format(windows=sql.Identifier(windows))
    # Which months are read follows from the bounds, so they are put in as literals.
    with psycopg.ClientCursor(session) as cursor:
        return cursor.execute(made, {"first": first, "last": last}).rowcount


def of_visitor(session: Session, visitors: Sequence[str]) -> list[dict[str, Any]]:
    """All events of visitors, in the order of their time, as rows with the columns of `web_event`."""
    with session.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_text("of_visitor"), {"visitors": list(visitors)}).fetchall()


def of_visits(
    session: Session, visitor: str, visits: Sequence[tuple[int, datetime, datetime]], most: int
) -> list[list[dict[str, Any]]]:
    """The first events of each of some visits of a visitor: rows with the columns of `web_event`, in their order.

    ``visits``: site, beginning and end (both included). ``most``: of each.
    """
    sites, begun, ended = ([visit[part] for visit in visits] for part in range(3))
    found: list[list[dict[str, Any]]] = [[] for _ in visits]
    named = {"visitor": visitor, "sites": sites, "begun": begun, "ended": ended, "most": most}
    with session.cursor(row_factory=dict_row) as cursor:
        for row in cursor.execute(_text("of_visits"), named):
            found[row.pop("n") - 1].append(row)
    return found


def visitors_of(session: Session, email: str) -> list[str]:
    """The visitors who gave an e-mail address, in a form or by identify()."""
    return [visitor for (visitor,) in session.execute(_text("visitors_of"), {"email": email}).fetchall()]


def forget(session: Session, visitors: Sequence[str]) -> int:
    """Erases all events of visitors, in the transaction of the session. Answers how many."""
    return session.execute(_text("forget"), {"visitors": list(visitors)}).rowcount


def _asked(after: Position, upto: int, most: int, kinds: Sequence[Kind]) -> dict[str, Any]:
    return {**after._asdict(), "upto": upto, "most": most, "kinds": [each.value for each in kinds]}


@contextmanager
def _in_order(session: Session) -> Iterator[None]:
    """Until the end of the block, events are read by the index of their positions.

    Millions may be of one transaction (a restored database's are, see `after_restore`), and statistics then say of any
    position that nothing comes after it: it would look cheap to sort all that does, for each page of a reading.
    """
    session.execute("SET LOCAL enable_sort = off")
    yield
    session.execute("SET LOCAL enable_sort TO DEFAULT")


def _end(session: Session) -> int:
    def ask(statement: LiteralString) -> tuple[Any, ...]:
        return session.execute(statement).fetchone() or ()

    return over_below(ask)


def _position(after: Position, upto: int, most: int, number: int, last: tuple[int, UUID] | None) -> Position:
    """Where fewer are there than were asked for, nothing below the end is left."""
    if last is not None and number == most:
        return Position(*last)
    return max(after, Position(upto, UUID(int=0)))


def _row(event: WebEvent) -> dict[str, Any]:
    """By the names of the columns. An empty object is kept as nothing."""
    return {
        "occurred_at": event.occurred_at, "id": event.id, "received_at": event.received_at, "site_id": event.site_id,
        "visitor": event.visitor, "kind": event.kind, "url": event.url, "path": event.path, "referrer": event.referrer,
        "title": event.title, "utm": event.utm or None, "click_ids": event.click_ids or None,
        "properties": event.properties or None, "browser": event.browser, "os": event.os, "device": event.device,
        "country": event.country, "ip": None if event.ip is None else str(event.ip),
    }  # fmt: skip


def _text(name: LiteralString) -> LiteralString:
    return block("abmatic.tracking", "sql/store.sql", name)
