"""People who are about to be made in Salesforce are looked for there as what they would not become.

Contacts are synchronised before leads, and each by a schedule of its own, so a run of contacts doesn't know the leads
that came since they were last read: without this, a rep's lead of a minute ago would get a contact beside it. Asked is
only where somebody is about to be made, and only for what is not read yet: one query for up to 200 people, and for more
one for all that is new.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

from abmatic.salesforce import Client, errors
from abmatic.sync.models import ObjectSetting, Run
from abmatic.sync.objects import OBJECTS, SObject
from abmatic.sync.pull.plan import literal
from abmatic.sync.pull.pulling import LAG
from abmatic.sync.push import waiting

Session = psycopg.Connection[tuple[Any, ...]]

MOST_KEYS = 200
# A query is part of an address, and those are limited.
_MOST_BYTES = 12_000
# The connected user sees no such object, or not its key: then nobody here can know of its records.
_NOT_SHOWN = frozenset({"INVALID_TYPE", "INVALID_FIELD"})


@dataclass(frozen=True, slots=True)
class Unread:
    """The object as which a person may be in Salesforce as well, and since when its records are not read."""

    spec: SObject
    since: datetime | None


def unread(connection: int, spec: SObject, selected: int | None = None, after: int = 0) -> Unread | None:
    """What is looked through before people are made as ``spec``; None where nothing is.

    Of a selected push that is the object of its later run. Else it is the other one that people may be, where its
    records come here at all.
    """
    if selected is not None:
        later = Run.objects.filter(selected=selected, pk__gt=after).first()
        names = [later.sobject] if later is not None else []
    else:
        names = [
            other.name for other in OBJECTS.values() if other.local == spec.local and other is not spec and other.key
        ]
    setting = ObjectSetting.objects.filter(connection=connection, sobject__in=names).first()
    if setting is None or (selected is None and not setting.comes_here):
        return None
    return Unread(OBJECTS[setting.sobject], setting.cursor - LAG if setting.cursor else None)


def take_back(
    other: Unread, session: Session, client: Client, spec: SObject, parameters: dict[str, Any]
) -> int:  # fmt: skip
    """Takes creations back whose key an unread record of ``other`` has. How many. The caller commits.

    They are due, and wait until the other object was read: then they are seen for what they are (see `waiting`).
    Parameters: connection, sobject, run.
    """
    if other.spec.key is None or spec.key is None:
        return 0
    column = sql.Identifier("a", spec.key.local_column)
    ours = sql.SQL(
        "SELECT DISTINCT {column} FROM salesforce_write AS w JOIN {local} AS a ON a.id = w.local_id "
        "WHERE w.run_id = %(run)s AND w.state = 'planned' AND w.operation = 'create' AND {column} IS NOT NULL"
    ).format(column=column, local=sql.Identifier(spec.local))
    keys = [str(row[0]) for row in session.execute(ours, parameters).fetchall()]
    field = other.spec.key.sf_field
    try:
        theirs = [
            str(row[field])
            for condition in _conditions(field, keys, other.since)
            for row in client.query_rows(f"SELECT Id, {field} FROM {other.spec.name} WHERE {condition}")
        ]
    except errors.SalesforceError as error:
        if error.code not in _NOT_SHOWN:
            raise
        return 0
    if not theirs:
        return 0
    taken_back = sql.SQL(
        """
        WITH gone AS (
            DELETE FROM salesforce_write AS w USING {local} AS a
             WHERE w.run_id = %(run)s AND w.state = 'planned' AND w.operation = 'create' AND a.id = w.local_id
               AND {column} IN (SELECT {found} FROM unnest(%(theirs)s::text[]) AS t (value)
                                 CROSS JOIN LATERAL {function}(t.value) AS k)
            RETURNING w.local_id
        )
        INSERT INTO push_due (connection_id, sobject, local_id, waits)
        SELECT %(connection)s, %(sobject)s, local_id, {waits} FROM gone
        ON CONFLICT (connection_id, sobject, local_id) DO UPDATE SET waits = excluded.waits
        """
    ).format(
        local=sql.Identifier(spec.local),
        column=column,
        function=sql.Identifier(other.spec.key.function),
        found=sql.Identifier("k", other.spec.key.local_column),
        waits=sql.Literal(waiting.UNREAD),
    )
    # Of one that is due already the insert counts nothing.
    before = _planned(session, parameters)
    session.execute(taken_back, {**parameters, "theirs": theirs})
    return before - _planned(session, parameters)


def _planned(session: Session, parameters: dict[str, Any]) -> int:
    row = session.execute(
        "SELECT count(*) FROM salesforce_write WHERE run_id = %(run)s AND state = 'planned'", parameters
    ).fetchone()
    assert row is not None
    return int(row[0])


def _conditions(field: str, keys: list[str], since: datetime | None) -> Iterator[str]:
    """What to ask for: the people among what is new; where they are many, or all is new, the fewer questions."""
    if not keys:
        return
    new = f"SystemModstamp >= {literal(since)}" if since else ""
    if new and len(keys) > MOST_KEYS:
        yield f"{new} AND {field} != null"
        return
    for some in _batches(keys):
        yield " AND ".join(filter(None, [f"{field} IN ({', '.join(some)})", new]))


def _batches(keys: Iterable[str]) -> Iterator[list[str]]:
    """The keys as SOQL has them, as many at a time as one query takes."""
    batch: list[str] = []
    size = 0
    for key in keys:
        literal = "'" + key.replace("\\", "\\\\").replace("'", "\\'") + "'"
        takes = len(quote(f"{literal}, "))
        if batch and (len(batch) == MOST_KEYS or size + takes > _MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(literal)
        size += takes
    if batch:
        yield batch
