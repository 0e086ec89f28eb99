"""The interval of a difference of shares, against the examples of the paper that it is taken from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abmatic.personalisation.intervals import Share, difference, wilson


# Newcombe 1998, table II, method 10, 95 %.
@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_the_papers_examples(one: tuple[int, int], other: tuple[int, int], low: float, high: float) -> None:
    found = difference(Share(*one), Share(*other), 0.95)
    assert found == pytest.approx((low, high), abs=0.00006)


SHARES = st.integers(1, 10_000).flatmap(lambda number: st.builds(Share, st.integers(0, number), st.just(number)))


@given(SHARES, SHARES, st.floats(0.5, 0.999))
def test_an_interval_holds_the_difference_and_mirrors(one: Share, other: Share, confidence: float) -> None:
    low, high = difference(one, other, confidence)
    assert -1 - 1e-9 <= low <= one.value - other.value + 1e-9
    assert one.value - other.value - 1e-9 <= high <= 1 + 1e-9
    assert difference(other, one, confidence) == pytest.approx((-high, -low), abs=1e-9)


@given(SHARES)
def test_surer_is_wider(share: Share) -> None:
    (low, high), (lower, higher) = wilson(share, 0.9), wilson(share, 0.99)
    assert 0 <= lower <= low + 1e-9 <= share.value + 2e-9
    assert share.value - 2e-9 <= high - 1e-9 <= higher <= 1
