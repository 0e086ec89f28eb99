"""The timeline of a record as its page draws it; what belongs in it is in `abmatic.sync.timeline`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from abmatic.audiences.fields import fields
from abmatic.audiences.models import LocalRecord
from abmatic.sync.timeline import KINDS, Entry, Value
from abmatic.sync.timeline import timeline as read
from abmatic.web.records.provenance import Source, of_run, sources
from abmatic.web.values import shown

# Columns that are no fields, and change all the same.
_OTHERS = {
    "kind": "Kind", "campaign_id": "Campaign", "parent_id": "Parent campaign", "account_id": "Account",
    "owner_id": "Owner",
}  # fmt: skip
_ICONS = {
    "created": "plus", "changes": "pencil", "pushes": "cloud-upload", "refusals": "ban", "conflicts": "git-merge",
    "undos": "history", "links": "link",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field going from a value to a value."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Event:
    """One entry, in words. ``is_by``: the source did it; else it happened in that run."""

    kind: str
    icon: str
    title: str
    source: Source | None
    at: datetime
    changes: list[FieldChange]
    said: str
    meaning: str
    url: str
    is_by: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """A kind of entries that the list can be narrowed to."""

    label: str
    query: str
    is_here: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """A page of events, the query of the next one (empty at the end), and what may be chosen."""

    events: list[Event]
    older: str
    choices: list[Choice]


def timeline(record: str, local: LocalRecord, kind: str, after: str) -> Timeline:
    """Events of a record; the one that made it stands at the end of the last page."""
    found = read(record, local, kind, after)
    named = sources([entry.cause for entry in found.entries])
    labels = {each.name: each.label for each in fields(record)} | _OTHERS
    here = kind if kind in KINDS else ""
    chosen = {"kind": here} if here else {}
    choices = [Choice("All", "?", not here), *(Choice(KINDS[k], f"?kind={k}", k == here) for k in KINDS)]
    older = f"?{urlencode({**chosen, 'after': found.after})}" if found.after is not None else ""
    return Timeline([_event(entry, named, labels) for entry in found.entries], older, choices)


def _event(entry: Entry, named: Mapping[int, Source], labels: Mapping[str, str]) -> Event:
    # Of an undo it is said who started it; then its run is where that happened.
    is_by = entry.cause is not None and entry.kind != "undos"
    source = named.get(entry.cause.pk) if entry.cause is not None and is_by else None
    if source is None and entry.run is not None:
        source = of_run(entry.run, entry.at)
    return Event(
        entry.kind, _ICONS[entry.kind], entry.title, source, entry.at,
        [_change(value, labels) for value in entry.values], entry.said, entry.meaning, entry.url, is_by,
    )  # fmt: skip


def _change(value: Value, labels: Mapping[str, str]) -> FieldChange:
    label = value.name if value.is_theirs else labels.get(value.name, value.name)
    return FieldChange(label, shown(value.before), shown(value.after))
