"""A run's outcome, in a sentence."""

from __future__ import annotations

from abmatic.sync.objects import SObject
from abmatic.sync.pull.chunk import Counts


def succeeded(spec: SObject, counts: Counts) -> str:
    """What a finished pull did, or that there was nothing to do."""
    if counts.read == 0:
        return f"Nothing has changed in Salesforce since the last sync: no {spec.label_plural.lower()} were read."
    parts = _parts(counts)
    if not parts:
        return f"{_records(counts.read)} read, all as they are here: nothing was changed."
    return f"{_records(counts.read)} read: {', '.join(parts)}."


def failed(counts: Counts) -> str:
    """How far a failed pull came."""
    if counts.read == 0:
        return "Stopped before any record was read. Nothing was changed."
    return f"Stopped after {_records(counts.read)}, which are kept. The next sync goes on from there."


def cancelled(counts: Counts) -> str:
    """How far a cancelled pull came."""
    return f"Cancelled after {_records(counts.read)}, which are kept."


def _records(n: int) -> str:
    return f"{n:,} record" if n == 1 else f"{n:,} records"


def _parts(counts: Counts) -> list[str]:
    named = (
        (counts.created, "created"),
        (counts.linked, "linked to what was here"),
        (counts.updated, "updated"),
        (counts.duplicate, "linked as duplicates"),
        (counts.deleted, "deleted in Salesforce"),
        (counts.skipped, "skipped"),
    )
    parts = [f"{n:,} {what}" for n, what in named if n]
    return [*parts, f"{counts.unchanged:,} unchanged"] if parts and counts.unchanged else parts
