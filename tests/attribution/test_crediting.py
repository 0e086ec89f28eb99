"""The credit models that follow a rule, held against a table worked out by hand and against what must always hold."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abmatic.attribution.crediting import MODELS, Parts, PartsRefused, Path, Rules, Touch, UnknownModel, weights
from abmatic.attribution.dividing import NothingToDivideBy, divide, rounded_together

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


def day(number: float) -> datetime:
    return BEGIN + timedelta(days=number)


def path(*days: float, lead: float | None = None, opportunity: float | None = None) -> Path:
    """Touches 1, 2, 3, … on these days."""
    return Path(
        tuple(Touch(number, day(each)) for number, each in enumerate(days, 1)),
        None if lead is None else day(lead),
        None if opportunity is None else day(opportunity),
    )


def shares(model: str, of: Path, rules: Rules | None = None) -> list[Fraction]:
    """In the order of the touches' ids."""
    found = weights(of, model, rules)
    return [Fraction(found[touch], sum(found.values())) for touch in sorted(found)]


# Touches on days 0, 7, 14, 21; the lead was created on day 8, the opportunity on day 15: touches 2 and 3 are nearest.
FOUR = path(0, 7, 14, 21, lead=8, opportunity=15)
RULES = Rules(half_life_days=7, custom=Parts(first=10, lead=20, opportunity=30, last=40, others=0))

# In hundredths of the deal unless said otherwise.
TABLE = [
    # One touch has it all, whatever the model.
    *((name, path(3, lead=4, opportunity=5), [100], 100) for name in MODELS),
    ("first", FOUR, [100, 0, 0, 0], 100),
    ("last", FOUR, [0, 0, 0, 100], 100),
    ("linear", FOUR, [25, 25, 25, 25], 100),
    ("u_shaped", FOUR, [40, 10, 10, 40], 100),
    ("w_shaped", FOUR, [30, 30, 30, 10], 100),
    ("custom", FOUR, [10, 20, 30, 40], 100),
    # A week is a half-life: 1/8 + 1/4 + 1/2 + 1 = 15/8.
    ("time_decay", FOUR, [1, 2, 4, 8], 15),
    # Two touches: nobody is in the middle, so 40 : 40.
    ("u_shaped", path(0, 7), [50, 50], 100),
    ("time_decay", path(0, 7), [1, 2], 3),
    # Three: the one in the middle has the 20 alone.
    ("u_shaped", path(0, 1, 2), [40, 20, 40], 100),
    # W without the lead's moment: 30 : 30 of first and opportunity, 10 shared by two others.
    ("w_shaped", path(0, 7, 14, 21, opportunity=15), [30, 5, 30, 5], 70),
    # W without either: 30 first, 10 shared by three others.
    ("w_shaped", path(0, 7, 14, 21), [90, 10, 10, 10], 120),
    # The lead was created before any touch: nobody led to it.
    ("w_shaped", path(5, 7, lead=4, opportunity=8), [50, 50], 100),
    # One touch may be the first and the one that made the lead: 60, and 30 for the opportunity's.
    ("w_shaped", path(0, 14, lead=1, opportunity=15), [2, 1], 3),
    # First touch, lead and opportunity at once: 90, and the other one has the 10.
    ("w_shaped", path(0, 20, lead=1, opportunity=2), [90, 10], 100),
    # A touch at the very moment counts as before it.
    ("w_shaped", path(0, 7, 14, 21, lead=7, opportunity=14), [30, 30, 30, 10], 100),
    # Of the parts 10, 20, 30, 40 the ones for lead and opportunity are held by nobody: 10 : 40, the middle has none.
    ("custom", path(0, 7, 14), [1, 0, 4], 5),
]


@pytest.mark.parametrize(("model", "of", "parts", "whole"), TABLE)
def test_shares_are_those_worked_out_by_hand(model: str, of: Path, parts: list[int], whole: int) -> None:
    assert shares(model, of, RULES) == [Fraction(part, whole) for part in parts]


def test_a_path_in_which_nobody_holds_a_part_is_credited_equally() -> None:
    only_lead = Rules(custom=Parts(lead=100))
    assert shares("custom", path(0, 1, 2, 3), only_lead) == [Fraction(1, 4)] * 4


def test_a_model_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(UnknownModel, match=r"“z”.*first, last, linear"):
        weights(FOUR, "z")


def test_no_touches_have_no_weights() -> None:
    assert weights(Path(()), "linear") == {}


@pytest.mark.parametrize(("parts", "reason"), [((50, 0, 0, 49, 0), "come to 99"), ((-10, 110, 0, 0, 0), "below zero")])
def test_parts_that_make_no_whole_are_refused(parts: tuple[int, ...], reason: str) -> None:
    with pytest.raises(PartsRefused, match=reason):
        Parts(*parts)


@st.composite
def any_parts(draw: st.DrawFn) -> Parts:
    cuts = sorted(draw(st.lists(st.integers(0, 100), min_size=4, max_size=4)))
    bounds = [0, *cuts, 100]
    return Parts(*(high - low for low, high in pairwise(bounds)))


moments = st.integers(0, 90 * 24 * 60).map(lambda minutes: BEGIN + timedelta(minutes=minutes))
paths = st.builds(
    lambda times, lead, opportunity: Path(
        tuple(Touch(number, at) for number, at in enumerate(times, 1)), lead, opportunity
    ),
    st.lists(moments, min_size=1, max_size=12), st.none() | moments, st.none() | moments,
)  # fmt: skip
rules = st.builds(Rules, st.integers(1, 60), any_parts())
models = st.sampled_from(sorted(MODELS))


@given(models, paths, rules)
def test_shares_add_up_to_one_and_none_is_below_zero(model: str, of: Path, by: Rules) -> None:
    found = shares(model, of, by)
    assert sum(found) == 1
    assert min(found) >= 0


@given(models, paths, rules, st.randoms())
def test_the_order_of_the_touches_given_changes_nothing(model: str, of: Path, by: Rules, chance: random.Random) -> None:
    mixed = list(of.touches)
    chance.shuffle(mixed)
    assert weights(Path(tuple(mixed), of.lead_at, of.opportunity_at), model, by) == weights(of, model, by)


@given(st.sampled_from(["linear", "time_decay"]), paths, rules, moments, st.sets(st.integers(1, 12)))
def test_another_touch_of_a_channel_never_lowers_its_share(
    model: str, of: Path, by: Rules, at: datetime, channel: set[int]
) -> None:
    before, after = weights(of, model, by), weights(Path((*of.touches, Touch(99, at))), model, by)
    had = Fraction(sum(before[touch] for touch in before if touch in channel), sum(before.values()))
    has = Fraction(sum(after[touch] for touch in after if touch in channel or touch == 99), sum(after.values()))
    # Weights of time decay are rounded to the twelfth digit.
    assert has >= had - Fraction(1, 10**10)


@given(paths, rules, st.integers(1, 40))
def test_time_decay_looks_at_the_distances_alone(of: Path, by: Rules, days: int) -> None:
    later = Path(tuple(Touch(touch.id, touch.at + timedelta(days=days)) for touch in of.touches))
    assert weights(later, "time_decay", by) == weights(of, "time_decay", by)


def test_a_longer_half_life_brings_time_decay_nearer_to_linear() -> None:
    oldest = [shares("time_decay", FOUR, Rules(half_life_days=days))[0] for days in (1, 7, 30, 365)]
    assert oldest == sorted(oldest)
    assert oldest[-1] < Fraction(1, 4)


@pytest.mark.parametrize(
    ("total", "parts", "divided"),
    [
        (10_000, [1, 1, 1], [3_334, 3_333, 3_333]),
        (1, [1, 1, 1], [1, 0, 0]),
        (2, [1, 1, 1], [1, 1, 0]),
        # 33.33… % and 66.66… %: the second loses more by rounding down.
        (100, [1, 2], [33, 67]),
        (0, [3, 4], [0, 0]),
        (-100, [1, 2], [-33, -67]),
        (7, [0, 5, 0], [0, 7, 0]),
    ],
)
def test_cents_go_where_most_was_lost(total: int, parts: list[int], divided: list[int]) -> None:
    assert divide(total, parts) == divided


@given(st.integers(-(10**18), 10**18), st.lists(st.integers(0, 10**14), min_size=1, max_size=30).filter(any))
def test_parts_add_up_to_the_cent_and_none_is_a_cent_off(total: int, parts: list[int]) -> None:
    divided = divide(total, parts)
    assert sum(divided) == total
    for got, weight in zip(divided, parts, strict=True):
        assert abs(got - Fraction(total * weight, sum(parts))) < 1


fractions = st.fractions(-(10**6), 10**6, max_denominator=997)


@given(st.lists(fractions, max_size=30))
def test_values_rounded_together_come_to_the_rounded_sum(values: list[Fraction]) -> None:
    rounded = rounded_together(values)
    assert sum(rounded) == round(sum(values, Fraction(0)))
    for got, value in zip(rounded, values, strict=True):
        assert abs(got - value) < 1


@pytest.mark.parametrize("parts", [[0, 0], [], [1, -1]])
def test_nothing_to_divide_by_is_said(parts: list[int]) -> None:
    with pytest.raises(NothingToDivideBy):
        divide(100, parts)
