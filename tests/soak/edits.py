"""What people do here: edits and new records, each request in one transaction, with its cause and its changes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from abmatic.audiences.models import Account, Contact
from abmatic.changes.models import Cause, Change

MODELS: dict[str, type[Account] | type[Contact]] = {"account": Account, "contact": Contact}


def edit_here(steps: Sequence[dict[str, Any]]) -> None:
    """Each step edits the record ``id``, or makes one where there is none; ``hours_ago`` says when that was."""
    with transaction.atomic():
        cause = Cause.objects.create(kind=Cause.Kind.USER)
        for step in steps:
            record, values = step["record"], step["values"]
            if step.get("id") is None:
                made = MODELS[record].objects.create(**values, created_by=cause)
                Change.objects.create(record=record, record_id=made.pk, field="", cause=cause)
                continue
            found = MODELS[record].objects.select_for_update().get(pk=step["id"])
            for name, after in values.items():
                change = Change.objects.create(
                    record=record, record_id=found.pk, field=name, before=getattr(found, name), after=after, cause=cause
                )
                Change.objects.filter(pk=change.pk).update(at=timezone.now() - timedelta(hours=step["hours_ago"]))
                setattr(found, name, after)
            found.save()


def newest_change() -> int:
    """What is written from now on is above it."""
    return Change.objects.order_by("-id").values_list("id", flat=True).first() or 0


def have_happened(steps: Sequence[dict[str, Any]], since: int) -> bool:
    """Whether the edits are here, of a request that was first made after that change.

    Raises AssertionError where only some are, or a change without its value.
    """
    seen = {_has_happened(step, since) for step in steps}
    assert len(seen) == 1, f"a request is half here: {steps}"
    return seen.pop()


def _has_happened(step: dict[str, Any], since: int) -> bool:
    model, values = MODELS[step["record"]], step["values"]
    if step.get("id") is None:
        found = list(model.objects.filter(**values))
        assert len(found) <= 1, f"made twice: {values}"
        changes = Change.objects.filter(record=step["record"], record_id__in=[made.pk for made in found], field="")
        assert len(found) == changes.count(), f"made without its change: {values}"
        return bool(found)
    record = model.objects.get(pk=step["id"])
    # Not by the value: that may be what the record had before.
    said = Change.objects.filter(record=step["record"], record_id=record.pk, field__in=values, id__gt=since)
    assert said.count() in {0, len(values)}, f"{step['record']} {record.pk}: some of its changes are here"
    is_here = said.exists()
    for name, after in values.items():
        assert not is_here or getattr(record, name) == after, f"{step['record']} {record.pk}: {name}"
    return is_here
