"""What the website knows of a person, here and in the tracking: told whole, and erased whole.

A person is an e-mail address, and the contact that has it, if one has. All that their browsers did is theirs: where
somebody else used one too, that goes as well. The contact itself is a record like any other, and stays, without what
was worked out of its visits. Touches of attribution follow from visits and forms, and go with the next calculation.

While a person is erased nothing of them is written anew: whoever writes what follows from visits shares `LOCK`, and
erasing has it alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, LiteralString

from django.db import connection, transaction
from psycopg.rows import dict_row

from abmatic.audiences.fields import COMPUTED
from abmatic.changes.emptying import empty
from abmatic.engagement import scoring
from abmatic.postgres import locks, sessions
from abmatic.postgres.sql import block
from abmatic.tracking import people
from abmatic.tracking.store import Session

LOCK = "person"
Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Person:
    """Who it is: an address, its key (None where it is none), the contact that has it, and the keys of all browsers."""

    email: str
    key: str | None
    contact: int | None
    visitors: list[str]


# What a room above adds in the same transaction, while what is known of the person is still there.
AlsoTold = Callable[[Session, Person], dict[str, Rows]]
AlsoErased = Callable[[Session, Person], None]


@dataclass(frozen=True, slots=True)
class Erased:
    """How many rows of each."""

    events: int
    visitors: int
    sessions: int
    forms: int
    signs: int


def told(email: str, *, also: AlsoTold | None = None) -> dict[str, Rows]:
    """All that is known, by table: rows with the columns of each. ``also`` adds what a room above knows."""
    with sessions.session("person") as session:
        person = _person(session, email)
        named = asdict(person)
        kept = {
            "visitor": _rows(session, "known_visitors", named), "visitor_sign": _rows(session, "signs", named),
            "web_session": _rows(session, "sessions", named), "web_form": _rows(session, "forms", named),
            "engagement": _rows(session, "scores", named),
        }  # fmt: skip
        events = people.of_person(session, [person.email], person.visitors)
        return kept | {"web_event": events} | (also(session, person) if also else {})


def erase(email: str, *, only_count: bool = False, also: AlsoErased | None = None) -> Erased:
    """Erases all of that, for good, in one transaction; ``only_count`` takes it back.

    The person's score and fields follow in it too; those of others, and of companies, right after it. ``also`` erases,
    in the same transaction, what a room above knows of the person; it may raise, and nothing is erased then.
    """
    with transaction.atomic():
        locks.waited_for_until_the_end(LOCK)
        scoring.alone()
        session: Session = connection.connection
        session.execute(_text("alone"))
        person = _person(session, email)
        named = asdict(person)
        # Before its visitors, as whoever merges contacts does.
        session.execute(_text("hold"), named)
        session.execute(_text("mark_scores"), named)
        if also is not None:
            also(session, person)
        ((visitors, visits, forms, signs),) = session.execute(_text("erase"), named).fetchall()
        events = people.forget(session, [person.email], person.visitors)
        if person.contact is not None:
            scoring.score_one("contact", person.contact)
            # What the fields were says when somebody was here, and how often.
            empty("contact", person.contact, COMPUTED)
        if only_count:
            transaction.set_rollback(True)
    if not only_count:
        scoring.refresh()
    return Erased(events, visitors, visits, forms, signs)


def _person(session: Session, email: str) -> Person:
    ((key, contact),) = session.execute(_text("person"), {"email": email}).fetchall()
    known = [visitor for (visitor,) in session.execute(_text("visitors"), {"contact": contact, "key": key}).fetchall()]
    email = email.strip()
    return Person(email, key, contact, people.visitors_of(session, [email], known))


def _rows(session: Session, name: LiteralString, parameters: dict[str, Any]) -> Rows:
    with session.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_text(name), parameters).fetchall()


def _text(name: LiteralString) -> LiteralString:
    return block("abmatic.engagement", "sql/people.sql", name)
