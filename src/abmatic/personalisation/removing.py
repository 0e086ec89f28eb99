"""Deletes experiences that were removed (`managing.remove`), what browsers were given of them, and what came of it."""

from __future__ import annotations

from typing import LiteralString

from abmatic.postgres import sessions
from abmatic.postgres.removed import BATCH
from abmatic.postgres.sql import block
from abmatic.tracking.store import Session


def delete_removed(batch: int = BATCH) -> int:
    """Deletes all that are marked, so many rows of a table in a transaction; each itself last. Answers how many."""
    with sessions.session("removing") as session:
        removed = [number for (number,) in session.execute(_text("removing", "removed"))]
        session.commit()
        for number in removed:
            # Impressions that were just being taken are there then, and no more are taken of what is marked.
            session.execute(_text("people", "alone"))
            session.commit()
            while _delete_some(session, number, batch):
                session.commit()
            session.execute(_text("removing", "itself"), {"experience": number})
            # What was just being given, and was waited for.
            while _delete_some(session, number, batch):
                pass
            session.execute(_text("removing", "variants"), {"experience": number})
            session.commit()
    return len(removed)


def _delete_some(session: Session, experience: int, batch: int) -> bool:
    """Whether there was something."""
    named = {"experience": experience, "batch": batch}
    given = [number for (number,) in session.execute(_text("removing", "given"), named)]
    delete_given(session, given, batch)
    return bool(given)


def delete_given(session: Session, assignments: list[int], batch: int) -> bool:
    """Deletes assignments; where more came of them than so many events, only some of these: then False."""
    named = {"assignments": assignments, "batch": batch}
    if session.execute(_text("removing", "events"), named).rowcount == batch:
        return False
    session.execute(_text("removing", "assignments"), named)
    return True


def _text(file: LiteralString, name: LiteralString) -> LiteralString:
    return block("abmatic.personalisation", f"sql/{file}.sql", name)
