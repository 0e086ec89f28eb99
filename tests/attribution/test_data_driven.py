"""Markov and Shapley against an independent, slow computation: exact fractions, one removal and one order at a time."""

from __future__ import annotations

import random
from collections import Counter
from fractions import Fraction
from itertools import pairwise, permutations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from abmatic.attribution.data_driven import TooFewWon, Walk, estimate, markov, shapley

walks = st.lists(
    st.builds(
        Walk, st.lists(st.sampled_from("abcd"), min_size=0, max_size=6).map(tuple), st.integers(0, 9), st.integers(0, 9)
    ),
    min_size=1,
    max_size=8,
)


def chance_of_winning(given_walks: list[Walk], without: str | None) -> Fraction:
    """From start, where whoever comes to ``without`` is lost. Solves h = Ph by elimination, in fractions."""
    steps: Counter[tuple[str, str]] = Counter()
    for walk in given_walks:
        if walk.channels:
            for end, number in (("WON", walk.won), ("LOST", walk.lost)):
                for step in pairwise(("START", *walk.channels, end)):
                    steps[step] += number
    states = sorted({here for here, _ in steps if sum(steps[step] for step in steps if step[0] == here)} - {without})
    rows = []
    for here in states:
        total = sum(number for (state, _), number in steps.items() if state == here)
        row = [Fraction(int(here == there)) - Fraction(steps[here, there], total) for there in states]
        rows.append([*row, Fraction(steps[here, "WON"], total)])
    for place in range(len(states)):
        pivot = next(row for row in range(place, len(states)) if rows[row][place])
        rows[place], rows[pivot] = rows[pivot], rows[place]
        rows[place] = [value / rows[place][place] for value in rows[place]]
        for other in range(len(states)):
            if other != place:
                factor = rows[other][place]
                rows[other] = [a - factor * b for a, b in zip(rows[other], rows[place], strict=True)]
    return rows[states.index("START")][-1] if "START" in states else Fraction(0)


@given(walks)
def test_markov_is_what_removing_each_channel_by_itself_gives(of: list[Walk]) -> None:
    whole = chance_of_winning(of, None)
    channels = sorted({channel for walk in of if walk.won + walk.lost for channel in walk.channels})
    if not whole:
        assert markov(of) == {}
        return
    effects = {channel: 1 - chance_of_winning(of, channel) / whole for channel in channels}
    expected = {channel: effect / sum(effects.values()) for channel, effect in effects.items()}
    assert markov(of) == pytest.approx({channel: float(share) for channel, share in expected.items()}, abs=1e-9)


@settings(max_examples=50)
@given(walks)
def test_shapley_is_the_mean_over_every_order_of_the_channels(of: list[Walk]) -> None:
    channels = sorted({channel for walk in of for channel in walk.channels})

    def worth(coalition: set[str]) -> int:
        return sum(walk.won for walk in of if walk.channels and set(walk.channels) <= coalition)

    whole = worth(set(channels))
    if not whole:
        assert shapley(of) == {}
        return
    orders = list(permutations(channels))
    value = dict.fromkeys(channels, 0)
    for order in orders:
        for place, channel in enumerate(order):
            value[channel] += worth({*order[: place + 1]}) - worth({*order[:place]})
    expected = {channel: total / len(orders) / whole for channel, total in value.items()}
    assert shapley(of) == pytest.approx(expected, abs=1e-9)


@given(walks, st.randoms())
def test_shares_add_up_to_one_in_any_order_of_the_deals(of: list[Walk], chance: random.Random) -> None:
    assume(any(walk.won and walk.channels for walk in of))
    mixed = list(of)
    chance.shuffle(mixed)
    for method in (markov, shapley):
        assert sum(method(of).values()) == pytest.approx(1)
        assert method(mixed) == pytest.approx(method(of))


def test_by_hand_a_channel_that_every_deal_went_through_has_more() -> None:
    # 10 deals: a→b 4 won, b 1 won, a 5 lost. P(win) = 1/2. Without a: 1/10, effect 4/5. Without b: 0, effect 1.
    of = [Walk(("a", "b"), 4, 0), Walk(("b",), 1, 0), Walk(("a",), 0, 5)]
    assert markov(of) == pytest.approx({"a": 0.8 / 1.8, "b": 1 / 1.8})
    # The four are shared 2 : 2, the one is b's.
    assert shapley(of) == pytest.approx({"a": 0.4, "b": 0.6})


def test_staying_in_a_channel_changes_nothing() -> None:
    assert markov([Walk(("a", "a", "b"), 3, 1), Walk(("b", "b"), 1, 2)]) == pytest.approx(
        markov([Walk(("a", "b"), 3, 1), Walk(("b",), 1, 2)])
    )


MANY = [Walk(("a", "b"), 40, 20), Walk(("b",), 20, 60), Walk(("c", "a"), 5, 5)]


@pytest.mark.parametrize("method", ["markov", "shapley"])
def test_intervals_hold_the_estimate_and_come_out_the_same_again(method: str) -> None:
    found = estimate(method, MANY)
    assert set(found) == {"a", "b", "c"}
    for one in found.values():
        assert 0 <= one.low <= one.share <= one.high <= 1
        assert one.low < one.high
    assert estimate(method, list(reversed(MANY))) == found
    assert estimate(method, MANY, seed=7) != found


@pytest.mark.parametrize("method", ["markov", "shapley"])
def test_the_more_deals_the_narrower_the_interval(method: str) -> None:
    few, many = estimate(method, MANY), estimate(method, [Walk(w.channels, w.won * 30, w.lost * 30) for w in MANY])
    for channel, one in few.items():
        assert many[channel].high - many[channel].low < one.high - one.low
        assert many[channel].share == pytest.approx(one.share)


def test_too_few_won_deals_are_refused_with_the_reason_and_the_remedy() -> None:
    few = [Walk(("a",), 49, 1_000), Walk((), 500, 0)]
    with pytest.raises(TooFewWon, match=r"49 won deals with touches are too few.*50 are needed.*longer range"):
        estimate("markov", few)
    assert estimate("markov", few, least_won=49)["a"].share == 1
