"""What Salesforce made of what we wrote: the end of a tug-of-war with its own automation.

A flow, a trigger or a default may change each value that is saved: it is trimmed, put in capitals, rounded, emptied.
Where Abmatic is authoritative, the value that comes back would be written over in every run, for ever. So the mirror
keeps what was sent (``sent``) until the record is read again. If another value came back and nobody has changed the
record since, the pair is ``held`` as after an undo: while Salesforce has exactly what came back, and Abmatic exactly
what was sent, neither side is written. Whoever changes one of the two ends it.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

from abmatic.postgres.sql import block
from abmatic.sync.models import Mode
from abmatic.sync.pull.plan import CHANGED_BY, PullPlan


def read_back(plan: PullPlan) -> sql.Composed | None:
    """The statement, for after ``decided`` is filled and before anything is merged; None where nothing is written.

    Parameters: connection, run, user, and those of `parameters`.
    """
    if CHANGED_BY not in plan.base:
        return None
    # The file's own braces are those of JSON and of empty arrays.
    text = block("abmatic.sync", "sql/readback.sql", "read_back")
    for own in ("{}", '{"back": {}}'):
        text = text.replace(f"'{own}'", "'" + own.replace("{", "{{").replace("}", "}}") + "'")
    return sql.SQL(text).format(mirror=sql.Identifier(plan.spec.mirror))


def parameters(plan: PullPlan) -> dict[str, Any]:
    """The mapped fields, and those in which another value that came back leaves nothing to send again.

    Where Abmatic takes Salesforce's values, it takes that one; where only empty fields are filled, there is none.
    """
    return {
        "fields": [f.sf_field for f in plan.fields],
        "settled": [
            f.sf_field for f in plan.fields if f.to_abmatic is Mode.OVERWRITE or f.to_salesforce is not Mode.OVERWRITE
        ],
    }


def count(cursor: psycopg.Cursor[tuple[Any, ...]]) -> int:
    """How many entries the statement made."""
    row = cursor.fetchone()
    assert row is not None
    return int(row[0])
