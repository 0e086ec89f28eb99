"""Holds the writes of one session to the org's own rules.

A session without one is a session of an org that has none: it asks nothing, and costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from salesforce_emulator.schema import Schema, SObject
from salesforce_emulator.store import duplicate_check, validation
from salesforce_emulator.store.access import Access
from salesforce_emulator.store.change import Change
from salesforce_emulator.store.duplicates import DuplicateRules
from salesforce_emulator.store.errors import RecordError
from salesforce_emulator.store.flows import Flows
from salesforce_emulator.store.locks import LocksOfCall
from salesforce_emulator.store.validation import ValidationRules

if TYPE_CHECKING:
    from salesforce_emulator.store.rows import Values
    from salesforce_emulator.store.session import Session


class Guard:
    """
    :param rules: validation rules.
    :param duplicates: duplicate rules.
    :param flows: before-save flows.
    :param access: the user's permissions; None where everybody may do everything.
    :param locks: the records that others hold; None where nobody does.
    :param visible: the objects and fields of a schema that the user may see.
    """

    def __init__(
        self,
        rules: ValidationRules,
        duplicates: DuplicateRules,
        flows: Flows,
        access: Access | None,
        locks: LocksOfCall | None,
        visible: Callable[[Schema], Schema],
    ) -> None:
        self._rules = rules
        self._duplicates = duplicates
        self._flows = flows
        self._access = access
        self._locks = locks
        self.visible = visible

    def looks_at_all(self, sobject: SObject, schema: Schema) -> bool:
        """Whether an update has to know the whole record."""
        shared = self._access is not None and sobject.name in self._access.sharing
        return (
            self._locks is not None
            or shared
            or bool(self._rules.of(sobject, schema))
            or bool(self._duplicates.of(sobject.name))
            or bool(self._flows.of(sobject, schema))
        )

    # -- permissions

    def may_create(self, sobject: SObject) -> None:
        """
        :raises RecordError: CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY.
        """
        if self._access is not None and not self._access.of_object(sobject.name).create:
            message = f"entity type cannot be inserted: {sobject.label}"
            raise RecordError("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message)

    def may_change(self, session: Session, sobject: SObject, current: Values) -> None:
        """
        :raises RecordError: the user may not edit this record.
        """
        if self._access is not None:
            self._check_owner(self._access, sobject, current)
            if not self._access.of_object(sobject.name).edit:
                raise _no_access()
        self._check_locks(session, sobject, current)

    def may_delete(self, session: Session, sobject: SObject, current: Values) -> None:
        """
        :raises RecordError: the user may not delete this record.
        """
        if self._access is not None:
            self._check_owner(self._access, sobject, current)
            if not self._access.of_object(sobject.name).delete:
                raise _no_access()
        self._check_locks(session, sobject, current)

    def _check_locks(self, session: Session, sobject: SObject, current: Values) -> None:
        if self._locks is None:
            return
        record_id = str(current["Id"])
        administrator = self._access is not None and self._access.modifies_all
        self._locks.check_approval(record_id, administrator=administrator)
        self._locks.check_rows([record_id, *_referred_to(session.schema[sobject.name], current)])

    def _check_owner(self, access: Access, sobject: SObject, current: Values) -> None:
        if access.may_change(sobject.name, current.get("OwnerId")):
            return
        raise _no_reference(str(current["Id"])) if access.only_own(sobject.name) else _no_access()

    def _check_references(self, access: Access, session: Session, sobject: SObject, change: Change) -> None:
        """A record can only refer to what its writer sees."""
        for name, value in change.row.items():
            if value is None or sobject[name].type != "reference" or not change.changes(name):
                continue
            target = session.schema.by_id(str(value))
            if target is None:
                continue
            hidden = not access.of_object(target.name).read
            if not hidden and access.only_own(target.name):
                found = session.fetch(target.name, str(value), ("Id", "OwnerId"))
                hidden = found is not None and found["OwnerId"] != access.user_id
            if hidden:
                raise _no_reference(str(value))

    # -- all rules

    def before_save(self, session: Session, sobject: SObject, row: Values, before: Values | None) -> None:
        """Let the org's own automation change what is about to be saved."""
        self._flows.run(session, sobject, row, before)

    def check(self, session: Session, sobject: SObject, row: Values, before: Values | None) -> None:
        """What a record that is complete in itself still has to pass before it is saved.

        :raises RecordError: it doesn't.
        """
        change = Change(session, sobject, row, before)
        if self._locks is not None:
            self._locks.check_rows(_referred_to(sobject, row))
        if self._access is not None:
            self._check_references(self._access, session, sobject, change)
        rules = self._rules.of(sobject, session.schema)
        if rules:
            validation.check(rules, change)
        duplicates = self._duplicates.of(sobject.name)
        if duplicates:
            duplicate_check.check(duplicates, session, change, self._only_owner(session, sobject))

    def _only_owner(self, session: Session, sobject: SObject) -> str | None:
        """Whose records are looked at, where a rule is run as the user and he sees only his own."""
        access = self._access
        as_user = session.duplicates.as_current_user and access is not None and access.only_own(sobject.name)
        return session.user_id if as_user else None


def _referred_to(sobject: SObject, row: Values) -> list[str]:
    """The records that a write locks besides the one that is written. Users are not locked."""
    references = (f for f in sobject.stored if f.type == "reference" and "User" not in f.reference_to)
    return [str(row[f.name]) for f in references if row.get(f.name) is not None]


def _no_access() -> RecordError:
    return RecordError("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")


def _no_reference(record_id: str) -> RecordError:
    message = f"insufficient access rights on cross-reference id: {record_id[:15]}"
    return RecordError("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", message)
