"""One visit, and the events that the script would have told of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from abmatic.cli.demo_website.arrivals import Arrival
from abmatic.cli.demo_website.dice import Dice
from abmatic.cli.demo_website.networks import network_of_a_provider
from abmatic.tracking import cleaning
from abmatic.tracking.events import Kind, Network, WebEvent

# The website's pages with their titles. The tests hold them together.
TITLES = {
    "/": "Find the leak before the ceiling does",
    "/product/": "Product",
    "/pricing/": "Pricing",
    "/webinar/": "Webinar",
    "/webinar/registered/": "You have a seat",
    "/contact/": "Contact",
    "/contact/thanks/": "Thank you",
}
# Which page follows a form that was sent.
AFTER = {"/webinar/": "/webinar/registered/", "/contact/": "/contact/thanks/"}
_NEXT = {
    "/": {"/product/": 50, "/pricing/": 30, "/webinar/": 12, "/contact/": 8},
    "/product/": {"/pricing/": 60, "/": 20, "/webinar/": 12, "/contact/": 8},
    "/pricing/": {"/product/": 40, "/contact/": 35, "/": 25},
    "/webinar/": {"/": 60, "/product/": 40},
    "/contact/": {"/": 55, "/pricing/": 45},
}
_BROWSERS = {
    ("Chrome", "Windows", "desktop"): 36, ("Edge", "Windows", "desktop"): 14, ("Safari", "Mac OS X", "desktop"): 13,
    ("Firefox", "Windows", "desktop"): 6, ("Chrome", "Mac OS X", "desktop"): 9, ("Mobile Safari", "iOS", "mobile"): 12,
    ("Chrome Mobile", "Android", "mobile"): 10,
}  # fmt: skip
_BETWEEN_PAGES = timedelta(seconds=1)
_LATER = timedelta(milliseconds=400)


@dataclass(frozen=True, slots=True)
class Browser:
    """A visitor's, with its cookie; the network is truncated, as the collector keeps it."""

    cookie: str
    name: str
    os: str
    device: str
    network: Network


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody comes, looks at so many pages, and may send a form at the end, with what its fields hold."""

    at: datetime
    browser: Browser
    arrival: Arrival
    pages: int
    form: dict[str, str] | None = None


def browser_of(dice: Dice, network: Network | None = None) -> Browser:
    """A new one, in a company's network or in an internet provider's."""
    name, system, device = dice.weighted(_BROWSERS)
    return Browser(dice.token(128), name, system, device, network or network_of_a_provider(dice))


def events_of(visit: Visit, site_id: int, website: str, dice: Dice) -> Iterator[WebEvent]:
    """The events of a visit in the order of their time."""
    at, came_from = visit.at, visit.arrival.referrer
    for path, query in _walk(visit, dice):
        seconds = round(min(900.0, max(2.0, dice.lognormvariate(3.3, 0.9))), 1)
        depth = 100 if dice.happens(0.35) else 10 + int(dice.random() * 80)
        left = at + timedelta(seconds=seconds)
        url = f"{website}{path}{f'?{query}' if query else ''}"
        told = _Teller(visit, site_id, url, dice)
        yield told.event(Kind.PAGE, at, title=f"{TITLES[path]} · Tidewell", referrer=cleaning.referrer_of(came_from))
        for seen in (25, 50, 75, 100):
            if seen <= depth:
                yield told.event(Kind.SCROLL, at + timedelta(seconds=seconds * seen / 120), {"depth": seen})
        if path == "/product/" and dice.happens(0.08):
            file = {"type": "download", "href": f"{website}/price-list.csv", "text": "price list (CSV)"}
            yield told.event(Kind.CLICK, left - _LATER, file)
        if visit.form is not None and path in AFTER:
            yield told.event(Kind.FORM, left - _LATER, _form(path, visit.form))
        yield told.event(Kind.LEAVE, left, {"seconds": seconds, "depth": depth})
        at, came_from = left + _BETWEEN_PAGES, f"{website}{path}"


def _walk(visit: Visit, dice: Dice) -> Sequence[tuple[str, str]]:
    """Paths and their parameters; who sends a form ends on the page that follows it."""
    paths = [visit.arrival.path]
    while len(paths) < visit.pages:
        paths.append(dice.weighted(_NEXT[paths[-1]]))
    if visit.form is not None:
        # One form is sent, at the end; who has come to it sends it at once.
        form = paths[0] if paths[0] in AFTER else "/contact/"
        before = [] if paths[0] in AFTER else [path for path in paths if path not in AFTER]
        paths = [*before, form, AFTER[form]]
    return [(path, visit.arrival.query if place == 0 else "") for place, path in enumerate(paths)]


def _form(path: str, fields: dict[str, str]) -> dict[str, Any]:
    return {"form": path.strip("/"), "fields": fields, "email": fields["email"]}


class _Teller:
    """Makes the events of one page."""

    def __init__(self, visit: Visit, site_id: int, url: str, dice: Dice) -> None:
        address = cleaning.address_of(url)
        if address is None:
            raise ValueError(f"{url} is no address of a page.")
        self._visit, self._site, self._address, self._dice = visit, site_id, address, dice
        self._page: str | None = None

    def event(self, kind: Kind, at: datetime, properties: dict[str, Any] | None = None, **values: Any) -> WebEvent:
        """What happened on it; the first is that it was shown, which the others name."""
        event_id = self._dice.event_id(at)
        browser, page = self._visit.browser, self._page
        self._page = page or str(event_id)
        return WebEvent(
            id=event_id,
            received_at=at + _LATER,
            site_id=self._site,
            visitor=browser.cookie,
            kind=kind,
            url=self._address.url,
            path=self._address.path,
            utm=self._address.utm,
            click_ids=self._address.click_ids,
            properties={**(properties or {}), **({"page": page} if page else {})},
            browser=browser.name,
            os=browser.os,
            device=browser.device,
            ip=browser.network,
            **values,
        )
