"""The org's own rules, kept in its file, and the guard that holds a session's writes to them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from salesforce_emulator.schema import Schema, SObject
from salesforce_emulator.store import validation
from salesforce_emulator.store.change import Change
from salesforce_emulator.store.validation import Json, ValidationRule, ValidationRules, read_rule

if TYPE_CHECKING:
    from salesforce_emulator.store.session import Session, Values

VALIDATION_RULES = "validation_rules"


class OrgRules:
    """What an org's administrators have laid down.

    :param setting: reads a setting of the org's file.
    :param keep: writes one.
    """

    def __init__(self, setting: Callable[[str], str | None], keep: Callable[[str, str], None]) -> None:
        self._keep = keep
        kept = json.loads(setting(VALIDATION_RULES) or "[]")
        self.validation = ValidationRules(map(ValidationRule.kept, kept))

    def put_validation(self, given: Iterable[Json], schema: Schema) -> None:
        """Add validation rules, or change those that have their names.

        :raises BadRule: one of them can't be followed; then none is added.
        """
        self.validation.put([read_rule(rule, schema) for rule in given])
        self.keep_validation()

    def keep_validation(self) -> None:
        self._keep(VALIDATION_RULES, json.dumps([rule.to_json() for rule in self.validation.all()]))

    def guard(self, user_id: str) -> Guard | None:
        """What stands guard over a user's session; None where nothing is laid down."""
        return Guard(self) if self.validation.all() else None


class Guard:
    """Holds the writes of one session to the org's own rules."""

    def __init__(self, rules: OrgRules) -> None:
        self._rules = rules

    def looks_at_all(self, sobject: SObject, schema: Schema) -> bool:
        """Whether an update has to know the whole record."""
        return bool(self._rules.validation.of(sobject, schema))

    def check(self, session: Session, sobject: SObject, row: Values, before: Values | None) -> None:
        """What a record that is complete in itself still has to pass before it is saved.

        :raises RecordError: it doesn't.
        """
        rules = self._rules.validation.of(sobject, session.schema)
        if rules:
            validation.check(rules, Change(session, sobject, row, before))
