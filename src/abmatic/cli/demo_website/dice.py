"""Chance that repeats: the same seed gives the same year."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TypeVar
from uuid import UUID

T = TypeVar("T")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Dice(Random):
    """A stream of numbers for invented data; nothing that has to stay secret is made of it."""

    def happens(self, chance: float) -> bool:
        """True in so many of all cases, from 0 to 1."""
        return self.random() < chance

    def one_of(self, values: Sequence[T]) -> T:
        """Each as often as the others."""
        return values[int(self.random() * len(values))]

    def weighted(self, weights: Mapping[T, float]) -> T:
        """Each as often as its weight says."""
        return self.choices(list(weights), list(weights.values()))[0]

    def token(self, bits: int) -> str:
        """Hexadecimal digits, as ids of browsers and advertisers look."""
        return f"{self.getrandbits(bits):0{bits // 4}x}"

    def event_id(self, moment: datetime) -> UUID:
        """A UUID of version 7 (RFC 9562, 5.7) that was made then."""
        milliseconds = (moment - _EPOCH) // timedelta(milliseconds=1)
        high, low = self.getrandbits(12), self.getrandbits(62)
        return UUID(int=milliseconds << 80 | 7 << 76 | high << 64 | 0b10 << 62 | low)
