"""A person told and erased, with what their browsers were shown; and strangers forgotten."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import LiteralString

from psycopg.rows import dict_row

from abmatic.engagement import people
from abmatic.engagement.people import AlsoErased, AlsoTold, Erased, Person, Rows
from abmatic.engagement.retention import BATCH, kept_since
from abmatic.personalisation.removing import delete_given
from abmatic.postgres import sessions
from abmatic.postgres.sql import block
from abmatic.tracking.store import Session


def told(email: str, *, also: AlsoTold | None = None) -> dict[str, Rows]:
    """As `engagement.people.told`, with what was shown and what came of it."""

    def shown(session: Session, person: Person) -> dict[str, Rows]:
        named = {"visitors": person.visitors}
        with session.cursor(row_factory=dict_row) as cursor:
            kept = {
                "experience_assignment": cursor.execute(_text("assignments"), named).fetchall(),
                "experience_event": cursor.execute(_text("events"), named).fetchall(),
            }
        return kept | (also(session, person) if also else {})

    return people.told(email, also=shown)


def erase(email: str, *, only_count: bool = False, also: AlsoErased | None = None) -> tuple[Erased, int]:
    """As `engagement.people.erase`, in one transaction with what was shown; answers how much that was too."""
    shown = 0

    def first(session: Session, person: Person) -> None:
        nonlocal shown
        session.execute(_text("alone"))
        ((shown,),) = session.execute(_text("forget"), {"visitors": person.visitors}).fetchall()
        if also is not None:
            also(session, person)

    return people.erase(email, only_count=only_count, also=first), shown


def forget_strangers(now: datetime, keep: int, batch: int = BATCH) -> int:
    """Erases what visitors were shown who are forgotten, and were given it before the months whose events are kept.

    Answers how many assignments. ``keep``: months.
    """
    total = 0
    named = {"before": kept_since(now, keep), "batch": batch, "at": datetime.min.replace(tzinfo=UTC), "id": 0}
    with sessions.session("retention") as session:
        while True:
            # They are looked for before impressions have to wait.
            found = session.execute(_text("strangers"), named).fetchall()
            session.commit()
            total += _forget(session, [number for _, number in found], batch)
            if len(found) < batch:
                return total
            named["at"], named["id"] = found[-1]


def _forget(session: Session, assignments: list[int], batch: int) -> int:
    """Deletes those whose visitors haven't come back meanwhile, so many rows of a table in a transaction."""
    while assignments:
        session.execute(_text("alone"))
        still = session.execute(_text("still_strangers"), {"assignments": assignments}).fetchall()
        assignments = [number for (number,) in still]
        is_done = delete_given(session, assignments, batch)
        session.commit()
        if is_done:
            break
    return len(assignments)


def _text(name: LiteralString) -> LiteralString:
    return block("abmatic.personalisation", "sql/people.sql", name)
