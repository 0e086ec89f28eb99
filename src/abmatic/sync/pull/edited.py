"""What people changed here since the last pull, held against what Salesforce last said.

Where Salesforce is authoritative a value typed here may not stay, and a field that was emptied here is filled again,
although nobody has touched the record in Salesforce, and no query of changes brings it (SYNC.md section 4: A := S
*whenever* they differ). The mirror has what Salesforce said, so this costs no call.

The change log is followed from transaction to transaction, as the push follows it; how far, is kept with the fields of
the mirror (``heeded``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from psycopg import sql

from abmatic.postgres.sql import block
from abmatic.sync.models import Mode, ObjectSetting
from abmatic.sync.objects import SObject
from abmatic.sync.pull.merge import writes
from abmatic.sync.pull.plan import PullPlan

_A_CHUNK = 5_000
_NEWEST = 1 << 62

# A session's or a cursor's.
Execute = Callable[[sql.Composed, dict[str, Any]], Iterable[tuple[Any, ...]]]


def heeded(setting: ObjectSetting | None, spec: SObject) -> int | None:
    """How far the log was followed. None before the first pull, which merges whatever is here."""
    seen: int | None = (setting.mirrored if setting else {}).get(spec.name, {}).get("heeded")
    return seen


def find(plan: PullPlan, connection: int, seen: int, upto: int, execute: Execute) -> list[str]:
    """Ids of the records to merge again.

    A log that ends before the place where it was left belongs to a database that was restored: all of it counts.
    """
    # What a person has linked is looked at whatever may be written here: others may have waited for it.
    fields = writes(plan) if plan.update else []
    leading = [f for f in fields if f.to_abmatic is Mode.OVERWRITE and f.to_salesforce is not Mode.OVERWRITE]
    if plan.spec.joins:
        return []
    parameters = {
        "connection": connection, "record": plan.spec.local,
        "leading": [f.local.name for f in leading], "fields": [f.local.name for f in fields],
        "seen": seen if seen <= upto else 0, "upto": upto if seen <= upto else _NEWEST,
    }  # fmt: skip
    text = sql.SQL(block("abmatic.sync", "sql/edited.sql", "edited"))
    return [row[0] for row in execute(text.format(mirror=sql.Identifier(plan.spec.mirror)), parameters)]


def chunks(ids: list[str]) -> Iterator[list[str]]:
    """A few thousand at a time."""
    for start in range(0, len(ids), _A_CHUNK):
        yield ids[start : start + _A_CHUNK]
