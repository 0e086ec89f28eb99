"""A person told and erased, with what their browsers were shown; and strangers forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString

from psycopg.rows import dict_row

from abmatic.engagement import people
from abmatic.engagement.people import Erased, Rows
from abmatic.engagement.retention import BATCH, kept_since
from abmatic.postgres import sessions
from abmatic.postgres.sql import block
from abmatic.tracking.store import Session


def told(email: str) -> dict[str, Rows]:
    """As `engagement.people.told`, with what was shown and what came of it."""

    def shown(session: Session, visitors: Sequence[str]) -> dict[str, Rows]:
        named = {"visitors": list(visitors)}
        with session.cursor(row_factory=dict_row) as cursor:
            return {
                "experience_assignment": cursor.execute(_text("assignments"), named).fetchall(),
                "experience_event": cursor.execute(_text("events"), named).fetchall(),
            }

    return people.told(email, also=shown)


def erase(email: str, *, only_count: bool = False) -> tuple[Erased, int]:
    """As `engagement.people.erase`, in one transaction with what was shown; answers how much that was too."""
    shown = 0

    def also(session: Session, visitors: Sequence[str]) -> None:
        nonlocal shown
        session.execute(_text("alone"))
        ((shown,),) = session.execute(_text("forget"), {"visitors": list(visitors)}).fetchall()

    return people.erase(email, only_count=only_count, also=also), shown


def forget_strangers(now: datetime, keep: int, batch: int = BATCH) -> int:
    """Erases what visitors were shown who are forgotten, and were given it before the months whose events are kept.

    Answers how many assignments. ``keep``: months.
    """
    total = 0
    with sessions.session("retention") as session:
        while True:
            named = {"before": kept_since(now, keep), "batch": batch}
            session.execute(_text("alone"))
            ((some,),) = session.execute(_text("forget_strangers"), named).fetchall()
            session.commit()
            total += int(some)
            if some < batch:
                return total


def _text(name: LiteralString) -> LiteralString:
    return block("abmatic.personalisation", "sql/people.sql", name)
