"""Which value wins? SYNC.md section 4 in plain Python: slow, field by field, from the page and not from the SQL.

``merge`` says what both directions would do to one field; `value_of` reads what Salesforce wrote and what is stored
here into one canonical type. Nothing here knows how the product stores or computes anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from enum import Enum

Value = str | Decimal | int | bool | date | None

EMPTY = None


class Nothing(Enum):
    """Stands for what is not there: a base before the first agreement, a write that doesn't happen."""

    NOTHING = "nothing"


NOTHING = Nothing.NOTHING


@dataclass(frozen=True)
class Settings:
    """How one field is synchronised. Modes: none, fill, overwrite; policy: recent, salesforce, abmatic."""

    to_abmatic: str
    to_salesforce: str
    clear_with_empty: bool = False
    policy: str = "recent"
    update_in_abmatic: bool = True
    update_in_salesforce: bool = True


@dataclass(frozen=True)
class Outcome:
    """What becomes of one field."""

    abmatic: Value
    salesforce: Value
    conflict: bool = False


def merge(
    s: Value, a: Value, base: Value | Nothing, how: Settings, *, abmatic_is_later: bool = False, is_held: bool = False
) -> Outcome:
    """S, A and B in, both sides' new values out. ``abmatic_is_later`` matters to the "most recent change" policy.

    ``is_held``: S is exactly what came back of A, or both are exactly what an undo left: neither is written.
    """
    if is_held:
        return Outcome(a, s)
    outcome = _by_table(s, a, base, how, abmatic_is_later)
    # "Update in … off means no existing record of that side is touched."
    return Outcome(
        outcome.abmatic if how.update_in_abmatic else a,
        outcome.salesforce if how.update_in_salesforce else s,
        outcome.conflict,
    )


def is_tug_of_war(s: Value, sent: Value, how: Settings, *, by_itself: bool, times: int) -> bool:
    """Whether S, which came back of a write, is an answer of Salesforce's own automation that is to be left alone.

    ``by_itself``: nobody has changed the record since; ``times``: how often running the same has come back of the same.
    Where Abmatic takes Salesforce's value, or fills empty fields alone, a value that came back settles it.
    """
    if same(s, sent):
        return False
    if (how.to_abmatic == "overwrite" or how.to_salesforce != "overwrite") and s is not EMPTY:
        return False
    return by_itself or times >= 3


def base_after(outcome: Outcome, base: Value | Nothing) -> Value | Nothing:
    """ "After a field agrees, B := that value."."""
    return outcome.abmatic if same(outcome.abmatic, outcome.salesforce) else base


def same(one: Value, other: Value) -> bool:
    """Equal as values: 0, false and empty are three things."""
    return one == other and (one is EMPTY) == (other is EMPTY)


def _by_table(s: Value, a: Value, base: Value | Nothing, how: Settings, abmatic_is_later: bool) -> Outcome:
    unchanged = Outcome(a, s)
    if same(a, s):
        return unchanged
    s_empty, a_empty = s is EMPTY, a is EMPTY
    # "An empty value overwrites only where it is a change: B was not empty and that side emptied it. With 'clear with
    # empty values' on, an authoritative empty side clears regardless."
    was_something = base is not NOTHING and base is not EMPTY
    s_clears = s_empty and (was_something or how.clear_with_empty)
    a_clears = a_empty and (was_something or how.clear_with_empty)
    s_to_a, a_to_s = Outcome(s, s), Outcome(a, a)

    match how.to_abmatic, how.to_salesforce:
        case "none", "none":
            return unchanged
        case "fill", "none":
            return s_to_a if a_empty else unchanged
        case "overwrite", "none":
            return s_to_a if not s_empty or s_clears else unchanged
        case "none", "fill":
            return a_to_s if s_empty else unchanged
        case "none", "overwrite":
            return a_to_s if not a_empty or a_clears else unchanged
        case "fill", "fill":
            if a_empty:
                return s_to_a
            return a_to_s if s_empty else unchanged
        case "fill", "overwrite":
            # Abmatic is authoritative; A is filled from S while it is empty, unless it was emptied.
            if not a_empty or a_clears:
                return a_to_s
            return s_to_a
        case "overwrite", "fill":
            if not s_empty or s_clears:
                return s_to_a
            return a_to_s
        case "overwrite", "overwrite":
            return _three_way(s, a, base, how, abmatic_is_later)
        case _:
            raise AssertionError(how)


def _three_way(s: Value, a: Value, base: Value | Nothing, how: Settings, abmatic_is_later: bool) -> Outcome:
    s_to_a, a_to_s = Outcome(s, s), Outcome(a, a)
    if isinstance(base, Nothing):
        if a is EMPTY:
            return s_to_a
        if s is EMPTY:
            return a_to_s
        return a_to_s if how.policy == "abmatic" else s_to_a
    if same(a, base):
        return s_to_a
    if same(s, base):
        return a_to_s
    abmatic_wins = how.policy == "abmatic" or (how.policy == "recent" and abmatic_is_later)
    winner = a if abmatic_wins else s
    return Outcome(winner, winner, conflict=True)


class Unreadable(Enum):
    """A text that is no value of its field's type: it is not used, whatever the modes say."""

    UNREADABLE = "unreadable"


UNREADABLE = Unreadable.UNREADABLE


def value_of(kind: str, raw: object) -> Value | Unreadable:
    """The canonical value of what Salesforce wrote, or of what is stored here.

    ``kind``: text, email, number, integer, date, boolean. A checkbox has no empty state.
    """
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        return False if kind == "boolean" else EMPTY
    try:
        match kind:
            case "text":
                return str(raw)
            case "email":
                return str(raw).strip().lower()
            case "number":
                number = Decimal(str(raw)).quantize(Decimal("0.000001"), ROUND_HALF_UP)
                return number.normalize() + 0 if abs(number) < 10**20 else UNREADABLE
            case "integer":
                number = Decimal(str(raw))
                return int(number) if number == int(number) and abs(number) < 10**18 else UNREADABLE
            case "date":
                return date.fromisoformat(str(raw))
            case "boolean":
                return {"true": True, "1": True, "false": False, "0": False}[str(raw).lower()]
            case _:
                raise AssertionError(kind)
    except (ArithmeticError, ValueError, KeyError):
        return UNREADABLE
