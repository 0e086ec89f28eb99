"""Visitors: who was on the website, what they did, and the engagement of a contact or an account."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from abmatic.engagement import companies, scoring, visits
from abmatic.engagement.channels import LABELS
from abmatic.engagement.identifying import confidence_label
from abmatic.engagement.models import Engagement, Visitor, VisitorSign, WebSession
from abmatic.engagement.visits import WHO, Position
from abmatic.engagement.weights import temperature_of
from abmatic.tracking.models import TrackingSite
from abmatic.web.http import PageRequest
from abmatic.web.records.page import load, page
from abmatic.web.values import duration

TREND_DAYS = 90
_KNOWN_BY = {**dict(VisitorSign.Kind.choices), "network": "The company’s network"}


@dataclass(frozen=True, slots=True)
class Did:
    """An event as the page words it."""

    # Seconds since the visit began.
    after: float
    words: str
    where: str


@require_safe
def visitor_list(request: PageRequest) -> HttpResponse:
    """The visits, newest first; grows as it scrolls."""
    asked = {name: request.GET.get(name, "") for name in ("who", "channel")}
    after = _position(request.GET.get("after", ""))
    found = visits.visits(who=asked["who"], channel=asked["channel"] if asked["channel"] in LABELS else "", after=after)
    kept = {name: value for name, value in asked.items() if value}
    context: dict[str, object] = {
        "visits": found.found, "channels": LABELS, "whos": WHO, "asked": asked, "is_filtered": bool(kept),
        "older": _older(found.after, kept), "knows_companies": companies.is_set_up(),
    }  # fmt: skip
    if request.htmx and after:
        return render(request, "visitors/rows.html", context)
    if not found.found and not kept:
        context["has_site"] = TrackingSite.objects.exists()
    return render(request, "visitors/list.html", context)


@require_safe
def visitor_page(request: PageRequest, visitor_id: int) -> HttpResponse:
    """A visitor: who it is and how that is known, and every session with its events."""
    visitor = get_object_or_404(Visitor, pk=visitor_id)
    after = _position(request.GET.get("after", ""))
    found = visits.visits(visitor=visitor.pk, after=after, most=20)
    shown = visits.with_events(visitor, found.found)
    context: dict[str, object] = {
        "visitor": visitor,
        "visits": [(each, [_did(event, each.session.began_at) for event in each.events]) for each in shown],
        "newest": shown[0] if shown else None,
        "confidence_label": confidence_label(visitor.confidence),
        "known_by": _KNOWN_BY.get(visitor.known_by, ""),
        "older": _older(found.after, {}),
        "channels": LABELS,
        "number": WebSession.objects.filter(visitor=visitor).count(),
    }
    return render(request, "visitors/visitor.html", context)


@require_safe
def record_engagement(request: PageRequest, record: str, record_id: int) -> HttpResponse:
    """The engagement of a contact or an account: the score, its trend, and the visits."""
    local = load(record, record_id)
    now = timezone.now()
    after = _position(request.GET.get("after", ""))
    found = visits.visits(record=(record, local.pk), after=after)
    context: dict[str, object] = {
        "visits": found.found, "channels": LABELS, "older": _older(found.after, {}), "is_record": True,
        "knows_companies": companies.is_set_up(),
    }  # fmt: skip
    if request.htmx and after:
        return render(request, "visitors/rows.html", context)
    score = Engagement.objects.filter(record=record, record_id=local.pk).first()
    if score is not None:
        days = scoring.trend(record, local.pk, now.date() - timedelta(days=TREND_DAYS), now.date(), now)
        context |= {
            "score": score, "temperature": temperature_of(score.score), "trend_days": TREND_DAYS,
            "trend": {"days": [day.isoformat() for day, _ in days], "scores": [value for _, value in days]},
            "weeks": days[::-7][::-1], "recent": visits.recent(record, local.pk, now),
            "first_channel": LABELS.get(score.first_channel, score.first_channel),
        }  # fmt: skip
    return page(request, record, local, "engagement", "visitors/record.html", context)


_WORDS = {
    "page": "Page", "identify": "The site said who it is", "impression": "Personalised content shown",
    "personalised_click": "Personalised content pressed",
}  # fmt: skip


def _did(event: dict[str, Any], began_at: datetime) -> Did:
    told = event["properties"] or {}
    kind = event["kind"]
    # What an event tells is as its sender had it.
    match kind:
        case "leave":
            words = f"Left, seen for {duration(_seconds(told.get('seconds')))}"
        case "scroll":
            words = f"Scrolled to {told.get('depth', '')}\N{NO-BREAK SPACE}%"
        case "click":
            words = "Download" if told.get("type") == "download" else "Link to another site"
        case "form":
            words = f"Form {told.get('form') or ''}".strip()
        case "track":
            words = str(told.get("name") or "Event of the site")
        # The control group, which sees the page as it is.
        case "impression" | "personalised_click" if told.get("variant") == 0:
            words = f"Original {'shown, as to' if kind == 'impression' else 'pressed, as of'} the control group"
        case _:
            words = _WORDS.get(kind, kind)
    where = told.get("href") if kind == "click" else event["path"]
    return Did((event["occurred_at"] - began_at).total_seconds(), words, str(where or ""))


def _seconds(told: object) -> float:
    return float(told) if isinstance(told, int | float) and isfinite(told) else 0.0


def _older(after: Position | None, kept: dict[str, str]) -> str:
    if after is None:
        return ""
    return f"?{urlencode({**kept, 'after': f'{after[0].isoformat()}/{after[1]}'})}"


def _position(text: str) -> Position | None:
    """The position in an address; the beginning where it makes no sense."""
    at, _, last = text.partition("/")
    with suppress(ValueError):
        moment = datetime.fromisoformat(at)
        if moment.tzinfo and last.isascii() and last.isdigit() and len(last) < 19:
            return moment, int(last)
    return None
