"""What the rows of an ingest job will ask of the tables, read before they do.

A guess: what isn't read beforehand is read when it is needed, row by row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from salesforce_emulator import ids
from salesforce_emulator.schema import Field, SObject
from salesforce_emulator.store import Batch, RecordError


def expect(
    batch: Batch, sobject: SObject, external_id: str, header: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """Read beforehand for these rows.

    :param external_id: the field that an upsert finds its records by, or "".
    """
    written = [field.name for name in header if (field := sobject.get(name)) is not None]
    for place, name in enumerate(header):
        cells = {row[place] for row in rows if len(row) > place and row[place]}
        if "." in name:
            _expect_parents(batch, sobject, name, cells)
            continue
        field = sobject.get(name)
        if field is None:
            continue
        if field.name == "Id":
            batch.expect(sobject, _ids(cells), written)
        elif field.type == "reference":
            _expect_references(batch, field, cells)
        elif field.unique or field.name.lower() == external_id.lower():
            batch.expect(sobject, batch.expect_values(sobject, field, _values(batch, field, cells)), written)


def _ids(cells: Iterable[str]) -> list[str]:
    return [ids.to18(c.strip()) for c in cells if ids.is_id(c.strip())]


def _values(batch: Batch, field: Field, cells: Iterable[str]) -> list[object]:
    """The cells as the table holds them, without those that no field of this type can hold."""
    found = []
    for cell in cells:
        try:
            found.append(batch.key_value(field, cell))
        except RecordError:
            continue
    return found


def _expect_references(batch: Batch, reference: Field, cells: Iterable[str]) -> None:
    by_target: dict[SObject, list[str]] = defaultdict(list)
    for record_id in _ids(cells):
        target = batch.schema.by_id(record_id)
        if target is not None and target.name in reference.reference_to:
            by_target[target].append(record_id)
    for target, record_ids in by_target.items():
        batch.expect_references(target, record_ids)


def _expect_parents(batch: Batch, sobject: SObject, path: str, cells: Iterable[str]) -> None:
    """Parents named by an external id: ``Parent.Code__c``."""
    kind, _, rest = path.rpartition(":")
    relationship, name = rest.split(".", 1)
    reference = sobject.parent(relationship)
    target = batch.schema.get(kind) if kind else batch.schema.target(reference) if reference else None
    field = target.get(name) if target else None
    if target is not None and field is not None and field.stored and (field.external_id or field.describe["idLookup"]):
        found = batch.expect_values(target, field, _values(batch, field, cells))
        batch.expect_references(target, found)
