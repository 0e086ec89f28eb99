"""Erasing a person, with what their browsers were shown."""

from __future__ import annotations

from collections.abc import Sequence

from abmatic.engagement import forgetting
from abmatic.engagement.forgetting import Forgotten
from abmatic.postgres.sql import block
from abmatic.tracking.store import Session


def forget(email: str, *, only_count: bool = False) -> tuple[Forgotten, int]:
    """As `engagement.forgetting.forget`, in one transaction with what was shown; answers how much that was too."""
    shown = 0

    def erase(session: Session, visitors: Sequence[str]) -> None:
        nonlocal shown
        session.execute(block("abmatic.personalisation", "sql/forgetting.sql", "alone"))
        statement = block("abmatic.personalisation", "sql/forgetting.sql", "forget")
        ((shown,),) = session.execute(statement, {"visitors": list(visitors)}).fetchall()

    return forgetting.forget(email, only_count=only_count, also=erase), shown
