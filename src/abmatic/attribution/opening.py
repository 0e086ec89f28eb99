"""What is behind a row of a report: the touches that it adds up, with the deals that they are credited for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from psycopg import sql

from abmatic.attribution.currencies import rates_of
from abmatic.attribution.models import in_force
from abmatic.attribution.reporting import KEYS, Asked, Key, ask, deals_of


@dataclass(frozen=True, slots=True)
class Credited:
    """One touch with its credit for one deal."""

    opportunity_id: int
    opportunity: str | None
    account_id: int | None
    touch_kind: str
    channel: str
    page: str | None
    at: Any
    share: Decimal
    amount: Decimal | None
    currency: str | None


def credited(asked: Asked, key: Key, most: int | None = None) -> Iterator[Credited]:
    """The touches behind a row, with the deals that they are credited for: the largest first."""
    limit = sql.SQL("") if most is None else sql.SQL("LIMIT {}").format(sql.Literal(most))
    rows = ask(
        sql.SQL(
            "WITH deal AS ({deals}) SELECT d.id, d.name, d.account_id, t.kind, t.channel, t.page, t.occurred_at, "
            "c.share, c.amount, d.currency FROM deal AS d "
            "JOIN credit AS c ON c.opportunity_id = d.id AND c.model = {model} JOIN touch AS t ON t.id = c.touch_id "
            "WHERE d.period = 0 AND {by} IS NOT DISTINCT FROM {key} "
            "ORDER BY coalesce(c.amount, 0) DESC, c.share DESC, d.id, t.occurred_at, t.id {limit}"
        ).format(
            deals=deals_of(asked, rates_of(in_force())),
            model=sql.Literal(asked.model),
            by=KEYS[asked.by],
            key=sql.Literal(key),
            limit=limit,
        )
    )
    return (Credited(*row) for row in rows)
