"""Dividing a whole number of smallest units so that the parts add up to it, by the method of largest remainders.

Credits are whole cents (or whatever the amount's smallest unit is). Rounding each by itself loses or makes cents; here
each part is rounded down first, and the units that are left go one each to the parts that lost most by it. The same is
stated in SQL (`sql/credits_v1.sql`), and a property test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import floor


class NothingToDivideBy(ValueError):
    """No weight is above zero."""


def divide(total: int, weights: Sequence[int]) -> list[int]:
    """``total`` units in proportion to ``weights`` (none below zero), in their order.

    Of equal remainders the earlier comes first. A negative total is divided as its opposite. Raises
    `NothingToDivideBy`.
    """
    whole = sum(weights)
    if whole <= 0 or min(weights) < 0:
        raise NothingToDivideBy(f"The weights {list(weights)} give nothing to divide by; one must be above zero.")
    units = abs(total)
    parts = [units * weight // whole for weight in weights]
    left = units - sum(parts)
    by_loss = sorted(range(len(weights)), key=lambda place: (-(units * weights[place] % whole), place))
    for place in by_loss[:left]:
        parts[place] += 1
    return parts if total >= 0 else [-part for part in parts]


def rounded_together(values: Sequence[Fraction]) -> list[int]:
    """Whole units that add up to the rounded sum of the values (half to even), each less than one from its value.

    Values may be of either sign. Of equal remainders the earlier comes first.
    """
    parts = [floor(value) for value in values]
    left = round(sum(values, Fraction(0))) - sum(parts)
    by_loss = sorted(range(len(values)), key=lambda place: (parts[place] - values[place], place))
    for place in by_loss[:left]:
        parts[place] += 1
    return parts
