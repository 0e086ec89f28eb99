"""What last changed each field of a record, and what changed one of them before."""

from __future__ import annotations

from abmatic.changes.models import Change


def last_changes(record: str, record_id: int) -> dict[str, Change]:
    """The last change of each field that has changed since the record was made."""
    found = Change.objects.filter(record=record, record_id=record_id).select_related("cause__user")
    return {change.field: change for change in found.order_by("field", "-id").distinct("field")}


def changes_of(record: str, record_id: int, field: str, before: int | None, most: int) -> list[Change]:
    """The changes of one field, newest first; with ``before`` those that came before that change."""
    found = Change.objects.filter(record=record, record_id=record_id, field=field).select_related("cause__user")
    if before is not None:
        found = found.filter(pk__lt=before)
    return list(found.order_by("-id")[:most])
