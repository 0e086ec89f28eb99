"""Records chosen in a list: by number, or all that meet a condition but some. What is done with many is done with this.

A selection of all is looked up when something is done: records that came to meet the condition meanwhile are in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from django.db import connection
from psycopg import sql

from abmatic.audiences.conditions import Condition, compiled

# By number; more are chosen by a condition.
MOST_IDS = 20_000


@dataclass(frozen=True, slots=True)
class Selection:
    """``ids``: these; None: all that meet ``condition`` but those of ``excluded``. Ids hold within the condition."""

    record: str
    condition: Condition = field(default_factory=dict)
    ids: tuple[int, ...] | None = None
    excluded: tuple[int, ...] = ()

    def source(self) -> sql.Composed:
        """``FROM … AS r WHERE …``: the records. Raises `ConditionRefused`."""
        alias = sql.Identifier("r")
        tests = [compiled(self.record, self.condition, alias, beyond=True)]
        if self.ids is not None:
            tests.append(sql.SQL("r.id = ANY ({}::bigint[])").format(sql.Literal(list(self.ids))))
        if self.excluded:
            tests.append(sql.SQL("r.id <> ALL ({}::bigint[])").format(sql.Literal(list(self.excluded))))
        return sql.SQL("FROM {} AS r WHERE {}").format(sql.Identifier(self.record), sql.SQL(" AND ").join(tests))

    def as_json(self) -> dict[str, Any]:
        """To be kept: what is chosen, not which records that is now."""
        kept: dict[str, Any] = {"record": self.record, "condition": dict(self.condition)}
        if self.ids is not None:
            kept["ids"] = list(self.ids)
        return {**kept, "excluded": list(self.excluded)}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """Reads what `as_json` made."""
        ids = kept.get("ids")
        return cls(kept["record"], kept["condition"], tuple(ids) if ids is not None else None, tuple(kept["excluded"]))

    def count(self) -> int:
        """How many records it is now."""
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("SELECT count(*) {}").format(self.source()))
            row = cursor.fetchone()
        return int(row[0]) if row else 0

    def in_parts(self, size: int, after: int = 0) -> Iterator[list[int]]:
        """The numbers of its records in their order, some at a time, each time as it is then."""
        while True:
            with connection.cursor() as cursor:
                cursor.execute(
                    sql.SQL("SELECT r.id {} AND r.id > {} ORDER BY r.id LIMIT {}").format(
                        self.source(), sql.Literal(after), sql.Literal(size)
                    )
                )
                part = [row[0] for row in cursor.fetchall()]
            if not part:
                return
            yield part
            after = part[-1]
