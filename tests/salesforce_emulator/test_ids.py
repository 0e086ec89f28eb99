"""Ids: fifteen characters, eighteen with a checksum, in the order of creation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesforce_emulator import ids

FIFTEEN = st.text(alphabet=ids.DIGITS, min_size=15, max_size=15)


def naive_checksum(id15: str) -> str:
    """SALESFORCE.md: "for each block of five characters a bit per upper-case letter, low bit first, indexes
    ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
    found = ""
    for block in (id15[:5], id15[5:10], id15[10:]):
        index = sum(2**place for place, char in enumerate(block) if char.isupper())
        found += letters[index]
    return found


@given(FIFTEEN)
def test_checksum_is_the_documented_one(id15: str) -> None:
    assert ids.to18(id15) == id15 + naive_checksum(id15)


@given(FIFTEEN)
def test_the_checksum_restores_a_lost_case(id15: str) -> None:
    full = ids.to18(id15)
    assert ids.to18(full.upper()) == full
    assert ids.to18(full.lower()) == full


def test_known_ids_of_real_orgs() -> None:
    assert ids.to18("750R0000000zxr8") == "750R0000000zxr8IAA"
    assert ids.to18("0054P00000AJCZN") == "0054P00000AJCZNQA5"


@pytest.mark.parametrize("text", ["", "001", "001000000000000!", "0" * 16, "0" * 17, "001000000000000???"])
def test_what_is_no_id(text: str) -> None:
    assert not ids.is_id(text)


@given(st.integers(1, 10**9), st.integers(1, 50))
def test_ids_rise_and_never_repeat(first: int, count: int) -> None:
    made = list(ids.sequence("001", first, count))
    assert made == sorted(set(made))
    assert all(i[:3] == "001" and ids.to18(i[:15]) == i for i in made)
    assert made[-1] == ids.make("001", first + count - 1)
