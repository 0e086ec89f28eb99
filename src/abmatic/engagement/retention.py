"""Visitors whom nobody knows are forgotten when their events are.

What is known of people and companies stays as long as these: their scores, touches and journeys are made of it. Of the
others nothing is left to be learned once their events are gone; without cookies they are a new visitor each day.
"""

from __future__ import annotations

from datetime import UTC, datetime

from abmatic.postgres import sessions
from abmatic.postgres.sql import block
from abmatic.tracking.partitions import month_after, month_of

# Visitors that are erased in one transaction.
BATCH = 5_000


def kept_since(now: datetime, keep: int) -> datetime:
    """The beginning of the months whose events are kept: so many before this one."""
    return datetime.combine(month_after(month_of(now), -keep), datetime.min.time(), UTC)


def forget_strangers(now: datetime, keep: int, batch: int = BATCH) -> int:
    """Erases those who were last here in months whose events are kept no more. Answers how many. ``keep``: months."""
    before = kept_since(now, keep)
    statement = block("abmatic.engagement", "sql/retention.sql", "forget_strangers")
    total = 0
    with sessions.session("retention") as session:
        while True:
            # Whoever reads what visitors did finds them there until it is done.
            session.execute(block("abmatic.engagement", "sql/people.sql", "alone"))
            ((some,),) = session.execute(statement, {"before": before, "batch": batch}).fetchall()
            session.commit()
            total += int(some)
            if some < batch:
                return total
