"""Dynamic collections follow their rules: members are found anew, set-based, when the data has changed.

Whether it has is told by what Postgres counts of the writes to its tables: nothing has to be written down by whoever
changes a record, and a collection over data that nobody touches costs nothing. The counts are taken before members are
looked for, and they only ever come late, so what is written meanwhile is seen the next time. After a crash of the
server they begin anew, which looks like a change.
"""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from psycopg import sql

from abmatic.audiences import beyond
from abmatic.audiences.conditions import ConditionRefused, compiled
from abmatic.audiences.models import Collection
from abmatic.postgres.sql import block

logger = logging.getLogger(__name__)

# Rules may ask for how long ago something was, which changes by itself.
AT_LEAST_EVERY = timedelta(hours=1)
# Looking for members takes at most this share of the time.
SHARE = 20
PATIENCE_MS = 300_000


def refresh(collection: Collection) -> None:
    """Finds the members of a dynamic collection anew."""
    with transaction.atomic():
        # One at a time; whoever comes second finds it done, and does it again on newer data.
        locked = Collection.objects.select_for_update().filter(pk=collection.pk, kind=Collection.Kind.DYNAMIC).first()
        if locked is None:
            return
        seen, began, moment = _writes(), time.monotonic(), timezone.now()
        try:
            _require_collections(locked.rule)
            rule = compiled(locked.record, locked.rule, sql.Identifier("r"), beyond=True)
        except ConditionRefused as refused:
            locked.problem = f"The rule can’t be followed: {refused}."
            locked.as_of, locked.seen = moment, seen
            locked.save(update_fields=["problem", "as_of", "seen"])
            collection.refresh_from_db()
            return
        locked.size += _settle(locked, rule)
        locked.problem, locked.as_of, locked.seen = "", moment, seen
        locked.took_ms = round(1000 * (time.monotonic() - began))
        locked.save(update_fields=["size", "problem", "as_of", "seen", "took_ms"])
    collection.refresh_from_db()


def refresh_due() -> int:
    """Refreshes what is due, the longest untouched first. Answers how many were."""
    seen, now = _writes(), timezone.now()
    done = 0
    for collection in Collection.objects.filter(kind=Collection.Kind.DYNAMIC).order_by("as_of", "id"):
        if not _is_due(collection, seen, now):
            continue
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(PATIENCE_MS)])
                refresh(collection)
                cursor.execute("SELECT set_config('statement_timeout', '0', true)")
            done += 1
        except DatabaseError as error:
            # The others don't wait for it; it has its turn again when something changes.
            logger.warning("Collection %s could not be refreshed: %s", collection.pk, error)
            Collection.objects.filter(pk=collection.pk).update(
                problem="Its members couldn’t be found in time; they are those of before.", as_of=now, seen=seen
            )
    return done


def _require_collections(rule: object) -> None:
    """A collection that is gone has no members, and a rule that asks for it would lose or win all at once."""
    asked = set(beyond.collections_of(rule))
    there = set(Collection.objects.filter(pk__in=asked).values_list("pk", flat=True)) if asked else set()
    if asked - there:
        raise ConditionRefused(f"it asks for collection {min(asked - there)}, which was deleted")


def _is_due(collection: Collection, seen: dict[str, Any], now: Any) -> bool:
    if collection.as_of is None:
        return True
    age = now - collection.as_of
    if age > AT_LEAST_EVERY:
        return True
    return collection.seen != seen and age > timedelta(milliseconds=SHARE * collection.took_ms)


def _writes() -> dict[str, int]:
    """How many rows were ever written in each table that a rule may ask about."""
    with connection.cursor() as cursor:
        cursor.execute(block("abmatic.audiences", "sql/collections.sql", "writes"), {"tables": beyond.tables()})
        return dict(cursor.fetchall())


def _settle(collection: Collection, rule: sql.Composed) -> int:
    """Takes out who doesn't meet the rule any more, and puts in who does now. Answers by how many it grew."""
    with connection.cursor() as cursor:
        parts = {"table": sql.Identifier(collection.record), "rule": rule, "collection": sql.Literal(collection.pk)}
        cursor.execute(
            sql.SQL(
                "DELETE FROM collection_member AS m WHERE m.collection_id = {collection} "
                "AND NOT EXISTS (SELECT FROM {table} AS r WHERE r.id = m.record_id AND {rule})"
            ).format(**parts)
        )
        left = cursor.rowcount
        cursor.execute(
            sql.SQL(
                "INSERT INTO collection_member (collection_id, record_id) SELECT {collection}, r.id FROM {table} AS r "
                "WHERE {rule} AND NOT EXISTS (SELECT FROM collection_member AS m "
                "WHERE m.collection_id = {collection} AND m.record_id = r.id) ON CONFLICT DO NOTHING"
            ).format(**parts)
        )
        return int(cursor.rowcount) - int(left)
