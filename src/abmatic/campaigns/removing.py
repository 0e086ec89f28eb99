"""Deletes rules that were removed (`rules.remove`), with what they have counted. Members and their statuses stay."""

from __future__ import annotations

from typing import LiteralString

from abmatic.postgres import sessions
from abmatic.postgres.removed import BATCH
from abmatic.postgres.sql import block


def delete_removed(batch: int = BATCH) -> int:
    """Deletes all that are marked, so many hits in a transaction; each itself last. Answers how many rules."""
    with sessions.session("removing rules") as session:
        removed = [number for (number,) in session.execute(_text("removed"))]
        session.commit()
        for number in removed:
            named = {"rule": number, "batch": batch}
            while session.execute(_text("delete_some"), named).rowcount == batch:
                session.commit()
            session.commit()
            session.execute(_text("delete_itself"), named)
            session.execute(_text("delete_rest"), named)
            session.commit()
    return len(removed)


def _text(name: LiteralString) -> LiteralString:
    return block("abmatic.campaigns", "rules.sql", name)
