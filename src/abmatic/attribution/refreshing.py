"""Touches, paths and credits follow the data, set by set; what has not changed is not made again.

1. **Touches.** Each source (a block of sql/sources.sql) tells all it has. What differs from the touches that are here
   is written, what it doesn't tell any more is removed, and the deals that such touches concern are due.
2. **Paths.** Each deal's window and moments are worked out, with a digest of all that its credits follow from: amount,
   account, people, moments, settings. Where the digest differs, the deal is due.
3. **Credits** of due deals are made anew for every model, some ten thousand deals in a transaction.

Made again from the same data it changes nothing. Killed anywhere, what is due stays due. Whether there is anything to
do is told by what Postgres counts of the writes to the tables, as for dynamic collections (`audiences.refreshing`).

To add a source: a block in sql/sources.sql that answers the columns of `touch`, its name in `SOURCES`, and the tables
that it reads in `TABLES`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, LiteralString

from django.db import connection, transaction
from django.utils import timezone
from psycopg import sql

from abmatic.attribution.crediting import MODELS, SCALE, VERSION, Parts, Rules
from abmatic.attribution.models import AttributionRefresh, AttributionSetting, in_force
from abmatic.postgres.sql import block

SOURCES: tuple[str, ...] = ("campaign_member", "web_session", "web_form", "experience_event")
TABLES = (
    "campaign_member", "campaign", "contact", "opportunity", "opportunity_contact", "web_session", "web_form",
    "experience_event", "experience",
)  # fmt: skip
# Deals whose credits are made in one transaction.
BATCH = 20_000
# New touches of an open deal that has so many make its credits anew at once; with more it waits a second for each that
# it has beyond, so many at most.
FREE = 100
LONGEST = 3_600
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Refreshed:
    """How many touches were written or removed, and how many deals' credits were made."""

    touches: int
    deals: int


def refresh_due() -> Refreshed | None:
    """Brings everything up to date where the data or the settings have changed; None where they haven't."""
    settings = in_force()
    seen = {**_writes(), "gone": _gone(), "settings": settings.pk or 0, "version": VERSION}
    last = AttributionRefresh.objects.filter(pk=AttributionRefresh.THE_ONE).first()
    if last is not None and last.seen == seen:
        # Deals may have waited.
        deals = make_due_credits(settings.rules)
        return Refreshed(0, deals) if deals else None
    began = time.monotonic()
    done = refresh(settings)
    AttributionRefresh.objects.update_or_create(
        pk=AttributionRefresh.THE_ONE,
        defaults={"at": timezone.now(), "took_ms": round(1000 * (time.monotonic() - began)), "seen": seen},
    )
    return done


def refresh(settings: AttributionSetting | None = None) -> Refreshed:
    """Brings touches, paths and credits up to date, whether anything has changed or not."""
    settings = settings or in_force()
    touches = sum(take_touches(source) for source in SOURCES)
    with transaction.atomic():
        _run("sql/refresh.sql", "paths", {"lookback": settings.lookback_days, "rules": _digest(settings)})
        _run("sql/refresh.sql", "forget_paths")
    return Refreshed(touches, make_due_credits(settings.rules))


def take_touches(source: str) -> int:
    """The touches of one source as it tells them now. Answers how many were written or removed."""
    with transaction.atomic(), connection.cursor() as cursor:
        told = sql.SQL(block("abmatic.attribution", "sql/sources.sql", source))
        cursor.execute(sql.SQL("CREATE TEMPORARY TABLE found_touch ON COMMIT DROP AS {}").format(told))
        cursor.execute("ANALYZE found_touch")
        named = {"source": source}
        _run("sql/refresh.sql", "changed_before", named)
        changed = _run("sql/refresh.sql", "remove_gone") + _run("sql/refresh.sql", "take", named)
        if changed:
            cursor.execute("ANALYZE changed_touch")
            _run("sql/refresh.sql", "mark_concerned")
        # A transaction that isn't the outermost (a test's) drops nothing when it ends.
        cursor.execute("DROP TABLE found_touch, changed_touch")
    return changed


def make_due_credits(rules: Rules) -> int:
    """Makes the credits of every deal that is due. Answers how many deals."""
    made = 0
    while (some := _make_some(rules)) > 0:
        made += some
    return made


def _make_some(rules: Rules) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        # Some hundred thousand rows are sorted for each model: in memory, and without compiling each statement.
        cursor.execute("SET LOCAL work_mem = '64MB'")
        cursor.execute("SET LOCAL jit = off")
        _run("sql/credits_v1.sql", "due", {"most": BATCH, "free": FREE, "longest": LONGEST})
        cursor.execute("SELECT count(*) FROM due_path")
        (due,) = cursor.fetchone() or (0,)
        if due:
            cursor.execute("ANALYZE due_path")
            _run("sql/credits_v1.sql", "walk")
            cursor.execute("ANALYZE path_touch")
            _run("sql/credits_v1.sql", "forget")
            for model in MODELS:
                _run("sql/credits_v1.sql", "credit", _parameters(model, rules))
            _run("sql/credits_v1.sql", "settle")
            cursor.execute("DROP TABLE path_touch")
        cursor.execute("DROP TABLE due_path")
    return int(due)


def _parameters(model: str, rules: Rules) -> dict[str, Any]:
    decays = model == "time_decay"
    parts = Parts(others=100) if decays else MODELS[model].parts or rules.custom
    first, lead, opportunity, last, others = parts.as_tuple()
    return {
        "model": model, "version": VERSION, "first": first, "lead": lead, "opportunity": opportunity, "last": last,
        "others": others, "half_life": rules.half_life_days * _DAY if decays else None, "scale": SCALE,
    }  # fmt: skip


def _digest(settings: AttributionSetting) -> str:
    """The settings that credits follow from, as text."""
    rules = settings.rules
    return repr((VERSION, settings.lookback_days, rules.half_life_days, rules.custom.as_tuple()))


def _writes() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(block("abmatic.attribution", "sql/refresh.sql", "writes"), {"tables": list(TABLES)})
        return dict(cursor.fetchall())


def _gone() -> int:
    """Changes with which deals their source has deleted."""
    with connection.cursor() as cursor:
        cursor.execute(block("abmatic.attribution", "sql/refresh.sql", "gone"))
        (number,) = cursor.fetchone()
        return int(number)


def _run(file: LiteralString, name: LiteralString, parameters: dict[str, Any] | None = None) -> int:
    with connection.cursor() as cursor:
        cursor.execute(block("abmatic.attribution", file, name), parameters)
        return int(cursor.rowcount)
