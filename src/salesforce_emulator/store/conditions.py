"""What is different about the work on one call, because somebody asked for it: nothing, as a rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Conditions:
    """Under which a thread works on the store.

    ``behind``: seconds by which what queries see lags.  ``skew``: seconds that the clock is ahead.  ``locked``: counts
    an attempt to write a record, and says whether somebody else has it locked.
    """

    behind: float = 0.0
    skew: float = 0.0
    locked: Callable[[str], bool] | None = None


NORMAL = Conditions()
