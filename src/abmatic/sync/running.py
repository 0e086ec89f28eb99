"""A run that this process executes: how far it is, and what is told of it.

Whatever is told is told as this execution: where another one has taken the run over, or somebody has cancelled it,
nothing is written, and whoever tells it stops.
"""

from __future__ import annotations

import resource
import sys
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from abmatic.changes.models import Cause
from abmatic.salesforce import Client
from abmatic.sync import budget
from abmatic.sync.models import Connection, ObjectSetting, Run
from abmatic.sync.objects import OBJECTS
from abmatic.sync.pull.chunk import Counts
from abmatic.sync.pull.reading import Cancelled
from abmatic.sync.push.outcomes import PushCounts


class Superseded(Exception):
    """Another execution has taken the run over: this one had lost its lock, as after a machine's sleep."""


class Running:
    """One execution of a run, with its counts so far. ``client`` is there from the first call on."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.connection: Connection = run.connection
        self.spec = OBJECTS[run.sobject]
        self.counts = Counts.from_json(run.counts)
        self.pushed = PushCounts.from_json(run.pushed)
        self.client: Client | None = None
        # What else the outcome has to say.
        self.remarks: list[str] = []
        self._calls_before = run.api_calls
        self.setting = ObjectSetting.objects.filter(
            connection=run.connection, sobject=self.spec.rides_with or run.sobject
        ).first()

    def begin(self) -> None:
        """Takes the run up, once more or for the first time. Raises Cancelled, Superseded."""
        run = self.run
        with transaction.atomic():
            # Locked and read anew: a former execution that had lost its lock may be committing a chunk right now.
            run.refresh_from_db(from_queryset=Run.objects.select_for_update(of=("self",)))
            self.counts, self._calls_before = Counts.from_json(run.counts), run.api_calls
            self.pushed = PushCounts.from_json(run.pushed)
            if run.cause_id is None:
                run.cause = Cause.objects.create(kind=Cause.Kind.RUN, run_id=run.pk, user=run.started_by)
            run.state = Run.State.RUNNING
            run.phase = Run.Phase.ASKING
            run.started_at = run.started_at or timezone.now()
            run.attempts += 1
            begun = Run.objects.filter(pk=run.pk, state__in=[Run.State.QUEUED, Run.State.RUNNING]).update(
                cause=run.cause, state=run.state, phase=run.phase, started_at=run.started_at, attempts=run.attempts,
                updated_at=timezone.now(),
            )  # fmt: skip
            if not begun:
                raise self.lost()

    def require_budget(self) -> None:
        """Where nothing is half done: raises `budget.Paused` when a run that nobody asked for has used enough."""
        if self.run.trigger not in budget.AUTOMATIC:
            return
        usage = self.client.usage if self.client else None
        ceiling = self.connection.api_ceiling
        if budget.is_used_up(usage, ceiling) if usage else budget.holds_back(self.connection):
            raise budget.Paused(f"{ceiling} % of the org's API calls of the day are used.")

    def window(self, client: Client) -> datetime:
        """The upper bound: Salesforce's clock when the run first asked, kept for every later attempt."""
        if "upper" not in self.run.checkpoint:
            self.run.checkpoint = {**self.run.checkpoint, "upper": client.server_time().isoformat()}
            self.note(checkpoint=self.run.checkpoint)
        return datetime.fromisoformat(self.run.checkpoint["upper"]).astimezone(UTC)

    def note(self, **changes: Any) -> None:
        """Tells the run page, in a transaction of its own. A run that somebody cancelled stays cancelled."""
        is_cancelled = changes.get("state") == Run.State.CANCELLED
        ours = Run.objects.filter(pk=self.run.pk, attempts=self.run.attempts)
        live = ours.filter(state=Run.State.CANCELLED if is_cancelled else Run.State.RUNNING)
        if not live.update(api_calls=self.calls(), updated_at=timezone.now(), **changes) and not is_cancelled:
            raise self.lost()
        for name, value in changes.items():
            setattr(self.run, name, value)

    def lost(self) -> Cancelled | Superseded:
        """Why the run is not this execution's any more."""
        state = Run.objects.filter(pk=self.run.pk).values_list("state", flat=True).first()
        return Cancelled() if state == Run.State.CANCELLED else Superseded()

    def calls(self) -> int:
        """API calls that the run has made in all its executions."""
        return self._calls_before + (self.client.calls if self.client else 0)


def peak_memory() -> int:
    """The process's highest resident size so far, in bytes (Linux counts in KiB, macOS in bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
