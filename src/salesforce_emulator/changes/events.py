"""The events that follow from what a transaction changed, as Salesforce makes them.

One event for each record, with the kind of its first change and the values of its last; equal changes that follow each
other share one event; what goes beyond 100,000 changes is told by one overflow event for each object; an event that
would be larger than a megabyte has a gap event in its place, which says only which record to read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from salesforce_emulator.changes.journal import CREATE, DELETE, ROWS_TOGETHER, UNDELETE, UPDATE, Note, Values

OVERFLOW = "GAP_OVERFLOW"
MAX_CHANGES = 100_000
"""Changes of a transaction that are told one by one; of an update, every field counts."""
MAX_BYTES = 1_000_000
NO_RECORD = "000000000000000AAA"


@dataclass
class Change:
    """The same change of one record or several."""

    kind: str
    sobject: str
    record_ids: list[str]
    values: Values = field(default_factory=dict)


def changes_of(notes: Iterable[Note]) -> list[Change]:
    """The events of one transaction, in their order."""
    return [_small(change) for change in _merged(_by_record(notes))]


def _merged(changes: Iterable[Change]) -> Iterator[Change]:
    counted = 0
    overflown: dict[str, None] = {}
    last: Change | None = None
    for change in changes:
        counted += len(change.values) if change.kind == UPDATE else 1
        if counted > MAX_CHANGES:
            overflown[change.sobject] = None
        elif last is not None and _same(last, change):
            last.record_ids += change.record_ids
        else:
            if last is not None:
                yield last
            last = change
    if last is not None:
        yield last
    for sobject in overflown:
        yield Change(OVERFLOW, sobject, [NO_RECORD])


def _same(one: Change, other: Change) -> bool:
    return (
        other.kind in (UPDATE, DELETE)
        and one.kind == other.kind
        and one.sobject == other.sobject
        and one.values == other.values
        and len(one.record_ids) < ROWS_TOGETHER
    )


def _by_record(notes: Iterable[Note]) -> list[Change]:
    """One change for each record, where its first stood."""
    found: dict[str, Change] = {}
    for kind, sobject, record_id, values in notes:
        first = found.get(record_id)
        later = Change(kind, sobject, [record_id], values)
        joined = later if first is None else _joined(first, later)
        if joined is not None:
            found[record_id] = joined
        else:
            del found[record_id]
    return list(found.values())


def _joined(first: Change, later: Change) -> Change | None:
    """What two changes of a record come to; None where the second takes back the first."""
    if later.kind == DELETE:
        return None if first.kind in (CREATE, UNDELETE) else later
    if first.kind == DELETE:
        return None if later.kind == UNDELETE else first
    return Change(first.kind, first.sobject, first.record_ids, {**first.values, **later.values})


def _small(change: Change) -> Change:
    if sum(len(value.encode()) for value in change.values.values() if isinstance(value, str)) <= MAX_BYTES:
        return change
    return Change(f"GAP_{change.kind}", change.sobject, change.record_ids)
