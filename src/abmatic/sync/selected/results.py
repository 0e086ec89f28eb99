"""What became of a selected push: what its runs wrote, what Salesforce refused, what was left as it is and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from abmatic.sync.models import Run, SelectedPush, Write
from abmatic.sync.objects import OBJECTS
from abmatic.sync.push.verdicts import VERDICTS
from abmatic.sync.refusals import refusal
from abmatic.sync.selected.rules import objects_of

_REFUSALS = 50
# Counted by what was sent, not by what was planned; those held back have an entry among the refusals too.
_WRITTEN = ("created", "updated")


class EarlierFailed(Exception):
    """A run that has to be over before this one writes failed."""


@dataclass(frozen=True, slots=True)
class Line:
    """So many records, and why; ``remedy`` where something helps. ``samples``: some of them, as a preview has them."""

    code: str
    label: str
    remedy: str
    number: int
    samples: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that Salesforce refused."""

    sobject: str
    local_id: int
    code: str
    label: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """A push that is over, or under way: its runs, what they wrote, and what they left."""

    runs: tuple[Run, ...]
    written: dict[str, int]
    left: tuple[Line, ...]
    refused: tuple[Refused, ...]

    @property
    def is_over(self) -> bool:
        """Whether none of its runs goes on."""
        return all(run.is_over for run in self.runs)

    @property
    def is_given_up(self) -> bool:
        """Whether somebody cancelled it."""
        return any(run.state == Run.State.CANCELLED for run in self.runs)

    @property
    def failed(self) -> tuple[Run, ...]:
        """Its runs that failed or were cancelled."""
        return tuple(run for run in self.runs if run.is_over and run.state != Run.State.SUCCEEDED)


def require_earlier(run: Run) -> None:
    """Raises `EarlierFailed` where an earlier run of its push didn't succeed: a person might be made twice."""
    if run.selected_id is None:
        return
    earlier = Run.objects.filter(selected=run.selected_id, pk__lt=run.pk).exclude(state=Run.State.SUCCEEDED).first()
    if earlier is not None:
        raise EarlierFailed(
            f"Nothing was written: run {earlier.pk}, which reads {OBJECTS[earlier.sobject].label_plural} first, "
            f"{earlier.get_state_display().lower()}."
        )


def keep(run: Run, verdicts: Counter[str]) -> None:
    """Keeps what the run found of the records it was limited to."""
    with transaction.atomic():
        push = SelectedPush.objects.select_for_update().get(runs=run)
        push.results = {**push.results, run.sobject: dict(verdicts)}
        push.save(update_fields=["results"])


def preview_lines(push: SelectedPush) -> list[Line]:
    """What the preview found, by verdict, those that are written first."""
    if push.found is None:
        return []
    lines = []
    for code in VERDICTS:
        for found in push.found["objects"]:
            number = found["verdicts"].get(code, 0)
            if not number and (code not in _WRITTEN or len(push.found["objects"]) > 1):
                continue
            side = "to_salesforce" if code in _WRITTEN else "withheld"
            samples = found["samples"].get(side, {}).get(code, [])
            lines.append(_line(code, found["sobject"], number, tuple(samples)))
    return lines


def outcome(push: SelectedPush) -> Outcome:
    """What became of it so far."""
    runs = tuple(push.runs.select_related("connection").order_by("pk"))
    names = ("created", "updated", "refused", "returned", "unknown")
    written = {name: sum(int(run.pushed.get(name, 0)) for run in runs) for name in names}
    left = [
        _line(code, sobject, push.results[sobject][code])
        for code in VERDICTS
        for sobject in objects_of(push)
        if code not in _WRITTEN and push.results.get(sobject, {}).get(code)
    ]
    refused = Write.objects.filter(run__in=runs, state=Write.State.REFUSED).order_by("pk")[:_REFUSALS]
    return Outcome(runs, written, tuple(left), tuple(_refused(write) for write in refused))


def _line(code: str, sobject: str, number: int, samples: tuple[Mapping[str, Any], ...] = ()) -> Line:
    verdict, objects = VERDICTS[code], OBJECTS[sobject].label_plural
    return Line(code, verdict.label.format(objects=objects), verdict.remedy.format(objects=objects), number, samples)


def _refused(write: Write) -> Refused:
    said = refusal(write.code or "")
    return Refused(write.sobject, write.local_id, said.code, said.label, write.message or "", said.remedy)
