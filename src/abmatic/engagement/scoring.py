"""How much a contact or an account engages, from 0 to 100: made of sessions, fading by itself, kept up to date.

Whoever's sessions change is due (`score_due`), and is scored anew from all sessions within the horizon: the sum of
their points, each halved every 14 days since its end (see weights.py). Between visits nothing has to be read again:
what is left of a sum after some days is the sum times one factor. So an hour's fading is arithmetic on the scores
alone.

The fields of contacts and accounts follow in steps (`weights.STEP`), through the door for values that are worked out
(`audiences.computed`): what filters, collections and Salesforce see moves only when it says something new.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, LiteralString

from django.db import connection, transaction
from django.utils import timezone
from psycopg import sql

from abmatic.audiences import computed
from abmatic.changes.models import Cause
from abmatic.engagement import channels
from abmatic.engagement.sessions import LONGEST
from abmatic.engagement.weights import HALF_LIFE_DAYS, HORIZON_DAYS, STEP, TEMPERATURES, VERSION, WEIGHTS
from abmatic.postgres.sql import block

# By kind of record, what names it in a session.
RECORDS = {"contact": "contact_id", "account": "account_id"}
FIELDS = ("engagement_score", "engagement_temperature", "last_visit_on", "first_channel", "first_campaign")
# Records that are scored in one transaction.
BATCH = 50_000


@dataclass(frozen=True, slots=True)
class Scored:
    """How many records were scored, and of how many a field changed."""

    records: int = 0
    shown: int = 0

    def __add__(self, other: Scored) -> Scored:
        return Scored(self.records + other.records, self.shown + other.shown)


def refresh(now: datetime | None = None, batch: int = BATCH) -> Scored:
    """Scores those that are due; all of them, where the rule has another version than it had."""
    now = now or timezone.now()
    with transaction.atomic():
        if _ask("is_old", {"version": VERSION}) == [(True,)]:
            _run("mark_all")
    total = Scored()
    for record in RECORDS:
        while (some := _score_some(record, now, batch)).records:
            total += some
    return total


def refresh_all(now: datetime | None = None) -> Scored:
    """Scores everybody anew."""
    with transaction.atomic():
        _run("mark_all")
    return refresh(now)


def fade(now: datetime | None = None) -> Scored:
    """Lets all scores fade to what they are by now."""
    now = now or timezone.now()
    total = Scored()
    for record in RECORDS:
        with transaction.atomic():
            _run("alone")
            faded = _run("fade", {"record": record, "now": now, "half_life": HALF_LIFE_DAYS})
            total += Scored(faded, _show(record))
            _run("drop_taken")
    return total


def alone() -> None:
    """Nobody else scores until the caller's transaction is over."""
    _run("alone")


def score_one(record: str, record_id: int, now: datetime | None = None) -> Scored:
    """Scores one record, in the caller's transaction, which is `alone`."""
    _run("take_one", {"record": record, "id": record_id})
    return Scored(1, _score_taken(record, now or timezone.now()))


def trend(record: str, record_id: int, first: date, last: date, now: datetime | None = None) -> list[tuple[date, int]]:
    """The score of a contact or account at the end of each day (UTC) from the first to the last, or by now."""
    now = now or timezone.now()
    days = {"id": record_id, "first": first, "last": last}
    read = {"since": _horizon(min(_end_of(first), now)), "upto": min(_end_of(last), now)}
    return [(day, int(score)) for day, score in _ask("trend", {**days, **_rule(now), **read}, record)]


def _score_some(record: str, now: datetime, batch: int) -> Scored:
    with transaction.atomic():
        _run("alone")
        taken = _run("take", {"record": record, "batch": batch})
        if taken:
            return Scored(taken, _score_taken(record, now))
        _run("drop_taken")
    return Scored()


def _score_taken(record: str, now: datetime) -> int:
    """Scores those taken, and lets their fields follow. Answers of how many records a field changed."""
    _run("analyze_taken")
    _run("score", {"record": record, "version": VERSION, **_rule(now)}, record)
    _run("forget_gone", {"record": record}, record)
    shown = _show(record)
    _run("drop_taken")
    return shown


def _show(record: str) -> int:
    """Lets the fields of those taken follow. Answers of how many records one changed."""
    _run("show", {"record": record, "step": STEP, "channels": json.dumps(channels.LABELS)}, record)
    shown = computed.write(record, "shown", FIELDS, _cause)
    _run("drop_shown")
    return shown


def _cause() -> Cause:
    return Cause.objects.create(kind=Cause.Kind.RULE, note=f"Engagement score, version {VERSION}")


def _rule(now: datetime) -> dict[str, Any]:
    return {
        "now": now, "since": _horizon(now), "half_life": HALF_LIFE_DAYS, "horizon": HORIZON_DAYS, "longest": LONGEST,
        **WEIGHTS.parameters(),
    }  # fmt: skip


def _horizon(moment: datetime) -> datetime:
    """Up to when sessions that ended count for nothing at a moment."""
    return moment - timedelta(days=HORIZON_DAYS)


def _end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), UTC)


def _temperature() -> sql.Composed:
    """What a score is called, as SQL."""
    cases = [
        sql.SQL("WHEN e.score >= {} THEN {}").format(sql.Literal(least), sql.Literal(name))
        for name, least in TEMPERATURES
    ]
    return sql.SQL("CASE {} END").format(sql.SQL(" ").join(cases))


def _statement(name: LiteralString, record: str) -> sql.Composed:
    return sql.SQL(block("abmatic.engagement", "sql/scores.sql", name)).format(
        column=sql.Identifier(RECORDS[record]), table=sql.Identifier(record), temperature=_temperature()
    )


def _run(name: LiteralString, parameters: dict[str, Any] | None = None, record: str = "contact") -> int:
    with connection.cursor() as cursor:
        cursor.execute(_statement(name, record), parameters)
        return int(cursor.rowcount)


def _ask(name: LiteralString, parameters: dict[str, Any], record: str = "contact") -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(_statement(name, record), parameters)
        return list(cursor.fetchall())
