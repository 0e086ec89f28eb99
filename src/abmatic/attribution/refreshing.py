"""Touches, paths and credits follow the data, set by set; what has not changed is not made again.

1. **Touches.** Each source (a block of sql/sources.sql) tells what it has. What differs from the touches that are here
   is written, what it doesn't tell any more is removed, and the deals that such touches concern are due.
2. **Paths.** Deals' windows and moments are worked out, with a digest of all that credits follow from: amount, account,
   people, moments, settings. Where the digest differs, the deal is due.
3. **Credits** of due deals are made anew for every model, some ten thousand deals in a transaction.

Each minute the sources are asked only about what a change concerns, and so are deals (`concerned`). Everything is asked
about where the settings, a model's version or these statements are others than the last time, and where very much has
changed. Either comes to the same. Made again from the same data it changes nothing. Killed anywhere, what is due stays
due: marks go with the transaction that follows them, and before everything is made anew it is written down that it has
to be.

Two runs may be at it at once: one that was silent for long counts as dead, and goes on all the same. So each
transaction is alone from its first statement, and sees whether the rules are still the same, and no other run makes
everything anew. Else it leaves it to that one; if that is killed, it is written down that everything has to be made.

To add a source: a block in sql/sources.sql that answers the columns of `touch`, its name in `SOURCES`, triggers that
mark what it follows from, and how it is concerned by that.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, LiteralString
from uuid import uuid4

from django.db import connection, transaction
from django.utils import timezone
from psycopg import sql

from abmatic.attribution import concerned
from abmatic.attribution.crediting import MODELS, SCALE, VERSION, Parts, Rules
from abmatic.attribution.models import AttributionRefresh, AttributionSetting, in_force
from abmatic.postgres.sql import block, blocks

SOURCES: tuple[LiteralString, ...] = ("campaign_member", "web_session", "web_form", "experience_event")
# Deals whose credits are made in one transaction.
BATCH = 20_000
# New touches of an open deal that has so many make its credits anew at once; with more it waits a second for each that
# it has beyond, so many at most.
FREE = 100
LONGEST = 3_600
_DAY = 86_400

# What `AttributionRefresh.seen` holds.
Seen = dict[str, str]


class _Overtaken(Exception):
    """Everything is made anew by another run, or was, or is to be by other rules."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """How many touches were written or removed, and how many deals' credits were made."""

    touches: int
    deals: int


def refresh_due() -> Refreshed | None:
    """Brings up to date what a change of data or settings concerns.

    None where nothing changed, and no deal waited; or where another run makes everything anew.
    """
    settings, began = in_force(), time.monotonic()
    seen = _seen(settings)
    if _last() != seen or concerned.is_everything():
        return refresh(settings)
    try:
        touches = _follow(settings, seen)
        # Deals may have waited.
        deals = _make_due(settings.rules, seen)
    except _Overtaken:
        return None
    if touches is None and not deals:
        return None
    _note(began, seen, seen)
    return Refreshed(touches or 0, deals)


def refresh(settings: AttributionSetting | None = None) -> Refreshed | None:
    """Brings all touches, paths and credits up to date, whether anything has changed or not.

    None where another run began to do so meanwhile: it is left to that one.
    """
    settings, began = settings or in_force(), time.monotonic()
    mine, touches = {"run": uuid4().hex}, 0
    with transaction.atomic():
        concerned.alone()
        concerned.forget()
        AttributionRefresh.objects.update_or_create(pk=AttributionRefresh.THE_ONE, defaults={"seen": mine})
    try:
        for source in SOURCES:
            with transaction.atomic():
                _alone(mine)
                touches += _take_touches(source, sql.SQL("TRUE"), concerned.ALL_TOUCHES)
        with transaction.atomic():
            _alone(mine)
            _take_paths(settings, concerned.ALL_DEALS)
        deals = _make_due(settings.rules, mine)
    except _Overtaken:
        return None
    _note(began, mine, _seen(settings))
    return Refreshed(touches, deals)


def _last() -> Seen | None:
    """By what rules everything is made, or whose run makes it so; None before the first."""
    return AttributionRefresh.objects.filter(pk=AttributionRefresh.THE_ONE).values_list("seen", flat=True).first()


def _alone(seen: Seen) -> None:
    """Until the transaction ends, the only run. Raises `_Overtaken` where another has begun to make everything anew."""
    concerned.alone()
    if _last() != seen:
        raise _Overtaken


def _follow(settings: AttributionSetting, seen: Seen) -> int | None:
    """Touches and paths that what changed concerns. Answers how many touches; None where nothing changed."""
    with transaction.atomic():
        _alone(seen)
        if not concerned.take():
            return None
        touches = sum(_take_touches(source, concerned.AMONG[source], concerned.TOUCHES) for source in SOURCES)
        _take_paths(settings, concerned.DEALS)
        concerned.drop()
    return touches


def _take_touches(source: LiteralString, told: sql.SQL, kept: sql.SQL) -> int:
    """The touches of one source as it tells them now. Answers how many were written or removed.

    ``told`` says which of what it has, ``kept`` which of the touches that are here; `concerned` has both.
    """
    with connection.cursor() as cursor:
        found = sql.SQL(block("abmatic.attribution", "sql/sources.sql", source)).format(among=told)
        cursor.execute(sql.SQL("CREATE TEMPORARY TABLE found_touch ON COMMIT DROP AS {}").format(found))
        cursor.execute("ANALYZE found_touch")
        named = {"source": source}
        _run("sql/refresh.sql", "changed_before", named, among=kept)
        changed = _run("sql/refresh.sql", "remove_gone") + _run("sql/refresh.sql", "take", named)
        if changed:
            cursor.execute("ANALYZE changed_touch")
            _run("sql/refresh.sql", "mark_concerned")
        # A transaction that isn't the outermost (a test's) drops nothing when it ends.
        cursor.execute("DROP TABLE found_touch, changed_touch")
    return changed


def _take_paths(settings: AttributionSetting, among: dict[str, sql.SQL]) -> None:
    """The paths of deals, as they are now; ``among``: of which (see `concerned`)."""
    rules = {"lookback": settings.lookback_days, "rules": _digest(settings)}
    parts = {name: among[name] for name in ("deals", "roles", "origins")}
    _run("sql/refresh.sql", "paths", rules, **parts)
    _run("sql/refresh.sql", "forget_paths", paths=among["paths"])


def make_due_credits(settings: AttributionSetting) -> int:
    """Makes the credits of every deal that is due, if all else is made by these settings. Answers how many."""
    try:
        return _make_due(settings.rules, _seen(settings))
    except _Overtaken:
        return 0


def _make_due(rules: Rules, seen: Seen) -> int:
    made = 0
    while (some := _make_some(rules, seen)) > 0:
        made += some
    return made


def _make_some(rules: Rules, seen: Seen) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        _alone(seen)
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


def _seen(settings: AttributionSetting) -> Seen:
    """By what rules everything is made: the settings, and how touches and paths are told."""
    texts = [blocks("abmatic.attribution", file) for file in ("sql/sources.sql", "sql/refresh.sql")]
    return {"rules": _digest(settings), "told": sha256(repr(texts).encode()).hexdigest()}


def _note(began: float, before: Seen, seen: Seen) -> None:
    """Writes down what was made, unless another run has begun since: ``before`` is what was written then."""
    AttributionRefresh.objects.filter(pk=AttributionRefresh.THE_ONE, seen=before).update(
        at=timezone.now(), took_ms=round(1000 * (time.monotonic() - began)), seen=seen
    )


def _run(
    file: LiteralString, name: LiteralString, parameters: dict[str, Any] | None = None, **parts: sql.Composable
) -> int:
    with connection.cursor() as cursor:
        text = block("abmatic.attribution", file, name)
        cursor.execute(sql.SQL(text).format(**parts) if parts else text, parameters)
        return int(cursor.rowcount)
