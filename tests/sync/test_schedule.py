"""The rule of the schedule, on any clock, frequency, history and offset."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from abmatic.sync import schedule

MOMENTS = st.datetimes(datetime(2019, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants the bounds naive
HOURS = st.sampled_from([1, 6, 12, 24])


@st.composite
def offsets(draw: st.DrawFn, hours: int) -> timedelta:
    return timedelta(seconds=draw(st.integers(0, hours * 3600 - 1)))


@given(st.data(), MOMENTS, HOURS)
def test_one_start_a_slot_however_often_it_is_looked(data: st.DataObject, now: datetime, hours: int) -> None:
    moved = data.draw(offsets(hours))
    last: datetime | None = data.draw(st.none() | st.just(now - timedelta(minutes=data.draw(st.integers(0, 9_999)))))
    starts: list[datetime] = []
    for _ in range(60):
        now += timedelta(minutes=data.draw(st.integers(0, hours * 20)))
        if schedule.next_run(now, hours, last, moved) <= now:
            starts.append(now)
            last = now
    slots = [schedule.slot(start, hours, moved) for start in starts]
    assert len(set(slots)) == len(slots)
    # Whatever slot was looked into has its sync: nothing is left out while somebody looks.
    assert last is None or schedule.slot(now, hours, moved) <= last


@given(st.data(), MOMENTS, HOURS)
def test_missed_slots_are_made_up_for_once(data: st.DataObject, last: datetime, hours: int) -> None:
    moved = data.draw(offsets(hours))
    now = last + timedelta(hours=hours * data.draw(st.integers(2, 500)))
    assert schedule.next_run(now, hours, last, moved) <= now
    after = schedule.next_run(now, hours, now, moved)
    assert now < after <= now + timedelta(hours=hours)


@given(st.data(), MOMENTS, HOURS)
def test_the_slots_are_the_frequency_apart(data: st.DataObject, now: datetime, hours: int) -> None:
    moved = data.draw(offsets(hours))
    begun = schedule.slot(now, hours, moved)
    assert begun <= now < begun + timedelta(hours=hours)
    assert schedule.slot(begun, hours, moved) == begun
    assert schedule.slot(begun + timedelta(hours=hours), hours, moved) == begun + timedelta(hours=hours)


@given(st.integers(1, 10**9), st.sampled_from(["Account", "Contact", "Lead", "Opportunity"]), HOURS)
def test_an_offset_is_stable_and_within_the_slot(connection: int, sobject: str, hours: int) -> None:
    moved = schedule.offset(connection, sobject, hours)
    assert timedelta(0) <= moved < timedelta(hours=hours)
    assert moved == schedule.offset(connection, sobject, hours)


def test_orgs_and_objects_do_not_begin_together() -> None:
    minutes = [
        schedule.offset(connection, sobject, 1) // timedelta(minutes=5)
        for connection in range(1, 101)
        for sobject in ("Account", "Contact", "Lead", "Opportunity")
    ]
    # 400 objects over twelve times five minutes: none of them has twice its share.
    assert max(minutes.count(each) for each in range(12)) < 2 * 400 / 12
