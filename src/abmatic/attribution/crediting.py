"""The credit models that follow a rule: which touch of a path counts how much. Pure, and versioned.

A path is the touches before one deal. A rule gives each a weight, a whole number; the share is the weight by the sum of
weights, and money is divided by them exactly (`dividing`). A rule that changed would change figures that people have
reported: it is added under the next version, and those of before stay (`VERSION` is what new credits are made with).

Position models, one rule for all. A model has five parts of a hundred: *first*, *lead*, *opportunity*, *last* and
*others*. The first and the last touch hold those parts; *lead* is held by the newest touch up to the moment the lead
was created, *opportunity* by the newest up to the moment the opportunity was. A touch may hold several. Who holds none
shares *others* equally. A part that nobody holds (no such moment, no touch before it, no others) is left out, and what
remains is scaled up to the whole. Where nothing remains, every touch counts the same.

Time decay: a touch counts half as much for every half-life by which it is older than the newest of its path. Measured
from the close instead, all shares would be the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

VERSION = 1

PARTS = ("first", "lead", "opportunity", "last", "others")
# What the newest touch weighs in time decay: shares are exact to the twelfth digit.
SCALE = 10**12
_SECOND = timedelta(seconds=1)
_SECONDS_A_DAY = 86_400


class PartsRefused(ValueError):
    """The parts of a custom model don't make a whole; the message says what they come to."""


@dataclass(frozen=True, slots=True)
class Parts:
    """How many hundredths go to each position of a path."""

    first: int = 0
    lead: int = 0
    opportunity: int = 0
    last: int = 0
    others: int = 0

    def __post_init__(self) -> None:
        if min(self.as_tuple()) < 0:
            raise PartsRefused("A part is below zero; give each a whole number from 0 to 100.")
        if sum(self.as_tuple()) != 100:
            raise PartsRefused(f"The parts come to {sum(self.as_tuple())}, not to 100; change one of them.")

    def as_tuple(self) -> tuple[int, int, int, int, int]:
        """In the order of `PARTS`."""
        return (self.first, self.lead, self.opportunity, self.last, self.others)


@dataclass(frozen=True, slots=True)
class Touch:
    """One touch of a path. ``id`` decides between touches of one moment."""

    id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Path:
    """The touches before a deal, in any order, and the two moments on the way (None where there is no such)."""

    touches: tuple[Touch, ...]
    lead_at: datetime | None = None
    opportunity_at: datetime | None = None

    def in_order(self) -> list[Touch]:
        """The oldest first."""
        return sorted(self.touches, key=lambda touch: (touch.at, touch.id))


@dataclass(frozen=True, slots=True)
class Rules:
    """What an installation has set: the half-life in days, and the parts of its own model."""

    half_life_days: int = 7
    custom: Parts = Parts(first=30, lead=20, opportunity=20, last=20, others=10)


@dataclass(frozen=True, slots=True)
class Model:
    """A credit model by its name in tables and addresses, and as people call it."""

    name: str
    label: str
    says: str
    # None where it isn't a position model, or where the installation sets them.
    parts: Parts | None = None


MODELS = {
    model.name: model
    for model in (
        Model("first", "First touch", "All credit to the touch that began it", Parts(first=100)),
        Model("last", "Last touch", "All credit to the last touch before the end of the path", Parts(last=100)),
        Model("linear", "Linear", "Every touch the same", Parts(others=100)),
        Model("u_shaped", "U-shaped", "40 % first, 40 % last, 20 % shared by the others",
              Parts(first=40, last=40, others=20)),
        Model("w_shaped", "W-shaped", "30 % each for first touch, lead creation and opportunity creation, 10 % shared",
              Parts(first=30, lead=30, opportunity=30, others=10)),
        Model("time_decay", "Time decay", "The nearer to the end, the more: half as much for every half-life before"),
        Model("custom", "Custom weights", "The parts that are set under Attribution settings"),
    )
}  # fmt: skip


class UnknownModel(KeyError):
    """There is no model of that name."""


def weights(path: Path, model: str, rules: Rules | None = None) -> dict[int, int]:
    """The weight of each touch, by its id; at least one is above zero where the path has any. Raises `UnknownModel`."""
    if model not in MODELS:
        raise UnknownModel(f"There is no model “{model}”; these are: {', '.join(MODELS)}.")
    rules = rules or Rules()
    touches = path.in_order()
    if not touches:
        return {}
    if model == "time_decay":
        return _decayed(touches, rules.half_life_days)
    return _by_position(touches, path, MODELS[model].parts or rules.custom)


def _decayed(touches: Sequence[Touch], half_life_days: int) -> dict[int, int]:
    newest = touches[-1].at
    half_life = float(half_life_days * _SECONDS_A_DAY)
    return {touch.id: round(2.0 ** (-float((newest - touch.at) // _SECOND) / half_life) * SCALE) for touch in touches}


def _by_position(touches: Sequence[Touch], path: Path, parts: Parts) -> dict[int, int]:
    held = dict.fromkeys((touch.id for touch in touches), 0)
    holders = (
        touches[0],
        _newest_until(touches, path.lead_at),
        _newest_until(touches, path.opportunity_at),
        touches[-1],
    )
    for holder, part in zip(holders, parts.as_tuple(), strict=False):
        if holder is not None:
            held[holder.id] += part
    others = [touch for touch, part in held.items() if not part]
    # Times their number, so that what the others share stays whole.
    found = {touch: part * max(len(others), 1) for touch, part in held.items()}
    found |= dict.fromkeys(others, parts.others)
    return found if any(found.values()) else dict.fromkeys(found, 1)


def _newest_until(touches: Sequence[Touch], moment: datetime | None) -> Touch | None:
    if moment is None:
        return None
    return next((touch for touch in reversed(touches) if touch.at <= moment), None)
