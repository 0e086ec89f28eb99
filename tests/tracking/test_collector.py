"""What the collector takes, what it drops and why, and that it answers only once the events are committed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone
from tests.tracking.conftest import Rows, uuid7

from abmatic.tracking import collecting, group_commit, sites
from abmatic.tracking.models import TrackingDrop, TrackingHour, TrackingSite

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("collects")]

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
ORIGIN = "https://www.acme.com"
VISITOR = "019aaaaa-0000-7000-8000-000000000001"


def page(moment: datetime | None = None, **values: Any) -> dict[str, Any]:
    return {
        "id": str(uuid7(moment or timezone.now())), "kind": "page", "url": f"{ORIGIN}/prices?x=1#top",
        "title": "Prices",
    } | values  # fmt: skip


Send = Callable[..., Any]


@pytest.fixture
def send(client: Client, site: TrackingSite) -> Send:
    """Sends events as the script does."""

    def post(
        *events: object, visitor: str | None = VISITOR, body: bytes | None = None, to: str = "", **meta: str
    ) -> Any:
        headers = {"HTTP_USER_AGENT": FIREFOX, "HTTP_ORIGIN": ORIGIN, "REMOTE_ADDR": "203.0.113.77"} | meta
        told = body if body is not None else json.dumps({"visitor": visitor, "events": list(events)}).encode()
        return client.post(f"/collect/{to or site.public_id}", told, content_type="text/plain", **headers)

    return post


def drops() -> dict[str, int]:
    group_commit.stop()
    return dict(TrackingDrop.objects.values_list("reason", "number"))


def test_events_are_stored_with_what_they_tell_and_nothing_else(send: Send, rows: Rows, site: TrackingSite) -> None:
    url = (
        f"{ORIGIN}/prices?utm_source=news&UTM_Campaign=may&gclid=abc&ab=signed&x=1&who=ann%40acme.com&token=s3cret"
        "&card=4111-1111-1111-1111#top"
    )
    answer = send(page(url=url, referrer="https://user:pw@search.example/?q=a@b.com#f", title="For ann@acme.com"))
    assert (answer.status_code, answer.content) == (204, b"")
    (row,) = rows(
        "SELECT site_id, visitor, kind, url, path, referrer, title, utm, click_ids, browser, os, device, ip::text "
        "FROM web_event"
    )
    assert row == (
        site.pk, VISITOR, "page",
        f"{ORIGIN}/prices?utm_source=news&UTM_Campaign=may&x=1&who=%5Bremoved%5D&card=%5Bremoved%5D", "/prices",
        "https://search.example/?q=%5Bremoved%5D", "For [removed]", {"source": "news", "campaign": "may"},
        {"gclid": "abc", "ab": "signed"}, "Firefox", "Linux", "desktop", "203.0.113.0/24",
    )  # fmt: skip


def test_what_is_sent_twice_is_taken_twice_and_kept_once(send: Send, rows: Rows) -> None:
    events = [page(), page()]
    assert send(*events).status_code == 204
    assert send(*events).status_code == 204
    assert rows("SELECT count(*) FROM web_event") == [(2,)]
    group_commit.stop()
    assert TrackingHour.objects.get().number == 2
    assert TrackingHour.objects.get().last_host == "www.acme.com"


def test_an_answer_is_shared_with_the_sites_pages_alone_and_sets_no_cookie(send: Send, client: Client) -> None:
    good, bad = send(page()), send(page(), HTTP_ORIGIN="https://evil.example")
    assert good["Access-Control-Allow-Origin"] == ORIGIN
    assert "Access-Control-Allow-Origin" not in bad
    assert bad.status_code == 403
    assert not good.cookies
    assert not bad.cookies


def test_a_browser_may_ask_before_it_sends_json(client: Client, site: TrackingSite) -> None:
    asked = client.options(f"/collect/{site.public_id}", HTTP_ORIGIN=ORIGIN, HTTP_ACCESS_CONTROL_REQUEST_METHOD="POST")
    assert (asked.status_code, asked["Access-Control-Allow-Origin"]) == (204, ORIGIN)
    assert asked["Access-Control-Allow-Headers"] == "Content-Type"
    assert client.get(f"/collect/{site.public_id}").status_code == 405


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        ("bad_id", {"id": str(uuid4())}),
        ("bad_id", {"id": "1"}),
        ("bad_id", {"id": str(uuid7(datetime(9000, 1, 1, tzinfo=UTC))).replace("-7", "-4", 1)}),
        ("unknown_kind", {"kind": "purchase"}),
        ("too_long", {"title": "x" * 301}),
        ("too_long", {"url": f"{ORIGIN}/{'x' * 2000}"}),
        ("too_long", {"kind": "track", "properties": {"name": "x" * 101}}),
        ("invalid", {"url": "javascript:alert(1)"}),
        ("invalid", {"url": "http://[::1"}),
        ("invalid", {"url": None}),
        ("invalid", {"properties": []}),
        ("invalid", {"kind": "leave", "properties": {"seconds": -1}}),
        ("invalid", {"kind": "leave", "properties": {"seconds": "NaN"}}),
        ("invalid", {"kind": "scroll", "properties": {"depth": 101}}),
        ("invalid", {"kind": "identify", "properties": {"email": "nobody"}}),
        ("invalid", {"kind": "identify", "properties": {"email": "a@acme.com", "deep": {"a": 1}}}),
        ("invalid", {"kind": "click", "properties": {"type": "strange", "href": "x"}}),
    ],
)
def test_a_bad_event_is_dropped_for_its_reason_and_costs_its_neighbours_nothing(
    send: Send, rows: Rows, reason: str, change: dict[str, Any]
) -> None:
    answer = send(page(), page(**change), page())
    assert (answer.status_code, answer.json()) == (200, {"accepted": 2, "dropped": {reason: 1}})
    assert rows("SELECT count(*) FROM web_event") == [(2,)]
    assert drops() == {reason: 1}


@pytest.mark.parametrize("event", [None, 7, "page", []])
def test_what_is_no_event_is_dropped(send: Send, event: object) -> None:
    assert send(event).json() == {"accepted": 0, "dropped": {"invalid": 1}}


@pytest.mark.parametrize(
    ("reason", "ago"), [("too_old", timedelta(days=3, minutes=1)), ("too_new", -timedelta(minutes=6))]
)
def test_an_event_of_another_time_is_dropped(send: Send, reason: str, ago: timedelta) -> None:
    assert send(page(timezone.now() - ago)).json() == {"accepted": 0, "dropped": {reason: 1}}


@pytest.mark.parametrize(
    ("status", "reason", "body"),
    [
        (400, "unreadable", b""), (400, "unreadable", b"{"), (400, "unreadable", b"\xff"), (400, "unreadable", b"[]"),
        (400, "unreadable", b'{"events": []}'), (400, "unreadable", b'{"events": {}}'),
        (400, "unreadable", b"[" * 8000),
        (413, "too_large", b'{"events": [' + b"1," * 20 + b"1]}"), (413, "too_large", b" " * 8193),
    ],
)  # fmt: skip
def test_a_request_that_cannot_be_read_is_dropped_whole(send: Send, status: int, reason: str, body: bytes) -> None:
    answer = send(body=body)
    assert (answer.status_code, answer.json()["dropped"]) == (status, {reason: 1})
    assert drops() == {reason: 1}


def test_bodies_of_eight_kilobytes_are_taken(send: Send) -> None:
    events = [page(title="x" * 200) for _ in range(20)]
    body = json.dumps({"visitor": VISITOR, "events": events}).encode()
    assert send(body=body[:-1] + b" " * (8192 - len(body)) + b"}").status_code == 204


def test_letters_that_the_database_cannot_hold_are_left_out(send: Send, rows: Rows) -> None:
    body = json.dumps({"visitor": VISITOR, "events": [page(title="a\0b\ud800c\\u0000")]}).encode()
    assert send(body=body).status_code == 204
    assert rows("SELECT title FROM web_event") == [("abc\\u0000",)]


@pytest.mark.parametrize("agent", [GOOGLEBOT, "", "curl/8.5.0", "Mozilla/5.0 HeadlessChrome/120.0"])
def test_bots_are_dropped(send: Send, rows: Rows, agent: str) -> None:
    assert send(page(), HTTP_USER_AGENT=agent).json() == {"accepted": 0, "dropped": {"bot": 1}}
    assert drops() == {"bot": 1}


def test_a_network_that_sends_too_much_is_dropped_and_another_is_not(send: Send, settings: Any) -> None:
    batch = [page() for _ in range(20)]
    answers = [send(*batch, REMOTE_ADDR=f"203.0.113.{number}") for number in range(30)]
    assert answers[0].status_code == 204
    assert (answers[-1].status_code, answers[-1].json()) == (429, {"accepted": 0, "dropped": {"rate": 20}})
    assert send(page(), REMOTE_ADDR="203.0.114.1").status_code == 204


def test_a_visitor_who_sends_too_much_is_dropped_and_another_is_not(send: Send) -> None:
    batch = [page() for _ in range(20)]
    answers = [send(*batch, REMOTE_ADDR=f"203.0.{number}.1") for number in range(100)]
    assert [answer.status_code for answer in answers[:90]] == [204] * 90
    assert (answers[-1].status_code, answers[-1].json()) == (429, {"accepted": 0, "dropped": {"visitor_rate": 20}})
    assert send(page(), visitor=VISITOR.replace("1", "2")).status_code == 204
    assert drops().keys() == {"visitor_rate"}


def test_in_no_hour_is_more_taken_of_a_visitor_than_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = 0.0
    buckets = collecting._visitors()
    monkeypatch.setattr(buckets, "_clock", lambda: moment)
    hours = [0, 0, 0]
    while moment < 3 * 3_600:
        hours[int(moment // 3_600)] += buckets.take("visitor", 1)
        moment += 0.5
    assert max(hours) == hours[0] <= collecting.MOST_OF_VISITOR
    assert min(hours) >= collecting.MOST_OF_VISITOR / 2 - 1


@pytest.mark.parametrize(
    ("mode", "values", "header", "status"),
    [
        ("identified", {}, "HTTP_SEC_GPC", "privacy"),
        ("identified", {"honours_gpc_cookieless": False}, "HTTP_SEC_GPC", "privacy"),
        ("identified", {}, "HTTP_DNT", "privacy"),
        ("identified", {"honours_dnt": False}, "HTTP_DNT", None),
        ("cookieless", {}, "HTTP_SEC_GPC", "privacy"),
        ("cookieless", {"honours_gpc_cookieless": False}, "HTTP_SEC_GPC", None),
    ],
)
def test_who_asks_not_to_be_tracked_is_not(
    send: Send, site: TrackingSite, rows: Rows, mode: str, values: dict[str, Any], header: str, status: str | None
) -> None:
    TrackingSite.objects.filter(pk=site.pk).update(mode=mode, **values)
    answer = send(page(), **{header: "1"})
    assert rows("SELECT count(*) FROM web_event") == [(0 if status else 1,)]
    assert (answer.json()["dropped"] if status else answer.status_code) == ({status: 1} if status else 204)


def test_without_cookies_a_visitor_is_the_days_hash_whatever_is_sent(
    send: Send, site: TrackingSite, rows: Rows
) -> None:
    TrackingSite.objects.filter(pk=site.pk).update(mode="cookieless")
    send(page())
    send(page(), visitor=None, REMOTE_ADDR="203.0.113.1")
    send(page(), visitor=None, REMOTE_ADDR="203.0.114.1")
    found = [visitor for (visitor,) in rows("SELECT visitor FROM web_event ORDER BY received_at")]
    assert all(visitor.startswith("d-") for visitor in found)
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize("visitor", [None, "", "short", "x" * 65, "a b" * 10, "<script>alert(1)</script>"])
def test_with_cookies_an_event_names_its_visitor(send: Send, visitor: str | None) -> None:
    assert send(page(), visitor=visitor).json()["dropped"] == {"no_visitor": 1}


def test_a_site_that_is_unknown_or_off_takes_nothing(send: Send, site: TrackingSite, client: Client) -> None:
    assert send(page(), to="2222222222zz").status_code == 404
    TrackingSite.objects.filter(pk=site.pk).update(is_active=False)
    sites.forget_known()
    assert send(page()).json()["dropped"] == {"inactive": 1}
    script = client.get(f"/t/{site.public_id}.js")
    assert script.status_code == 404
    assert b"turned off" in script.content
    assert drops() == {"unknown_site": 1, "inactive": 1}
    assert TrackingDrop.objects.get(reason="unknown_site").site_id is None


def test_forms_keep_what_the_site_allows_and_never_a_secret(send: Send, rows: Rows, site: TrackingSite) -> None:
    TrackingSite.objects.filter(pk=site.pk).update(captured_fields=["email", "company", "password", "note"])
    fields = {
        "email": "ann@acme.com", "company": "Acme", "password": "hunter2", "note": "my card 4111 1111 1111 1111",
        "shoe_size": "43",
    }  # fmt: skip
    assert send(page(kind="form", properties={"form": "contact", "fields": fields})).status_code == 204
    assert rows("SELECT properties FROM web_event") == [
        ({"form": "contact", "fields": {"email": "ann@acme.com", "company": "Acme"}, "email": "ann@acme.com"},)
    ]


def test_people_are_found_by_the_address_they_gave(send: Send, rows: Rows) -> None:
    properties = {"email": "ann@acme.com", "plan": "pro", "seats": 3, "card": "4111111111111111"}
    assert send(page(kind="identify", properties=properties)).status_code == 204
    assert send(page(kind="track", properties={"name": "signup", "values": {"seats": 3}})).status_code == 204
    told = [found for (found,) in rows("SELECT properties FROM web_event ORDER BY received_at")]
    assert told == [{"email": "ann@acme.com", "plan": "pro", "seats": 3}, {"name": "signup", "values": {"seats": 3}}]


def test_the_visitors_address_comes_from_a_proxy_only_where_one_is_trusted(
    send: Send, rows: Rows, settings: Any
) -> None:
    send(page(), HTTP_X_FORWARDED_FOR="198.51.100.9")
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, trusted_proxies=True)
    send(page(), HTTP_X_FORWARDED_FOR="1.2.3.4, 198.51.100.9")
    assert rows("SELECT ip::text FROM web_event ORDER BY received_at") == [("203.0.113.0/24",), ("198.51.100.0/24",)]


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("198.51.100.9:51034", "198.51.100.0/24"), ("1.2.3.4, 198.51.100.9:1", "198.51.100.0/24"),
        ("[2001:db8:1:2::9]:443", "2001:db8:1::/48"), ("[2001:db8:1:2::9]", "2001:db8:1::/48"),
        ("2001:db8:1:2::9", "2001:db8:1::/48"), ("unknown", None), ("[::1", None),
    ],
)  # fmt: skip
def test_a_port_that_a_proxy_adds_is_no_part_of_the_address(
    send: Send, rows: Rows, settings: Any, told: str, kept: str | None
) -> None:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, trusted_proxies=True)
    assert send(page(), HTTP_X_FORWARDED_FOR=told).status_code == 204
    assert rows("SELECT ip::text FROM web_event") == [(kept,)]


@pytest.mark.parametrize(
    ("allowed", "origin", "is_taken"),
    [
        ("https://*.acme.com", "https://www.acme.com", True),
        ("https://*.acme.com", "https://a.b.acme.com", True),
        ("https://*.acme.com", "https://acme.com", False),
        ("https://*.acme.com", "https://.acme.com", False),
        ("https://*.acme.com", "https://evilacme.com", False),
        ("https://*.acme.com", "http://www.acme.com", False),
        ("https://acme.com", "https://acme.com:8443", False),
        ("https://acme.com", "null", False),
    ],
)
def test_pages_of_the_sites_origins_may_send(
    send: Send, site: TrackingSite, allowed: str, origin: str, is_taken: bool
) -> None:
    TrackingSite.objects.filter(pk=site.pk).update(origins=[allowed])
    assert (send(page(), HTTP_ORIGIN=origin).status_code == 204) is is_taken


@pytest.mark.parametrize(
    ("typed", "origin"),
    [
        ("www.Acme.com", "https://www.acme.com"), ("https://acme.com/a/b?c", "https://acme.com"),
        ("http://localhost:3000/", "http://localhost:3000"), ("https://acme.com:443", "https://acme.com"),
        ("*.acme.com", "https://*.acme.com"), ("bücher.example", "https://xn--bcher-kva.example"),
    ],
)  # fmt: skip
def test_an_origin_is_taken_from_what_people_type(typed: str, origin: str) -> None:
    assert sites.origin_of(typed) == origin


@pytest.mark.parametrize(
    "typed", ["", "https://", "ftp://acme.com", "a b.com", "https://me@acme.com", "*", "https://*.*.a"]
)
def test_what_is_no_origin_is_refused_with_what_one_looks_like(typed: str) -> None:
    with pytest.raises(sites.BadOrigin, match=r"https://www\.example\.com"):
        sites.origin_of(typed)
