"""The plan in force: which rules strike a call, and what waits until it is released."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from salesforce_emulator.bulk.breaking import BreakOff
from salesforce_emulator.faults.rules import Asked, BadPlan, Fault
from salesforce_emulator.store.conditions import NORMAL, Conditions

_JOB_STATES = {"job_failed": "Failed", "job_aborted": "Aborted"}


@dataclass(frozen=True)
class Struck:
    """What strikes one call: faults of its surroundings, and at most one of its answer."""

    surroundings: tuple[Fault, ...] = ()
    fault: Fault | None = None

    @property
    def conditions(self) -> Conditions:
        """Under which the store works on the call."""
        if not self.surroundings:
            return NORMAL
        told = {fault.action: fault for fault in reversed(self.surroundings)}  # of two the first holds
        behind, skew, locks = (told.get(name) for name in ("lag", "clock_skew", "row_locks"))
        return Conditions(
            behind=behind.options["seconds"] if behind else 0.0,
            skew=skew.options["seconds"] if skew else 0.0,
            locked=locks.locks if locks else None,
        )

    @property
    def break_off(self) -> BreakOff | None:
        """Where the Bulk job that the call makes ends."""
        state = _JOB_STATES.get(self.fault.action) if self.fault else None
        return BreakOff(state, self.fault.options["share"]) if self.fault and state else None

    @property
    def names(self) -> str | None:
        """The actions, for the log of calls."""
        all_of_them = [*self.surroundings, *([self.fault] if self.fault else [])]
        return ", ".join(fault.action for fault in all_of_them) or None


NOTHING = Struck()


@dataclass
class FaultPlan:
    """The rules in force. Thread-safe.

    ``released`` is what stalled and slow calls wait for.
    """

    faults: list[Fault] = field(default_factory=list)
    seed: int | str = 0
    lag: float = 0.0
    """Seconds that some query may be behind."""
    released: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def set(self, plan: object) -> None:
        """Replace the plan, and let go what the old one held up.

        :param plan: a list of rules, or an object of ``seed`` and ``rules``.
        :raises BadPlan: a rule that can't be followed; the old plan stays.
        """
        seed, rules = _seed_and_rules(plan)
        faults = [Fault.from_json(rule, number, str(seed)) for number, rule in enumerate(rules, 1)]
        with self._lock:
            self.faults, self.seed = faults, seed
            self.lag = max((f.options["seconds"] for f in faults if f.action == "lag"), default=0.0)
        self.release()

    def before(self, asked: Asked) -> Struck:
        """What strikes this call."""
        if not self.faults:
            return NOTHING
        # Outside the lock: a body may take its time to arrive.
        fitting = [fault for fault in list(self.faults) if fault.match.fits(asked)]
        with self._lock:
            surroundings = tuple(f for f in fitting if f.lasts and f.strikes())
            fault = next((f for f in fitting if not f.lasts and f.strikes()), None)
        return Struck(surroundings, fault)

    def release(self) -> None:
        """Let every call go on that a fault holds up now."""
        with self._lock:
            held, self.released = self.released, threading.Event()
        held.set()

    def report(self) -> dict[str, Any]:
        """The plan with its counts."""
        with self._lock:
            return {"seed": self.seed, "rules": [fault.report() for fault in self.faults]}


def _seed_and_rules(plan: object) -> tuple[int | str, list[object]]:
    if isinstance(plan, Mapping):
        for key in plan:
            if key not in ("seed", "rules"):
                raise BadPlan(f"{key}: no key of a plan; known are seed, rules")
        seed, rules = plan.get("seed", 0), plan.get("rules")
    else:
        seed, rules = 0, plan
    if not isinstance(rules, list):
        raise BadPlan('a fault plan is a JSON list of rules, or {"seed": …, "rules": […]}')
    if isinstance(seed, bool) or not isinstance(seed, int | str):
        raise BadPlan("seed: a whole number or a text is wanted")
    return seed, rules
