"""What all makers of records share: the calendar, the regions, who owns things, and the running count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date

from salesforce_emulator.data.generate import texts
from salesforce_emulator.data.generate.chance import Chance
from salesforce_emulator.data.generate.moments import Calendar
from salesforce_emulator.data.generate.regions import load_regions
from salesforce_emulator.schema import BASE, default_schema

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_PAIRS = tuple(a + b for a in _DIGITS for b in _DIGITS)
_TRIPLES = tuple(a + pair for a in _DIGITS for pair in _PAIRS)
_CODES = 36**5
_SCATTER = 20_000_003  # has no factor in common with 36, so that every number gets a code of its own


def code(number: int) -> str:
    """Five letters and digits for a number below 36 ** 5, all different, in no visible order.

    They make invented domains unique, and unlike any that somebody owns.
    """
    high, low = divmod(number * _SCATTER % _CODES, 46_656)
    return _PAIRS[high] + _TRIPLES[low]


class World:
    """Everything that must be the same for all objects of one generated org."""

    def __init__(self, accounts: int, seed: int, as_of: date) -> None:
        self.accounts = accounts
        self._seed = seed
        chance = self.chance("world")
        self.calendar = Calendar(self.chance("calendar"), as_of)
        self.regions = load_regions(chance)
        self.brands = texts.brands(chance)
        self.descriptions = texts.descriptions(chance)
        self.facts: Counter[str] = Counter()
        """How many of what there are, by the names of :class:`~.facts.Manifest`."""
        rita, sam, olu, mia = BASE.reps
        self.owners = (*(rita, sam, olu) * 5, mia)
        """16 owners."""

    def chance(self, purpose: str) -> Chance:
        return Chance(self._seed, purpose)

    @staticmethod
    def picklist(chance: Chance, sobject: str, name: str, empty: int) -> tuple[str | None, ...]:
        """A pool of 64 with the values that the describe offers, ``empty`` of them None."""
        values = default_schema()[sobject][name].picklist_values
        full: Iterable[str | None] = (chance.one_of(values) for _ in range(64 - empty))
        return (*full, *(None for _ in range(empty)))
