"""What last changed each field of a record."""

from __future__ import annotations

from abmatic.changes.models import Change


def last_changes(record: str, record_id: int) -> dict[str, Change]:
    """The last change of each field that has changed since the record was made."""
    found = Change.objects.filter(record=record, record_id=record_id).select_related("cause__user")
    return {change.field: change for change in found.order_by("field", "-id").distinct("field")}
