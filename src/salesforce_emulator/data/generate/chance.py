"""Chance that repeats: the same seed gives the same org, on every Python and every machine.

``random.Random`` promises the same stream only for ``random`` and ``getrandbits``; how ``choice`` and
``shuffle`` use it may change.  So everything here is made of ``getrandbits``, and choices are drawn from
*pools* whose size is a power of two: one call and one look-up for a value, which is what makes millions of
rows affordable.

A *deck* is for shares that must come out right whatever the size: 1024 cards, each dealt once before any is
dealt again.  A quarter of the cards "no website" means a quarter of the accounts, not about a quarter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")

DECK = 1024
POOL_BITS = 10
POOL = 1 << POOL_BITS

# Odd strides near a golden section of 1024: neighbouring deals take cards from far apart, so that the
# beginning of a deck already looks like the whole.
_STRIDES = (633, 389, 617, 407, 373, 645, 397, 627)


class Chance:
    """A stream of random numbers of its own: one for each purpose, so that purposes don't disturb each other."""

    def __init__(self, seed: int, purpose: str) -> None:
        self.bits = Random(f"{seed}/{purpose}").getrandbits  # noqa: S311  # nosec B311 - data, not secrets
        """``bits(n)``: a whole number of n random bits."""

    def below(self, limit: int) -> int:
        """A whole number from 0 to ``limit`` - 1."""
        return (self.bits(32) * limit) >> 32

    def one_of(self, values: Sequence[T]) -> T:
        return values[self.below(len(values))]

    def pool(self, values: Iterable[T], bits: int = POOL_BITS) -> tuple[T, ...]:
        """2 ** ``bits`` values: the given ones over and over, about equally often."""
        given = tuple(values)
        size = 1 << bits
        return tuple(given[number * len(given) // size] for number in range(size))

    def digits(self, pattern: str) -> str:
        """The pattern with a random digit for each ``#``."""
        return "".join(str(self.below(10)) if char == "#" else char for char in pattern)


def weighted(weights: Mapping[T, int], bits: int = 6) -> tuple[T, ...]:
    """A pool in which each value appears as often as its weight says.

    :raises ValueError: the weights don't add up to 2 ** ``bits``.
    """
    if (total := sum(weights.values())) != 1 << bits:
        raise ValueError(f"The weights add up to {total}, not to {1 << bits}: {weights}")
    return tuple(value for value, weight in weights.items() for _ in range(weight))


class Deck(Generic[T]):
    """1024 cards, dealt in a shuffled order, all of them before any comes again."""

    def __init__(self, chance: Chance, weights: Mapping[T, int]) -> None:
        self._cards = weighted(weights, 10)
        self._chance = chance
        self._hand: list[T] = []

    def deal(self, count: int) -> list[T]:
        while len(self._hand) < count:
            stride = _STRIDES[self._chance.bits(3)]
            first = self._chance.bits(10)
            cards = self._cards
            self._hand += [cards[(first + stride * number) % DECK] for number in range(DECK)]
        dealt, self._hand = self._hand[:count], self._hand[count:]
        return dealt


class Reservoir(Generic[T]):
    """Some of the records made so far, for later records to refer to: a sample of bounded size.

    Once full, a new record takes the place of a random one with falling probability, so that every record
    had the same chance to be in it.
    """

    def __init__(self, chance: Chance, size: int = 4096) -> None:
        self._chance = chance
        self._size = size
        self._seen = 0
        self._kept: list[T] = []

    def __bool__(self) -> bool:
        return bool(self._kept)

    def offer(self, record: T) -> None:
        self._seen += 1
        if len(self._kept) < self._size:
            self._kept.append(record)
        elif (place := self._chance.below(self._seen)) < self._size:
            self._kept[place] = record

    def draw(self) -> T:
        """Any of the records kept.

        :raises IndexError: there is none yet.
        """
        return self._kept[self._chance.below(len(self._kept))]
