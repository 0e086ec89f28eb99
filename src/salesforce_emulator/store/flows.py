"""Before-save flows: what an org's own automation makes of a record while it is being saved.

Each is a record-triggered flow of the kind "before save", as far as it assigns values to the record's own fields; the
names are those of the Metadata API where there is one (triggerType RecordBeforeSave is the only kind)::

    {"object": "Account", "fullName": "Cities_in_capitals", "active": true,
     "recordTriggerType": "CreateAndUpdate", "filterFormula": "NOT(ISBLANK(BillingCity))",
     "assignments": [{"field": "BillingCity", "formula": "UPPER(BillingCity)"}]}

They run as the user who saves, in his transaction, before validation rules: whoever writes a value is told of success,
and reads another one back.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from salesforce_emulator.formula import Formula, FormulaError, Value, compile_formula
from salesforce_emulator.formula.values import kind_of
from salesforce_emulator.schema import Field, Schema, SObject
from salesforce_emulator.store.change import Change
from salesforce_emulator.store.coerce import coerce
from salesforce_emulator.store.wording import BadRule, Json, entries, flag, known_object, only, text

if TYPE_CHECKING:
    from salesforce_emulator.store.rows import Values
    from salesforce_emulator.store.session import Session

_KEYS = ("object", "fullName", "active", "description", "recordTriggerType", "filterFormula", "assignments")
_TRIGGERS = ("Create", "Update", "CreateAndUpdate")
_KINDLESS = frozenset({"picklist", "multipicklist", "combobox"})
"""Fields that a formula can't be of the kind of: they take a text."""


@dataclass(frozen=True)
class Flow:
    """``filter``: a formula that must be true of the record, or ""; ``assignments``: fields and their formulas."""

    sobject: str
    name: str
    active: bool
    trigger: str
    filter: str
    assignments: tuple[tuple[str, str], ...]

    @classmethod
    def kept(cls, json: Json) -> Flow:
        """A flow as it was kept. Its fields may be gone since."""
        return cls(
            json["object"],
            json["fullName"],
            json["active"],
            json["recordTriggerType"],
            json.get("filterFormula", ""),
            tuple((each["field"], each["formula"]) for each in json["assignments"]),
        )

    def to_json(self) -> dict[str, object]:
        return {
            "object": self.sobject,
            "fullName": self.name,
            "active": self.active,
            "recordTriggerType": self.trigger,
            **({"filterFormula": self.filter} if self.filter else {}),
            "assignments": [{"field": field, "formula": formula} for field, formula in self.assignments],
        }


@dataclass(frozen=True)
class _Ready:
    """A flow of one schema, ready to run."""

    flow: Flow
    filter: Formula | None
    assignments: tuple[tuple[Field, Formula], ...]

    def runs_on(self, change: Change) -> bool:
        wanted = "Create" if change.is_new else "Update"
        if self.flow.trigger not in (wanted, "CreateAndUpdate"):
            return False
        return self.filter is None or bool(self.filter.evaluate(change))


def read_flow(given: Json, schema: Schema) -> Flow:
    """Read a flow and check it against the org's objects.

    :raises BadRule: it says something that can't be followed.
    """
    where = f"before-save flow {given.get('fullName', '?')}"
    only(given, _KEYS, where)
    sobject = known_object(given, schema, where)
    name, trigger = text(given, "fullName", where), str(given.get("recordTriggerType", "CreateAndUpdate"))
    if trigger not in _TRIGGERS:
        raise BadRule(f"{where}: recordTriggerType is one of {', '.join(_TRIGGERS)}, not {trigger}")
    condition = str(given.get("filterFormula") or "")
    assignments = []
    for each in entries(given, "assignments", where):
        only(each, ("field", "formula"), where)
        assignments.append((text(each, "field", where), text(each, "formula", where)))
    if not assignments:
        raise BadRule(f"{where}: assignments is empty")
    active = flag(given, "active", where, default=True)
    flow = Flow(sobject.name, name, active, trigger, condition, tuple(assignments))
    _compiled(flow, schema, sobject, where)
    return flow


def _compiled(flow: Flow, schema: Schema, sobject: SObject, where: str) -> _Ready:
    """
    :raises BadRule: a field or a formula can't be followed.
    """
    try:
        condition = compile_formula(flow.filter, schema, sobject, expected="Boolean") if flow.filter else None
        assignments = []
        for name, formula in flow.assignments:
            field = sobject.get(name)
            if field is None or not field.updateable:
                raise BadRule(f"{where}: there is no field {name} on {sobject.name} that can be assigned")
            expected = "Text" if field.type in _KINDLESS else kind_of(field)
            assignments.append((field, compile_formula(formula, schema, sobject, expected=expected)))
    except FormulaError as error:
        raise BadRule(f"{where}: {error}") from None
    return _Ready(flow, condition, tuple(assignments))


class Flows:
    """The before-save flows of an org. Thread-safe: a change makes another dictionary."""

    def __init__(self, flows: Iterable[Flow] = ()) -> None:
        self._lock = threading.Lock()
        self._flows = {(f.sobject, f.name.lower()): f for f in flows}
        self._ready: tuple[Schema, dict[str, list[_Ready]]] | None = None

    def all(self) -> list[Flow]:
        return list(self._flows.values())

    def put(self, flows: Iterable[Flow]) -> None:
        """Add flows; one that has the object and the name of another takes its place."""
        with self._lock:
            self._flows = {**self._flows, **{(f.sobject, f.name.lower()): f for f in flows}}
            self._ready = None

    def remove(self, sobject: str = "", name: str = "") -> int:
        """Remove the flows of an object, one of them, or all; how many they were."""
        with self._lock:
            kept = {
                key: flow
                for key, flow in self._flows.items()
                if (sobject and key[0].lower() != sobject.lower()) or (name and key[1] != name.lower())
            }
            removed = len(self._flows) - len(kept)
            self._flows, self._ready = kept, None
            return removed

    def of(self, sobject: SObject, schema: Schema) -> list[_Ready]:
        """The active flows of an object, by name. One whose field was removed since runs no longer."""
        ready = self._ready
        if ready is None or ready[0] is not schema:
            found: dict[str, list[_Ready]] = {}
            for flow in sorted(self.all(), key=lambda flow: flow.name.lower()):
                on = schema.get(flow.sobject)
                if not flow.active or on is None:
                    continue
                try:
                    found.setdefault(flow.sobject, []).append(_compiled(flow, schema, on, ""))
                except BadRule:
                    continue
            self._ready = ready = (schema, found)
        return ready[1].get(sobject.name, [])

    def run(self, session: Session, sobject: SObject, row: Values, before: Values | None) -> None:
        """Assign what the object's flows assign, one flow after another, into ``row``.

        :raises RecordError: a field can't hold what a flow assigns.
        """
        for ready in self.of(sobject, session.schema):
            change = Change(session, sobject, row, before)
            if not ready.runs_on(change):
                continue
            assigned = [(field, formula.evaluate(change)) for field, formula in ready.assignments]
            for field, value in assigned:
                row[field.name] = coerce(field, _written(value), session.schema, from_csv=isinstance(value, Decimal))


def _written(value: Value) -> object:
    """A formula's value as a client would send it."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return value.isoformat() if isinstance(value, date) else value
