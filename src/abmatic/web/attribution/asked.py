"""What an address asks of a report. What makes no sense asks for what is usual."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta

from django.http import QueryDict
from django.utils import timezone

from abmatic.attribution.reporting import BY, LEARNING, MEASURES, MODEL_LABELS, Asked
from abmatic.audiences.models import Collection

USUAL_DAYS = 365
_LONGEST = timedelta(days=3660)


def asked_of(query: QueryDict) -> Asked:
    """The report that an address asks for; the last year up to today where it names no days."""
    today = timezone.now().date()
    until = _day(query.get("until", "")) or today
    since = _day(query.get("since", "")) or until - timedelta(days=USUAL_DAYS - 1)
    if not timedelta(0) <= until - since <= _LONGEST:
        since = until - timedelta(days=USUAL_DAYS - 1)
    model = _one_of(query, "model", MODEL_LABELS, "u_shaped")
    measure = _one_of(query, "measure", MEASURES, "won_amount")
    by = _one_of(query, "by", BY, "channel")
    if model in LEARNING:
        by, measure = "channel", measure if measure.startswith("won") else "won_amount"
    return Asked(since, until, model, by, measure, _collection(query.get("collection", "")))


def query_of(asked: Asked, **more: str) -> str:
    """The address that asks for it."""
    query = QueryDict(mutable=True)
    query.update({
        "model": asked.model, "by": asked.by, "measure": asked.measure, "since": asked.since.isoformat(),
        "until": asked.until.isoformat(), **({"collection": str(asked.collection)} if asked.collection else {}), **more,
    })  # fmt: skip
    return query.urlencode()


def collections() -> list[Collection]:
    """Those of accounts, by name."""
    return list(Collection.objects.filter(record=Collection.Record.ACCOUNT).order_by("name", "id")[:200])


def _one_of(query: QueryDict, name: str, known: dict[str, str], usual: str) -> str:
    value = query.get(name, "")
    return value if value in known else usual


def _collection(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _day(text: str) -> date | None:
    with suppress(ValueError):
        found = date.fromisoformat(text)
        # Far from the ends of the calendar, where there is no period before.
        return found if 1990 <= found.year <= 2200 else None
    return None
