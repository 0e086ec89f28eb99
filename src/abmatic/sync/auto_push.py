"""Automatic pushes: which objects have something that changed here, found without asking Salesforce anything.

Whoever hears of a change (the database tells, see `changes`) looks here, and so does a poll, for what nobody was told
of. What is due is in tables, so a crash costs time at most. A run is started for exactly the objects that have
something due; what is changed while it goes on is the next one's, so many changes become few runs, and since a run
compares a record as it is, an older value never follows a newer one.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any, LiteralString

from django.db import connection as database
from django.utils import timezone

from abmatic.postgres.sql import block
from abmatic.postgres.transactions import over_below
from abmatic.sync import budget, runs
from abmatic.sync.models import Connection, Issue, ObjectSetting, Run
from abmatic.sync.objects import OBJECTS, SObject, configurable, with_riders
from abmatic.sync.push import due

logger = logging.getLogger(__name__)

CHANNEL = "abmatic_change"
# What a run left to be sent again, or another org's pull made due: not at once, or a locked record would be tried
# without a pause.
LEFT_PAUSE = timedelta(minutes=5)
FAILED_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=1)
_FAILURES = 10


def after_failures(failures: int) -> timedelta:
    """How long to wait after so many failed runs in a row: twice as long each time, an hour at most."""
    return min(FAILED_PAUSE * 2 ** (failures - 1), LONGEST_PAUSE) if failures else timedelta(0)


class AutoPush:
    """Starts what is due. One for each worker: it remembers how far it has looked in vain."""

    def __init__(self) -> None:
        # By setting: changes of transactions below are no reason for a run. They are over, so that stays true.
        self._seen: dict[tuple[int, str], int] = {}
        # By setting: when it was looked in vain for what a run had left. Many records may wait for others for long.
        self._left: dict[tuple[int, str], datetime] = {}

    def start_due(self) -> list[Run]:
        """Starts a run of each object that has something due and may be pushed now."""
        started: list[Run] = []
        settings = ObjectSetting.objects.filter(
            auto_push=True, cursor__isnull=False, connection__status=Connection.Status.ACTIVE
        ).select_related("connection")
        found = {(setting.sobject, setting.connection_id): setting for setting in settings if setting.is_pushed}
        for spec in configurable():  # accounts before the contacts that refer to them
            for (sobject, _), setting in found.items():
                if sobject == spec.name:
                    started += self._start(spec, setting)
        return started

    def _start(self, spec: SObject, setting: ObjectSetting) -> list[Run]:
        try:
            if not self._is_due(spec, setting) or not budget.is_free(setting.connection):
                return []
            return runs.start(setting.connection, [setting.sobject], trigger=Run.Trigger.AUTO_PUSH, alone=True)
        except (runs.AlreadyRunning, runs.ConnectionNotReady) as later:
            logger.debug("%s waits: %s", setting, later)
            return []

    def _is_due(self, spec: SObject, setting: ObjectSetting) -> bool:
        all_of_them = Run.objects.filter(connection=setting.connection_id, sobject=spec.name)
        if all_of_them.filter(state__in=[Run.State.QUEUED, Run.State.RUNNING]).exists():
            return False
        # What somebody imported or pushed by hand says nothing of the others.
        last = list(
            all_of_them.filter(imports=None, selected=None)
            .order_by("-id")
            .values_list("state", "finished_at", "queued_at")[:_FAILURES]
        )
        ended: datetime | None = last[0][1] if last else None
        rested = timezone.now() - ended if ended else LONGEST_PAUSE
        failures = next((n for n, (state, *_) in enumerate(last) if state != Run.State.FAILED), len(last))
        if rested < after_failures(failures):
            return False
        if _is_retried(setting, last[0][2] if last else None):
            return True
        together = [each for each in with_riders([spec.name]) if each.obeys_settings]
        if any(self._has_changed(each, setting) for each in together):
            return True
        return rested >= LEFT_PAUSE and (
            any(self._is_any_left(each, setting) for each in together) or _is_retried(setting)
        )  # fmt: skip

    def _has_changed(self, spec: SObject, setting: ObjectSetting) -> bool:
        compared = due.progress(setting, spec)
        if "seen" not in compared:  # never compared: nobody knows yet what differs
            return True
        upto = over_below(_answer)
        if compared["seen"] > upto:  # the database was restored
            return True
        looked = self._seen.get((setting.pk, spec.name), 0)
        seen = max(compared["seen"], looked if looked <= upto else 0)
        (is_changed,) = _answer(
            block("abmatic.sync", "sql/push.sql", "is_changed"),
            connection=setting.connection_id, sobject=spec.name, record=OBJECTS[spec.name].local, seen=seen, upto=upto,
            unheeded=due.unheeded(spec, setting),
        )  # fmt: skip
        if not is_changed:
            self._seen[setting.pk, spec.name] = upto
        return bool(is_changed)

    def _is_any_left(self, spec: SObject, setting: ObjectSetting) -> bool:
        """Whether something is due that can be compared now; after a look in vain not again for a while."""
        key, now = (setting.pk, spec.name), timezone.now()
        if key in self._left and now - self._left[key] < LEFT_PAUSE:
            return False
        with database.cursor() as cursor:
            cursor.execute(due.any_ready(spec, setting), {"connection": setting.connection_id, "sobject": spec.name})
            is_any = cursor.fetchone() is not None
        if not is_any:
            self._left[key] = now
        return is_any


def _answer(statement: LiteralString, **parameters: Any) -> tuple[Any, ...]:
    """The one row that a statement answers."""
    with database.cursor() as cursor:
        cursor.execute(statement, parameters)
        row: tuple[Any, ...] = cursor.fetchone()
    return row


def _is_retried(setting: ObjectSetting, since: datetime | None = None) -> bool:
    """Whether a person wants a refused record tried again, and said so after that moment."""
    marked = Issue.objects.filter(
        connection=setting.connection_id,
        sobject__in=[spec.name for spec in with_riders([setting.sobject])],
        is_open=True,
        retry_at__isnull=False,
    )
    return (marked if since is None else marked.filter(retry_at__gt=since)).exists()
