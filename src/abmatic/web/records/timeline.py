"""What happened to a record, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from abmatic.audiences.fields import fields
from abmatic.audiences.models import LocalRecord
from abmatic.changes.models import Cause, Change
from abmatic.web.records.provenance import Source, sources
from abmatic.web.values import shown

PAGE = 100
# Columns that are no fields, and change all the same.
_OTHERS = {"kind": "Kind", "campaign_id": "Campaign", "parent_id": "Parent campaign"}


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field going from a value to a value."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Event:
    """One act: "created", "changed" or "converted", with the fields it changed."""

    kind: str
    source: Source | None
    at: datetime
    changes: list[FieldChange]


@dataclass(frozen=True, slots=True)
class Timeline:
    """A page of events, and the change id before which the next page begins."""

    events: list[Event]
    before: int | None


def timeline(record: str, local: LocalRecord, before: int | None) -> Timeline:
    """Events of a record; the one that made it stands at the end of the last page."""
    found = Change.objects.filter(record=record, record_id=local.pk).select_related("cause__user")
    if before is not None:
        found = found.filter(pk__lt=before)
    changes = list(found.order_by("-id")[: PAGE + 1])
    more = len(changes) > PAGE
    changes = changes[:PAGE]
    named = sources([*(change.cause for change in changes), local.created_by])
    labels = {field.name: field.label for field in fields(record)} | _OTHERS
    events = [_event(labels, group, named) for group in _by_cause(changes)]
    if not more:
        events.append(_creation(local, named))
    return Timeline(events, changes[-1].pk if more else None)


def _by_cause(changes: list[Change]) -> list[list[Change]]:
    """Changes of one act together; they were written together, so they lie side by side."""
    groups: list[list[Change]] = []
    for change in changes:
        if groups and groups[-1][0].cause_id == change.cause_id:
            groups[-1].append(change)
        else:
            groups.append([change])
    return groups


def _event(labels: Mapping[str, str], group: list[Change], named: dict[int, Source]) -> Event:
    converted = any(change.field == "kind" and change.after == "contact" for change in group)
    return Event(
        kind="converted" if converted else "changed",
        source=named.get(group[0].cause_id),
        at=group[0].at,
        changes=[
            FieldChange(labels.get(change.field, change.field), shown(change.before), shown(change.after))
            for change in reversed(group)
        ],
    )


def _creation(local: LocalRecord, named: dict[int, Source]) -> Event:
    cause: Cause | None = local.created_by
    return Event("created", named.get(cause.pk) if cause else None, local.created_at, [])
