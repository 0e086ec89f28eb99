"""When to try again: exponential backoff with full jitter, within what the server asked for.

Full jitter (a random share of the growing pause) keeps workers that failed together from
coming back together; see "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RetryPolicy:
    """All times in seconds. ``attempts`` counts the first one."""

    attempts: int = 6
    first_pause: float = 0.5
    longest_pause: float = 30.0
    longest_wish: float = 120.0
    """A Retry-After beyond this isn't slept through: the caller gets the error and plans for itself."""

    def pause(self, attempt: int, retry_after: float | None, chance: float) -> float | None:
        """Seconds to wait after the failed ``attempt`` (1, 2, …), or None to give up.

        ``chance`` is a random number in [0, 1).
        """
        if attempt >= self.attempts or (retry_after or 0.0) > self.longest_wish:
            return None
        backoff = min(self.longest_pause, self.first_pause * 2.0 ** (attempt - 1))
        return max(retry_after or 0.0, chance * backoff)
