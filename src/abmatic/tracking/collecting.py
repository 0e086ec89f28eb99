"""The collector: takes what a browser sends, or drops it for a reason that is counted.

1. The site is looked up, and the page's origin must be one of its own.
2. The address is truncated; nothing after this knows the whole one.
3. Visitors whose browsers ask not to be tracked, bots, and networks and visitors that send too much are dropped.
4. Each event is read, cleaned and judged by itself.
5. What is left is committed (see `group_commit`) before the request is answered.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone

from abmatic.tracking import browsers, group_commit, salts, sites
from abmatic.tracking.browsers import Browser
from abmatic.tracking.events import Network, WebEvent, truncated
from abmatic.tracking.group_commit import Unavailable
from abmatic.tracking.incoming import Refused, body_of, event_of
from abmatic.tracking.models import Drop
from abmatic.tracking.rates import Buckets
from abmatic.tracking.sites import Site

__all__ = [
    "STATUS", "Asker", "Hit", "Outcome", "Refused", "Unavailable", "admit", "ask", "collect", "network_of",
    "origin_of_hit",
]  # fmt: skip

# Events of one visitor of a site in any hour, for each process. A network may be many people, a visitor is one; and a
# visit that never ends is read again and again by who makes sessions of it.
MOST_OF_VISITOR = 3_600

# What a request that is refused is answered; 200 where it isn't told.
STATUS = {
    Drop.UNKNOWN_SITE: 404, Drop.INACTIVE: 404, Drop.ORIGIN: 403, Drop.TOO_LARGE: 413, Drop.UNREADABLE: 400,
    Drop.RATE: 429, Drop.VISITOR_RATE: 429,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hit:
    """A request, as far as the collector looks at it. ``address`` is the visitor's whole address, used to truncate."""

    public_id: str
    body: bytes
    address: str = field(repr=False)
    user_agent: str
    origin: str
    referer: str
    has_gpc: bool
    has_dnt: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request: an HTTP status, how many events are committed, and how many were dropped and why."""

    status: int
    accepted: int = 0
    dropped: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asker:
    """Who sends a request: the visitor, with what browser, from which network."""

    visitor: str
    browser: Browser
    network: Network | None


def collect(hit: Hit) -> Outcome:
    """Takes a request's events; they are committed once this returns. Raises `Unavailable`."""
    now = timezone.now()
    site = sites.by_public_id(hit.public_id)
    try:
        found = admit(hit, site)
        told, events = body_of(hit.body)
    except Refused as refused:
        group_commit.counts.dropped(None if site is None else site.id, refused.reason, 1, now)
        group_commit.committer()
        return Outcome(STATUS.get(refused.reason, 200), 0, {refused.reason.value: 1})
    taken, dropped = _judged(hit, found, told, events, now)
    accepted = len(taken)
    if taken and (refused_by_store := group_commit.committer().commit(taken)):
        dropped[Drop.INVALID] += refused_by_store
        accepted -= refused_by_store
    for reason, number in dropped.items():
        group_commit.counts.dropped(found.id, reason, number, now)
    if dropped:
        group_commit.committer()
    status = 429 if dropped.keys() & {Drop.RATE, Drop.VISITOR_RATE} else 200 if dropped else 204
    return Outcome(status, accepted, {reason.value: number for reason, number in sorted(dropped.items())})


def origin_of_hit(origin: str, referer: str) -> str:
    """The origin of the page that sends: as its browser says, or taken from the page's address. Empty if unknown."""
    if origin and origin != "null":
        return origin.lower()
    try:
        parts = urlsplit(referer) if referer.isascii() else None
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}".lower() if parts and parts.scheme and parts.netloc else ""


def admit(hit: Hit, site: Site | None) -> Site:
    """The site of a request that may be read at all. Raises `Refused`."""
    if site is None:
        raise Refused(Drop.UNKNOWN_SITE)
    if not site.is_active:
        raise Refused(Drop.INACTIVE)
    if not site.allows(origin_of_hit(hit.origin, hit.referer)):
        raise Refused(Drop.ORIGIN)
    if (site.honours_gpc and hit.has_gpc) or (site.honours_dnt and hit.has_dnt):
        raise Refused(Drop.PRIVACY)
    return site


def ask(hit: Hit, site: Site, told: object, tokens: int, now: datetime) -> Asker:
    """Who sends a request that was admitted and counts for so many events. ``told``: the visitor as the page names it.

    Raises `Refused`: the network or the visitor sends too much, it is a bot, or nobody is named.
    """
    network = network_of(hit, site, tokens)
    agent = hit.user_agent[: browsers.LONGEST]
    browser = browsers.browser_of(agent)
    if browser.is_bot:
        raise Refused(Drop.BOT)
    visitor = _visitor(site, told, network, agent, now)
    if visitor is None:
        raise Refused(Drop.NO_VISITOR)
    if not _visitors().take((site.id, visitor), tokens):
        raise Refused(Drop.VISITOR_RATE)
    return Asker(visitor, browser, network)


def network_of(hit: Hit, site: Site, tokens: int) -> Network | None:
    """The network that a request comes from, which it counts for. Raises `Refused` where that sends too much."""
    network = truncated(hit.address)
    if not _buckets().take((site.id, network), tokens):
        raise Refused(Drop.RATE)
    return network


def _judged(
    hit: Hit, site: Site, told: object, events: list[object], now: datetime
) -> tuple[list[WebEvent], Counter[Drop]]:
    """Of the events those that are taken, and why the others are not."""
    try:
        who = ask(hit, site, told, len(events), now)
    except Refused as refused:
        return [], Counter({refused.reason: len(events)})
    dropped: Counter[Drop] = Counter()
    taken = []
    for each in events:
        try:
            taken.append(event_of(each, site, who.visitor, who.browser, who.network, now))
        except Refused as refused:
            dropped[refused.reason] += 1
    return taken, dropped


def _visitor(site: Site, told: object, network: Network | None, agent: str, now: datetime) -> str | None:
    if not site.has_cookies:
        return salts.visitor_of(now.date(), site.id, network, agent)
    return told if isinstance(told, str) and _is_visitor(told) else None


def _is_visitor(text: str) -> bool:
    return 20 <= len(text) <= 64 and text.isascii() and text.replace("-", "").replace("_", "").isalnum()


@cache
def _buckets() -> Buckets:
    return Buckets(settings.ENVIRONMENT.collect_rate)


@cache
def _visitors() -> Buckets:
    """Half of an hour's events at once and half of them in its course: in no hour can there be more."""
    return Buckets(MOST_OF_VISITOR / 2 / 3_600, most=MOST_OF_VISITOR / 2)


def forget_rates() -> None:
    """Gives every network and visitor a full bucket again."""
    _buckets.cache_clear()
    _visitors.cache_clear()
