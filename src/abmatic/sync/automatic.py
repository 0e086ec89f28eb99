"""What starts by itself: the syncs of the schedule. Looked at once a minute, by whichever worker gets to it.

Two workers that look at the same time start nothing twice: an object's setting is locked while it is judged, and the
start counts in the same transaction. An object whose last sync still goes on is left for the next look.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import zip_longest

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from abmatic.sync import budget, comparing, runs, schedule
from abmatic.sync.models import Connection, ConnectionProblem, ObjectSetting, Run
from abmatic.sync.objects import configurable

logger = logging.getLogger(__name__)


def next_run_at(setting: ObjectSetting, now: datetime) -> datetime | None:
    """When the object is next synchronised by itself; not after ``now`` where it is due. None: manual only."""
    if not setting.frequency:
        return None
    moved = schedule.offset(setting.connection_id, setting.sobject, setting.frequency)
    return schedule.next_run(now, setting.frequency, setting.last_started_at, moved)


def next_try(connection: Connection, now: datetime) -> datetime | None:
    """When Salesforce is asked again by itself, of a problem that passes; not after ``now`` where that is due.

    None: by nobody, or by a push of what is changed here.
    """
    if not connection.problem_passes:
        return None
    if connection.problem == ConnectionProblem.LIMIT_REACHED and connection.api_recheck_at is not None:
        return connection.api_recheck_at
    scheduled = ObjectSetting.objects.filter(connection=connection).exclude(frequency=0)
    return min((when for each in scheduled if (when := next_run_at(each, now)) is not None), default=None)


def is_due(setting: ObjectSetting, now: datetime) -> bool:
    """Whether the schedule wants the object synchronised now."""
    when = next_run_at(setting, now)
    return when is not None and when <= now


def tick() -> list[Run]:
    """Starts what is due, of each connection one object after the other, so that none waits for another's all."""
    now = timezone.now()
    started = _resume()
    free: dict[int, bool] = {}
    for setting in _in_turn(_due(now)):
        connection = setting.connection
        if connection.pk not in free:
            free[connection.pk] = _is_free(connection)
        if not free[connection.pk]:
            continue
        try:
            started += _start(setting.pk)
        except Exception:  # one connection's trouble is not another's
            logger.exception("the schedule could not start %s", setting)
    return started


def _resume() -> list[Run]:
    """Takes up what waits for API calls, wherever they are back."""
    waiting = Connection.objects.filter(status=Connection.Status.ACTIVE, api_waiting_since__isnull=False)
    paused = Run.objects.filter(state=Run.State.QUEUED, phase=Run.Phase.PAUSED)
    pushing = ObjectSetting.objects.filter(auto_push=True)
    wanting = Q(pk__in=paused.values("connection")) | Q(pk__in=pushing.values("connection"))
    return [run for connection in waiting.filter(wanting) if _is_free(connection) for run in runs.resume(connection)]


def _is_free(connection: Connection) -> bool:
    try:
        return budget.is_free(connection)
    except Exception:  # one connection's trouble is not another's
        logger.exception("%s could not be asked for its API calls", connection)
        return False


def _due(now: datetime) -> Iterator[ObjectSetting]:
    found = ObjectSetting.objects.filter(connection__status=Connection.Status.ACTIVE).exclude(frequency=0)
    return (
        setting
        for setting in found.select_related("connection")
        if is_due(setting, now) or comparing.is_due(setting, now)
    )


def _in_turn(settings: Iterable[ObjectSetting]) -> Iterator[ObjectSetting]:
    """The first object of each connection, then the second of each; the connection that has waited longest leads."""
    order = {spec.name: place for place, spec in enumerate(configurable())}
    of_connection: dict[int, list[ObjectSetting]] = defaultdict(list)
    for setting in settings:
        of_connection[setting.connection_id].append(setting)
    now = timezone.now()
    queues = sorted(
        of_connection.values(), key=lambda queue: max(_waited(setting, now) for setting in queue), reverse=True
    )
    for queue in queues:
        queue.sort(key=lambda setting: order.get(setting.sobject, len(order)))
    for row in zip_longest(*queues):
        yield from (setting for setting in row if setting is not None)


def _waited(setting: ObjectSetting, now: datetime) -> timedelta:
    return now - (setting.last_started_at or now)


def _start(setting_id: int) -> list[Run]:
    with transaction.atomic():
        free = ObjectSetting.objects.select_for_update(of=("self",), skip_locked=True).select_related("connection")
        setting = free.filter(pk=setting_id).first()
        if setting is None:
            return []
        now = timezone.now()
        is_compare = comparing.is_due(setting, now)
        # Another worker has it, has started it a moment ago, or a person has.
        if not is_compare and not is_due(setting, now):
            return []
        try:
            return runs.start(
                setting.connection, [setting.sobject], trigger=Run.Trigger.SCHEDULE, full=is_compare,
                because=Run.FullBecause.SCHEDULE,
            )  # fmt: skip
        except (runs.AlreadyRunning, runs.ConnectionNotReady) as later:
            logger.debug("%s waits: %s", setting, later)
            return []
