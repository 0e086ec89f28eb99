"""Validation rules: a condition under which a record isn't saved, and what is said then.

Written as the Metadata API writes them::

    {"object": "Account", "fullName": "Banks_have_a_site", "active": true,
     "errorConditionFormula": "AND(ISPICKVAL(Industry, \\"Banking\\"), ISBLANK(Website))",
     "errorMessage": "A bank needs a website.", "errorDisplayField": "Website"}

Without errorDisplayField the error stands at the top of the page, and names no field.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from salesforce_emulator.formula import Formula, FormulaError, compile_formula
from salesforce_emulator.schema import Schema, SObject
from salesforce_emulator.store.change import Change
from salesforce_emulator.store.errors import RecordError
from salesforce_emulator.store.wording import BadRule, flag, known_object, only, text

_MAX_MESSAGE = 255
_KEYS = ("object", "fullName", "active", "description", "errorConditionFormula", "errorMessage", "errorDisplayField")

Json = Mapping[str, Any]
"""A rule as it is sent: any names, any values; each is checked here."""


@dataclass(frozen=True)
class ValidationRule:
    """``field``: the API name of the field beside which the message stands, or "" for the top of the page."""

    sobject: str
    name: str
    active: bool
    formula: str
    message: str
    field: str

    @classmethod
    def kept(cls, json: Json) -> ValidationRule:
        """A rule as it was kept. Its field may be gone since."""
        return cls(
            json["object"],
            json["fullName"],
            json["active"],
            json["errorConditionFormula"],
            json["errorMessage"],
            json.get("errorDisplayField", ""),
        )

    def to_json(self) -> dict[str, object]:
        return {
            "object": self.sobject,
            "fullName": self.name,
            "active": self.active,
            "errorConditionFormula": self.formula,
            "errorMessage": self.message,
            **({"errorDisplayField": self.field} if self.field else {}),
        }


def read_rule(given: Json, schema: Schema) -> ValidationRule:
    """Read a rule and check it against the org's objects.

    :raises BadRule: it says something that can't be followed.
    """
    where = f"validation rule {given.get('fullName', '?')}"
    only(given, _KEYS, where)
    sobject = known_object(given, schema, where)
    name, formula = text(given, "fullName", where), text(given, "errorConditionFormula", where)
    message = text(given, "errorMessage", where)
    if len(message) > _MAX_MESSAGE:
        raise BadRule(f"{where}: errorMessage is longer than {_MAX_MESSAGE} characters")
    shown = given.get("errorDisplayField") or ""
    field = sobject.get(str(shown)) if shown else None
    if shown and field is None:
        raise BadRule(f"{where}: errorDisplayField: there is no field {shown} on {sobject.name}")
    try:
        _compiled(formula, schema, sobject)
    except FormulaError as error:
        raise BadRule(f"{where}: {error}") from None
    active = flag(given, "active", where, default=True)
    return ValidationRule(sobject.name, name, active, formula, message, field.name if field else "")


def _compiled(formula: str, schema: Schema, sobject: SObject) -> Formula:
    return compile_formula(formula, schema, sobject, expected="Boolean")


class ValidationRules:
    """The validation rules of an org. Thread-safe: a change makes another dictionary."""

    def __init__(self, rules: Iterable[ValidationRule] = ()) -> None:
        self._lock = threading.Lock()
        self._rules = {(r.sobject, r.name.lower()): r for r in rules}
        self._ready: tuple[Schema, dict[str, list[tuple[ValidationRule, Formula]]]] | None = None

    def all(self) -> list[ValidationRule]:
        return list(self._rules.values())

    def put(self, rules: Iterable[ValidationRule]) -> None:
        """Add rules; one that has the object and the name of another takes its place."""
        with self._lock:
            self._rules = {**self._rules, **{(r.sobject, r.name.lower()): r for r in rules}}
            self._ready = None

    def remove(self, sobject: str = "", name: str = "") -> int:
        """Remove the rules of an object, one of them, or all; how many they were."""
        with self._lock:
            kept = {
                key: rule
                for key, rule in self._rules.items()
                if (sobject and key[0].lower() != sobject.lower()) or (name and key[1] != name.lower())
            }
            removed = len(self._rules) - len(kept)
            self._rules, self._ready = kept, None
            return removed

    def of(self, sobject: SObject, schema: Schema) -> list[tuple[ValidationRule, Formula]]:
        """The active rules of an object. One whose field was removed since holds no longer."""
        ready = self._ready
        if ready is None or ready[0] is not schema:
            found: dict[str, list[tuple[ValidationRule, Formula]]] = {}
            for rule in self.all():
                on = schema.get(rule.sobject)
                if not rule.active or on is None:
                    continue
                try:
                    found.setdefault(rule.sobject, []).append((rule, _compiled(rule.formula, schema, on)))
                except FormulaError:
                    continue
            self._ready = ready = (schema, found)
        return ready[1].get(sobject.name, [])


def check(rules: list[tuple[ValidationRule, Formula]], change: Change) -> None:
    """Refuse a record of which an error condition is true; all those that are speak at once.

    :raises RecordError: FIELD_CUSTOM_VALIDATION_EXCEPTION.
    """
    broken = [
        RecordError("FIELD_CUSTOM_VALIDATION_EXCEPTION", rule.message, [rule.field] if rule.field else [])
        for rule, formula in rules
        if formula.evaluate(change)
    ]
    if broken:
        first = broken[0]
        raise RecordError(first.code, first.message, first.fields, further=broken[1:])
