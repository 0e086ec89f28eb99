"""Starting, watching and cancelling runs."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from abmatic.identity.models import User
from abmatic.sync import budget, tasks
from abmatic.sync.models import Connection, CrmImport, ObjectSetting, Run, SelectedPush
from abmatic.sync.objects import configurable, with_riders
from abmatic.sync.undo import require_undoable


class AlreadyRunning(Exception):
    """A run of the object is queued or running."""


class ConnectionNotReady(Exception):
    """The connection was disabled or needs attention."""


class UnknownObject(Exception):
    """No such object is synchronised."""


def start(
    connection: Connection,
    sobjects: Sequence[str] | None = None,
    *,
    trigger: str,
    user: User | None = None,
    full: bool = False,
    because: str = Run.FullBecause.ASKED,
    direction: str = Run.Direction.BOTH,
    alone: bool = False,
) -> list[Run]:
    """Queues a sync of the objects (default: all) and of what rides with them. Jobs and runs commit together.

    ``direction`` "both" writes to Salesforce what the settings allow, after reading; "pull" only reads. ``alone``
    leaves out what only rides with the objects. ``full`` reads every record, ``because`` of one of `Run.FullBecause`.

    Raises `UnknownObject`, `ConnectionNotReady`, or `AlreadyRunning` when one of the objects is queued or running.
    """
    known = [spec.name for spec in configurable()]
    wanted = list(sobjects) if sobjects else known
    for name in wanted:
        if name not in known:
            raise UnknownObject(f"{name} is not an object that is synchronised; these are: {', '.join(known)}.")
    _require_active(connection)
    settings_of = {setting.sobject: setting for setting in ObjectSetting.objects.filter(connection=connection)}
    batch = uuid.uuid4()
    runs = []
    try:
        with transaction.atomic():
            for spec in with_riders(wanted):
                if alone and not spec.obeys_settings:
                    continue
                setting = settings_of.get(spec.rides_with or spec.name)
                first = setting is None or setting.cursor is None
                began = Run.Trigger.FIRST_IMPORT if first and trigger == Run.Trigger.MANUAL else trigger
                is_pushed = setting is not None and setting.is_pushed
                pushes = spec.obeys_settings and is_pushed
                moves = direction if pushes else Run.Direction.PULL
                paused = None if trigger in budget.AUTOMATIC else _paused(connection, spec.name).first()
                if paused is not None:
                    # It waits for API calls, and a person goes on without: it is theirs from here, and keeps its place.
                    paused.trigger, paused.started_by, paused.batch = began, user, batch
                    paused.is_full, paused.direction = paused.is_full or full, moves
                    paused.full_because = because if full else paused.full_because
                    runs.append(_take_up(paused))
                    continue
                run = Run.objects.create(
                    connection=connection,
                    sobject=spec.name,
                    batch=batch,
                    trigger=began,
                    started_by=user,
                    is_full=full,
                    full_because=because if full else "",
                    direction=moves,
                )
                _queue(run)
                runs.append(run)
            if trigger != Run.Trigger.AUTO_PUSH:
                _count_as_started(connection, wanted)
    except IntegrityError:
        raise AlreadyRunning(
            f"A sync of {' or '.join(wanted)} with {connection} is queued or running already. "
            "Wait until it is done, or cancel it on its page."
        ) from None
    return runs


def start_selected(push: SelectedPush, sobjects: Sequence[str], *, trigger: str, user: User | None = None) -> list[Run]:
    """Queues the runs of a selected push, in this order. Raises `ConnectionNotReady`, or `AlreadyRunning`.

    Also of an object into which nothing may be written: its run says so of each record.
    """
    connection = push.connection
    _require_active(connection)
    batch = uuid.uuid4()
    try:
        with transaction.atomic():
            started = [
                Run.objects.create(
                    connection=connection, sobject=name, batch=batch, trigger=trigger, started_by=user, selected=push,
                    direction=Run.Direction.BOTH,
                )
                for name in sobjects
            ]  # fmt: skip
            for run in started:
                _queue(run)
    except IntegrityError:
        raise AlreadyRunning(
            f"A sync of {' or '.join(sobjects)} with {connection} is queued, running, or waiting for API calls. "
            "Wait until it is done, or cancel it on its page, then push again."
        ) from None
    return started


def start_import(wanted: CrmImport, *, trigger: str, user: User | None = None) -> Run:
    """Queues the run of an import. Raises `ConnectionNotReady`, or `AlreadyRunning`."""
    connection = wanted.connection
    _require_active(connection)
    try:
        with transaction.atomic():
            run = Run.objects.create(
                connection=connection, sobject=wanted.sobject, batch=uuid.uuid4(), trigger=trigger, started_by=user,
                imports=wanted, direction=Run.Direction.PULL, expected=wanted.size,
            )  # fmt: skip
            _queue(run)
    except IntegrityError:
        raise AlreadyRunning(
            f"A sync of {wanted.sobject} with {connection} is queued, running, or waiting for API calls. Wait until it "
            "is done, or cancel it on its page, then import again."
        ) from None
    return run


def _require_active(connection: Connection) -> None:
    if connection.status != Connection.Status.ACTIVE:
        raise ConnectionNotReady(
            f"The connection to {connection} is {connection.get_status_display().lower()}. "
            f"{'Reconnect it' if connection.wants_reconnect else 'Check it again'} under Settings, Integrations."
        )


def resume(connection: Connection) -> list[Run]:
    """Queues what waited for the connection's API calls: each goes on where it stopped."""
    with transaction.atomic():
        return [_take_up(run) for run in _paused(connection).order_by("id")]


def _paused(connection: Connection, *sobjects: str) -> QuerySet[Run]:
    found = Run.objects.filter(connection=connection, state=Run.State.QUEUED, phase=Run.Phase.PAUSED)
    # Whoever comes second waits, and finds it taken up.
    return (found.filter(sobject__in=sobjects) if sobjects else found).select_for_update(of=("self",))


def _take_up(run: Run) -> Run:
    run.phase, run.outcome = Run.Phase.WAITING, ""
    own = ["phase", "outcome", "trigger", "started_by", "batch", "is_full", "full_because", "direction", "updated_at"]
    run.save(update_fields=own)
    _queue(run)
    return run


def _queue(run: Run) -> None:
    tasks.pull.configure(lock=f"connection-{run.connection_id}").defer(run_id=run.pk)


def _count_as_started(connection: Connection, sobjects: Sequence[str]) -> None:
    found = ObjectSetting.objects.filter(connection=connection, sobject__in=sobjects)
    found.update(last_started_at=timezone.now())


def undo(run: Run, *, user: User | None = None, delete_created: bool = False) -> Run:
    """Queues the undo of a run. Raises `NotUndone`, `ConnectionNotReady`, or `AlreadyRunning`.

    ``delete_created`` also removes what it created in Salesforce, where nobody has touched that (see `undo_created`).
    """
    require_undoable(run)
    connection = run.connection
    if connection.status != Connection.Status.ACTIVE:
        raise ConnectionNotReady(
            f"The connection to {connection} is {connection.get_status_display().lower()}: its run can be undone when "
            "it is active again."
        )
    try:
        with transaction.atomic():
            # What is old may be removed at this moment: whoever comes second finds it out here.
            require_undoable(Run.objects.select_for_update(of=("self",)).get(pk=run.pk))
            made = Run.objects.create(
                connection=connection,
                sobject=run.sobject,
                batch=uuid.uuid4(),
                trigger=Run.Trigger.UNDO,
                started_by=user,
                direction=Run.Direction.BOTH,
                undoes=run,
                checkpoint={"delete_created": True} if delete_created else {},
            )
            tasks.pull.configure(lock=f"connection-{connection.pk}").defer(run_id=made.pk)
    except IntegrityError:
        raise AlreadyRunning(
            f"A sync of {run.sobject} with {connection} is queued or running. Wait until it is done, then undo."
        ) from None
    return made


def cancel(run: Run) -> bool:
    """Cancels a run that is not over; what is committed stays. Answers whether there was anything to cancel."""
    with transaction.atomic():
        if _paused(run.connection).filter(pk=run.pk).exists():
            # It has no job, and only one removes what the run left in Salesforce.
            _queue(run)
        return bool(
            Run.objects.filter(pk=run.pk, state__in=[Run.State.QUEUED, Run.State.RUNNING]).update(
                state=Run.State.CANCELLED,
                phase=Run.Phase.DONE,
                finished_at=timezone.now(),
                outcome="Cancelled. What was read before is kept.",
            )
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is. Each is None where it can't be known yet."""

    fraction: float | None
    records_per_second: float | None
    seconds_left: float | None


def progress(run: Run) -> Progress:
    """How far the run is, from what it has committed."""
    if run.is_over:
        return Progress(1.0 if run.state == Run.State.SUCCEEDED else None, _rate(run), None)
    fraction = min(run.processed / run.expected, 1.0) if run.expected else None
    rate = _rate(run)
    left = max(run.expected - run.processed, 0) / rate if rate and run.expected else None
    return Progress(fraction, rate, left)


def _rate(run: Run) -> float | None:
    if run.started_at is None or not run.processed:
        return None
    seconds = ((run.finished_at or timezone.now()) - run.started_at).total_seconds()
    return run.processed / seconds if seconds > 0 else None
