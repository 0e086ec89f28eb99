"""How sure the difference of two shares is.

Newcombe's hybrid score interval (method 10 in R. G. Newcombe, "Interval estimation for the difference between
independent proportions: comparison of eleven methods", Statistics in Medicine 17, 1998): Wilson's intervals of both
shares, put together. It holds for few people and for shares near 0 and 1, where the usual one doesn't.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist


@dataclass(frozen=True, slots=True)
class Share:
    """``hits`` of ``number`` people, who are at least one."""

    hits: int
    number: int

    @property
    def value(self) -> float:
        """Between 0 and 1."""
        return self.hits / self.number


def wilson(share: Share, confidence: float) -> tuple[float, float]:
    """Wilson's score interval of a share (E. B. Wilson, 1927)."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    number, square = share.number, z * z
    middle = 2 * share.hits + square
    spread = z * sqrt(square + 4 * share.hits * (1 - share.value))
    low, high = (middle - spread) / (2 * (number + square)), (middle + spread) / (2 * (number + square))
    return max(0.0, low), min(1.0, high)


def difference(one: Share, other: Share, confidence: float) -> tuple[float, float]:
    """The interval of the one share less the other."""
    apart = one.value - other.value
    (low, high), (other_low, other_high) = wilson(one, confidence), wilson(other, confidence)
    below = sqrt((one.value - low) ** 2 + (other_high - other.value) ** 2)
    above = sqrt((high - one.value) ** 2 + (other.value - other_low) ** 2)
    return apart - below, apart + above
