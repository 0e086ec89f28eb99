"""Who is in an audience, as a table; and what chance gives, to everybody the same and to each part its share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import sqrt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abmatic.personalisation.choosing import Audience, Facts, fits, variant_of

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
UTM = {"source": "News", "medium": "email"}


@pytest.mark.parametrize(
    ("rules", "facts", "is_in"),
    [
        ({}, {}, True),
        ({"known": "known"}, {"is_known": True}, True),
        ({"known": "known"}, {}, False),
        ({"known": "unknown"}, {}, True),
        ({"known": "unknown"}, {"is_known": True}, False),
        ({"visit": "first"}, {}, True),
        ({"visit": "first"}, {"is_returning": True}, False),
        ({"visit": "returning"}, {}, False),
        ({"visit": "returning"}, {"is_returning": True}, True),
        ({"utm": (("source", "news"),)}, {"utm": UTM}, True),
        ({"utm": (("source", "NEWS"), ("medium", "email"))}, {"utm": UTM}, True),
        ({"utm": (("source", "news"), ("campaign", "may"))}, {"utm": UTM}, False),
        ({"utm": (("source", "new"),)}, {"utm": UTM}, False),
        ({"collection": 7}, {"collections": frozenset({7, 8})}, True),
        ({"collection": 7}, {"collections": frozenset({8})}, False),
        ({"collection": 7}, {}, False),
        ({"collection": 7, "visit": "returning"}, {"collections": frozenset({7})}, False),
        ({"collection": 7, "visit": "returning"}, {"collections": frozenset({7}), "is_returning": True}, True),
    ],
)
def test_all_rules_that_are_set_must_fit(rules: dict[str, Any], facts: dict[str, Any], is_in: bool) -> None:
    assert fits(Audience(**rules), Facts(**facts)) is is_in


@pytest.mark.parametrize(
    ("starts", "ends", "runs"),
    [
        (None, None, True),
        (0, None, True),
        (1, None, False),
        (None, 1, True),
        (None, 0, False),
        (-2, -1, False),
        (-1, 1, True),
    ],
)
def test_it_runs_from_its_start_to_before_its_end(starts: int | None, ends: int | None, runs: bool) -> None:
    def moment(hours: int | None) -> datetime | None:
        return None if hours is None else NOW + timedelta(hours=hours)

    assert Audience(starts_at=moment(starts), ends_at=moment(ends)).is_running(NOW) is runs


WEIGHTS = st.lists(st.integers(0, 1_000), min_size=1, max_size=5).map(lambda all_: list(enumerate(all_, 1)))
PEOPLE = [f"visitor {number}" for number in range(20_000)]


@given(st.integers(1, 2**63 - 1), st.text(max_size=40), st.integers(0, 90), WEIGHTS)
def test_chance_decides_the_same_each_time_and_only_what_can_be(
    experience: int, who: str, control: int, weights: list[tuple[int, int]]
) -> None:
    given_ = variant_of(experience, who, control, weights)
    assert given_ == variant_of(experience, who, control, list(weights))
    assert given_ is None or dict(weights)[given_] > 0
    if not any(weight for _, weight in weights):
        assert given_ is None
    elif control == 0:
        assert given_ is not None


@pytest.mark.parametrize(
    ("control", "weights"),
    [
        (0, [1]),
        (10, [1]),
        (50, [1]),
        (90, [1]),
        (0, [1, 1]),
        (10, [1, 1, 1]),
        (20, [3, 1]),
        (33, [1, 0, 999]),
        (5, [7, 11, 13]),
    ],
)
def test_each_part_gets_its_share(control: int, weights: list[int]) -> None:
    pairs = list(enumerate(weights, 1))
    for experience in (1, 2, 987_654_321):
        got = [variant_of(experience, who, control, pairs) for who in PEOPLE]
        for variant, weight in [(None, None), *pairs]:
            share = control / 100 if weight is None else (100 - control) / 100 * weight / sum(weights)
            # Within five standard deviations of a fair draw; the hash being fixed, this never comes out differently.
            bound = 5 * sqrt(share * (1 - share) * len(PEOPLE))
            assert abs(got.count(variant) - share * len(PEOPLE)) <= bound


def test_experiences_are_drawn_independently() -> None:
    both = sum(variant_of(1, who, 50, [(1, 1)]) == variant_of(2, who, 50, [(1, 1)]) for who in PEOPLE)
    assert abs(both - len(PEOPLE) / 2) <= 5 * sqrt(len(PEOPLE) / 4)


@given(st.integers(1, 10**6), st.text(max_size=40), st.integers(0, 90), st.integers(0, 90), WEIGHTS)
def test_a_larger_control_group_takes_in_whoever_was_in_the_smaller(
    experience: int, who: str, one: int, other: int, weights: list[tuple[int, int]]
) -> None:
    if variant_of(experience, who, min(one, other), weights) is None:
        assert variant_of(experience, who, max(one, other), weights) is None
