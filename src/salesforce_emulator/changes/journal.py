"""What one transaction changes in the objects that are captured.

Changes are only noted, one after the other, so that a part that is undone is cut off the end; the notes are logged as
they are.  What Salesforce makes of them is worked out when somebody reads: :mod:`~salesforce_emulator.changes.events`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

from salesforce_emulator.schema import Schema, SObject

Values = Mapping[str, object]
Note = tuple[str, str, str, Values]
"""Kind of change, object, record id, columns of the table."""

CREATE, UPDATE, DELETE, UNDELETE = "CREATE", "UPDATE", "DELETE", "UNDELETE"
ROWS_TOGETHER = 200
"""Rows of a Bulk job that Salesforce writes in one transaction."""

_UNTOLD = frozenset(
    {
        "Id", "IsDeleted", "MasterRecordId", "SystemModstamp", "LastActivityDate", "LastViewedDate",
        "LastReferencedDate",
    }
)  # fmt: skip


@lru_cache(maxsize=256)
def told_columns(sobject: SObject) -> frozenset[str]:
    """The columns that change events of an object tell: no derived values, no stamps of reading."""
    return sobject.columns - _UNTOLD


@lru_cache(maxsize=4096)
def _told(told: frozenset[str], names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if name in told)


@dataclass
class Journal:
    """The changes of one transaction. ``selected``: by object, the columns that its events tell."""

    selected: Mapping[str, frozenset[str]]
    user_id: str = ""
    origin: str = ""
    _notes: list[Note] = field(default_factory=list)
    _starts: list[int] = field(default_factory=list)
    """Where Salesforce would have begun another transaction."""
    _rows: int = 0

    @classmethod
    def of(cls, schema: Schema, objects: frozenset[str]) -> Journal:
        found = ((name, schema.get(name)) for name in objects)
        return cls({name: told_columns(sobject) for name, sobject in found if sobject is not None})

    def __bool__(self) -> bool:
        return bool(self._notes)

    def mark(self) -> int:
        """Where the journal stands, for :meth:`back_to`."""
        return len(self._notes)

    def back_to(self, mark: int) -> None:
        """Forget what was noted since: it was undone."""
        del self._notes[mark:]
        while self._starts and self._starts[-1] > mark:
            self._starts.pop()

    def next_row(self) -> int:
        """Another row of a file begins; where the journal stands, as :meth:`mark` says."""
        stands = len(self._notes)
        self._rows += 1
        if self._rows % ROWS_TOGETHER == 0:
            self._starts.append(stands)
        return stands

    def told(self, sobject: str, row: Values) -> tuple[str, ...]:
        """Which columns of a row events tell."""
        return _told(self.selected[sobject], tuple(row))

    def created(self, sobject: str, row: Values) -> None:
        values = {name: row[name] for name in self.told(sobject, row) if row[name] is not None}
        self._notes.append((CREATE, sobject, str(row["Id"]), values))

    def updated(self, sobject: str, record_id: str, told: tuple[str, ...], before: Values, row: Values) -> None:
        """Note an update. ``told`` are the columns to compare."""
        values = {name: row[name] for name in told if row[name] != before[name]}
        if sobject == "Lead" and values.get("IsConverted"):
            values.pop("LastModifiedDate", None)  # a conversion's event is documented to lack it
        if values:
            self._notes.append((UPDATE, sobject, record_id, values))

    def deleted(self, sobject: str, record_id: str) -> None:
        self._notes.append((DELETE, sobject, record_id, {}))

    def undeleted(self, sobject: str, record_id: str, row: Values) -> None:
        values = {name: row[name] for name in self.told(sobject, row)}
        self._notes.append((UNDELETE, sobject, record_id, values))

    def transactions(self) -> Iterator[list[Note]]:
        """The notes, by what Salesforce would have written in one transaction."""
        bounds = [0, *self._starts, len(self._notes)]
        for begin, end in pairwise(bounds):
            if begin < end:
                yield self._notes[begin:end]
