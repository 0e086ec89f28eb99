"""The credit models that learn from won and lost deals: Markov's removal effect, and Shapley's value, by channel.

**Markov** (Anderl et al. 2016, "Mapping the customer journey"): deals are walks from *start* over channels to *won* or
*lost*, the chance of each step counted from what happened. A channel's removal effect is the part of won deals that
would be lost if whoever comes to it went no further. Removing channel j loses exactly the walks that reach it and win
from there, so the effect is P(reach j) × P(win from j) / P(win), and one inverse of I − Q gives all of them.

**Shapley** (Zhao et al. 2018, "Shapley value methods for attribution modeling in online advertising"): what a set of
channels is worth is how many deals were won with touches of no other channel. For this worth the value is known in
closed form: each won deal is shared equally by the channels it had. Lost deals play no part in it.

Both answer shares by channel that add up to one. How far to trust them is said by an interval: the deals are drawn
again many times (each counted as often as a Poisson variable of mean one says; Chamandy et al. 2012), from a seed, so
that the same deals give the same figures.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby

from abmatic.audiences.counted import counted

VERSION = 1
# Fewer won deals than this say more about chance than about channels.
LEAST_WON = 50
RESAMPLES = 400
# Where deals went very many ways, they are drawn less often: so many walks in all, as far as that leaves enough draws.
_WALKS_DRAWN = 400_000
_LEAST_RESAMPLES = 20
SEED = 20_160_401
# The middle nine tenths of the draws.
LEVEL = 0.9

Shares = dict[str, float]


@dataclass(frozen=True, slots=True)
class Walk:
    """The channels that deals went through, the oldest first, and how many of these deals were won and lost."""

    channels: tuple[str, ...]
    won: int
    lost: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """A channel's share of the credit, 0 to 1, and the interval it lies in."""

    share: float
    low: float
    high: float


class TooFewWon(ValueError):
    """Not enough won deals with touches; the message says how many there are and how many are needed."""

    def __init__(self, won: int, least: int) -> None:
        self.won, self.least = won, least
        super().__init__(
            f"{counted(won, 'won deal')} with touches {'is' if won == 1 else 'are'} too few to learn from; "
            f"{least:,} are needed. "
            "Choose a longer range of dates, or a model that follows a rule."
        )


def markov(walks: Iterable[Walk]) -> Shares:
    """Each channel's removal effect, scaled so that they add up to one; nothing where no deal was won."""
    steps = _steps(walks)
    channels = sorted({channel for walk in steps for channel in walk.channels})
    if not channels or not any(walk.won for walk in steps):
        return {}
    place = {channel: index for index, channel in enumerate(channels, 1)}
    size = len(channels) + 1
    counts = [[0] * size for _ in range(size)]
    wins, totals = [0] * size, [0] * size
    for walk in steps:
        number = walk.won + walk.lost
        here = 0
        for channel in walk.channels:
            counts[here][place[channel]] += number
            totals[here] += number
            here = place[channel]
        wins[here] += walk.won
        totals[here] += number
    visits = _inverse([
        [(1.0 if row == column else 0.0) - counts[row][column] / totals[row] for column in range(size)]
        for row in range(size)
    ])  # fmt: skip
    direct = [wins[row] / totals[row] for row in range(size)]
    chance = [math.fsum(visits[row][column] * direct[column] for column in range(size)) for row in range(size)]
    effects = {
        channel: visits[0][index] / visits[index][index] * chance[index] / chance[0] for channel, index in place.items()
    }
    whole = math.fsum(effects.values())
    return {channel: effect / whole for channel, effect in effects.items()}


def shapley(walks: Iterable[Walk]) -> Shares:
    """Each channel's Shapley value among won deals, scaled so that they add up to one; nothing where none was won."""
    values: dict[str, float] = {}
    won = 0
    for walk in walks:
        if not walk.channels:
            continue
        channels = sorted(set(walk.channels))
        won += walk.won
        for channel in channels:
            values[channel] = values.get(channel, 0.0) + walk.won / len(channels)
    return {channel: values[channel] / won for channel in sorted(values)} if won else {}


METHODS: dict[str, Callable[[Iterable[Walk]], Shares]] = {"markov": markov, "shapley": shapley}


def resamples_of(walks: Iterable[Walk]) -> int:
    """How often deals are drawn again: the fewer times, the more different walks there are."""
    return max(_LEAST_RESAMPLES, min(RESAMPLES, _WALKS_DRAWN // max(len(_steps(walks)), 1)))


def require_enough_won(walks: Iterable[Walk], least_won: int) -> None:
    """Raises `TooFewWon`."""
    won = sum(walk.won for walk in _steps(walks))
    if won < max(least_won, 1):
        raise TooFewWon(won, least_won)


def estimate(
    method: str, walks: Sequence[Walk], *, least_won: int = LEAST_WON, resamples: int = RESAMPLES, seed: int = SEED
) -> dict[str, Estimate]:
    """Shares by channel with their intervals. Raises `TooFewWon`; KeyError for a method that isn't in `METHODS`."""
    rule = METHODS[method]
    require_enough_won(walks, least_won)
    known = sorted(_steps(walks), key=lambda walk: walk.channels)
    shares = rule(known)
    drawn: dict[str, list[float]] = {channel: [] for channel in shares}
    chance = random.Random(seed)  # noqa: S311  # statistics, no secret  # nosec B311
    for _ in range(resamples):
        again = rule(_drawn(known, chance))
        for channel, draws in drawn.items():
            draws.append(again.get(channel, 0.0))
    return {channel: _estimate(share, sorted(drawn[channel])) for channel, share in shares.items()}


def _estimate(share: float, draws: Sequence[float]) -> Estimate:
    if not draws:
        return Estimate(share, share, share)
    cut = int(len(draws) * (1 - LEVEL) / 2)
    return Estimate(share, min(share, draws[cut]), max(share, draws[-1 - cut]))


def _steps(walks: Iterable[Walk]) -> list[Walk]:
    """Walks without steps from a channel to itself, which change no chance of what comes after; alike ones together."""
    found: dict[tuple[str, ...], tuple[int, int]] = {}
    for walk in walks:
        channels = tuple(channel for channel, _ in groupby(walk.channels))
        if channels and walk.won + walk.lost:
            won, lost = found.get(channels, (0, 0))
            found[channels] = (won + walk.won, lost + walk.lost)
    return [Walk(channels, won, lost) for channels, (won, lost) in found.items()]


def _drawn(walks: Sequence[Walk], chance: random.Random) -> list[Walk]:
    drawn = [Walk(walk.channels, _poisson(walk.won, chance), _poisson(walk.lost, chance)) for walk in walks]
    return [walk for walk in drawn if walk.won or walk.lost]


def _poisson(mean: int, chance: random.Random) -> int:
    """A Poisson variable: by its distribution where the mean is small, else by the normal one it comes close to."""
    if mean == 0:
        return 0
    if mean > 60:
        return max(0, round(chance.gauss(mean, math.sqrt(mean))))
    return bisect_left(_distribution(mean), chance.random())


@cache
def _distribution(mean: int) -> list[float]:
    """P(X ≤ k) for k = 0, 1, …, as far as it differs from one."""
    chance = total = math.exp(-mean)
    found = [total]
    while 1 - total > 1e-12 and len(found) < 400:
        chance *= mean / len(found)
        total += chance
        found.append(total)
    return found


def _inverse(matrix: list[list[float]]) -> list[list[float]]:
    """The inverse by Gauss and Jordan, with pivots. It exists: every walk ends, so I − Q is regular."""
    size = len(matrix)
    rows = [[*row, *(1.0 if column == index else 0.0 for column in range(size))] for index, row in enumerate(matrix)]
    for column in range(size):
        pivot = max(range(column, size), key=lambda row: abs(rows[row][column]))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        head = rows[column][column]
        rows[column] = [value / head for value in rows[column]]
        for row in range(size):
            factor = rows[row][column]
            if row != column and factor:
                rows[row] = [value - factor * own for value, own in zip(rows[row], rows[column], strict=True)]
    return [row[size:] for row in rows]
