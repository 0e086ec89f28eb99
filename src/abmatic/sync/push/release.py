"""Fields that an undo left different, and of which somebody wants ours written after all.

The pair is forgotten, with what Salesforce has as the base: ours counts as changed since, so the rules of the push
write it (see docs/sync.md). Only where they would: a field that is not written, or only filled, stays as the undo left
it, or the next sync could bring Salesforce's value back over ours. The same where the push filter keeps the record out.
"""

from __future__ import annotations

from typing import LiteralString

from psycopg import sql

from abmatic.audiences.conditions import compiled
from abmatic.postgres.sql import block
from abmatic.sync.models import Mode
from abmatic.sync.push.plan import Picked, PushedField, PushPlan


def release(plan: PushPlan, connection: int, picked: Picked) -> sql.Composed | None:
    """Ends what an undo left of the candidates in the fields that the push insists on; None where there are none."""
    wanted = [f for f in plan.fields if f.updateable and f.column in picked.insists]
    if not wanted or not plan.update:
        return None
    # The file's own braces are those of JSON and of empty arrays.
    text: LiteralString = block("abmatic.sync", "sql/push.sql", "release").replace("'{}'", "'{{}}'")
    return sql.SQL(text).format(
        mirror=sql.Identifier(plan.spec.mirror),
        local=sql.Identifier(plan.spec.local),
        connection=sql.Literal(connection),
        written=sql.Literal([f.sf_field for f in wanted if f.to_salesforce is Mode.OVERWRITE]),
        filled=sql.Literal([f.sf_field for f in wanted if _fills(f)]),
        condition=compiled(plan.spec.local, plan.condition, sql.Identifier("a")),
    )


def _fills(f: PushedField) -> bool:
    """Whether an empty field in Salesforce is filled."""
    leads = f.to_abmatic is Mode.OVERWRITE and f.clear_with_empty
    return f.to_salesforce is Mode.FILL and not leads
