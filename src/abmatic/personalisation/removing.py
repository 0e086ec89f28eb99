"""Deletes experiences that were removed (`managing.remove`), what browsers were given of them, and what came of it."""

from __future__ import annotations

from typing import Any, LiteralString

from abmatic.postgres import sessions
from abmatic.postgres.removed import BATCH
from abmatic.postgres.sql import block
from abmatic.tracking.store import Session


def delete_removed(batch: int = BATCH) -> int:
    """Deletes all that are marked, so many assignments in a transaction; each itself last. Answers how many."""
    with sessions.session("removing") as session:
        removed = [number for (number,) in session.execute(_text("removing", "removed"))]
        session.commit()
        for number in removed:
            named = {"experience": number, "batch": batch}
            while _delete_some(session, named) == batch:
                session.commit()
            session.commit()
            session.execute(_text("removing", "itself"), named)
            # What was just being given, and was waited for.
            while _delete_some(session, named) == batch:
                pass
            session.execute(_text("removing", "variants"), named)
            session.commit()
    return len(removed)


def _delete_some(session: Session, named: dict[str, Any]) -> int:
    # No impressions are taken meanwhile.
    session.execute(_text("people", "alone"))
    ((some,),) = session.execute(_text("removing", "some"), named).fetchall()
    return int(some)


def _text(file: LiteralString, name: LiteralString) -> LiteralString:
    return block("abmatic.personalisation", f"sql/{file}.sql", name)
