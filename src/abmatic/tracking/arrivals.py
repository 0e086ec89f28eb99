"""Whether events of a site arrive: what the Installation page says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max, Min, Sum

from abmatic.tracking.models import Drop, TrackingDrop, TrackingHour, TrackingSite

DAY = timedelta(hours=24)

# What to do where events are dropped. Bots, privacy and floods are dropped as they should be.
REMEDIES = {
    Drop.INACTIVE: "Turn the site on, or take the line out of its pages.",
    Drop.ORIGIN: "Add the origin of these pages to the site, if they are yours.",
    Drop.PRIVACY: "Nothing: these visitors don’t want to be tracked.",
    Drop.BOT: "Nothing: these were no people.",
    Drop.RATE: "Behind a proxy, set ABMATIC_TRUSTED_PROXIES, so that visitors have addresses of their own; "
    "ABMATIC_COLLECT_RATE is the limit.",
    Drop.VISITOR_RATE: "Nothing, if they are few: no person does so much. If they are many, look for a loop that calls "
    "abmatic.track().",
    Drop.TOO_LARGE: "Give abmatic.track() fewer or shorter values.",
    Drop.UNREADABLE: "Something other than the script sends to the collector.",
    Drop.BAD_ID: "Something other than the script sends to the collector.",
    Drop.TOO_OLD: "Nothing: the clocks of these visitors are wrong.",
    Drop.TOO_NEW: "Nothing, if they are few: the clocks of these visitors are wrong. If they are many, look at this "
    "server’s clock.",
    Drop.UNKNOWN_KIND: "Something other than the script sends to the collector.",
    Drop.TOO_LONG: "Give abmatic.track() shorter names and values.",
    Drop.INVALID: "Look at what your pages give to abmatic.track() and abmatic.identify().",
    Drop.NO_VISITOR: "Browsers may still have the script of a site without cookies, for up to five minutes.",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Dropped:
    """Events that were not taken, for one reason, today and yesterday."""

    label: str
    remedy: str
    number: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What came of a site."""

    first_at: datetime | None
    last_at: datetime | None
    last_host: str | None
    last_day: int
    dropped: tuple[Dropped, ...]


def of_site(site: TrackingSite, now: datetime) -> Arrivals:
    """First and last arrival, how many came in about 24 hours (whole hours), and what was dropped and why."""
    hours = TrackingHour.objects.filter(site=site)
    ends = hours.aggregate(first=Min("first_at"), last=Max("last_at"))
    latest = hours.order_by("-hour").values_list("last_host", flat=True).first()
    return Arrivals(
        ends["first"], ends["last"], latest, _of_last_day([site.pk], now).get(site.pk, 0), tuple(_dropped(site, now))
    )


def last_arrivals(site_ids: Iterable[int], now: datetime) -> dict[int, tuple[datetime, int]]:
    """The last arrival of each site that has one, and how many came in about 24 hours."""
    ids = list(site_ids)
    counts = _of_last_day(ids, now)
    last = TrackingHour.objects.filter(site__in=ids).values_list("site").annotate(last=Max("last_at"))
    return {site: (moment, counts.get(site, 0)) for site, moment in last}


def _of_last_day(site_ids: list[int], now: datetime) -> dict[int, int]:
    found = TrackingHour.objects.filter(site__in=site_ids, hour__gt=now - DAY)
    return {site: int(number) for site, number in found.values_list("site").annotate(total=Sum("number"))}


def _dropped(site: TrackingSite, now: datetime) -> Iterable[Dropped]:
    found = TrackingDrop.objects.filter(site=site, day__gte=(now - DAY).date())
    for reason, number, last in (
        found.values_list("reason").annotate(total=Sum("number"), last=Max("last_at")).order_by("-total")
    ):
        yield Dropped(Drop(reason).label, REMEDIES[Drop(reason)], int(number), last)
