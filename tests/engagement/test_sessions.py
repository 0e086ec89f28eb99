"""Events become sessions: whole ones, whatever the order they come in, made once however often it is tried."""

from __future__ import annotations

import random
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum
from tests.engagement.visits import at, did, left

from abmatic.engagement import sessions
from abmatic.engagement.models import EventsRead, Visitor, WebForm, WebSession
from abmatic.engagement.sessions import IDLE, Made, make_sessions
from abmatic.tracking import store
from abmatic.tracking.events import Kind, WebEvent
from abmatic.tracking.models import TrackingSite

pytestmark = pytest.mark.django_db(transaction=True)


def made_of(*events: WebEvent) -> list[WebSession]:
    """The sessions that there are once these events have come as well."""
    store.append(events)
    make_sessions()
    return list(WebSession.objects.order_by("began_at", "id"))


def test_a_visit_is_one_session() -> None:
    (visit,) = made_of(
        did(
            0,
            path="/",
            referrer="https://www.google.com/",
            title="Home",
            browser="Firefox",
            os="Linux",
            device="desktop",
        ),
        left(1, 55.4, path="/"),
        did(1.1, path="/prices"),
        did(3, Kind.CLICK, properties={"type": "download", "href": "https://www.acme.com/a.pdf", "text": "A"}),
        did(4, Kind.FORM, path="/prices", properties={"form": "demo", "fields": {}}),
        left(5, 200, path="/prices"),
    )
    assert (visit.began_at, visit.ended_at) == (at(0), at(5))
    assert (visit.events, visit.pages, visit.seconds, visit.forms, visit.clicks) == (6, 2, 255, 1, 1)
    assert (visit.landing_path, visit.exit_path) == ("/", "/prices")
    assert (visit.channel, visit.referrer_host, visit.source) == ("organic_search", "google.com", None)
    assert (visit.browser, visit.os, visit.device) == ("Firefox", "Linux", "desktop")
    assert (visit.visitor.key, visit.visitor.first_seen_at, visit.visitor.last_seen_at) == ("ann", at(0), at(5))
    form = WebForm.objects.get()
    assert (form.session_id, form.form, form.path, form.occurred_at) == (visit.pk, "demo", "/prices", at(4))


def test_the_control_group_clicks_nothing_that_is_personalised() -> None:
    (visit,) = made_of(
        did(0),
        did(1, Kind.PERSONALISED_CLICK, properties={"experience": 1, "variant": 0}),
        did(2, Kind.PERSONALISED_CLICK, properties={"experience": 2, "variant": 5}),
    )
    assert (visit.events, visit.clicks) == (3, 1)


def test_thirty_minutes_without_anything_end_it() -> None:
    first, second = made_of(did(0), did(30), did(60.01))
    assert (first.pages, second.pages) == (2, 1)


def test_a_page_that_was_looked_at_for_long_is_not_idle() -> None:
    (visit,) = made_of(did(0), left(55, 55 * 60), did(80))
    assert (visit.pages, visit.seconds) == (2, 3300)


def test_a_page_that_is_never_closed_makes_a_visit_each_half_day() -> None:
    # From nine in the morning to noon two days later, without a gap.
    visits = made_of(*(did(minute) for minute in range(0, 51 * 60 + 1, 20)))
    # Not at noon: three hours are a visit.
    assert [each.began_at.strftime("%d %H:%M") for each in visits] == [
        "20 09:00", "21 00:00", "21 12:00", "22 00:00", "22 12:00",
    ]  # fmt: skip
    (last,) = [each.pk for each in made_of(did(51 * 60 + 5)) if each.began_at > at(51 * 60 - 1)]
    assert last == visits[-1].pk


@pytest.mark.parametrize(("begin", "began_at"), [(-510, ["00:30"]), (-511, ["00:29", "12:09"])])
def test_a_stay_is_cut_only_after_more_than_eleven_and_a_half_hours(begin: int, began_at: list[str]) -> None:
    visits = made_of(*(did(minute) for minute in range(begin, 200, 20)))
    assert [each.began_at.strftime("%H:%M") for each in visits] == began_at


def test_time_for_which_a_page_was_visible_counts_back_to_noon() -> None:
    # From 11:15 to 12:15; and for an hour at another time.
    first, second = made_of(did(135), left(195, 3600))
    assert (first.pages, second.pages, second.seconds) == (1, 0, 3600)
    (visit,) = made_of(did(200, visitor="bob"), left(260, 3600, visitor="bob"))[2:]
    assert (visit.pages, visit.seconds) == (1, 3600)


def test_a_tab_that_is_looked_at_again_much_later_is_a_visit_without_a_page() -> None:
    _, again = made_of(did(0, utm={"source": "june", "medium": "email"}), left(120, 60))
    assert (again.pages, again.seconds, again.channel, again.landing_path) == (0, 60, "direct", "/prices")
    assert again.stay_began_at == at(119)


def test_a_new_campaign_begins_a_new_session() -> None:
    june, july = {"source": "june", "medium": "email"}, {"source": "linkedin", "medium": "cpc", "campaign": "july"}
    direct, first, second, third = made_of(
        did(0),
        did(1, utm=june),
        # The page once more, and one without.
        did(2, utm=june),
        did(3),
        did(4, utm=july),
        left(5, 20, utm=july),
        did(6, utm=june),
    )
    assert [each.channel for each in (direct, first, second, third)] == ["direct", "email", "paid_social", "email"]
    assert [each.pages for each in (direct, first, second, third)] == [1, 3, 1, 1]
    assert (second.source, second.medium, second.campaign) == ("linkedin", "cpc", "july")
    assert len({each.stay_began_at for each in (direct, first, second, third)}) == 1


def test_another_click_on_an_advertisement_is_a_new_session() -> None:
    assert (
        len(
            made_of(
                did(0, click_ids={"gclid": "1"}), did(1, click_ids={"gclid": "1"}), did(2, click_ids={"gclid": "2"})
            )
        )
        == 2
    )


def test_visitors_and_sites_are_kept_apart() -> None:
    made_of(did(0), did(0, visitor="bob"), did(1, site=2), did(2))
    assert sorted(WebSession.objects.values_list("visitor__key", "site_id", "pages")) == [
        ("ann", 1, 2), ("ann", 2, 1), ("bob", 1, 1),
    ]  # fmt: skip
    assert Visitor.objects.count() == 2


def test_pages_of_the_own_site_refer_nobody() -> None:
    site = TrackingSite.objects.create(name="Acme", origins=["https://www.acme.com", "https://*.acme.example"])
    own, other_own, stranger = made_of(
        did(0, site=site.pk, referrer="https://acme.com/"),
        did(100, site=site.pk, referrer="https://shop.acme.example/"),
        did(200, site=site.pk, referrer="https://notacme.example/"),
    )
    assert [each.channel for each in (own, other_own, stranger)] == ["direct", "direct", "referral"]
    assert stranger.referrer_host == "notacme.example"


def test_what_comes_late_joins() -> None:
    (first,) = made_of(did(10))
    (same,) = made_of(did(0, path="/early", utm={"source": "june", "medium": "email"}))
    assert (same.pk, same.began_at, same.pages, same.landing_path) == (first.pk, at(0), 2, "/early")
    assert same.channel == "email"


def test_what_comes_late_joins_two_sessions_to_one() -> None:
    first, second = made_of(did(0), did(50), did(51, Kind.FORM, properties={"form": "demo", "fields": {}}))
    assert WebForm.objects.get().session_id == second.pk
    (joined,) = made_of(did(25))
    assert (joined.pk, joined.pages, joined.forms) == (first.pk, 3, 1)
    assert WebForm.objects.get().session_id == first.pk


def test_what_comes_late_can_part_a_session() -> None:
    (one,) = made_of(did(0), did(10))
    first, second = made_of(did(5, utm={"source": "june", "medium": "email"}))
    assert (first.pk, first.pages, second.pages, second.channel) == (one.pk, 1, 2, "email")


def test_tried_again_nothing_changes() -> None:
    events = [did(minute) for minute in range(0, 200, 20)]
    before = [visible(each) for each in made_of(*events)]
    assert make_sessions() == Made(0, 0)
    assert [visible(each) for each in made_of(*events)] == before
    EventsRead.objects.all().delete()
    assert make_sessions() == Made(10, 0), "read from the beginning, the sessions are the same ones"
    assert [visible(each) for each in WebSession.objects.order_by("began_at")] == before


def visible(visit: WebSession) -> dict[str, Any]:
    return {name: value for name, value in vars(visit).items() if not name.startswith("_")}


def half_day_of(moment: datetime) -> datetime:
    """The midnight or noon (UTC) before."""
    there = moment.astimezone(UTC)
    return there.replace(hour=there.hour // 12 * 12, minute=0, second=0, microsecond=0)


def plain(events: list[WebEvent]) -> list[tuple[Any, ...]]:
    """The rule of engagement/sessions.py once more, slowly."""
    of: dict[tuple[str, int], list[WebEvent]] = defaultdict(list)
    for event in events:
        of[event.visitor, event.site_id].append(event)

    def since(event: WebEvent) -> datetime:
        seconds = (event.properties or {}).get("seconds", 0) if event.kind is Kind.LEAVE else 0
        return max(event.occurred_at - timedelta(seconds=seconds), half_day_of(event.occurred_at))

    found = []
    for (visitor, site), theirs in of.items():
        stays: list[list[WebEvent]] = []
        end = None
        for event in sorted(theirs, key=lambda each: (since(each), each.occurred_at, each.id)):
            if end is None or since(event) > end + IDLE:
                stays.append([])
            stays[-1].append(event)
            end = event.occurred_at if end is None else max(end, event.occurred_at)
        for stay in stays:
            # Noon and midnight, from the first that comes more than 11½ hours after the beginning.
            first = half_day_of(min(since(each) for each in stay) + timedelta(hours=11.5))
            half = first
            last: object = None
            parts: list[list[WebEvent]] = [[]]
            for event in sorted(stay, key=lambda each: (each.occurred_at, each.id)):
                if max(first, half_day_of(event.occurred_at)) > half:
                    half = half_day_of(event.occurred_at)
                    parts.append([])
                    last = None
                if event.kind is Kind.PAGE and event.utm and event.utm != last:
                    last = event.utm
                    parts.append([])
                parts[-1].append(event)
            for part in filter(None, parts):
                pages = [each for each in part if each.kind is Kind.PAGE]
                source = (pages[0].utm or {}).get("source") if pages else None
                found.append(
                    (
                        visitor,
                        site,
                        part[0].id,
                        part[0].occurred_at,
                        part[-1].occurred_at,
                        len(part),
                        len(pages),
                        source,
                    )
                )
    return sorted(found, key=str)


@pytest.mark.parametrize("seed", range(6))
def test_the_order_in_which_events_come_makes_no_difference(seed: int) -> None:
    chance = random.Random(seed)
    events = []
    for _ in range(120):
        minute, who, site = chance.uniform(0, 600), chance.choice(["ann", "bob", "cy"]), chance.choice([1, 1, 2])
        if chance.random() < 0.3:
            events.append(left(minute, chance.choice([5, 600, 3000]), visitor=who, site=site))
        else:
            utm = chance.choice([None, None, {"source": "june"}, {"source": "july", "medium": "cpc"}])
            events.append(did(minute, visitor=who, site=site, utm=utm))
    assert_made_as_plain(events, chance)


@pytest.mark.parametrize("seed", range(8))
def test_nor_does_it_where_stays_go_on_for_days(seed: int) -> None:
    chance = random.Random(seed)
    events = []
    minute = 0.0
    while minute < 4 * 1440:
        # Rarely a gap, and time that reaches far back, over noon and midnight.
        minute += chance.choice([12, 18, 24, 29, 29, 29, 29, 29, chance.choice([29, 29, 31, 200])])
        if chance.random() < 0.25:
            seconds = chance.choice([60, 1200, 3600, 5 * 3600, 14 * 3600, 86_400])
            events.append(left(minute, seconds))
        else:
            events.append(did(minute, utm=chance.choice([None, None, None, {"source": "june"}])))
    assert_made_as_plain(events, chance)


def assert_made_as_plain(events: list[WebEvent], chance: random.Random) -> None:
    """Sessions that are made of events in any order, some at a time, are those of the plain rule."""
    everything = list(events)
    chance.shuffle(events)
    while events:
        some = chance.randint(1, 40)
        store.append(events[:some])
        make_sessions(batch=chance.choice([1, 7, 1000]))
        del events[:some]
    made = WebSession.objects.values_list(
        "visitor__key", "site_id", "first_event", "began_at", "ended_at", "events", "pages", "source"
    )
    assert sorted(made, key=str) == plain(everything)


def test_what_fails_half_way_is_done_again_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    store.append([did(0), did(1, Kind.FORM, properties={"form": "demo", "fields": {}})])
    with monkeypatch.context() as patch:
        patch.setattr(sessions.channels, "channel_of", lambda arrival: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            make_sessions()
    assert not Visitor.objects.exists()
    assert make_sessions() == Made(2, 1)


def test_restored_into_a_server_that_counts_anew_visits_go_on() -> None:
    made_of(did(0))
    store.append([did(100)])
    # Another server's transactions: of one event that was read, of one that was not, and of the position.
    with connection.cursor() as cursor:
        cursor.execute("UPDATE web_event SET tx = tx + 1000000000000")
        cursor.execute("UPDATE events_read SET tx = (SELECT min(tx) + 1 FROM web_event)")
    assert make_sessions() == Made(1, 1), "what was read is not read again"
    assert make_sessions() == Made(0, 0)
    store.append([did(200)])
    assert make_sessions() == Made(1, 1)
    assert WebSession.objects.count() == 3


def test_restored_with_a_position_below_visits_go_on() -> None:
    store.append([did(0)])
    with connection.cursor() as cursor:
        cursor.execute("UPDATE web_event SET tx = tx + 1000000000000")
    assert make_sessions() == Made(1, 1)
    store.append([did(100)])
    assert make_sessions() == Made(1, 1)


def test_several_at_once_make_each_session_once() -> None:
    store.append([did(minute, visitor=f"v{minute % 7}") for minute in range(0, 700, 3)])
    with ThreadPoolExecutor(3) as several:
        done = list(several.map(lambda batch: make_sessions(batch), [20, 25, 30]))
    assert sum(each.events for each in done) == 234
    assert WebSession.objects.aggregate(Sum("events"))["events__sum"] == 234
