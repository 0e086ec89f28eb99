"""How much of an org's API calls what starts by itself may use, and when it looks whether calls are back.

Above the connection's ceiling (a share of the day's allowance, which all of the org's integrations use together)
nothing starts by itself, and what did stops where a chunk or a batch is committed. It goes on by itself. What a person
starts goes on, up to the last call.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import timedelta
from statistics import fmean

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from abmatic.salesforce import RetryPolicy, Usage, errors
from abmatic.sync import alarms, clients
from abmatic.sync.models import Connection, ConnectionProblem, Run

logger = logging.getLogger(__name__)

AUTOMATIC = frozenset({Run.Trigger.SCHEDULE.value, Run.Trigger.AUTO_PUSH.value})
_SHORTEST = timedelta(minutes=5)
_LONGEST = timedelta(hours=1)
_ONCE = RetryPolicy(attempts=1)
# How many of an object's last syncs tell what the next ones cost.
RECENT = 10


class Paused(Exception):
    """The run may not go on for now. The message says why."""


# -- the rules


def is_over(used: int | None, allowed: int | None, ceiling: int) -> bool:
    """Whether ``ceiling`` per cent of the allowance are used; False where nothing is known of it."""
    return used is not None and allowed is not None and used * 100 >= allowed * ceiling


def is_used_up(usage: Usage, ceiling: int) -> bool:
    """As `is_over`, for what an answer said; the app's own allowance counts as well, where there is one."""
    return usage.share * 100 >= ceiling


def pause(waited: timedelta) -> timedelta:
    """How long until it is looked again, after so long: half as long again, between five minutes and an hour."""
    return min(max(waited / 2, _SHORTEST), _LONGEST)


def calls_a_day(calls: Iterable[Sequence[int]], hours: int) -> int | None:
    """Calls of a day at a frequency. ``calls``: of the last syncs, for each object read together, newest first.

    None where nothing is known yet, or nothing starts by itself.
    """
    known = [fmean(each[:RECENT]) for each in calls if each]
    return round(sum(known) * 24 / hours) if known and hours else None


# -- a connection's budget


def holds_back(connection: Connection) -> bool:
    """Whether, as far as is known, nothing may start by itself."""
    if connection.problem == ConnectionProblem.LIMIT_REACHED:
        return True
    return is_over(connection.api_used, connection.api_allowed, connection.api_ceiling)


def exhausted(connection_id: int, error: errors.LimitReached) -> None:
    """Salesforce refused a call because none are left: the connection says so, and its own syncs wait."""
    clients.mark_problem(connection_id, ConnectionProblem.LIMIT_REACHED, str(error))
    wait(connection_id)


def wait(connection_id: int) -> None:
    """The connection's own syncs wait; the next look is some minutes off."""
    now = timezone.now()
    found = Connection.objects.filter(pk=connection_id)
    with transaction.atomic():
        found.update(api_waiting_since=Coalesce("api_waiting_since", now), api_recheck_at=now + _SHORTEST)
        for connection in found:
            alarms.budget_reached(connection)


def is_free(connection: Connection) -> bool:
    """Whether what starts by itself may. Asks Salesforce, with one call, when it is time for that."""
    now = timezone.now()
    if not holds_back(connection):
        if connection.api_waiting_since is not None:
            _go_on(connection)
        return True
    if connection.api_waiting_since is None or connection.api_recheck_at is None:
        seen = connection.api_seen_at or now
        connection.api_waiting_since, connection.api_recheck_at = now, seen + _SHORTEST
        with transaction.atomic():
            connection.save(update_fields=["api_waiting_since", "api_recheck_at"])
            alarms.budget_reached(connection)
    if now < connection.api_recheck_at:
        return False
    # Whoever moves the time asks; the others find it moved.
    mine = Connection.objects.filter(pk=connection.pk, api_recheck_at=connection.api_recheck_at)
    if not mine.update(api_recheck_at=now + pause(now - connection.api_waiting_since)):
        return False
    return _ask(connection)


def _ask(connection: Connection) -> bool:
    try:
        with clients.open_client(connection, retry=_ONCE) as client:
            client.limits()
    except errors.SalesforceError as error:
        logger.info("%s still waits for API calls: %s", connection, error)
        return False
    Connection.objects.filter(pk=connection.pk, problem=ConnectionProblem.LIMIT_REACHED).update(
        problem=ConnectionProblem.NONE, problem_detail=""
    )
    connection.refresh_from_db()
    if holds_back(connection):
        return False
    _go_on(connection)
    return True


def _go_on(connection: Connection) -> None:
    connection.api_waiting_since = connection.api_recheck_at = None
    with transaction.atomic():
        connection.save(update_fields=["api_waiting_since", "api_recheck_at"])
        alarms.budget_back(connection.pk)


def compare_calls(connection: Connection, sobjects: Sequence[str]) -> int | None:
    """What a full compare of an object (with those read together with it) takes, from the last one; None: unknown."""
    calls: list[int] = []
    for name in sobjects:
        done = Run.objects.filter(connection=connection, sobject=name, state=Run.State.SUCCEEDED)
        whole = done.filter(Q(is_full=True) | Q(trigger=Run.Trigger.FIRST_IMPORT)).order_by("-id")
        calls += whole.values_list("api_calls", flat=True)[:1]
    return sum(calls) if calls else None


def forecasts(connection: Connection, sobjects: Sequence[str], every: Iterable[int]) -> dict[int, int | None]:
    """What an object (with those read together with it) will cost a day, for each frequency, from its last syncs."""
    done = Run.objects.filter(connection=connection, state=Run.State.SUCCEEDED, is_full=False)
    usual = done.exclude(trigger__in=[Run.Trigger.FIRST_IMPORT, Run.Trigger.AUTO_PUSH])
    calls = [
        list(usual.filter(sobject=name).order_by("-id").values_list("api_calls", flat=True)[:RECENT])
        for name in sobjects
    ]
    return {hours: calls_a_day(calls, hours) for hours in every}


def forecast(connection: Connection, sobjects: Sequence[str], hours: int) -> int | None:
    """As `forecasts`, for one frequency."""
    return forecasts(connection, sobjects, [hours])[hours]
