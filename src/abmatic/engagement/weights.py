"""What an act on the website counts for, how fast that fades, and what a score is called: version 1.

A change of any number here is a new `VERSION`: every score is then made anew. The rule in words, with an example to
reckon by hand, is in docs/engagement.md.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

VERSION = 1

# After so many days an act counts for half, after twice as many for a quarter.
HALF_LIFE_DAYS = 14
# Older sessions count for nothing: ten half-lives leave less than a thousandth.
HORIZON_DAYS = 140
# The fields of contacts and accounts follow the score once it has moved by so many points, or the temperature has
# changed: a score moves a little every hour, and each change of a field may cost an API call.
STEP = 5


@dataclass(frozen=True, slots=True)
class Weights:
    """Points for one of each, and how many of each count in one session."""

    visit: float = 1
    page: float = 1
    most_pages: int = 10
    minute: float = 1
    most_minutes: int = 10
    click: float = 3
    most_clicks: int = 5
    form: float = 25
    most_forms: int = 2

    def parameters(self) -> dict[str, Any]:
        """For the statements of sql/scores.sql."""
        return asdict(self)

    def of_session(self, pages: int, seconds: int, clicks: int, forms: int) -> float:
        """The points of a session at the moment when it ends."""
        return (
            self.visit
            + self.page * min(pages, self.most_pages)
            + self.minute * min(seconds / 60, self.most_minutes)
            + self.click * min(clicks, self.most_clicks)
            + self.form * min(forms, self.most_forms)
        )


WEIGHTS = Weights()

# From which score on it is called so.
TEMPERATURES = (("Hot", 67), ("Warm", 34), ("Cold", 1), ("None", 0))


def temperature_of(score: int) -> str:
    """What a score from 0 to 100 is called."""
    return next(name for name, least in TEMPERATURES if score >= least)


def faded(points: float, days: float) -> float:
    """What is left of points after some days."""
    return points * math.pow(0.5, days / HALF_LIFE_DAYS)


def score_of(points: float) -> int:
    """Points as a score: rounded, 100 at most."""
    return min(100, int(points + 0.5))
