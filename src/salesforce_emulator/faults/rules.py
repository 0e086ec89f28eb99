"""One rule of a plan: which calls it is about, and which of those it strikes."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from salesforce_emulator.faults.locks import RowLocks
from salesforce_emulator.faults.options import ACTIONS, Action, number, some_text, text, whole

_KEYS = ("match", "after", "times", "p", "action")
_MATCH_KEYS = ("method", "path", "body", "user", "under_way")


class BadPlan(ValueError):
    """A plan that can't be followed; the message names the rule and the key."""


@dataclass(frozen=True)
class Asked:
    """A call as rules look at it. Body and user are only asked for by a rule that wants to know."""

    method: str
    path: str
    """With the query string."""
    body: Callable[[], str] = str
    user: Callable[[], frozenset[str]] = frozenset
    """What the user is known by: id and username; nothing where nobody is signed in."""
    under_way: int = 0
    """Other calls that are being answered."""


@dataclass(frozen=True)
class Match:
    """Which calls a rule is about."""

    method: str = ""
    path: re.Pattern[str] | None = None
    body: re.Pattern[str] | None = None
    user: str = ""
    under_way: int = 0

    def fits(self, asked: Asked) -> bool:
        return (
            self.method in ("", asked.method)
            and (self.path is None or self.path.search(asked.path) is not None)
            and self.under_way <= asked.under_way
            and (not self.user or self.user.lower() in {name.lower() for name in asked.user()})
            and (self.body is None or self.body.search(asked.body()) is not None)
        )


@dataclass
class Fault:
    """One rule of the plan, and how often it has matched and struck."""

    action: str
    match: Match
    after: int
    times: int
    p: float
    options: dict[str, Any]  # each action's own, checked; what wasn't told has its default
    said: dict[str, Any]  # the rule as sent
    chance: random.Random
    locks: RowLocks | None = None
    seen: int = 0
    struck: int = 0

    @classmethod
    def from_json(cls, rule: object, number_: int, seed: str) -> Fault:
        """A rule as sent.

        :param number_: its place in the plan, from 1 on.
        :raises BadPlan: it can't be followed.
        """
        if not isinstance(rule, dict):
            raise BadPlan(f"rule {number_}: a JSON object is wanted")
        reader = _Reader(rule, f"rule {number_}")
        name = reader.value("action", some_text, None)
        if name not in ACTIONS:
            raise reader.bad("action", f"{name!r} is not one of {', '.join(sorted(ACTIONS))}")
        action = ACTIONS[name]
        reader.only((*_KEYS, *action.checks), f" of {name}")
        lasts = action.lasts or "p" in rule
        stream = f"{seed}:{number_}"
        options = _options(reader, action)
        return cls(
            action=name,
            match=_match(reader),
            after=reader.value("after", whole(0), 0),
            times=reader.value("times", whole(0), 0 if lasts else 1),
            p=reader.value("p", number(0, 1), 1.0),
            options=options,
            said=rule,
            chance=random.Random(stream),  # noqa: S311  faults are to be foreseen  # nosec B311
            locks=RowLocks(stream, options["share"], options["attempts"]) if name == "row_locks" else None,
        )

    @property
    def lasts(self) -> bool:
        return ACTIONS[self.action].lasts

    def strikes(self) -> bool:
        """Count a call that matches, and say whether it is struck."""
        self.seen += 1
        if self.seen <= self.after or (self.times and self.struck >= self.times):
            return False
        if self.p < 1 and self.chance.random() >= self.p:
            return False
        self.struck += 1
        return True

    def report(self) -> dict[str, Any]:
        """The rule as sent, with its counts."""
        rows = {"rows": self.locks.refused} if self.locks is not None else {}
        return {**self.said, "seen": self.seen, "struck": self.struck, **rows}


@dataclass(frozen=True)
class _Reader:
    """Takes values out of an object of the plan, and says where one is wrong."""

    data: Mapping[str, Any]
    place: str
    path: str = ""

    def bad(self, key: str, why: str) -> BadPlan:
        return BadPlan(f"{self.place}: {self.path}{key}: {why}")

    def only(self, known: tuple[str, ...], whose: str = "") -> None:
        for key in self.data:
            if key not in known:
                raise self.bad(str(key), f"no key{whose}; known are {', '.join(known)}")

    def value(self, key: str, check: Callable[[object], object], default: object) -> Any:
        if key not in self.data:
            if default is None:
                raise self.bad(key, "is missing")
            return default
        try:
            return check(self.data[key])
        except ValueError as error:
            raise self.bad(key, str(error)) from None


def _options(reader: _Reader, action: Action) -> dict[str, Any]:
    for key in action.needed:
        if key not in reader.data:
            raise reader.bad(key, "is missing")
    told = {key: reader.value(key, check, "") for key, check in action.checks.items() if key in reader.data}
    return {**action.defaults, **told}


def _match(reader: _Reader) -> Match:
    found = reader.data.get("match", {})
    if not isinstance(found, dict):
        raise reader.bad("match", "an object is wanted")
    inner = _Reader(found, reader.place, "match.")
    inner.only(_MATCH_KEYS)
    return Match(
        method=str(inner.value("method", text, "")).upper(),
        path=_pattern(inner, "path"),
        body=_pattern(inner, "body"),
        user=inner.value("user", text, ""),
        under_way=inner.value("under_way", whole(0), 0),
    )


def _pattern(reader: _Reader, key: str) -> re.Pattern[str] | None:
    said = reader.value(key, text, "")
    if not said:
        return None
    try:
        return re.compile(said)
    except re.error as error:
        raise reader.bad(key, f"no regular expression: {error}") from None
