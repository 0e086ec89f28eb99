"""Days in addresses of pages: those of the viewer's zone."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from django.utils import timezone


def day(text: str) -> date | None:
    """The day that a text names ("2026-05-01"); None for anything else."""
    try:
        named = date.fromisoformat(text)
    except ValueError:
        return None
    return named if date.min < named < date.max - timedelta(days=1) else None


def midnight(of: date) -> datetime:
    """When a day begins where the viewer is."""
    return timezone.make_aware(datetime.combine(of, time.min))
