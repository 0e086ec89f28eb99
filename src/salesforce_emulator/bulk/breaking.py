"""Jobs that are made to end before their time, by a fault."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BreakOff:
    """A job is to end in ``state``, Failed or Aborted, when a ``share`` of its rows is done."""

    state: str
    share: float

    def rows(self, total: int) -> int:
        """How many of the rows are done: never all of them, where there are any."""
        return min(int(total * self.share), max(0, total - 1))
