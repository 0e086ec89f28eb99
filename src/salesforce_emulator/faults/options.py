"""What each action may be told, and what it does untold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Check = Callable[[object], object]
"""Gives the value back, or raises ValueError with what is wanted instead."""


def whole(least: int | None = None, *, zero: bool = True) -> Check:
    """A whole number."""

    def check(value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError("a whole number is wanted")
        if least is not None and value < least:
            raise ValueError(f"a whole number of at least {least} is wanted")
        if not zero and value == 0:
            raise ValueError("a whole number other than 0 is wanted")
        return value

    return check


def number(least: float | None = 0.0, most: float | None = None) -> Check:
    """A number, whole or not."""

    def check(value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError("a number is wanted")
        if (least is not None and value < least) or (most is not None and value > most):
            between = f"of at least {least:g}" if most is None else f"from {least:g} to {most:g}"
            raise ValueError(f"a number {between} is wanted")
        return float(value)

    return check


def one_of(*allowed: str) -> Check:
    """One of a few words."""

    def check(value: object) -> object:
        if value not in allowed:
            raise ValueError(f"one of {', '.join(allowed)} is wanted")
        return value

    return check


def text(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("a text is wanted")
    return value


def some_text(value: object) -> object:
    if not isinstance(value, str) or not value:
        raise ValueError("a text that isn't empty is wanted")
    return value


def anything(value: object) -> object:
    return value


def headers(value: object) -> object:
    if not isinstance(value, Mapping):
        raise ValueError("an object of header names and values is wanted")
    return {str(name): str(said) for name, said in value.items()}


@dataclass(frozen=True)
class Action:
    """An action's options with their defaults (None: not told), and which of them it can't do without.

    ``lasts``: it changes the surroundings of a call, not its answer, and leaves the call to other rules.
    """

    checks: Mapping[str, Check] = field(default_factory=dict)
    defaults: Mapping[str, object] = field(default_factory=dict)
    needed: tuple[str, ...] = ()
    lasts: bool = False


_STATUS = whole(100)
_SHARE = number(0, 1)
_HALF = Action({"share": _SHARE}, {"share": 0.5})

ACTIONS: Mapping[str, Action] = {
    "status": Action(
        {"status": _STATUS, "body": anything, "headers": headers, "retry_after": number()}, {"status": 503}
    ),
    "html": Action({"status": _STATUS, "body": text, "headers": headers, "retry_after": number()}, {"status": 200}),
    "unauthorized": Action(),
    "session_expired": Action(),
    "token_revoked": Action(),
    "limit": Action(
        {
            "which": one_of("TotalRequests", "ConcurrentRequests", "ConcurrentPerOrgLongTxn"),
            "status": _STATUS,
            "headers": headers,
            "retry_after": number(),
        },
        {"which": "TotalRequests", "status": 403},
    ),
    "slow": Action({"seconds": number()}, {"seconds": 1.0}),
    "stalled": Action({"until": one_of("headers", "body"), "seconds": number()}, {"until": "body", "seconds": 60.0}),
    "cut": Action({"bytes": whole(0)}),
    "wrong_length": Action({"by": whole(zero=False)}, {"by": 1}),
    "reset": Action({"when": one_of("before", "after")}, {"when": "before"}),
    "locator_expired": Action(),
    "field_missing": Action({"field": some_text}, needed=("field",)),
    "row_count": Action({"count": whole()}),
    "no_locator": Action(),
    "job_failed": _HALF,
    "job_aborted": _HALF,
    "row_locks": Action({"share": _SHARE, "attempts": whole(0)}, {"share": 0.1, "attempts": 0}, lasts=True),
    "lag": Action({"seconds": number()}, {"seconds": 5.0}, lasts=True),
    "clock_skew": Action({"seconds": number(None)}, {"seconds": 5.0}, lasts=True),
}
