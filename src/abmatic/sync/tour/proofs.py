"""What was seen of a step, kept with the tour: the runs that tell more, and the values before and after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from abmatic.audiences import fields
from abmatic.changes.models import Change
from abmatic.sync.models import FieldMapping, Tour, Write

STEPS = tuple(step for step in Tour.Step if step != Tour.Step.OVER)


@dataclass(frozen=True, slots=True)
class Proof:
    """``run`` did it, the field went from ``before`` to ``after`` (JSON values).

    ``said``: what an entry or Salesforce itself says of it. ``won``: of a conflict, the side whose value was kept, and
    ``policy`` why. ``first_run``: the one that was refused, or that was undone.
    """

    run: int | None = None
    field: str = ""
    before: Any = None
    after: Any = None
    said: str = ""
    won: str = ""
    policy: str = ""
    first_run: int | None = None
    is_skipped: bool = False

    def as_dict(self) -> dict[str, Any]:
        """As it is kept: what says something."""
        return {name: value for name, value in asdict(self).items() if value not in (None, "", False)}


def of(tour: Tour, step: str) -> Proof | None:
    """What was seen of a step; None while it isn't done."""
    kept: Mapping[str, Any] | None = tour.proofs.get(step)
    return Proof(**kept) if kept is not None else None


def of_change(change: Change, run: int | None, **more: Any) -> Proof:
    """A change here."""
    try:
        label = fields.field(change.record, change.field).label
    except KeyError:  # a custom field that was removed since
        label = change.field
    return Proof(run=run, field=label, before=change.before, after=change.after, **more)


def of_write(write: Write, **more: Any) -> Proof:
    """A write to Salesforce, by the first of its fields."""
    name = next(iter(write.sent), "")
    return Proof(
        run=write.run_id, field=label_of(write, name), before=write.before.get(name), after=write.sent.get(name), **more
    )


def label_of(write: Write, name: str) -> str:
    """What people know a field of Salesforce by here."""
    mapped = FieldMapping.objects.filter(
        setting__connection=write.connection_id, setting__sobject=write.sobject, sf_field=name
    ).first()
    labels = {each.name: each.label for each in fields.FIELDS["account"]}
    return labels.get(mapped.local_field, mapped.local_field) if mapped else name
