"""Chance repeats itself, and shares come out right."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesforce_emulator.data.generate.chance import Chance, Deck, Reservoir, weighted
from salesforce_emulator.data.generate.moments import Calendar
from salesforce_emulator.data.generate.world import code


def test_the_stream_of_a_seed_never_changes() -> None:
    """These numbers are promised for ever: a saved seed must give the same org after an upgrade."""
    chance = Chance(17, "accounts")
    assert [chance.bits(10) for _ in range(4)] == [386, 328, 316, 592]
    assert Chance(17, "accounts").bits(32) != Chance(17, "contacts").bits(32)


@given(st.integers(0, 10**6), st.integers(1, 4))
def test_a_deck_deals_every_card_once_before_any_again(seed: int, rounds: int) -> None:
    deck = Deck(Chance(seed, "deck"), {"a": 256, "b": 767, "c": 1})
    dealt = [card for _ in range(rounds * 64) for card in deck.deal(16)]
    assert Counter(dealt) == {"a": 256 * rounds, "b": 767 * rounds, "c": rounds}


@given(st.integers(0, 10**6))
def test_a_deck_looks_like_the_whole_from_the_beginning(seed: int) -> None:
    deck = Deck(Chance(seed, "deck"), {"a": 256, "b": 768})
    assert 15 <= Counter(deck.deal(100))["a"] <= 35


def test_weights_must_add_up() -> None:
    with pytest.raises(ValueError, match="add up to 63, not to 64"):
        weighted({"a": 60, "b": 3})


@given(st.sets(st.integers(0, 36**5 - 1), max_size=50))
def test_codes_are_five_characters_and_all_different(numbers: set[int]) -> None:
    codes = {code(number) for number in numbers}
    assert len(codes) == len(numbers)
    assert all(len(text) == 5 and text.isalnum() and text == text.lower() for text in codes)


def test_a_reservoir_keeps_a_bounded_sample_of_everything() -> None:
    reservoir: Reservoir[int] = Reservoir(Chance(1, "reservoir"), size=100)
    assert not reservoir
    for number in range(10_000):
        reservoir.offer(number)
    drawn = {reservoir.draw() for _ in range(2_000)}
    assert len(drawn) <= 100
    assert min(drawn) < 2_000
    assert max(drawn) > 8_000


@given(st.integers(0, 10**6), st.floats(0, 1))
def test_a_records_times_are_in_order(seed: int, share: float) -> None:
    calendar = Calendar(Chance(seed, "calendar"), date(2026, 10, 1))
    created, modified, stamp = calendar.history(calendar.along(share))
    assert "2020-10-02T00:00:00.000Z" <= created <= modified <= stamp < "2026-10-01T00:00:00.000Z"


def test_moments_are_written_as_salesforce_writes_them() -> None:
    calendar = Calendar(Chance(0, "calendar"), date(2026, 10, 1))
    assert calendar.text(0) == "2020-10-02T00:00:00.000Z"
    assert calendar.text(86_400 + 3_661) == "2020-10-03T01:01:01.000Z"
    assert calendar.day(86_399) == "2020-10-02"
