"""Who gets what: pure rules. Whether somebody is in the audience, and which part of it chance puts them into.

Chance is a hash of the experience and of who it is: nothing has to be stored before it is asked, every process comes to
the same, and nobody can guess one experience's parts from another's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

_RANGE = 1 << 64


@dataclass(frozen=True, slots=True)
class Audience:
    """The rules of an experience. What is empty doesn't matter; all that isn't must fit."""

    collection: int | None = None
    known: str = "anybody"
    visit: str = "any"
    utm: tuple[tuple[str, str], ...] = ()
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def is_running(self, now: datetime) -> bool:
        """Whether it is its time."""
        return (self.starts_at is None or self.starts_at <= now) and (self.ends_at is None or now < self.ends_at)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a visitor. ``utm``: of what brought them; ``collections``: that they or their company are in."""

    is_known: bool = False
    is_returning: bool = False
    utm: Mapping[str, str] = field(default_factory=dict)
    collections: frozenset[int] = frozenset()


def fits(audience: Audience, facts: Facts) -> bool:
    """Whether somebody is in the audience."""
    if audience.known != "anybody" and (audience.known == "known") != facts.is_known:
        return False
    if audience.visit != "any" and (audience.visit == "returning") != facts.is_returning:
        return False
    if audience.collection is not None and audience.collection not in facts.collections:
        return False
    return all(facts.utm.get(name, "").strip().lower() == wanted.lower() for name, wanted in audience.utm)


def variant_of(experience: int, who: str, control_percent: int, weights: Sequence[tuple[int, int]]) -> int | None:
    """The variant (of pairs of id and weight) that chance gives somebody; None is the control group.

    The first part of the range is the control group's, the rest is divided by the weights in their order: exactly, in
    whole numbers. All weights zero: everybody is in the control group.
    """
    told = hashlib.blake2b(f"{experience}\n{who}".encode(), digest_size=8).digest()
    # Of 100 parts of the range, where it lies behind the control group's.
    place = int.from_bytes(told, "big") * 100 - control_percent * _RANGE
    total = sum(weight for _, weight in weights)
    if place < 0 or not total:
        return None
    reached = 0
    for variant, weight in weights:
        reached += weight
        if place * total < reached * (100 - control_percent) * _RANGE:
            return variant
    raise AssertionError("a hash lies beyond its range")
