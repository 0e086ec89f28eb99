"""Web events as a visitor makes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

from tests.tracking.conftest import uuid7

from abmatic.tracking.events import Kind, WebEvent
from abmatic.tracking.models import TrackingSite

BEGIN = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    """Minutes after nine o'clock, to the millisecond, which is what an event's id holds."""
    return BEGIN + timedelta(milliseconds=round(minutes * 60_000))


def site_that_makes_people(**values: Any) -> TrackingSite:
    """The site that events are of unless said otherwise."""
    return TrackingSite.objects.create(
        pk=1, name="Acme", origins=["https://www.acme.com"], **{"makes_people": True, **values}
    )


def did(minutes: float, kind: Kind = Kind.PAGE, visitor: str = "ann", site: int = 1, **values: Any) -> WebEvent:
    """An event; a page view unless said otherwise."""
    path = values.setdefault("path", "/prices")
    values.setdefault("url", f"https://www.acme.com{path}")
    values.setdefault("ip", ip_network("192.0.2.0/24"))
    moment = at(minutes)
    return WebEvent(uuid7(moment), moment + timedelta(seconds=1), site, visitor, kind, **values)


def left(minutes: float, seconds: float, **values: Any) -> WebEvent:
    """A page was left that had been visible for some seconds."""
    return did(minutes, Kind.LEAVE, properties={"seconds": seconds, "depth": 50}, **values)
