"""The demo's website: its pages, who serves them, and a year of visits that looks like one."""

from __future__ import annotations

import re
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from abmatic.cli.demo_website.arrivals import Campaign
from abmatic.cli.demo_website.loading import events
from abmatic.cli.demo_website.serving import server
from abmatic.cli.demo_website.visits import AFTER, TITLES, Visit
from abmatic.cli.demo_website.writing import Addresses, write
from abmatic.cli.demo_website.year import DAYS, Deal, Person, World, visits
from abmatic.tracking import sites
from abmatic.tracking.events import Kind, WebEvent

LINE = sites.line_for("http://127.0.0.1:8000", "abc")
UNTIL = datetime(2026, 11, 26, 15, 0, tzinfo=UTC)
ANN = Person(1, "ann@acme.com", "Ann", "Adler", "Acme")
SPRING = Campaign("Spring webinar", "Webinar", date(2026, 3, 1))
CONTENT_TYPES = {"/": "text/html", "/tidewell.css": "text/css", "/drop.svg": "image/svg+xml"}


# -- the pages


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "website"
    addresses = Addresses(
        "http://localhost:8090", "http://127.0.0.1:8000", "http://127.0.0.1:8088", LINE, "Forty & more"
    )
    write(made, addresses)
    return made


@pytest.fixture
def website(folder: Path) -> Iterator[str]:
    with server(folder, 0) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_address[1]}"
        serving.shutdown()
        thread.join()


def text_of(folder: Path, path: str) -> str:
    return (folder / path.strip("/") / "index.html").read_text()


def test_every_page_is_followed_but_the_guide(folder: Path) -> None:
    found = {f"/{file.parent.relative_to(folder)}/".replace("/./", "/") for file in folder.rglob("index.html")}
    assert found == {*TITLES, "/play/"}
    for path in TITLES:
        assert text_of(folder, path).count(LINE) == 1, path
    assert "<script" not in text_of(folder, "/play/")


def test_visits_of_the_year_are_to_pages_with_these_titles_and_forms(folder: Path) -> None:
    for path, title in TITLES.items():
        assert f"<title>{title} · Tidewell</title>" in text_of(folder, path)
    for path, after in AFTER.items():
        form = re.search(r'<form id="(\w+)" method="post" action="([^"]+)"', text_of(folder, path))
        assert form is not None
        assert form.groups() == (path.strip("/"), after)


def test_nothing_comes_from_elsewhere_and_every_link_leads_somewhere(folder: Path) -> None:
    for file in folder.rglob("*.html"):
        text = file.read_text()
        for address in re.findall(r'(?:href|src|action)="([^"]+)"', text):
            if address.startswith("/"):
                target = folder / address.partition("?")[0].strip("/")
                assert target.is_file() or (target / "index.html").is_file(), (file, address)
            else:
                assert re.match(r"http://(127\.0\.0\.1|localhost):\d+/", address), (file, address)


def test_the_guide_names_the_campaign_in_its_link(folder: Path) -> None:
    text = text_of(folder, "/play/")
    assert "utm_campaign=Forty%20%26%20more" in text
    assert "“Forty &amp; more”" in text


# -- who serves them


@pytest.mark.parametrize("path", CONTENT_TYPES)
def test_files_are_served(website: str, path: str) -> None:
    with urllib.request.urlopen(f"{website}{path}", timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith(CONTENT_TYPES[path])
        assert answer.headers["Cache-Control"] == "no-cache"


def test_a_form_leads_to_the_page_it_names(website: str) -> None:
    with urllib.request.urlopen(f"{website}/contact/thanks/", b"email=ann@acme.com", timeout=10) as answer:
        assert answer.url == f"{website}/contact/thanks/"
        assert "Thank you" in answer.read().decode()


def test_a_form_leads_nowhere_else(website: str) -> None:
    opener = urllib.request.build_opener(_Stays)
    with pytest.raises(urllib.error.HTTPError) as led:
        opener.open(f"{website}//elsewhere.example/", b"x=1", timeout=10)
    assert led.value.code == 303
    assert led.value.headers["Location"] == "/elsewhere.example/"


class _Stays(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def test_what_is_not_there_is_said_to_be_not_there(website: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as missing:
        urllib.request.urlopen(f"{website}/careers/", timeout=10)
    assert missing.value.code == 404


# -- the year


def world(deals: int = 120, campaigns: tuple[Campaign, ...] = (SPRING,)) -> World:
    """Deals that were won, lost or are open in turn, of people of their own."""
    made = []
    for number in range(deals):
        outcome = ("won", "lost", "open")[number % 3]
        opened = UNTIL - timedelta(days=300 - number)
        closed = None if outcome == "open" else (opened + timedelta(days=60)).date()
        made.append(Deal(outcome, opened, closed, (ANN._replace(id=number, email=f"p{number}@acme.com"),)))
    return World(UNTIL, campaigns, made, [ANN])


@pytest.fixture(scope="module")
def year() -> list[WebEvent]:
    return events(world(), 1, "http://localhost:8090", 0)


def test_the_same_seed_gives_the_same_year_and_another_one_another(year: list[WebEvent]) -> None:
    again = events(world(), 1, "http://localhost:8090", 0)
    assert [(each.id, each.visitor, each.url) for each in again] == [(each.id, each.visitor, each.url) for each in year]
    assert {each.id for each in events(world(), 1, "http://localhost:8090", 1)}.isdisjoint({each.id for each in year})


def test_all_of_it_is_within_the_year_and_no_event_is_there_twice(year: list[WebEvent]) -> None:
    assert len({each.id for each in year}) == len(year) > 20_000
    assert UNTIL - timedelta(days=DAYS + 1) < year[0].occurred_at < year[-1].occurred_at < UNTIL
    assert {each.path for each in year} == set(TITLES)


def test_it_has_the_rhythm_of_a_week_a_day_and_a_year(year: list[WebEvent]) -> None:
    pages = [each.occurred_at for each in year if each.kind is Kind.PAGE]
    weekdays = Counter(at.weekday() for at in pages)
    assert weekdays[5] + weekdays[6] < weekdays[1] / 2
    by_night = sum(at.hour < 6 for at in pages)
    assert by_night < len(pages) / 15
    months = Counter((at.year, at.month) for at in pages)
    assert months[2026, 8] < months[2026, 6] < months[2026, 10]
    assert months[2026, 1] < months[2026, 10], "the company grows"


@pytest.mark.parametrize("seed", range(20))
def test_people_of_deals_come_before_the_deal_is_closed_and_say_who_they_are(seed: int) -> None:
    closed = date(2026, 10, 1)
    deal = Deal("won", UNTIL - timedelta(days=90), closed, (ANN,))
    found = list(visits(World(UNTIL, (), [deal], [], strangers=0), seed))
    known = {each.browser.cookie for each in found if says_ann(each)}
    theirs = [each for each in found if each.browser.cookie in known]
    assert len(known) <= 1
    assert all(each.at.date() <= closed for each in theirs)


def says_ann(visit: Visit) -> bool:
    return (visit.form or {}).get("email") == ANN.email or "ab=" in visit.arrival.query


def test_links_name_a_campaign_that_runs() -> None:
    marked = [each for each in visits(world(0), 0) if "Spring" in each.arrival.query]
    assert marked
    assert all(SPRING.start <= each.at.date() < SPRING.start + timedelta(days=120) for each in marked)


def test_what_a_visit_tells_is_what_the_script_would_tell(year: list[WebEvent]) -> None:
    shown = {str(each.id): each for each in year if each.kind is Kind.PAGE}
    for each in year:
        if each.kind is not Kind.PAGE:
            assert each.properties is not None
            assert shown[each.properties["page"]].visitor == each.visitor
            assert shown[each.properties["page"]].occurred_at <= each.occurred_at
    forms = [each for each in year if each.kind is Kind.FORM]
    assert forms
    assert all(each.properties and each.properties["email"] and each.path in AFTER for each in forms)
    assert not [each for each in year if each.url and "ab=" in each.url], "what is signed isn't kept in addresses"


def test_browsers_are_peoples(year: list[WebEvent]) -> None:
    assert {each.device for each in year} == {"desktop", "mobile"}
    assert not {each.browser for each in year} & {"HeadlessChrome", "Googlebot"}
