"""The plain statement of the merge rules: SYNC.md section 4 row by row, and what must follow from it for any values."""

from __future__ import annotations

import itertools

import pytest
from tests.sync.plain_merge import EMPTY, NOTHING, Nothing, Outcome, Settings, Value, base_after, merge

MODES = ("none", "fill", "overwrite")
POLICIES = ("recent", "salesforce", "abmatic")
STATES: tuple[Value, ...] = (EMPTY, "x", "y", "z", 0, False)
ALL = [
    Settings(to_abmatic, to_salesforce, clear, policy)
    for to_abmatic, to_salesforce, clear, policy in itertools.product(MODES, MODES, (False, True), POLICIES)
]
BASES: tuple[Value | Nothing, ...] = (NOTHING, *STATES)


def ab(s: Value, a: Value, base: Value | Nothing, *modes: str, **more: object) -> tuple[Value, Value]:
    later = bool(more.pop("abmatic_is_later", False))
    outcome = merge(s, a, base, Settings(*modes, **more), abmatic_is_later=later)  # type: ignore[arg-type]
    return outcome.abmatic, outcome.salesforce


# S, A, B, to Abmatic, to Salesforce -> A, S
TABLE = [
    (("x", EMPTY, NOTHING, "none", "none"), (EMPTY, "x")),
    (("x", EMPTY, NOTHING, "fill", "none"), ("x", "x")),
    (("x", "y", NOTHING, "fill", "none"), ("y", "x")),
    (("x", 0, NOTHING, "fill", "none"), (0, "x")),
    (("x", False, NOTHING, "fill", "none"), (False, "x")),
    (("x", "y", NOTHING, "overwrite", "none"), ("x", "x")),
    ((EMPTY, "y", NOTHING, "overwrite", "none"), ("y", EMPTY)),
    ((EMPTY, "y", EMPTY, "overwrite", "none"), ("y", EMPTY)),
    ((EMPTY, "y", "y", "overwrite", "none"), (EMPTY, EMPTY)),
    ((EMPTY, "y", "x", "overwrite", "none"), (EMPTY, EMPTY)),
    ((0, "y", NOTHING, "overwrite", "none"), (0, 0)),
    ((EMPTY, "y", NOTHING, "none", "fill"), ("y", "y")),
    (("x", "y", NOTHING, "none", "fill"), ("y", "x")),
    ((0, "y", NOTHING, "none", "fill"), ("y", 0)),
    (("x", "y", NOTHING, "none", "overwrite"), ("y", "y")),
    (("x", EMPTY, NOTHING, "none", "overwrite"), (EMPTY, "x")),
    (("x", EMPTY, "x", "none", "overwrite"), (EMPTY, EMPTY)),
    (("x", EMPTY, NOTHING, "fill", "fill"), ("x", "x")),
    ((EMPTY, "y", NOTHING, "fill", "fill"), ("y", "y")),
    (("x", "y", NOTHING, "fill", "fill"), ("y", "x")),
    (("x", "y", NOTHING, "fill", "overwrite"), ("y", "y")),
    (("x", EMPTY, NOTHING, "fill", "overwrite"), ("x", "x")),
    (("x", EMPTY, "x", "fill", "overwrite"), (EMPTY, EMPTY)),
    (("x", "y", NOTHING, "overwrite", "fill"), ("x", "x")),
    ((EMPTY, "y", NOTHING, "overwrite", "fill"), ("y", "y")),
    ((EMPTY, "y", "y", "overwrite", "fill"), (EMPTY, EMPTY)),
    (("x", "y", "y", "overwrite", "overwrite"), ("x", "x")),
    (("x", "y", "x", "overwrite", "overwrite"), ("y", "y")),
    (("x", "y", "z", "overwrite", "overwrite"), ("x", "x")),
    ((EMPTY, "y", "y", "overwrite", "overwrite"), (EMPTY, EMPTY)),
    (("x", EMPTY, "x", "overwrite", "overwrite"), (EMPTY, EMPTY)),
    (("x", EMPTY, NOTHING, "overwrite", "overwrite"), ("x", "x")),
    ((EMPTY, "y", NOTHING, "overwrite", "overwrite"), ("y", "y")),
    (("x", "y", NOTHING, "overwrite", "overwrite"), ("x", "x")),
]


@pytest.mark.parametrize(("given", "wanted"), TABLE)
def test_the_table(given: tuple[Value, Value, Value | Nothing, str, str], wanted: tuple[Value, Value]) -> None:
    s, a, base, *modes = given
    assert ab(s, a, base, *modes) == wanted


def test_both_changed_to_different_values_is_a_conflict_that_the_policy_decides() -> None:
    both = ("overwrite", "overwrite")
    assert merge("x", "y", "z", Settings(*both, policy="salesforce")) == Outcome("x", "x", conflict=True)
    assert merge("x", "y", "z", Settings(*both, policy="abmatic")) == Outcome("y", "y", conflict=True)
    recent = Settings(*both, policy="recent")
    assert merge("x", "y", "z", recent, abmatic_is_later=True) == Outcome("y", "y", conflict=True)
    assert merge("x", "y", "z", recent, abmatic_is_later=False) == Outcome("x", "x", conflict=True)
    assert merge("x", "x", "z", recent) == Outcome("x", "x")


def test_clear_with_empty_lets_the_authoritative_side_clear_regardless() -> None:
    assert ab(EMPTY, "y", NOTHING, "overwrite", "none", clear_with_empty=True) == (EMPTY, EMPTY)
    assert ab(EMPTY, "y", NOTHING, "overwrite", "fill", clear_with_empty=True) == (EMPTY, EMPTY)
    assert ab("x", EMPTY, NOTHING, "none", "overwrite", clear_with_empty=True) == (EMPTY, EMPTY)
    assert ab("x", EMPTY, NOTHING, "fill", "overwrite", clear_with_empty=True) == (EMPTY, EMPTY)
    # Nobody is authoritative here: the side that is not empty wins, as without the setting.
    assert ab(EMPTY, "y", NOTHING, "overwrite", "overwrite", clear_with_empty=True) == ("y", "y")
    assert ab(EMPTY, "y", NOTHING, "fill", "fill", clear_with_empty=True) == ("y", "y")


@pytest.mark.parametrize(
    "how", ALL, ids=lambda how: f"{how.to_abmatic}-{how.to_salesforce}-{how.clear_with_empty}-{how.policy}"
)
def test_what_holds_for_any_values(how: Settings) -> None:
    for s, a, base, later in itertools.product(STATES, STATES, BASES, (False, True)):
        said = (s, a, base, later)
        first = merge(s, a, base, how, abmatic_is_later=later)
        # Nothing is made up.
        assert first.abmatic in (s, a), said
        assert first.salesforce in (s, a), said
        # A side that doesn't receive keeps what it has; one that is only filled keeps any value.
        if how.to_abmatic == "none" or (how.to_abmatic == "fill" and a is not EMPTY):
            assert first.abmatic is a, said
        if how.to_salesforce == "none" or (how.to_salesforce == "fill" and s is not EMPTY):
            assert first.salesforce is s, said
        # Settled after one round: again, with nothing changed, nothing is written, and nothing is a conflict.
        again = merge(first.salesforce, first.abmatic, base_after(first, base), how, abmatic_is_later=later)
        assert again == Outcome(first.abmatic, first.salesforce), said


def test_a_side_that_may_not_be_updated_is_never_touched() -> None:
    for how, s, a, base in itertools.product(ALL, STATES, STATES, BASES):
        modes = (how.to_abmatic, how.to_salesforce, how.clear_with_empty, how.policy)
        assert merge(s, a, base, Settings(*modes, update_in_abmatic=False)).abmatic is a
        assert merge(s, a, base, Settings(*modes, update_in_salesforce=False)).salesforce is s
