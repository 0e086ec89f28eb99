"""What is sent to break the collector is dropped for a reason, and costs nobody else anything."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.utils import timezone
from tests.tracking.conftest import NOW, Rows, event
from tests.tracking.test_collector import ORIGIN, VISITOR, Send, drops, page, send

from abmatic.postgres import sessions
from abmatic.tracking import group_commit, store
from abmatic.tracking.store import Line

__all__ = ["send"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("collects")]


def body_with(value: str, title: str = "\\ud800") -> bytes:
    """A body that only Python's own reader of JSON takes, with a value as it is written."""
    told = page(kind="track", title="TITLE", properties={"name": "x", "values": {"n": "VALUE"}})
    body = json.dumps({"visitor": VISITOR, "events": [told]})
    return body.replace("TITLE", title).replace('"VALUE"', value).encode()


@pytest.mark.parametrize("value", ["100000000000000000000", "-9223372036854775809", "1" * 330, "1e999", "NaN"])
def test_numbers_of_any_size_leave_the_collector_working(send: Send, rows: Rows, value: str) -> None:
    first = send(body=body_with(value))
    assert first.status_code in {200, 204, 400}
    assert send(page()).status_code == 204
    assert rows("SELECT count(*) FROM web_event WHERE kind = 'page'") == [(1,)]
    taken = int(first.status_code == 204)
    assert rows("SELECT count(*) FROM web_event WHERE kind = 'track'") == [(taken,)]
    assert sum(drops().values()) == 1 - taken


def test_a_number_beyond_64_bits_is_kept_as_other_readers_of_json_take_it(send: Send, rows: Rows) -> None:
    big = "100000000000000000000"
    assert send(body=body_with(big)).status_code == send(body=body_with(big, title="x")).status_code == 204
    assert rows("SELECT DISTINCT (properties -> 'values' ->> 'n')::float8 FROM web_event") == [(1e20,)]


@pytest.mark.parametrize(
    "values",
    [
        {"properties": {"n": 10**20}}, {"properties": {"n": "a\0b"}}, {"properties": {"n": "\ud800"}},
        {"title": "a\0b"}, {"title": "\udc00"}, {"utm": {"source": "\\\0"}},
    ],
)  # fmt: skip
def test_an_event_that_makes_no_row_never_reaches_the_thread_that_commits(
    rows: Rows, monkeypatch: pytest.MonkeyPatch, values: dict[str, Any]
) -> None:
    batches: list[int] = []
    append = store.Writer.append_lines
    monkeypatch.setattr(
        store.Writer, "append_lines", lambda self, lines: (batches.append(len(lines)), append(self, lines))[1]
    )
    good = event(NOW, title="tab\tline\nback\\slash \\N \\u0000", properties={"n": "\\u0000"})
    assert group_commit.committer().commit([event(NOW, **values), good]) == 1
    assert batches == [1]
    assert rows("SELECT title, properties FROM web_event") == [(good.title, good.properties)]


def test_one_bad_event_of_many_costs_few_commits_and_its_neighbours_nothing(
    rows: Rows, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bad = event(NOW, title="bad", visitor="ann@acme.com", properties={"n": 1})
    append, batches = store.Writer.append_lines, 0

    def spoilt(line: Line) -> Line:
        # What no value of an event can do any more: the database finds it, and quotes it in its error.
        return Line(line.event, line.data.replace(b'{"n":1}', b'{"n":ann@acme.com}'))

    def counted(writer: store.Writer, lines: list[Line]) -> store.Appended:
        nonlocal batches
        batches += 1
        return append(writer, [spoilt(line) for line in lines])

    monkeypatch.setattr(store.Writer, "append_lines", counted)
    events = [event(NOW) for _ in range(300)]
    events.insert(77, bad)
    with caplog.at_level(logging.DEBUG):
        assert group_commit.committer().commit(events) == 1
    assert rows("SELECT count(*) FROM web_event") == [(300,)]
    assert batches <= 2 * 10
    assert "22P02" in caplog.text
    assert "acme" not in caplog.text


@pytest.mark.parametrize("error", [RuntimeError, TypeError, psycopg.OperationalError, psycopg.ProgrammingError])
def test_the_thread_that_commits_outlives_any_error(
    rows: Rows, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    append = store.Writer.append_lines

    def failing(writer: store.Writer, lines: list[Line]) -> store.Appended:
        if any(line.event.title == "bad" for line in lines):
            raise error("of ann@acme.com")
        return append(writer, lines)

    monkeypatch.setattr(store.Writer, "append_lines", failing)
    committer = group_commit.committer()
    try:
        assert committer.commit([event(NOW, title="bad")]) == 1
    except group_commit.Unavailable:
        assert issubclass(error, psycopg.Error)
    assert committer.commit([event(NOW)]) == 0
    assert committer.is_alive()
    assert rows("SELECT count(*) FROM web_event") == [(1,)]


def test_a_thread_that_ended_is_replaced(send: Send) -> None:
    ended = group_commit.committer()
    ended.stop()
    assert not ended.is_alive()
    assert send(page()).status_code == 204
    assert group_commit.committer() is not ended


@pytest.mark.parametrize("at_once", [1, 2, 250])
def test_a_month_that_is_gone_is_made_again(rows: Rows, at_once: int) -> None:
    """As are plans that were made for it."""
    committer = group_commit.committer()
    now = timezone.now()
    for _ in range(12):
        assert committer.commit([event(now) for _ in range(at_once)]) == 0
    with sessions.session("test") as session:
        session.execute(f"DROP TABLE web_event_{now:%Y_%m}".encode())
        session.commit()
    for _ in range(3):
        assert committer.commit([event(now) for _ in range(at_once)]) == 0
    assert committer.commit([event(now - timedelta(days=62)) for _ in range(at_once)]) == 0
    assert rows("SELECT count(*) FROM web_event") == [(4 * at_once,)]


def test_what_utf16_hides_is_not_read(send: Send, rows: Rows) -> None:
    body = json.dumps({"visitor": VISITOR, "events": [page(title="a\0b")]})
    assert send(body=body.encode("utf-16")).json()["dropped"] == {"unreadable": 1}
    assert send(body=body.encode("utf-16-le")).json()["dropped"] == {"unreadable": 1}
    assert send(page()).status_code == 204


def test_nul_in_parameters_of_an_address_is_left_out(send: Send, rows: Rows) -> None:
    url = f"{ORIGIN}/?utm_source=a%00b&gclid=c%00d&x%00y=e%00f"
    assert send(page(url=url)).status_code == 204
    assert rows("SELECT url, utm, click_ids FROM web_event") == [
        (f"{ORIGIN}/?utm_source=ab&xy=ef", {"source": "ab"}, {"gclid": "cd"})
    ]


def test_values_nested_without_end_are_dropped(send: Send) -> None:
    body = b'{"visitor": "\\u0041", "events": [' + b"[" * 500 + b"]" * 500 + b"]}"
    answer = send(body=body)
    assert (answer.status_code, answer.json()["dropped"]) == (400, {"unreadable": 1})
    assert drops() == {"unreadable": 1}


def test_a_referer_that_is_no_address_is_of_no_origin(send: Send) -> None:
    answer = send(page(), HTTP_ORIGIN="", HTTP_REFERER="http://[")
    assert (answer.status_code, answer.json()["dropped"]) == (403, {"origin": 1})
    assert drops() == {"origin": 1}
