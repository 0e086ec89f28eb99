"""`abmatic sync --preview`: what a sync would write, in text or JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from abmatic.audiences.counted import counted
from abmatic.cli.failures import Failure

if TYPE_CHECKING:
    from abmatic.sync.models import Connection
    from abmatic.sync.preview import Preview, Sample

_EVERY = 5.0
_SIDES = {"to_abmatic": "Here", "to_salesforce": "In Salesforce"}


def show_previews(
    connections: Sequence[Connection], sobjects: Sequence[str], *, full: bool, direction: str, as_json: bool,
    vanished_are_deleted: bool,
) -> None:  # fmt: skip
    """Prints a preview of each object of each connection."""
    from abmatic.sync.objects import configurable, with_riders
    from abmatic.sync.preview import NotPreviewed, preview
    from abmatic.sync.pull.plan import ObjectUnreadable

    named = sobjects or [spec.name for spec in configurable()]
    # What rides with an object and may be written as well has a preview of its own.
    wanted = [spec.name for name in named for spec in with_riders([name]) if spec.obeys_settings]
    asked = partial(
        preview, full=full, direction=direction, whole=True, vanished_are_deleted=vanished_are_deleted
    )  # fmt: skip
    found = []
    for connection in connections:
        for name in wanted:
            try:
                found.append(asked(connection, name, progress=_Progress(name)))
            except (NotPreviewed, ObjectUnreadable) as error:
                raise Failure(str(error)) from error
            if not as_json:
                _say(found[-1])
    if as_json:
        click.echo(json.dumps({"previews": [each.as_json() for each in found]}, indent=2, default=str))


class _Progress:
    """Says how far a long preview is, every few seconds and to stderr."""

    def __init__(self, sobject: str) -> None:
        self._sobject = sobject
        self._last = time.monotonic()

    def __call__(self, found: Preview) -> None:
        if time.monotonic() - self._last < _EVERY:
            return
        self._last = time.monotonic()
        of_all = f" of {counted(found.records, 'record')}" if found.records else ""
        click.echo(f"{self._sobject}: {found.looked_at:,}{of_all} looked at", err=True)


def _say(found: Preview) -> None:
    from abmatic.sync.objects import OBJECTS

    of_all = "" if found.is_complete else f" (the first {found.looked_at:,} looked at)"
    click.echo(f"{OBJECTS[found.sobject].label_plural} of {found.connection}: {found.records:,} to read{of_all}")
    numbers = {"to_abmatic": found.to_abmatic, "to_salesforce": found.to_salesforce or {}}
    for side, title in _SIDES.items():
        named = [f"{n:,} {action}" for action, n in numbers[side].items() if action not in {"read", "reasons"} and n]
        if side == "to_abmatic" or found.to_salesforce is not None:
            click.echo(f"  {title}: {', '.join(named) or 'nothing'}")
        for action, samples in found.samples.get(side, {}).items():
            for sample in samples:
                click.echo(f"    {action}: {_told(sample)}")
    for note in found.notes:
        click.echo(f"  {note}")
    click.echo(
        f"  A sync would take about {counted(found.calls_of_run, 'API call')}; this preview took {found.calls_made:,}."
    )


def _told(sample: Sample) -> str:
    who = " ".join(filter(None, (sample.name, f"({sample.sf_id})" if sample.sf_id else "")))
    fields = [
        f"{name}: {_value(sides['before'])} → {_value(sides['after'])}" if sides else name
        for name, sides in sample.fields.items()
    ]
    return " ".join(filter(None, (who, sample.code, "; ".join(fields))))


def _value(value: Any) -> str:
    return "–" if value is None else str(value)
