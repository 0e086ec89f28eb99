"""People who are about to be made in Salesforce are looked for there as what they would not become.

A selected push of people is a run of contacts and a run of leads. Where either may make people, the one that comes
first makes some before the other has read what is new there: without this, a rep's lead of a minute ago would get a
contact beside it. It costs a query for every 200 people.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

from abmatic.salesforce import Client
from abmatic.sync.models import Run
from abmatic.sync.objects import OBJECTS, SObject

Session = psycopg.Connection[tuple[Any, ...]]

MOST_KEYS = 200
# A query is part of an address, and those are limited.
_MOST_BYTES = 12_000


def read_later(run: Run) -> SObject | None:
    """The object that a later run of the same push reads; None where there is no other."""
    if run.selected_id is None:
        return None
    later = Run.objects.filter(selected=run.selected_id, pk__gt=run.pk).first()
    return OBJECTS[later.sobject] if later is not None else None


def leave_to(
    other: SObject, session: Session, client: Client, spec: SObject, parameters: dict[str, Any]
) -> int:  # fmt: skip
    """Takes creations back whose key a record of ``other`` has by now, and commits. How many.

    They are due again: once the other object was read, they are seen for what they are. Parameters: connection,
    sobject, run.
    """
    if other.key is None or spec.key is None:
        return 0
    column = sql.Identifier("a", spec.key.local_column)
    ours = sql.SQL(
        "SELECT DISTINCT {column} FROM salesforce_write AS w JOIN {local} AS a ON a.id = w.local_id "
        "WHERE w.run_id = %(run)s AND w.state = 'planned' AND w.operation = 'create' AND {column} IS NOT NULL"
    ).format(column=column, local=sql.Identifier(spec.local))
    keys = [str(row[0]) for row in session.execute(ours, parameters).fetchall()]
    session.commit()
    field = other.key.sf_field
    theirs = [
        str(row[field])
        for some in _batches(keys)
        for row in client.query_rows(f"SELECT Id, {field} FROM {other.name} WHERE {field} IN ({', '.join(some)})")
    ]
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
        INSERT INTO push_due (connection_id, sobject, local_id) SELECT %(connection)s, %(sobject)s, local_id FROM gone
        ON CONFLICT DO NOTHING
        """
    ).format(
        local=sql.Identifier(spec.local),
        column=column,
        function=sql.Identifier(other.key.function),
        found=sql.Identifier("k", other.key.local_column),
    )
    # Of one that is due already the insert counts nothing.
    before = _planned(session, parameters)
    session.execute(taken_back, {**parameters, "theirs": theirs})
    left = before - _planned(session, parameters)
    session.commit()
    return left


def _planned(session: Session, parameters: dict[str, Any]) -> int:
    row = session.execute(
        "SELECT count(*) FROM salesforce_write WHERE run_id = %(run)s AND state = 'planned'", parameters
    ).fetchone()
    assert row is not None
    return int(row[0])


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
