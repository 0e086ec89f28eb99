"""The journey of an account: every touch, membership, change and deal on one time line, newest first, in pages.

A page begins after the last step of the page before (moment, kind, id), not after so many steps: what happens meanwhile
shifts nothing, and the hundredth page costs what the first does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from abmatic.engagement.scoring import FIELDS
from abmatic.postgres.sql import block

PAGE = 50
# Fields whose changes are left out: what visits that stand there say already, whose record it is in the CRM, and the
# record as a whole, which has no name.
UNTOLD = ["", "owner_id", *(field for field in FIELDS if field != "engagement_temperature")]

Position = tuple[datetime, str, int]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened.

    ``kind``: touch (``what`` is its kind, ``label`` its channel, ``before`` its page), membership (``what`` is the
    status), change (``what`` is the field; of an account, or of the contact or the deal that is named), opened, or
    closed (``what`` is "won" or "lost", ``after`` the amount).
    """

    at: datetime
    kind: str
    id: int
    what: str
    label: str | None
    before: str | None
    after: str | None
    contact_id: int | None
    contact: str | None
    campaign_id: int | None
    campaign: str | None
    opportunity_id: int | None


@dataclass(frozen=True, slots=True)
class Journey:
    """A page of steps, and the position after which the next one begins (None: there is none)."""

    steps: list[Step]
    after: Position | None


def journey(account_id: int, after: Position | None = None, most: int = PAGE) -> Journey:
    """A page of an account's journey, in one statement."""
    at, kind, last = after or (None, None, None)
    parameters: dict[str, Any] = {
        "account": account_id, "untold": UNTOLD, "at": at, "kind": kind, "id": last, "limit": most + 1,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(block("abmatic.attribution", "sql/journey.sql", "journey"), parameters)
        steps = [Step(*row) for row in cursor.fetchall()]
    more = len(steps) > most
    steps = steps[:most]
    return Journey(steps, (steps[-1].at, steps[-1].kind, steps[-1].id) if more else None)
