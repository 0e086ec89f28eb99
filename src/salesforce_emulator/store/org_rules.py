"""The org's own rules, kept in its file: validation, duplicates, flows, permissions; and who holds which records."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from salesforce_emulator.schema import Schema
from salesforce_emulator.store import duplicates as duplicate_rules
from salesforce_emulator.store import permissions as permitting
from salesforce_emulator.store import profiles
from salesforce_emulator.store.access import Access, access_of, visible
from salesforce_emulator.store.duplicates import DuplicateRules, read_duplicate_rule
from salesforce_emulator.store.flows import Flow, Flows, read_flow
from salesforce_emulator.store.guard import Guard
from salesforce_emulator.store.locks import RecordLocks
from salesforce_emulator.store.permissions import Permissions
from salesforce_emulator.store.validation import Json, ValidationRule, ValidationRules, read_rule

VALIDATION_RULES = "validation_rules"
DUPLICATE_RULES = "duplicate_rules"
FLOWS = "before_save_flows"
PERMISSIONS = "permissions"


class OrgRules:
    """What an org's administrators have laid down. Thread-safe.

    :param setting: reads a setting of the org's file.
    :param keep: writes one.
    """

    def __init__(self, setting: Callable[[str], str | None], keep: Callable[[str, str], None]) -> None:
        self._keep = keep
        self._lock = threading.Lock()
        kept = json.loads(setting(VALIDATION_RULES) or "[]")
        self.validation = ValidationRules(map(ValidationRule.kept, kept))
        kept = json.loads(setting(DUPLICATE_RULES) or "[]")
        self.duplicates = DuplicateRules(map(duplicate_rules.kept_rule, kept))
        self.flows = Flows(map(Flow.kept, json.loads(setting(FLOWS) or "[]")))
        self.locks = RecordLocks()
        self.permissions: Permissions = permitting.restored(json.loads(setting(PERMISSIONS) or "{}"))
        self._seen: tuple[Schema, Permissions, dict[tuple[str, ...], Schema]] | None = None
        """What users see, by the key of their access; of one schema and one set of permissions."""

    # -- validation, duplicates and flows

    def put(
        self, validation: Iterable[Json], duplicates: Iterable[Json], schema: Schema, flows: Iterable[Json] = ()
    ) -> None:
        """Add rules, or change those that have their names.

        :raises BadRule: one of them can't be followed; then none is added.
        """
        read = [read_rule(rule, schema) for rule in validation]
        flowing = [read_flow(flow, schema) for flow in flows]
        self.duplicates.put([read_duplicate_rule(rule, schema) for rule in duplicates])
        self.validation.put(read)
        self.flows.put(flowing)
        self._keep_rules()

    def remove(self, sobject: str = "", name: str = "") -> int:
        """Remove the rules of an object, one of them, or all; how many they were."""
        ruling = (self.validation, self.duplicates, self.flows)
        removed = sum(rules.remove(sobject, name) for rules in ruling)
        self._keep_rules()
        return removed

    def _keep_rules(self) -> None:
        self._keep(VALIDATION_RULES, json.dumps([rule.to_json() for rule in self.validation.all()]))
        self._keep(DUPLICATE_RULES, json.dumps([rule.to_json() for rule in self.duplicates.all()]))
        self._keep(FLOWS, json.dumps([flow.to_json() for flow in self.flows.all()]))

    # -- permissions

    def put_permissions(self, given: Json, schema: Schema, conn: sqlite3.Connection, now: datetime) -> None:
        """Change permissions; profiles that aren't there are made.

        :raises BadRule: something can't be followed; then nothing is changed.
        """
        with self._lock:
            made = permitting.changed_by(self.permissions, given, schema, self._later(now))
            profiles.put(conn, given, now)
            self._put(made)

    def clear_permissions(self, now: datetime) -> None:
        """Allow everybody everything again. Profiles keep their own permissions on all data."""
        with self._lock:
            before = self.permissions
            self._put(permitting.stamped(Permissions(changed=before.changed), before.named(), self._later(now)))

    def _later(self, now: datetime) -> str:
        """Now, or a second after the last change: Last-Modified knows no fractions."""
        last = max(self.permissions.changed.values(), default="")
        moment = now if not last else max(now, datetime.fromisoformat(last) + timedelta(seconds=1))
        return moment.isoformat()

    def _put(self, made: Permissions) -> None:
        self._keep(PERMISSIONS, json.dumps(made.kept()))
        self.permissions = made

    def access(self, conn: sqlite3.Connection, user_id: str) -> Access | None:
        """A user's permissions; None where everybody may do everything."""
        permissions = self.permissions
        return access_of(permissions, conn, user_id) if permissions else None

    def visible(self, schema: Schema, access: Access | None) -> Schema:
        """What a user may see: the schema itself where nothing was ever laid down."""
        permissions = self.permissions
        if access is None and not permissions.changed:
            return schema
        known = self._seen
        if known is None or known[0] is not schema or known[1] is not permissions:
            self._seen = known = (schema, permissions, {})
        key = access.key if access is not None else ()
        if key not in known[2]:
            changed = dict(permissions.changed)
            known[2][key] = visible(schema, access or Access("", (permitting.ALL,), {}, True, True), changed)
        return known[2][key]

    # -- holding sessions to them

    def guard(self, conn: sqlite3.Connection, user_id: str) -> Guard | None:
        """What holds a user's session to the rules; None where nothing is laid down."""
        access = self.access(conn, user_id)
        locks = self.locks.of_call() if self.locks else None
        if access is None and locks is not None:
            access = access_of(self.permissions, conn, user_id)
        if access is None and not (self.validation.all() or self.duplicates.all() or self.flows.all()):
            return None
        return Guard(
            self.validation, self.duplicates, self.flows, access, locks, lambda schema: self.visible(schema, access)
        )
