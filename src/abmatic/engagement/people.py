"""What the website knows of a person, here and in the tracking: told whole, and erased whole.

A person is an e-mail address, and the contact that has it, if one has. All that their browsers did is theirs: where
somebody else used one too, that goes as well. The contact itself is a record like any other, and stays, without what
was worked out of its visits. Touches of attribution follow from visits and forms, and go with the next calculation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg.rows import dict_row

from abmatic.audiences.fields import COMPUTED
from abmatic.changes.emptying import empty
from abmatic.engagement import scoring
from abmatic.postgres import sessions
from abmatic.postgres.sql import block
from abmatic.tracking import people
from abmatic.tracking.store import Session

Rows = list[dict[str, Any]]
# What a room above adds in the same transaction, of the browsers that are a person's.
AlsoTold = Callable[[Session, Sequence[str]], dict[str, Rows]]
AlsoErased = Callable[[Session, Sequence[str]], None]


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
        named = _named(session, email)
        kept = {
            "visitor": _rows(session, "known_visitors", named), "visitor_sign": _rows(session, "signs", named),
            "web_session": _rows(session, "sessions", named), "web_form": _rows(session, "forms", named),
            "engagement": _rows(session, "scores", named),
        }  # fmt: skip
        events = people.of_person(session, [named["email"]], named["visitors"])
        return kept | {"web_event": events} | (also(session, named["visitors"]) if also else {})


def erase(email: str, *, only_count: bool = False, also: AlsoErased | None = None) -> Erased:
    """Erases all of that, for good, in one transaction; ``only_count`` takes it back. Scores follow at once.

    ``also`` erases, in the same transaction, what a room above knows of the person's browsers.
    """
    with sessions.session("person") as session:
        session.execute(_text("alone"))
        named = _named(session, email)
        session.execute(_text("mark_scores"), named)
        if also is not None:
            also(session, named["visitors"])
        ((visitors, visits, forms, signs),) = session.execute(_text("erase"), named).fetchall()
        events = people.forget(session, [named["email"]], named["visitors"])
        if only_count:
            session.rollback()
        else:
            session.commit()
    if not only_count:
        scoring.refresh()
        if named["contact"] is not None:
            # What the fields were says when somebody was here, and how often.
            empty("contact", named["contact"], COMPUTED)
    return Erased(events, visitors, visits, forms, signs)


def _named(session: Session, email: str) -> dict[str, Any]:
    """The parameters that stand for a person: their address, its key, their contact, and all their browsers."""
    ((key, contact),) = session.execute(_text("person"), {"email": email}).fetchall()
    named = {"email": email.strip(), "key": key, "contact": contact}
    known = [visitor for (visitor,) in session.execute(_text("visitors"), named).fetchall()]
    return {**named, "visitors": people.visitors_of(session, [named["email"]], known)}


def _rows(session: Session, name: LiteralString, parameters: dict[str, Any]) -> Rows:
    with session.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_text(name), parameters).fetchall()


def _text(name: LiteralString) -> LiteralString:
    return block("abmatic.engagement", "sql/people.sql", name)
