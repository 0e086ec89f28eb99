"""How visitors come to the website: what stands in the address of their first page, and where they came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

from abmatic.cli.demo_website.dice import Dice

# How often strangers come which way.
STRANGERS = {
    "search": 38, "direct": 21, "ad": 15, "referral": 9, "social": 6, "mail": 5, "post": 4, "webinar": 2,
}  # fmt: skip
# People of deals that were won, and of others: what helped is to be seen in the reports.
OF_WON = {"ad": 20, "webinar": 18, "mail": 17, "direct": 16, "search": 15, "referral": 9, "post": 5}
OF_OTHERS = {"search": 28, "direct": 22, "post": 15, "ad": 14, "social": 9, "mail": 8, "webinar": 4}

_ENGINES = {"https://www.google.com/": 78, "https://www.bing.com/": 13, "https://duckduckgo.com/": 9}
_PARTNERS = ("https://facility-weekly.example/best-of/", "https://insurers-forum.example/water/")
_LANDINGS: Mapping[str, Mapping[str, float]] = {
    "search": {"/": 40, "/product/": 40, "/pricing/": 20},
    "direct": {"/": 70, "/pricing/": 15, "/contact/": 15},
    "ad": {"/": 35, "/product/": 40, "/pricing/": 25},
    "referral": {"/": 60, "/product/": 40},
    "social": {"/": 60, "/webinar/": 40},
    "mail": {"/product/": 40, "/webinar/": 35, "/pricing/": 25},
    "post": {"/webinar/": 55, "/product/": 45},
    "webinar": {"/webinar/": 100},
}
# Types of campaigns, as Salesforce names them, that lead to a way of coming.
_TYPES = {
    "ad": {"Advertisement", "Banner Ads"}, "post": {"Advertisement", "Partners"}, "mail": {"Email", "Direct Mail"},
    "webinar": {"Webinar", "Conference", "Trade Show"},
}  # fmt: skip
# What links are named after where no campaign of the org runs.
_ALWAYS = {"ad": "Always on", "post": "Stories", "mail": "Newsletter", "webinar": "Forty litres"}
# For so long after its beginning links of a campaign are followed.
_RUNS = timedelta(days=120)


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign of the org: its name is what its links have as utm_campaign."""

    name: str
    type: str
    start: date


@dataclass(frozen=True, slots=True)
class Arrival:
    """The path and parameters of the first page, and the referrer."""

    path: str
    query: str = ""
    referrer: str = ""


def arrive(way: str, day: date, dice: Dice, campaigns: Sequence[Campaign], signed: str = "") -> Arrival:
    """Somebody comes that way. ``signed``: the token of a link that was sent to this person alone."""
    path = dice.weighted(_LANDINGS[way])
    match way:
        case "search":
            return Arrival(path, referrer=dice.weighted(_ENGINES))
        case "referral":
            return Arrival(path, referrer=dice.one_of(_PARTNERS))
        case "social":
            return Arrival(path, referrer="https://www.linkedin.com/")
        case "ad":
            marks = {"utm_source": "google", "utm_medium": "cpc", "gclid": dice.token(96)}
        case "post":
            marks = {"utm_source": "linkedin", "utm_medium": "paid-social", "li_fat_id": dice.token(64)}
        case "mail" | "webinar":
            marks = {"utm_source": "newsletter" if way == "mail" else "invitation", "utm_medium": "email"}
        case _:
            return Arrival(path)
    return Arrival(
        path,
        urlencode({**marks, "utm_campaign": campaign_of(way, day, campaigns), **({"ab": signed} if signed else {})}),
    )


def campaign_of(way: str, day: date, campaigns: Sequence[Campaign]) -> str:
    """The campaign whose links lead here that day: the newest of its types that runs."""
    running = [one for one in campaigns if one.type in _TYPES[way] and one.start <= day < one.start + _RUNS]
    return max(running, key=lambda one: one.start).name if running else _ALWAYS[way]
