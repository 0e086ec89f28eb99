"""A record about to be written, as the org's own rules see it: what it will be, what it was, what it refers to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from salesforce_emulator.formula import FieldPath, Value, from_stored
from salesforce_emulator.schema import Field, SObject

if TYPE_CHECKING:
    from salesforce_emulator.store.rows import Values
    from salesforce_emulator.store.session import Session

_ROOTS = {"$profile": ("User", "ProfileId"), "$userrole": ("User", "UserRoleId")}


class Change:
    """One record that is inserted or updated.

    :param row: the columns that are written.
    :param before: the columns of the record as it is; None where it is new.
    """

    def __init__(self, session: Session, sobject: SObject, row: Values, before: Values | None) -> None:
        self._session = session
        self.sobject = sobject
        self.row = row
        self.before = before
        self.after: Values = {**(before or {}), **row}

    @property
    def is_new(self) -> bool:
        return self.before is None

    def changes(self, name: str) -> bool:
        """Whether a column gets another value than it had."""
        return name in self.row and (self.before is None or self.row[name] != self.before.get(name))

    # -- what formulas ask

    @property
    def now(self) -> datetime:
        moment = datetime.fromisoformat(self._session.now.replace("Z", "+00:00"))
        try:
            zone = ZoneInfo(str(self._column("User", "TimeZoneSidKey", self._session.user_id) or "UTC"))
        except (ZoneInfoNotFoundError, ValueError):
            return moment.astimezone(UTC)
        return moment.astimezone(zone)

    def value(self, path: FieldPath) -> Value:
        return self._found(path, self.after)

    def prior(self, path: FieldPath) -> Value:
        return self._found(path, self.after if self.before is None else self.before)

    def _found(self, path: FieldPath, columns: Values) -> Value:
        if path.root:
            return from_stored(path.field, self._of_root(path))
        if not path.parents:
            return from_stored(path.field, self._own(path.field, columns))
        record_id = self._own(path.parents[0], columns)
        return from_stored(path.field, self._follow(record_id, path.parents[1:], path.field))

    def _own(self, field: Field, columns: Values) -> object:
        """A field of the record. What SQL computes is computed of the columns, which aren't in the table yet."""
        if field.stored:
            return columns.get(field.name)
        names = self.sobject.stored_names
        row = ", ".join(f'? AS "{name}"' for name in names)
        sql = f"SELECT {field.sql('t')} FROM (SELECT {row}) AS t"
        return self._session.read(sql, [columns.get(name) for name in names]).fetchone()[0]

    def _of_root(self, path: FieldPath) -> object:
        if path.root == "$organization":
            record_id: object = self._session.read('SELECT "Id" FROM "Organization"').fetchone()[0]
        else:
            record_id = self._session.user_id
            if path.root in _ROOTS:
                record_id = self._column(*_ROOTS[path.root], str(record_id))
        return self._follow(record_id, path.parents, path.field)

    def _follow(self, record_id: object, references: tuple[Field, ...], field: Field) -> object:
        """A field of a record that references lead to from another."""
        for step in (*references, field):
            target = self._session.schema.by_id(str(record_id)) if record_id else None
            if target is None or target.get(step.name) is None:
                return None
            record_id = self._column(target.name, step.name, str(record_id))
        return record_id

    def _column(self, sobject: str, field: str, record_id: str) -> object:
        sql = self._session.schema[sobject][field].sql("t")
        row = self._session.read(f'SELECT {sql} FROM "{sobject}" AS t WHERE t."Id" = ?', (record_id,)).fetchone()
        return row[0] if row else None
