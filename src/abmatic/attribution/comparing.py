"""Closed deals with touches beside those without: how many were won, and how fast. It compares; it proves no cause."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from psycopg import sql

from abmatic.attribution.reporting import ask
from abmatic.postgres.sql import block


@dataclass(frozen=True, slots=True)
class Outcome:
    """How closed deals came out: with touches, or without."""

    deals: int = 0
    won: int = 0
    median_days: float | None = None

    @property
    def win_rate(self) -> float | None:
        """Of those closed, the part that was won."""
        return self.won / self.deals if self.deals else None


@dataclass(frozen=True, slots=True)
class Stage:
    """Days that deals were in a stage on average: those with touches, those without; None where no move is known."""

    name: str
    touched: float | None
    untouched: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Deals with touches beside those without."""

    touched: Outcome
    untouched: Outcome
    stages: list[Stage]


def compare(since: date, until: date, collection: int | None = None) -> Comparison:
    """Win rate and velocity of the deals that were closed in a range, of all accounts or those of a collection."""
    parameters = {"since": since, "until": until, "collection": collection}
    rows = ask(sql.SQL(block("abmatic.attribution", "sql/reports.sql", "velocity")), parameters)
    outcomes = {touched: Outcome(deals, won, median) for touched, deals, won, median in rows}
    days: dict[str, dict[bool, float]] = {}
    for stage, touched, _, mean in ask(sql.SQL(block("abmatic.attribution", "sql/reports.sql", "stages")), parameters):
        days.setdefault(stage, {})[touched] = mean
    stages = [Stage(name, each.get(True), each.get(False)) for name, each in days.items()]
    return Comparison(outcomes.get(True, Outcome()), outcomes.get(False, Outcome()), stages)
