"""Linking a deal here with the one in Salesforce that it was found to be: what only a person can say.

Nothing is agreed on between the two then: the next sync gives each side what the settings say, as it does with any pair
that is new. The change log holds who said so, and when, which is also what makes the next pull and push look at it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection as database
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from abmatic.audiences.models import Opportunity
from abmatic.changes.models import Cause, Change
from abmatic.postgres.locks import taken_until_the_end
from abmatic.postgres.sql import block
from abmatic.sync.models import Connection, Issue, Write
from abmatic.sync.objects import OBJECTS
from abmatic.sync.push.namesakes import CODE

# More deals of one account with one name are not offered.
MOST = 10
# The field of the change that says that a record was linked; its value is the Id.
LINKED = "salesforce_id"


class NotLinked(Exception):
    """Why the two are not linked, and what helps."""


def keep_syncs_out(connection: Connection, *sobjects: str) -> None:
    """No sync of the objects runs until Django's transaction ends. Raises `NotLinked` where one does.

    It decides whose a record is before it writes that down, and would undo what a person says in between.
    """
    for name in sobjects:
        if not taken_until_the_end("pull", connection.pk, name):
            raise NotLinked(f"A sync of {OBJECTS[name].label_plural} is running: try again when it is over.")


def require_settled(connection: Connection, sobject: str, records: Sequence[int] | QuerySet[Any]) -> None:
    """Nothing of the records is on its way to Salesforce, by a sync that was interrupted. Raises `NotLinked`."""
    under_way = Write.objects.filter(
        connection=connection, sobject=sobject, local_id__in=records, state__in=[Write.State.PLANNED, Write.State.SENT]
    )
    if under_way.exists():
        spec = OBJECTS[sobject]
        raise NotLinked(
            "A sync was interrupted while it wrote this to Salesforce, and what came of it isn't known yet. Sync "
            f"{OBJECTS[spec.rides_with or sobject].label_plural}, then try again."
        )


@dataclass(frozen=True, slots=True)
class Namesake:
    """An opportunity in Salesforce that is nobody's here, of the same account and name, as it was last seen."""

    sf_id: str
    url: str
    values: dict[str, Any]


def namesakes(issue: Issue) -> list[Namesake]:
    """Those that the issue's record may be; none where it isn't about that."""
    if issue.code != CODE or not issue.is_open:
        return []
    return _namesakes(issue.connection, issue.local_id)


def _namesakes(connection: Connection, local_id: int) -> list[Namesake]:
    with database.cursor() as cursor:
        cursor.execute(
            block("abmatic.sync", "sql/linking.sql", "namesakes"),
            {"connection": connection.pk, "local": local_id, "most": MOST},
        )
        return [
            Namesake(sf_id, f"{connection.instance_url}/{sf_id}", json.loads(values))
            for sf_id, values in cursor.fetchall()
        ]


def link(issue: Issue, sf_id: str, cause: Callable[[], Cause]) -> None:
    """Links the issue's record with one of its namesakes, and settles the issue. Raises `NotLinked`."""
    with transaction.atomic():
        keep_syncs_out(issue.connection, "Opportunity")
        deal = Opportunity.objects.select_for_update().filter(pk=issue.local_id).first()
        current = Issue.objects.select_for_update().filter(pk=issue.pk, is_open=True, code=CODE).first()
        if deal is None or current is None:
            raise NotLinked("This is settled already: nothing waits to be linked any more.")
        require_settled(current.connection, "Opportunity", [deal.pk])
        if sf_id not in {each.sf_id for each in _namesakes(current.connection, deal.pk)}:
            raise NotLinked(
                "That record is not to be had any more: it was deleted in Salesforce, renamed, moved to another "
                "account or linked meanwhile. Look at what is offered now."
            )
        with database.cursor() as cursor:
            cursor.execute(
                block("abmatic.sync", "sql/linking.sql", "link"),
                {"connection": current.connection_id, "local": deal.pk, "sf_id": sf_id},
            )
            if not cursor.rowcount:
                raise NotLinked("The opportunity here is linked with another record in Salesforce meanwhile.")
            Change.objects.create(
                record=Change.Record.OPPORTUNITY, record_id=deal.pk, field=LINKED, after=sf_id, cause=cause()
            )
            Issue.objects.filter(pk=current.pk).update(is_open=False, last_at=timezone.now(), retry_at=None)
            # What pushes automatically wakes up, as by any change.
            cursor.execute("SELECT pg_notify('abmatic_change', '')")
