"""A run's outcome, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from abmatic.audiences.counted import counted
from abmatic.sync.models import Run
from abmatic.sync.objects import OBJECTS, SObject
from abmatic.sync.pull.chunk import Counts
from abmatic.sync.push.outcomes import PushCounts


def succeeded(run: Run, counts: Counts, pushed: PushCounts, remarks: Sequence[str] = ()) -> str:
    """What a finished run did, or that there was nothing to do; and why it read everything where nobody asked."""
    told = _pulled(OBJECTS[run.sobject], counts)
    return " ".join(filter(None, (told, _because(run), _pushed(pushed), *remarks)))


def _because(run: Run) -> str:
    if not run.is_full or run.full_because not in _WORTH_SAYING:
        return ""
    return f"Every record was compared, because {run.get_full_because_display()}."


_WORTH_SAYING = frozenset({Run.FullBecause.SCHEDULE.value, Run.FullBecause.RECYCLE_BIN.value})


def undone(run_id: int, counts: Counts, pushed: PushCounts, removed: int) -> str:
    """What an undo put back, removed from Salesforce, and left."""
    back = f"{_records(counts.updated)} here and {pushed.updated:,} in Salesforce have back what run {run_id} changed."
    left = sum(counts.reasons[reason] for reason in ("undo_changed_here", "undo_changed_there", "undo_gone"))
    kept = ("undo_created_here", "undo_created_there", "undo_in_use", "undo_not_removed")
    created = sum(counts.reasons[reason] for reason in kept)
    unsent = replace(pushed, updated=0)
    parts = [
        back,
        f"{counted(left, 'value has', 'values have')} changed since, and {_was(left)} left." if left else "",
        f"{_records(removed)} that it created in Salesforce {_was(removed)} removed there." if removed else "",
        f"{_records(created)} that it created {_was(created)} left." if created else "",
        _pushed(unsent),
    ]
    return " ".join(filter(None, parts))


def _pushed(pushed: PushCounts) -> str:
    named = (
        (pushed.created, "created in Salesforce"),
        (pushed.updated, "updated in Salesforce"),
        (pushed.refused, "refused by Salesforce"),
        (pushed.held, "held back until their issue is mended"),
        (pushed.waiting, "waiting for another record in Salesforce"),
        (pushed.returned, "to be sent again by the next sync"),
        (pushed.unknown, "sent without an answer, which the next sync looks into"),
    )
    parts = [f"{n:,} {what}" for n, what in named if n]
    return f"{', '.join(parts)}." if parts else ""


def _pulled(spec: SObject, counts: Counts) -> str:
    if counts.read == 0:
        return f"Nothing has changed in Salesforce since the last sync: no {spec.label_plural.lower()} were read."
    parts = _parts(counts)
    if not parts:
        return f"{_records(counts.read)} read, all as they are here: nothing was changed here."
    return f"{_records(counts.read)} read: {', '.join(parts)}."


def imported(counts: Counts) -> str:
    """What an import of chosen records did."""
    parts = _parts(counts)
    if not parts:
        return f"{_records(counts.read)} read, all as they are here."
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
    return counted(n, "record")


def _was(n: int) -> str:
    return "was" if n == 1 else "were"


def _parts(counts: Counts) -> list[str]:
    named = (
        (counts.created, "created"),
        (counts.linked, "linked to what was here"),
        (counts.updated, "updated"),
        (counts.duplicate, "linked as duplicate" if counts.duplicate == 1 else "linked as duplicates"),
        (counts.deleted, "deleted in Salesforce"),
        (counts.skipped, "skipped"),
    )
    parts = [f"{n:,} {what}" for n, what in named if n]
    return [*parts, f"{counts.unchanged:,} unchanged"] if parts and counts.unchanged else parts
