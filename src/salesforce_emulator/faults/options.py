"""What each action may be told, and what it does untold.

What is let through here is sent as it is, by a server that a malformed answer can end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Check = Callable[[object], object]
"""Gives the value back, or raises ValueError with what is wanted instead."""

_MOST = 2**53
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")
_FRAMING = ("connection", "content-length", "keep-alive", "transfer-encoding", "upgrade")


def whole(least: int | None = None, most: int = _MOST, *, zero: bool = True) -> Check:
    """A whole number."""

    def check(value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError("a whole number is wanted")
        if least is not None and value < least:
            raise ValueError(f"a whole number of at least {least} is wanted")
        if not -_MOST <= value <= most:
            raise ValueError(f"a whole number of at most {most} is wanted")
        if not zero and value == 0:
            raise ValueError("a whole number other than 0 is wanted")
        return value

    return check


def number(least: float, most: float) -> Check:
    """A number, whole or not."""

    def check(value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError("a number is wanted")
        if not least <= value <= most:  # nor is NaN
            raise ValueError(f"a number from {least:,.10g} to {most:,.10g} is wanted")
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
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("half a surrogate pair is no text") from None
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
    for name, said in value.items():
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a header")
        if name.lower() in _FRAMING:
            raise ValueError(f"{name} is the server's own to send; see cut, wrong_length and reset")
        if isinstance(said, bool) or not isinstance(said, str | int | float) or not _VALUE.fullmatch(str(said)):
            raise ValueError(f"{said!r} is no value of a header, {name}: one line of Latin-1 is wanted")
    return {name: str(said).strip() for name, said in value.items()}


@dataclass(frozen=True)
class Action:
    """An action's options with their defaults (None: not told), and which of them it can't do without.

    ``lasts``: it changes the surroundings of a call, not its answer, and leaves the call to other rules.
    """

    checks: Mapping[str, Check] = field(default_factory=dict)
    defaults: Mapping[str, object] = field(default_factory=dict)
    needed: tuple[str, ...] = ()
    lasts: bool = False


_STATUS = whole(100, 599)
_WAIT = number(0, 3600)
_RETRY_AFTER = number(0, 604_800)
_DAY, _YEAR = 86_400, 365 * 86_400
_SHARE = number(0, 1)
_HALF = Action({"share": _SHARE}, {"share": 0.5})

ACTIONS: Mapping[str, Action] = {
    "status": Action(
        {"status": _STATUS, "body": anything, "headers": headers, "retry_after": _RETRY_AFTER}, {"status": 503}
    ),
    "html": Action({"status": _STATUS, "body": text, "headers": headers, "retry_after": _RETRY_AFTER}, {"status": 200}),
    "unauthorized": Action(),
    "session_expired": Action(),
    "token_revoked": Action(),
    "limit": Action(
        {
            "which": one_of("TotalRequests", "ConcurrentRequests", "ConcurrentPerOrgLongTxn"),
            "status": _STATUS,
            "headers": headers,
            "retry_after": _RETRY_AFTER,
        },
        {"which": "TotalRequests", "status": 403},
    ),
    "slow": Action({"seconds": _WAIT}, {"seconds": 1.0}),
    "stalled": Action({"until": one_of("headers", "body"), "seconds": _WAIT}, {"until": "body", "seconds": 60.0}),
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
    "lag": Action({"seconds": number(0, _DAY)}, {"seconds": 5.0}, lasts=True),
    "clock_skew": Action({"seconds": number(-_YEAR, _YEAR)}, {"seconds": 5.0}, lasts=True),
}
