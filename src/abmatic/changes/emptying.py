"""Emptying what the log holds of some fields of a record, because nobody may know it any more.

The rows stay, so that whoever follows the log still learns that these fields changed and reads what they are now.
"""

from __future__ import annotations

from collections.abc import Collection

from abmatic.changes.models import Change


def empty(record: str, record_id: int, fields: Collection[str]) -> int:
    """Takes the values out of the changes of these fields of one record. Answers of how many."""
    found = Change.objects.filter(record=record, record_id=record_id, field__in=fields)
    return found.update(before=None, after=None)
