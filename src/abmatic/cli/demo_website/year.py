"""Who visited the website in a year, when, and how they came.

- **Strangers**, most of all visits: more by day than by night, few on Sundays, fewer in summer and around the turn of
  the year, and more from month to month, because the company grows. Some come again.
- **People of deals**, from twelve weeks before a deal began to its end, of lost ones less often; of open ones most of
  all lately. Each says once who they are, by a form or by a link that was sent to them.
- **Readers** of a mail that is sent on the second Tuesday of each month, by links that are theirs.
- **People who decide these days**: of some open deals, several times within two weeks, by forms as well. They are hot.
- **Companies known by their networks**: visitors who never say who they are, from the last months.
- **Newcomers** of the last weeks, who sent a form and aren't in Salesforce.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from abmatic.cli.demo_website.arrivals import OF_OTHERS, OF_WON, STRANGERS, Campaign, arrive
from abmatic.cli.demo_website.dice import Dice
from abmatic.cli.demo_website.networks import Company, network_of
from abmatic.cli.demo_website.visits import Browser, Visit, browser_of
from abmatic.engagement import links

DAYS = 365
# Visits of strangers in the year.
STRANGE_VISITS = 6_000
# Deals with visits, of 100 that were won, lost, or are open.
TOUCHED = {"won": 94, "lost": 50, "open": 55}
READERS_A_MONTH = 45
# Open deals about which somebody decides these days.
DECIDING = 36
_BEFORE = timedelta(days=84)
_REMEMBERED = 300

# Monday to Sunday; January to December; the hours of the day (UTC).
_WEEKDAYS = (1.0, 1.15, 1.1, 1.0, 0.8, 0.22, 0.18)
_MONTHS = (0.95, 1.05, 1.2, 1.05, 1.0, 0.95, 0.7, 0.65, 1.15, 1.25, 1.15, 0.7)
_HOURS = (1, 1, 1, 1, 1, 2, 5, 11, 18, 22, 22, 19, 14, 18, 22, 21, 17, 12, 8, 7, 6, 4, 3, 2)
_GROWTH = 0.6

_FIRST_NAMES = ("Ines", "Tomas", "Greta", "Malik", "Yuki", "Paula", "Henrik", "Aisha", "Luca", "Nora", "Emil", "Rosa")
_LAST_NAMES = ("Albrecht", "Moreau", "Sandberg", "Okafor", "Tanaka", "Ferreira", "Novak", "Haddad", "Costa", "Weiss")
_COMPANIES = (
    "Alder Estates", "Beacon Towers", "Cobalt Hotels", "Ember Clinics", "Fjord Offices", "Granite Malls",
    "Harbor Storage", "Juniper Schools",
)  # fmt: skip
NEWCOMERS = 12


class Person(NamedTuple):
    """A contact; ``id`` is 0 for who isn't here yet."""

    id: int
    email: str
    first_name: str
    last_name: str
    company: str


@dataclass(frozen=True, slots=True)
class Deal:
    """An opportunity. ``outcome``: won, lost or open; ``people``: the contacts of its account, its own first."""

    outcome: str
    opened_at: datetime
    closed_on: date | None
    people: Sequence[Person]


@dataclass(frozen=True, slots=True)
class World:
    """What the year is made of. ``until``: when it ends; ``companies``: in the order of their networks;
    ``strangers``: how many visits they make.
    """

    until: datetime
    campaigns: Sequence[Campaign]
    deals: Sequence[Deal]
    readers: Sequence[Person]
    companies: Sequence[Company] = ()
    strangers: int = STRANGE_VISITS

    @property
    def since(self) -> datetime:
        """When the year begins."""
        return self.until - timedelta(days=DAYS)


def visits(world: World, seed: int) -> Iterator[Visit]:
    """Every visit of the year, in no order."""
    yield from _strangers(world, Dice(f"{seed}/strangers"))
    yield from _courting(world, Dice(f"{seed}/deals"))
    yield from _deciding(world, Dice(f"{seed}/deciding"))
    yield from _reading(world, Dice(f"{seed}/readers"))
    yield from _at_companies(world, Dice(f"{seed}/companies"))
    yield from _newcomers(world, Dice(f"{seed}/newcomers"))


def _strangers(world: World, dice: Dice) -> Iterator[Visit]:
    days = [world.since + timedelta(days=number) for number in range(DAYS + 1)]
    weights = [_liking(day) * (1 + _GROWTH * number / DAYS) for number, day in enumerate(days)]
    known: list[Browser] = []
    for day in dice.choices(days, weights, k=world.strangers):
        again = len(known) > 20 and dice.happens(0.22)
        browser = dice.one_of(known) if again else browser_of(dice)
        if not again:
            known = [*known[-_REMEMBERED:], browser]
        at = _time_on(day.date(), dice)
        if at < world.until:
            way = "direct" if again and dice.happens(0.6) else dice.weighted(STRANGERS)
            yield Visit(at, browser, arrive(way, at.date(), dice, world.campaigns), _pages(dice, 0.45))


def _courting(world: World, dice: Dice) -> Iterator[Visit]:
    browsers: dict[int, Browser] = {}
    for deal in world.deals:
        if deal.people and dice.happens(TOUCHED[deal.outcome] / 100):
            yield from _of_deal(world, deal, dice, browsers)


def _of_deal(world: World, deal: Deal, dice: Dice, browsers: dict[int, Browser]) -> Iterator[Visit]:
    begin = max(world.since, deal.opened_at - _BEFORE)
    close = datetime.combine(deal.closed_on, datetime.min.time(), UTC) if deal.closed_on else world.until
    span = (min(world.until, close) - begin).total_seconds()
    if span < 0:
        return
    ways = OF_WON if deal.outcome == "won" else OF_OTHERS
    number = (1 if deal.outcome == "lost" else 3) + int(dice.random() * 5)
    people = deal.people[: 1 + int(dice.random() * 3)]
    # What is over began early; who decides now looks again and again.
    leaning = 0.25 if deal.outcome == "open" else 1.3
    days = sorted((begin + timedelta(seconds=span * dice.random() ** leaning)).date() for _ in range(number))
    named: set[int] = set()
    for place, day in enumerate(days):
        person = people[0] if place == 0 else dice.one_of(people)
        browser = browsers.setdefault(person.id, browser_of(dice))
        way = dice.weighted(ways)
        # Who comes for the last time without having said who they are says it now.
        says = person.id not in named and (place >= number - len(people) or dice.happens(0.5))
        form = _form(person) if says and person.email and dice.happens(0.5) else None
        way = "mail" if says and form is None and way not in {"mail", "webinar"} else way
        named |= {person.id} if says else set()
        at = _time_on(day, dice)
        signed = _signed(person, at) if says and form is None else ""
        if begin <= at < world.until:
            yield Visit(at, browser, arrive(way, day, dice, world.campaigns, signed), _pages(dice, 0.65), form)


def _deciding(world: World, dice: Dice) -> Iterator[Visit]:
    """Of each deal one person looks again within ten days; of every third a colleague too, and it gets urgent."""
    still_open = [deal for deal in world.deals if deal.outcome == "open" and deal.people]
    for place, deal in enumerate(still_open[:: max(1, len(still_open) // DECIDING)][:DECIDING]):
        is_urgent = place % 3 == 0
        for person in deal.people[: 2 if is_urgent else 1]:
            browser = browser_of(dice)
            number = 5 if is_urgent and person is deal.people[0] else 3
            days = sorted(((6 if number == 5 else 10) * dice.random() for _ in range(number)), reverse=True)
            for visit, ago in enumerate(days):
                at = _time_on((world.until - timedelta(days=ago)).date(), dice)
                # They say who they are at first, and those in a hurry write again.
                form = _form(person) if person.email and visit in {0, 3} else None
                signed = _signed(person, at) if visit == 0 and form is None else ""
                way = "mail" if signed else dice.weighted(OF_WON)
                if at < world.until:
                    arrival = arrive(way, at.date(), dice, world.campaigns, signed)
                    yield Visit(at, browser, arrival, _pages(dice, 0.8), form)


def _reading(world: World, dice: Dice) -> Iterator[Visit]:
    browsers: dict[int, Browser] = {}
    for number in range(DAYS):
        sent = (world.since + timedelta(days=number)).date()
        if not (world.readers and sent.weekday() == 1 and 8 <= sent.day <= 14):
            continue
        for _ in range(min(READERS_A_MONTH, len(world.readers))):
            person = dice.one_of(world.readers)
            at = _time_on(sent + timedelta(days=int(3 * dice.random() ** 2)), dice)
            if at < world.until:
                browser = browsers.setdefault(person.id, browser_of(dice))
                arrival = arrive("mail", at.date(), dice, world.campaigns, _signed(person, at))
                yield Visit(at, browser, arrival, _pages(dice, 0.4))


def _at_companies(world: World, dice: Dice) -> Iterator[Visit]:
    for place in range(len(world.companies)):
        browsers = [browser_of(dice, network_of(place)) for _ in range(1 + int(dice.random() * 3))]
        for _ in range(1 + int(dice.random() * 7)):
            # Most of them lately.
            at = _time_on((world.until - timedelta(days=150 * dice.random() ** 2)).date(), dice)
            if at < world.until:
                way = dice.weighted(OF_OTHERS)
                arrival = arrive(way, at.date(), dice, world.campaigns)
                yield Visit(at, dice.one_of(browsers), arrival, _pages(dice, 0.6))


def _newcomers(world: World, dice: Dice) -> Iterator[Visit]:
    for number in range(NEWCOMERS):
        company = _COMPANIES[number % len(_COMPANIES)]
        first, last = _FIRST_NAMES[number], dice.one_of(_LAST_NAMES)
        domain = f"{company.lower().replace(' ', '-')}.example"
        address = f"{first}.{last}@{domain}".lower()
        person, browser = Person(0, address, first, last, company), browser_of(dice)
        named = world.until - timedelta(days=1 + 20 * dice.random())
        way = dice.weighted(STRANGERS)
        before = named - timedelta(days=1 + 9 * dice.random())
        yield Visit(before, browser, arrive(way, before.date(), dice, world.campaigns), _pages(dice, 0.6))
        yield Visit(named, browser, arrive("direct", named.date(), dice, ()), _pages(dice, 0.6), _form(person))


def _signed(person: Person, at: datetime) -> str:
    """What is behind a link that was sent to this person the day before it is followed."""
    return links.token_for(person.id, at - timedelta(days=1))


def _form(person: Person) -> dict[str, str]:
    told = {"email": person.email, "first_name": person.first_name, "last_name": person.last_name,
            "company": person.company}  # fmt: skip
    return {name: value for name, value in told.items() if value}


def _liking(day: datetime) -> float:
    return _WEEKDAYS[day.weekday()] * _MONTHS[day.month - 1]


def _time_on(day: date, dice: Dice) -> datetime:
    hour = dice.choices(range(24), _HOURS)[0]
    return datetime(day.year, day.month, day.day, hour, int(60 * dice.random()), int(60 * dice.random()), tzinfo=UTC)


def _pages(dice: Dice, stays: float) -> int:
    """How many pages somebody looks at, who goes on to another with this chance each time."""
    pages = 1
    while pages < 8 and dice.happens(stays):
        pages += 1
    return pages
