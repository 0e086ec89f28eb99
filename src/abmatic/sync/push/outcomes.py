"""What became of writes: kept with each, taken into the mirror, and made an issue where a person is needed.

An outcome is written in one transaction with everything that follows from it. Applying one twice is harmless.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from abmatic.postgres.sql import block
from abmatic.salesforce.collections import RowOutcome
from abmatic.sync.models import Write
from abmatic.sync.push.plan import PushPlan

Session = psycopg.Connection[tuple[Any, ...]]

# The code of what was not carried out, and not refused either: it is due again.
RETURNED = ""
# Refusals that pass by themselves: another transaction was in the way, or Salesforce was.
PASSING = frozenset(
    {
        "UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "PROCESSING_HALTED", "REQUEST_RUNNING_TOO_LONG", "QUERY_TIMEOUT", "UNKNOWN_EXCEPTION",
    }
)  # fmt: skip


# Refusals that say that the plan is out of date: a field was taken away, or may not be written any more.
SCHEMA_CHANGED = frozenset({"INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE"})


@dataclass(slots=True)
class PushCounts:
    """What a run's push did, in records.

    ``created`` and ``updated`` were written; ``refused`` became issues; ``returned`` are due again, because something
    passing was in the way; ``unknown`` were sent, and what became of them is looked up by the next run; ``held`` are
    not sent, because they were refused before as they are or lack what Salesforce requires; ``waiting`` stay due until
    their account is in Salesforce.
    """

    created: int = 0
    updated: int = 0
    refused: int = 0
    returned: int = 0
    unknown: int = 0
    held: int = 0
    waiting: int = 0
    codes: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        """As stored in ``run.pushed``."""
        numbers = {name: getattr(self, name) for name in _NUMBERS}
        return {**numbers, "codes": {code: n for code, n in sorted(self.codes.items()) if n}}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> PushCounts:
        """Reads ``run.pushed``."""
        numbers = {name: value for name, value in stored.items() if name != "codes"}
        return cls(**numbers, codes=Counter(stored.get("codes", {})))

    @property
    def written(self) -> int:
        return self.created + self.updated


_NUMBERS = ("created", "updated", "refused", "returned", "unknown", "held", "waiting")


def put(session: Session, write_ids: Sequence[int], outcomes: Sequence[RowOutcome]) -> None:
    """Puts the outcomes of a collections call into ``outcome``."""
    session.execute(_text("outcomes_table"))
    with session.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO outcome (write_id, sf_id, code, message, fields) VALUES (%s, %s, %s, %s, %s)",
            [_row(write_id, outcome) for write_id, outcome in zip(write_ids, outcomes, strict=True)],
        )


def put_returned(session: Session, write_ids: Sequence[int]) -> None:
    """Puts writes into ``outcome`` that were not carried out, and not refused either."""
    session.execute(_text("outcomes_table"))
    session.execute("INSERT INTO outcome (write_id, code) SELECT unnest(%s::bigint[]), %s", (list(write_ids), RETURNED))


def return_unknown_fields(session: Session) -> bool:
    """Makes due again what was refused because of a field that is gone. Answers whether there was any."""
    returned = session.execute("UPDATE outcome SET code = '' WHERE code = ANY (%s)", (sorted(SCHEMA_CHANGED),))
    return returned.rowcount > 0


def _row(write_id: int, outcome: RowOutcome) -> tuple[int, str | None, str | None, str | None, list[str] | None]:
    if outcome.is_written:
        return write_id, outcome.id, None, None, None
    error = outcome.errors[0]
    message = "; ".join(
        f"{each.code}: {each.message}" if each is not error else each.message for each in outcome.errors
    )
    named = [name for each in outcome.errors for name in each.fields]
    return write_id, None, RETURNED if error.code in PASSING else error.code or "UNKNOWN", message, named


def apply(
    session: Session, plan: PushPlan, upper: datetime, counts: PushCounts, heard_at: datetime | None = None
) -> None:
    """Everything that follows from what is in ``outcome``. The caller commits.

    ``heard_at``: the second in which Salesforce answered, by its own clock.
    """
    until = heard_at + timedelta(seconds=1) if heard_at else upper
    session.execute("UPDATE outcome SET code = '' WHERE code = ANY (%s)", (sorted(PASSING),))
    for operation, state, number in session.execute(_text("mark_writes")).fetchall():
        if state == Write.State.WRITTEN:
            counts.created += number if operation == Write.Operation.CREATE else 0
            counts.updated += number if operation == Write.Operation.UPDATE else 0
        elif state == Write.State.RETURNED:
            counts.returned += number
        else:
            counts.refused += number
    for code, number in session.execute("SELECT code, count(*) FROM outcome WHERE code <> '' GROUP BY code").fetchall():
        counts.codes[code] += number
    session.execute(_text("return_writes"))
    mirror = sql.Identifier(plan.spec.mirror)
    session.execute(_composed("mirror_updates", mirror=mirror), {"until": until})
    session.execute(_mirror_creates(plan), {"until": until})
    if plan.spec.local == "contact":
        session.execute(_text("kinds_of_created"), {"kind": plan.spec.name.lower()})
    session.execute(_text("close_written"))
    session.execute(_text("open_refused"), {"settings": plan.settings})
    session.execute("DELETE FROM outcome")


def _mirror_creates(plan: PushPlan) -> sql.Composed:
    columns: list[sql.Composable] = []
    picks: list[sql.Composable] = []
    if plan.spec.key:
        columns.append(sql.SQL(", key"))
        picks.append(
            sql.SQL(", (SELECT a.{} FROM {} AS a WHERE a.id = w.local_id)").format(
                sql.Identifier(plan.spec.key.local_column), sql.Identifier(plan.spec.local)
            )
        )
    for each in plan.references:
        if not each.mirror_column:
            continue
        columns.append(sql.SQL(", {}").format(sql.Identifier(each.mirror_column)))
        picks.append(sql.SQL(", w.sent ->> {}").format(sql.Literal(each.sf_field)))
    named = [each.sf_field for each in plan.references]
    not_references = sql.SQL("- {}::text[]").format(sql.Literal(named)) if named else sql.SQL("")
    return _composed(
        "mirror_creates",
        mirror=sql.Identifier(plan.spec.mirror),
        columns=sql.Composed(columns),
        picks=sql.Composed(picks),
        not_references=not_references,
    )


def _text(name: LiteralString) -> LiteralString:
    return block("abmatic.sync", "sql/push.sql", name)


def _composed(name: LiteralString, **parts: sql.Composable) -> sql.Composed:
    # The file's own braces are those of JSON and of empty arrays.
    text = _text(name).replace("'{}'", "'{{}}'")
    return sql.SQL(text).format(**parts)
