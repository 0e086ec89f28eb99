"""Events are kept once, told in an order that misses none, dropped by the month, and erased."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_network
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from tests.tracking.conftest import NOW, Rows, event, uuid7

from abmatic.postgres import sessions
from abmatic.tracking import partitions, store
from abmatic.tracking.events import Kind, NotVersion7, WebEvent, time_of, truncated
from abmatic.tracking.store import START, Session, Unstorable, Writer

pytestmark = pytest.mark.django_db(transaction=True)


def ids(found: list[dict[str, object]]) -> set[object]:
    return {row["id"] for row in found}


@pytest.fixture(params=["said", "copied"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few events go in one statement, many are copied; they must become the same."""
    monkeypatch.setattr(store, "_ONE_STATEMENT", 0 if request.param == "copied" else 200)


@pytest.mark.usefixtures("way")
def test_an_event_comes_back_as_it_was_given(session: Session) -> None:
    given = event(
        kind=Kind.FORM, referrer="https://search.example/", title="Prices\tand \\N\n\r\\. \"\u2028 \\u0000",
        utm={"source": "new\\s\n"}, click_ids={"gclid": "1"}, browser="Firefox", os="Linux",
        properties={"email": "a@acme.com", "n": [1, None, 2**63 - 1, 0.1, "\\u0000\t"]},
        device="desktop", country="DE", ip=ip_network("2001:db8::/48"),
    )  # fmt: skip
    assert store.append([given]).by_site == {1: 1}
    (row,), _ = store.read(session, START, 10)
    assert row.pop("tx") > 0
    assert str(row.pop("ip")) == str(given.ip)
    for name, value in row.items():
        assert value == getattr(given, name), name


@pytest.mark.usefixtures("way")
def test_what_is_sent_twice_is_kept_once(rows: Rows) -> None:
    first, second = event(), event()
    assert store.append([first, second, first]).number == 2
    assert store.append([second, first, event(site=2)]).by_site == {2: 1}
    assert rows("SELECT count(*) FROM web_event") == [(3,)]


@pytest.mark.usefixtures("way")
def test_a_batch_is_kept_whole_or_not_at_all(session: Session, rows: Rows) -> None:
    writer = Writer(session)
    with pytest.raises(Unstorable):
        writer.append([event(), event(title="\0")])
    with pytest.raises(psycopg.IntegrityError):
        writer.append([event(), event(ip=ip_network("192.0.2.7/32"))])
    assert rows("SELECT count(*) FROM web_event") == [(0,)]
    assert writer.append([event()]).number == 1, "and the writer goes on"


def test_months_are_made_on_demand_and_read_as_one(session: Session, rows: Rows) -> None:
    moments = [datetime(2025, 1, 31, 23, 59, 59, 999000, tzinfo=UTC), datetime(2025, 2, 1, tzinfo=UTC), NOW]
    assert store.append([event(moment) for moment in moments]).number == 3
    assert {date(2025, 1, 1), date(2025, 2, 1), date(2026, 11, 1)} <= set(partitions.months(session))
    assert rows("SELECT count(*) FROM web_event_2025_01") == [(1,)]
    assert rows("SELECT count(*) FROM web_event_2025_02") == [(1,)]


def test_an_impossible_time_is_refused(rows: Rows) -> None:
    with pytest.raises(store.ImpossibleTime, match="2999"):
        store.append([event(), event(datetime(2999, 1, 1, tzinfo=UTC))])
    assert rows("SELECT count(*) FROM web_event") == [(0,)]


def test_many_writers_make_a_month_once(session: Session) -> None:
    refused: list[BaseException] = []

    def write() -> None:
        try:
            store.append([event(datetime(2024, 5, 5, tzinfo=UTC))])
        except BaseException as error:  # noqa: BLE001 — told below
            refused.append(error)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == []
    assert len(store.read(session, START, 10)[0]) == 4


def test_reading_on_misses_none_that_commits_late(session: Session) -> None:
    early, late = event(), event()
    with sessions.session("late") as slow:
        # It has its transaction, and so its place, before the other writes.
        slow.execute("SELECT pg_current_xact_id()")
        store.append([early])
        first, position = store.read(session, START, 10)
        assert ids(first) == set(), "what is before it may still come"
        slow.execute(
            "INSERT INTO web_event (occurred_at, id, received_at, site_id, visitor, kind) "
            "VALUES (%s, %s, %s, 1, 'v', 'page')",
            (late.occurred_at, late.id, late.received_at),
        )
        slow.commit()
    session.commit()
    second, position = store.read(session, position, 10)
    assert ids(second) == {early.id, late.id}
    session.commit()
    assert store.read(session, position, 10)[0] == []
    third = event()
    store.append([third])
    session.commit()
    assert ids(store.read(session, position, 10)[0]) == {third.id}


def test_pages_of_a_reading_follow_one_another(session: Session) -> None:
    given = [event(NOW + timedelta(days=number % 60, seconds=number)) for number in range(25)]
    store.append(given[:20])
    store.append(given[20:])
    position, met = START, []
    while True:
        found, position = store.read(session, position, 7)
        if not found:
            break
        met += [row["id"] for row in found]
    assert sorted(met) == sorted(each.id for each in given)
    assert len(met) == 25


def test_a_page_of_many_events_of_one_transaction_sorts_none_of_them(session: Session) -> None:
    """As in a restored database; statistics say that nothing comes after any position."""
    plans: list[str] = []

    class Explaining(psycopg.Cursor[Any]):
        def execute(self, query: Any, params: Any = None, **more: Any) -> Any:
            if "FROM web_event" in query:
                plans.append(str(super().execute(f"EXPLAIN (SETTINGS) {query}", params).fetchall()))
            return super().execute(query, params, **more)

    store.append([event(NOW - timedelta(days=number % 420, seconds=number)) for number in range(6000)])
    session.execute("ANALYZE web_event")
    session.cursor_factory = Explaining
    _, position = store.read(session, START, 100)
    store.read(session, position, 100)
    assert len(plans) == 2
    assert all("enable_sort = 'off'" in plan for plan in plans), "costs of one row each would leave it to chance"
    assert all("web_event" in plan and "Sort Key: web_event.tx" in plan for plan in plans), "they come in their order"
    assert not any("->  Sort" in plan or "Sort  (" in plan for plan in plans), plans
    assert session.execute("SHOW enable_sort").fetchone() == ("on",)


def test_sets_are_read_into_a_table_of_the_transaction(session: Session) -> None:
    given = [event() for _ in range(5)]
    store.append(given)
    number, position = store.read_into(session, "new_event", START, 3)
    assert number == 3
    assert session.execute("SELECT count(*), count(path) FROM new_event").fetchone() == (3, 3)
    session.commit()
    number, position = store.read_into(session, "new_event", position, 3)
    assert number == 2
    session.commit()
    assert store.read_into(session, "new_event", position, 3)[0] == 0


def test_old_months_are_dropped_and_the_others_stay(session: Session, rows: Rows) -> None:
    store.append([event(datetime(2025, month, 28, tzinfo=UTC)) for month in (8, 9, 10, 11)])
    dropped = partitions.drop_old(datetime(2026, 11, 20, tzinfo=UTC), keep=13)
    assert {date(2025, 8, 1), date(2025, 9, 1)} <= set(dropped)
    assert date(2025, 10, 1) not in dropped
    assert rows("SELECT min(occurred_at), count(*) FROM web_event") == [(datetime(2025, 10, 28, tzinfo=UTC), 2)]


def test_a_month_that_is_read_is_dropped_later(session: Session) -> None:
    store.append([event(datetime(2025, 1, 5, tzinfo=UTC))])
    session.execute("SELECT count(*) FROM web_event")
    assert partitions.drop_old(NOW, keep=13) == []
    session.commit()
    assert date(2025, 1, 1) in partitions.drop_old(NOW, keep=13)


def test_months_ahead_are_there_before_their_time(session: Session) -> None:
    partitions.make_ahead(datetime(2030, 11, 30, 23, tzinfo=UTC))
    assert {date(2030, 11, 1), date(2030, 12, 1), date(2031, 1, 1)} <= set(partitions.months(session))
    partitions.make_ahead(datetime(2030, 11, 30, 23, tzinfo=UTC))


def test_visitors_are_found_by_their_address_told_and_forgotten(session: Session, rows: Rows) -> None:
    mine = [
        event(visitor="v1"),
        event(NOW - timedelta(days=40), visitor="v1", kind=Kind.IDENTIFY, properties={"email": "Ann@Acme.com"}),
        event(visitor="v2", kind=Kind.FORM, properties={"email": "ann@acme.com"}),
    ]
    store.append([*mine, event(visitor="v3", properties={"email": "bob@acme.com"})])
    assert store.visitors_of(session, "ANN@acme.com") == ["v1", "v2"]
    assert ids(store.of_visitor(session, ["v1", "v2"])) == {each.id for each in mine}
    assert store.forget(session, ["v1", "v2"]) == 3
    session.commit()
    assert rows("SELECT visitor FROM web_event") == [("v3",)]


@pytest.mark.parametrize("ip", ["192.0.2.7/32", "192.0.2.7/24", "192.0.2.0/25", "2001:db8::1/128", "2001:db8::/64"])
def test_the_database_refuses_an_address_that_is_not_truncated(session: Session, ip: str) -> None:
    partitions.make(session, [partitions.month_of(NOW)])
    with pytest.raises(psycopg.errors.CheckViolation):
        session.execute(
            "INSERT INTO web_event (occurred_at, id, received_at, site_id, visitor, kind, ip) "
            "VALUES (%s, %s, %s, 1, 'v', 'page', %s)",
            (NOW, uuid4(), NOW, ip),
        )


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("unknown", None),
        ("", None),
    ],
)
def test_addresses_are_truncated(address: str, kept: str | None) -> None:
    assert truncated(address) == (ip_network(kept) if kept else None)


def test_an_id_tells_its_time() -> None:
    # The example of RFC 9562, appendix A.6.
    assert time_of(UUID("017F22E2-79B0-7CC3-98C4-DC0C0C07398F")) == datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC)
    moment = datetime(2026, 3, 4, 5, 6, 7, 891000, tzinfo=UTC)
    assert time_of(uuid7(moment)) == moment


@pytest.mark.parametrize("bad", [uuid4(), UUID(int=(0xFFFFFFFFFFFF << 80) | (7 << 76) | (2 << 62))])
def test_an_id_without_a_time_makes_no_event(bad: UUID) -> None:
    with pytest.raises(NotVersion7):
        WebEvent(bad, NOW, 1, "v", Kind.PAGE)
