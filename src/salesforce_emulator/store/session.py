"""Writing records as one user, in one transaction.

Every write goes through here, whichever door it came by: the same types, rules and stamps hold for REST,
collections, Bulk and the pages.  What touches the tables is in :mod:`~salesforce_emulator.store.rows`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, cast

from salesforce_emulator import ids
from salesforce_emulator.schema import Field, SObject
from salesforce_emulator.store import checks, persons, places, recycling, rules
from salesforce_emulator.store.coerce import coerce, numbered
from salesforce_emulator.store.duplicates import NOTHING_ASKED, DuplicateOptions
from salesforce_emulator.store.errors import RecordError, deleted, not_found, row_locked
from salesforce_emulator.store.rows import Rows, Values, stored

if TYPE_CHECKING:
    from salesforce_emulator.store.guard import Guard


class SeveralMatch(Exception):
    """An upsert's external id names several records."""

    def __init__(self, record_ids: list[str]) -> None:
        super().__init__(", ".join(record_ids))
        self.record_ids = record_ids


@dataclass
class Session(Rows):
    """One transaction of one user.

    ``now`` is the stamp of all it writes; ``from_csv`` tells how to word a value that isn't of its type; ``locked``
    says of a record whether somebody else has it locked.  What it changes is noted in the ``journal``.
    """

    from_csv: bool = False
    guard: Guard | None = None
    """Holds the writes to the org's own rules, where there are any."""
    by_person: bool = False
    """Whether a person chose the values on a page, which offers of a dependent picklist only what is valid."""
    duplicates: DuplicateOptions = NOTHING_ASKED
    """What the writer wants of duplicate rules."""
    sees_all: bool = False
    """Whether fields are written that the user himself doesn't see, as by a conversion."""
    locked: Callable[[str], bool] | None = None

    # -- reading

    @cached_property
    def stages(self) -> dict[str, rules.Stage]:
        """What follows from an opportunity's stage, by its name. No session writes that."""
        return rules.read_stages(self)

    def looked_at(self, sobject: SObject) -> tuple[str, ...]:
        """The columns of a record that an update or a deletion looks at."""
        if self.guard is not None and self.guard.looks_at_all(sobject, self.schema):
            return self.schema[sobject.name].stored_names
        return rules.looked_at(sobject)

    def seen(self, sobject: SObject) -> SObject:
        """An object as the user may see it."""
        if self.guard is None or self.sees_all:
            return sobject
        return self.guard.visible(self.schema).get(sobject.name) or sobject

    @contextmanager
    def seeing_all(self) -> Iterator[None]:
        """Write fields that the user himself doesn't see; all other rules hold."""
        before, self.sees_all = self.sees_all, True
        try:
            yield
        finally:
            self.sees_all = before

    @contextmanager
    def by_system(self) -> Iterator[None]:
        """Write what follows from somebody's write: the org's own rules hold for what people write."""
        guard, self.guard = self.guard, None
        try:
            yield
        finally:
            self.guard = guard

    def alive(self, sobject: SObject, record_id: str, columns: Sequence[str] = ()) -> Values:
        """The stored columns of a record that is there: all of them, or those that are named.

        :raises RecordError: ENTITY_IS_DELETED, NOT_FOUND.
        """
        current = self.fetch(sobject.name, record_id, columns)
        if current is None:
            raise not_found()
        if current.get("IsDeleted"):
            raise deleted()
        return current

    # -- writing

    def insert(self, sobject_name: str, values: Mapping[str, object]) -> str:
        """Create a record; its 18-character id."""
        sobject = self.schema[sobject_name]
        if not sobject.createable:
            message = f"entity type {sobject.name} does not support insert"
            raise RecordError("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message)
        if self.guard is not None:
            self.guard.may_create(sobject)
        row = self._prepare(sobject, values, creating=True)
        places.complete(sobject, row, {})
        persons.prepare(self, sobject, row, None)
        self._defaults(sobject, row)
        rules.before_insert(self, sobject.name, row)
        if self.guard is not None:
            self.guard.before_save(self, sobject, row, None)
        checks.required(row, sobject.required)
        if self.by_person:
            checks.choices_offered(self, sobject, row, None)
        if self.guard is not None:
            self.guard.check(self, sobject, row, None)
        checks.unique(self, sobject, row, None)
        self._lock_parents(sobject, row)
        record_id = self._new_id(sobject)
        self._number(sobject, record_id, row)
        persons.write_contact(self, sobject, record_id, row, None)
        self._write_new(sobject, record_id, row)
        rules.after_insert(self, sobject.name, record_id, row)
        return record_id

    def add(self, sobject_name: str, row: Values) -> str:
        """Create a record that the system keeps by itself, without any check; its id."""
        sobject = self.schema[sobject_name]
        record_id = self._new_id(sobject)
        self._write_new(sobject, record_id, row)
        return record_id

    def _write_new(self, sobject: SObject, record_id: str, row: Values) -> None:
        stamps: Values = {
            "CreatedDate": self.now,
            "CreatedById": self.user_id,
            "LastModifiedDate": self.now,
            "LastModifiedById": self.user_id,
            "SystemModstamp": self.now,
        }
        self._insert_row(sobject, stored(sobject, {"Id": record_id, **row, **stamps}))

    def update(self, sobject_name: str, record_id: str, values: Mapping[str, object]) -> None:
        """Change a record. What the values leave out stays."""
        sobject = self.schema[sobject_name]
        current = dict(self.alive(sobject, record_id, self.looked_at(sobject)))
        if self.guard is not None:
            self.guard.may_change(self, sobject, current)
        self.lock(record_id)
        row = self._prepare(sobject, values, creating=False)
        places.complete(sobject, row, current)
        persons.prepare(self, sobject, row, current)
        rules.before_update(self, sobject.name, current, row)
        if self.guard is not None:
            self.guard.before_save(self, sobject, row, current)
        checks.required(row, [f for f in sobject.never_null if f.name in row])
        if self.by_person:
            checks.choices_offered(self, sobject, row, record_id)
        if self.guard is not None:
            self.guard.check(self, sobject, row, current)
        checks.unique(self, sobject, row, record_id)
        persons.write_contact(self, sobject, record_id, row, current)
        self.touch(sobject.name, record_id, row)
        rules.after_update(self, sobject.name, record_id, current, row)

    def touch(self, sobject_name: str, record_id: str, row: Values) -> None:
        """Store columns as they are and stamp the record, without any check."""
        sobject = self.schema[sobject_name]
        full = {
            **row,
            "LastModifiedDate": self.now,
            "LastModifiedById": self.user_id,
            "SystemModstamp": self.now,
        }
        self._update_row(sobject, record_id, stored(sobject, full))

    def adjust(self, sobject_name: str, record_id: str, row: Values) -> None:
        """Store columns as they are on the system's account: SystemModstamp moves, who changed it when stays."""
        sobject = self.schema[sobject_name]
        self._update_row(sobject, record_id, stored(sobject, {**row, "SystemModstamp": self.now}))

    def erase(self, sobject_name: str, record_id: str) -> None:
        """Take a record out of its table."""
        self._delete_row(self.schema[sobject_name], record_id)

    def upsert(self, sobject_name: str, key_field: str, key: object, values: Mapping[str, object]) -> tuple[str, bool]:
        """Update the record with this external id, or create it: its id, and whether it is new.

        :raises SeveralMatch: the key names more than one record.
        """
        sobject = self.schema[sobject_name]
        found = self.external_id_field(sobject, key_field)
        matches = self.find_by_key(sobject, found, key)
        if len(matches) > 1:
            raise SeveralMatch(matches)
        if matches:
            self.update(sobject.name, matches[0], values)
            return matches[0], False
        if found.name == "Id":
            raise not_found()
        return self.insert(sobject.name, {**values, found.name: key}), True

    def external_id_field(self, sobject: SObject, name: str) -> Field:
        """The field an upsert may use as a key: an external id, or one that describe calls idLookup."""
        found = self.seen(sobject).get(name)
        if found is None or not (found.external_id or found.describe["idLookup"]):
            message = f"Provided external ID field does not exist or is not accessible: {name}"
            raise RecordError("NOT_FOUND", message)
        return found

    def find_by_key(self, sobject: SObject, key_field: Field, key: object) -> list[str]:
        """The ids of the records that are there and hold this value."""
        value = self.key_value(key_field, key)
        if value is None:
            message = f"{key_field.name} not specified"
            raise RecordError("MISSING_ARGUMENT", message, [])
        return self.holders(sobject, key_field, value)

    def key_value(self, key_field: Field, key: object) -> object:
        """A key as the table holds it."""
        if key_field.type == "id":
            try:
                return ids.to18(str(key))
            except ValueError:
                raise RecordError("MALFORMED_ID", f"malformed id {key}") from None
        return coerce(key_field, key, self.schema, from_csv=True)

    # -- checks

    def _prepare(self, sobject: SObject, values: Mapping[str, object], *, creating: bool) -> Values:
        """Column values from what a client sent."""
        row: Values = {}
        refused: list[str] = []
        seen = self.seen(sobject)
        for key, value in values.items():
            if key.lower() == "attributes":
                checks.same_type(sobject, value)
                continue
            found, given = self._field_and_value(seen, key, value)
            if not (found.createable if creating else found.updateable):
                refused.append(found.name)
                continue
            row[found.name] = coerce(found, given, self.schema, from_csv=self.from_csv)
            if found.type == "reference" and row[found.name] is not None:
                checks.reference_is_there(self, found, str(row[found.name]))
            if found.type == "boolean" and row[found.name] is None:
                row[found.name] = 0
        if refused:
            checks.refuse(refused, creating)
        return row

    def _field_and_value(self, sobject: SObject, key: str, value: object) -> tuple[Field, object]:
        """The field a key names; a parent named by its external id becomes the reference to it."""
        if isinstance(value, dict) and (reference := sobject.parent(key)):
            inner = {k: v for k, v in value.items() if k != "attributes"}
            if len(inner) == 1:
                (name, given), *_ = inner.items()
                kind = str((value.get("attributes") or {}).get("type", ""))
                return reference, self._parent_by_key(reference, kind, name, given)
        if "." in key:
            kind, _, path = key.rpartition(":")  # as a file names a parent of several objects: Lead:Who.Code__c
            relationship, name = path.split(".", 1)
            if reference := sobject.parent(relationship):
                return reference, self._parent_by_key(reference, kind, name, value)
        found = sobject.get(key)
        if found is None:
            message = f"No such column '{key}' on sobject of type {sobject.name}"
            raise RecordError("INVALID_FIELD", message)
        return found, value

    def _parent_by_key(self, reference: Field, kind: str, name: str, key: object) -> str | None:
        """The parent that has this key. ``kind`` names its object, where the reference may lead to several."""
        target = self.schema.get(kind) if kind in reference.reference_to else self.schema.target(reference)
        if target is None or key in (None, ""):
            return None
        found = self.external_id_field(target, name)
        matches = self.find_by_key(target, found, key)
        if len(matches) != 1:
            message = f"Foreign key external ID: {key} not found for field {found.name} in entity {target.name}"
            raise RecordError("INVALID_FIELD", message)
        return matches[0]

    def _defaults(self, sobject: SObject, row: Values) -> None:
        for field in sobject.defaults:
            if field.name in row and (row[field.name] is not None or field.nillable):
                continue
            default = field.default
            if field.name == "OwnerId":
                row["OwnerId"] = self.user_id
            elif field.name == "CurrencyIsoCode":
                row[field.name] = self.currency or default
            elif isinstance(default, bool):
                row[field.name] = int(default)
            elif default in ("TODAY()", "NOW()"):
                row[field.name] = self.now[:10] if field.type == "date" else self.now
            else:
                row[field.name] = default

    @cached_property
    def currency(self) -> str | None:
        """The user's own currency, in an org of several."""
        user = self.fetch("User", self.user_id, ("DefaultCurrencyIsoCode",))
        return None if user is None else cast("str | None", user["DefaultCurrencyIsoCode"])

    def _number(self, sobject: SObject, record_id: str, row: Values) -> None:
        """What the org itself calls a new record: auto-numbers, and the id of a custom object's that has no name."""
        for field in sobject.numbered:
            number = self._next_number(f"{sobject.name}.{field.name}")
            row[field.name] = numbered(str(field.number_format), number)
        if sobject.custom and row.get("Name") is None:
            row["Name"] = record_id[:15]

    # -- locks

    def lock(self, record_id: str) -> None:
        """Lock a record, as every write does.

        :raises RecordError: UNABLE_TO_LOCK_ROW.
        """
        if self.locked is not None and self.locked(record_id):
            raise row_locked(record_id)

    def _lock_parents(self, sobject: SObject, row: Values) -> None:
        """A new record locks those that it refers to, users apart."""
        if self.locked is None:
            return
        for name, value in row.items():
            field = sobject[name]
            if value is not None and field.type == "reference" and "User" not in field.reference_to:
                self.lock(str(value))

    # -- deleting

    def delete(self, sobject_name: str, record_id: str, *, hard: bool = False) -> None:
        """Put a record and those that hang on it into the recycle bin, or remove them for good."""
        recycling.delete(self, sobject_name, record_id, hard=hard)

    def undelete(self, sobject_name: str, record_id: str) -> None:
        """Take a record, and what was deleted with it, out of the recycle bin."""
        recycling.undelete(self, sobject_name, record_id)
