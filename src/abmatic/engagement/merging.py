"""Two contacts become one: the visits of the one that goes are the other's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg

from abmatic.postgres.sql import block


def absorb(session: psycopg.Connection[tuple[Any, ...]], winners: Sequence[int], losers: Sequence[int]) -> None:
    """Signs, sessions and visitors of each loser become those of the winner at its place; in the caller's transaction.

    Visitors are judged again with the next visits, by signs that name the winner then.
    """
    parameters = {"winners": list(winners), "losers": list(losers)}
    session.execute(block("abmatic.engagement", "sql/identifying.sql", "absorb"), parameters)
