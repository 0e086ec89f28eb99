"""The fields of a record as its page shows them: value, where that came from, and every change it went through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.text import capfirst

from abmatic.audiences.custom_fields import values_of
from abmatic.audiences.fields import FIELDS, FieldType, LocalField
from abmatic.changes.latest import changes_of, last_changes
from abmatic.sync.gaps import Gap, gaps
from abmatic.web.records.provenance import Source, sources
from abmatic.web.records.refused import Refused, by_field
from abmatic.web.records.refused import refused as refused_of
from abmatic.web.values import shown

# Of one field, at a time.
HISTORY = 20


@dataclass(frozen=True, slots=True)
class FieldShown:
    """A field in the overview. ``url`` leads to its editor and ``history`` to its changes, where there are any."""

    name: str
    label: str
    value: Any
    source: Source | None
    at: datetime | None
    field: LocalField | None = None
    url: str = ""
    history: str = ""
    note: str = ""
    refused: tuple[Refused, ...] = ()
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One change of a field."""

    before: str
    after: str
    source: Source | None
    at: datetime


@dataclass(frozen=True, slots=True)
class History:
    """Changes of a field, newest first; then what it began with, or the address of those before."""

    steps: list[Step]
    earlier: str
    first: Step | None


def fields_shown(record: str, local: Any, issues: Sequence[Refused] | None = None) -> list[FieldShown]:
    """Every field of a record, custom ones last, with what is wrong with it and where it differs from Salesforce.

    ``issues``: those of the record, where they were asked for already.
    """
    issues = refused_of(record, local.pk) if issues is None else issues
    refused = by_field(issues)
    differing: dict[str, list[Gap]] = {}
    for gap in gaps(record, local.pk, [each.issue for each in issues]):
        differing.setdefault(gap.local_field, []).append(gap)
    changes = last_changes(record, local.pk)
    created = local.created_by
    named = sources([*(change.cause for change in changes.values()), created])
    first = named.get(created.pk) if created else None
    known: list[tuple[str, str, LocalField | None, Any]] = [
        (field.name, field.label, field, getattr(local, field.name)) for field in FIELDS[record]
    ]
    known += [(name, name, None, value) for name, value in sorted(local.custom.items())]
    known += [(each.name, each.label, each, value) for each, value in values_of(record, local.pk)]
    found = []
    for name, label, field, value in known:
        change = changes.get(name)
        source = named.get(change.cause_id) if change else first
        at = change.at if change else local.created_at
        # An empty value that never was anything else came from nowhere.
        is_known = change is not None or value not in (None, "")
        found.append(
            FieldShown(
                name, label, value, source if is_known else None, at if is_known else None, field,
                reverse(f"{record}-field", args=[local.pk, name]) if field and is_editable(field) else "",
                reverse(f"{record}-field-history", args=[local.pk, name]) if field and change else "",
                capfirst(field.why_fixed.removeprefix("is ")) if field else "", tuple(refused.get(name, ())),
                tuple(differing.get(name, ())),
            )
        )  # fmt: skip
    return found


def is_editable(field: LocalField) -> bool:
    """Whether people may give it another value."""
    return not field.is_derived and field.type is not FieldType.DATETIME


def history(record: str, local: Any, field: LocalField, value: Any, before: int | None) -> History:
    """What the field went through, before a change."""
    found = changes_of(record, local.pk, field.name, before, HISTORY + 1)
    more = len(found) > HISTORY
    found = found[:HISTORY]
    named = sources([*(change.cause for change in found), local.created_by])
    steps = [Step(shown(change.before), shown(change.after), named.get(change.cause_id), change.at) for change in found]
    if more:
        address = reverse(f"{record}-field-history", args=[local.pk, field.name])
        return History(steps, f"{address}?before={found[-1].pk}", None)
    created = named.get(local.created_by.pk) if local.created_by else None
    began = found[-1].before if found else value
    # Further back nothing is known of the value on an older page that is empty.
    first = None if before is not None and not found else Step("", shown(began), created, local.created_at)
    return History(steps, "", first)
