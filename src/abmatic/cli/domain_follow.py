"""Follows runs until they are over: a bar for each on a terminal, a line for each that ends elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

if TYPE_CHECKING:
    from abmatic.sync.models import Run

# Seconds between two looks.
_LOOK_EVERY = 0.2


def follow(run_ids: Sequence[int], pause: Callable[[float], None] = time.sleep, *, outcomes: bool = True) -> list[Run]:
    """Waits until the runs are over and returns them. Shows on stderr how far they are.

    ``pause`` waits so many seconds; what it raises ends the following, not the runs. Without ``outcomes`` nothing of
    it stays on the screen, for a caller who tells the outcomes afterwards.
    """
    from abmatic.sync.models import Run

    with _display(outcomes) as show:
        while True:
            runs = list(Run.objects.filter(pk__in=run_ids).order_by("id"))
            for run in runs:
                show(run)
            if all(run.is_over for run in runs):
                return runs
            pause(_LOOK_EVERY)


@contextmanager
def _display(outcomes: bool) -> Iterator[Callable[[Run], None]]:
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield _Lines(console).show if outcomes else lambda run: None
        return
    with Progress(
        TextColumn("{task.description}"), BarColumn(), _Records(), TimeRemainingColumn(elapsed_when_finished=True),
        console=console, transient=not outcomes,
    ) as progress:  # fmt: skip
        yield _Bars(progress).show


class _Records(ProgressColumn):
    """How many records of how many, and how many a second."""

    def render(self, task: Task) -> Text:
        if task.fields["outcome"]:
            return Text(task.fields["outcome"], style=task.fields["style"])
        if not task.completed and not task.total:
            return Text(task.fields["phase"], style="dim")
        rate = f", {task.fields['rate']:,.0f} a second" if task.fields["rate"] else ""
        return Text(f"{task.completed:,.0f} of {task.total or 0:,.0f}{rate}")


class _Bars:
    """A bar for each run."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[int, TaskID] = {}

    def show(self, run: Run) -> None:
        from abmatic.sync import runs

        if run.pk not in self._tasks:
            self._tasks[run.pk] = self._progress.add_task(
                label_of(run), total=None, outcome="", phase="", rate=None, style=""
            )
        task = self._tasks[run.pk]
        total = max(run.processed, 1) if run.is_over else run.expected
        self._progress.update(
            task,
            total=total,
            completed=total if run.is_over else run.processed,
            phase=run.get_phase_display(),
            rate=runs.progress(run).records_per_second,
            outcome=told(run) if run.is_over else "",
            style="" if run.state == run.State.SUCCEEDED else "red",
        )


class _Lines:
    """A line for each run that has ended."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said: set[int] = set()

    def show(self, run: Run) -> None:
        if run.is_over and run.pk not in self._said:
            self._said.add(run.pk)
            self._console.print(Text(f"{label_of(run)}: {told(run)}"), soft_wrap=True)


def label_of(run: Run) -> str:
    """The plural that people know the run's object by."""
    from abmatic.sync.objects import OBJECTS

    return OBJECTS[run.sobject].label_plural if run.sobject in OBJECTS else run.sobject


def told(run: Run) -> str:
    """How the run ended, with what to do where it failed."""
    if run.state != run.State.FAILED:
        return run.outcome
    return f"Failed: {run.error_message} {run.error_remedy}".strip()
