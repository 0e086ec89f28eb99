"""Scores follow visits, fade by themselves, and move the fields of records in steps."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from tests.engagement.plans import reading

from abmatic.audiences.matching import count
from abmatic.audiences.models import Account, Contact
from abmatic.changes.models import Change
from abmatic.engagement import scoring, weights
from abmatic.engagement.models import Engagement, ScoreDue, Visitor, WebSession
from abmatic.engagement.scoring import Scored, fade, refresh, refresh_all
from abmatic.engagement.weights import HORIZON_DAYS, WEIGHTS, faded, score_of, temperature_of

pytestmark = pytest.mark.django_db

# Whole milliseconds, and in the past for whoever asks for trends.
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=timezone.get_fixed_timezone(0))


@pytest.fixture
def acme() -> Account:
    return Account.objects.create(name="Acme")


@pytest.fixture
def ann(acme: Account) -> Contact:
    return Contact.objects.create(last_name="Lee", account=acme)


def visit(days_ago: float, contact: Contact | None = None, account: Account | None = None, **values: Any) -> WebSession:
    """A session of so many days ago: a page for a minute, unless said otherwise."""
    visitor, _ = Visitor.objects.get_or_create(key="v", defaults={"first_seen_at": NOW, "last_seen_at": NOW})
    at = NOW - timedelta(days=days_ago)
    usual = {"pages": 1, "seconds": 60, "forms": 0, "clicks": 0, "channel": "direct", "campaign": None}
    return WebSession.objects.create(
        visitor=visitor, site_id=1, began_at=at - timedelta(minutes=5), ended_at=at, stay_began_at=at, stay_ended_at=at,
        first_event=uuid4(), events=1, channel_version=1, contact_id=contact.pk if contact else None,
        account_id=account.pk if account else contact.account_id if contact else None, **{**usual, **values},
    )  # fmt: skip


def scores() -> dict[tuple[str, int], int]:
    return {(record, pk): score for record, pk, score in Engagement.objects.values_list("record", "record_id", "score")}


def test_the_example_of_the_documentation(ann: Contact) -> None:
    # Now: a visit of five pages for six minutes with a form. Fourteen days ago: one page for a minute.
    visit(0, ann, pages=5, seconds=360, forms=1)
    visit(14, ann)
    assert refresh_all(NOW) == Scored(records=2, shown=2)
    # 1 + 5 + 6 + 25, and half of 1 + 1 + 1.
    assert scores() == {("contact", ann.pk): 39, ("account", ann.account_id): 39}
    ann.refresh_from_db()
    assert (ann.engagement_score, ann.engagement_temperature, ann.last_visit_on) == (39, "Warm", NOW.date())
    assert (ann.first_channel, ann.first_campaign) == ("Direct", None)


@pytest.mark.parametrize(
    ("score", "name"), [(0, "None"), (1, "Cold"), (33, "Cold"), (34, "Warm"), (66, "Warm"), (67, "Hot"), (100, "Hot")]
)
def test_temperatures(score: int, name: str) -> None:
    assert temperature_of(score) == name


def test_one_session_counts_for_so_much_and_no_more(ann: Contact) -> None:
    visit(0, ann, pages=500, seconds=86_400, clicks=90, forms=0)
    refresh_all(NOW)
    assert scores()["contact", ann.pk] == 1 + 10 + 10 + 15


def test_nobody_has_more_than_a_hundred(ann: Contact) -> None:
    for _ in range(9):
        visit(0, ann, forms=2)
    refresh_all(NOW)
    assert scores()["contact", ann.pk] == 100
    # What is above a hundred counts, when it fades.
    assert Engagement.objects.get(record="contact").points == pytest.approx(9 * 53)


def test_who_never_was_here_has_no_score(ann: Contact) -> None:
    assert refresh_all(NOW) == Scored()
    ann.refresh_from_db()
    assert (ann.engagement_score, ann.engagement_temperature) == (None, None)


def test_an_account_has_the_visits_of_its_people_and_of_those_nobody_knows(ann: Contact, acme: Account) -> None:
    bob = Contact.objects.create(last_name="Ray", account=acme)
    for who in (ann, bob):
        visit(0, who)
    visit(0, account=acme)
    refresh_all(NOW)
    assert scores() == {("contact", ann.pk): 3, ("contact", bob.pk): 3, ("account", acme.pk): 9}


@pytest.mark.parametrize("seed", range(3))
def test_scores_are_those_of_the_plain_rule(seed: int) -> None:
    chance = random.Random(seed)
    people = [Contact.objects.create(last_name=f"P{n}") for n in range(20)]
    points = dict.fromkeys((each.pk for each in people), 0.0)
    for _ in range(120):
        who, days = chance.choice(people), chance.uniform(0, 1.3 * HORIZON_DAYS)
        told = {"pages": chance.randint(0, 15), "seconds": chance.randint(0, 900), "clicks": chance.randint(0, 7),
                "forms": chance.randint(0, 3)}  # fmt: skip
        visit(days, who, **told)
        if days < HORIZON_DAYS:
            points[who.pk] += faded(WEIGHTS.of_session(**told), days)
    refresh_all(NOW)
    for contact_id, found in Engagement.objects.filter(record="contact").values_list("record_id", "points"):
        assert found == pytest.approx(points[contact_id])
    expected = {pk: score_of(sum_) for pk, sum_ in points.items()}
    assert {pk: scores().get(("contact", pk), 0) for pk in expected} == expected


def test_only_those_are_scored_who_are_due(ann: Contact, acme: Account) -> None:
    visit(0, ann)
    ScoreDue.objects.create(record="account", record_id=acme.pk)
    assert refresh(NOW) == Scored(records=1, shown=1)
    assert set(scores()) == {("account", acme.pk)}
    assert refresh(NOW) == Scored()
    assert not ScoreDue.objects.exists()


def test_small_batches_come_to_the_same() -> None:
    people = [Contact.objects.create(last_name=f"P{n}") for n in range(7)]
    for who in people:
        visit(0, who)
    ScoreDue.objects.bulk_create(ScoreDue(record="contact", record_id=who.pk) for who in people)
    assert refresh(NOW, batch=3) == Scored(records=7, shown=7)


def test_a_score_fades_without_a_visit(ann: Contact) -> None:
    visit(0, ann, forms=2)
    refresh_all(NOW)
    assert scores()["contact", ann.pk] == 53
    assert fade(NOW) == Scored()
    fade(NOW + timedelta(days=14))
    assert scores()["contact", ann.pk] == 27
    fade(NOW + timedelta(days=28))
    assert scores()["contact", ann.pk] == 13
    fade(NOW + timedelta(days=140))
    assert scores()["contact", ann.pk] == 0
    ann.refresh_from_db()
    assert (ann.engagement_score, ann.engagement_temperature) == (0, "None")
    assert fade(NOW + timedelta(days=200)) == Scored()


def test_fading_by_the_hour_comes_to_the_same_as_being_scored_anew(ann: Contact) -> None:
    visit(3, ann, forms=2, pages=9)
    visit(1, ann, clicks=4)
    refresh_all(NOW)
    later = NOW
    for hours in (1, 5, 24, 100):
        later += timedelta(hours=hours)
        fade(later)
    faded_ones = scores()
    refresh_all(later)
    assert scores() == faded_ones


def test_fields_move_in_steps_or_when_the_temperature_does(ann: Contact) -> None:
    visit(0, ann, forms=2)
    refresh_all(NOW)
    told = Change.objects.filter(record="contact", field="engagement_score")
    assert [change.after for change in told] == [53]
    fade(NOW + timedelta(days=1))
    assert scores()["contact", ann.pk] == 50
    assert told.count() == 1, "three points are no step"
    ann.refresh_from_db()
    assert ann.engagement_score == 53
    fade(NOW + timedelta(days=2))
    assert [change.after for change in told.order_by("id")] == [53, 48]
    # 34 is warm, 33 cold, whatever the step.
    fade(NOW + timedelta(days=9))
    fade(NOW + timedelta(days=9, hours=14))
    last = Change.objects.filter(record="contact", field="engagement_temperature").latest("id")
    assert (last.before, last.after, last.cause.kind) == ("Warm", "Cold", "rule")
    assert last.cause.note == f"Engagement score, version {weights.VERSION}"


def test_an_edit_is_not_refused_because_a_score_moved(ann: Contact) -> None:
    before = ann.updated_at
    visit(0, ann)
    refresh_all(NOW)
    ann.refresh_from_db()
    assert ann.engagement_score == 3
    assert ann.updated_at == before


def test_filters_and_collections_ask_for_scores(ann: Contact, acme: Account) -> None:
    visit(0, ann, forms=2)
    refresh_all(NOW)
    for condition in (
        {"field": "engagement_score", "is": "at_least", "value": 50},
        {"field": "engagement_temperature", "is": "equals", "value": "warm"},
        {"field": "last_visit_on", "is": "at_least", "value": NOW.date().isoformat()},
    ):
        assert count("contact", condition).number == 1, condition


def test_who_is_gone_and_whose_visits_are_gone_have_no_score(ann: Contact, acme: Account) -> None:
    visit(0, ann)
    refresh_all(NOW)
    WebSession.objects.update(contact_id=None)
    refresh_all(NOW)
    assert set(scores()) == {("account", acme.pk)}
    ann.refresh_from_db()
    assert (ann.engagement_score, ann.last_visit_on) == (None, None)
    acme.contacts.update(account=None)
    Account.objects.filter(pk=acme.pk).delete()
    refresh_all(NOW)
    assert scores() == {}


def test_another_version_of_the_rule_scores_everybody_anew(ann: Contact, monkeypatch: pytest.MonkeyPatch) -> None:
    visit(0, ann)
    refresh_all(NOW)
    monkeypatch.setattr(scoring, "VERSION", weights.VERSION + 1)
    assert refresh(NOW).records == 2
    assert set(Engagement.objects.values_list("version", flat=True)) == {weights.VERSION + 1}
    assert refresh(NOW) == Scored()


def test_the_trend_is_the_score_of_each_day(ann: Contact) -> None:
    visit(0.25, ann, forms=2)
    visit(14.25, ann, forms=1)
    last = NOW.date()
    found = dict(scoring.trend("contact", ann.pk, last - timedelta(days=20), last, NOW + timedelta(days=1)))
    assert len(found) == 21
    assert found[last - timedelta(days=15)] == 0
    # At the end of the day, three quarters of it after the visit.
    assert found[last - timedelta(days=14)] == score_of(faded(28, 0.75))
    assert found[last] == score_of(faded(53, 0.75) + faded(28, 14.75))
    assert scoring.trend("account", 999, date(2026, 1, 1), date(2026, 1, 2)) == [
        (date(2026, 1, 1), 0), (date(2026, 1, 2), 0),
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_the_trend_is_that_of_the_plain_rule(ann: Contact, seed: int) -> None:
    chance = random.Random(seed)
    now = NOW + timedelta(minutes=chance.randint(0, 600))
    told, last = [], now.date()
    # At midnight and at the horizon of now, too, and beside it.
    edges = [(now - NOW.replace(hour=0)) / timedelta(days=1) + n for n in (0, 1, 139, 140, 141, 150, 200)]
    edges += [HORIZON_DAYS, HORIZON_DAYS + 1e-4, HORIZON_DAYS - 1e-4, 0, -1e-4]
    for days in [*edges, *(chance.uniform(0, 240) for _ in range(60))]:
        ended = (now - timedelta(days=days)).replace(microsecond=0)
        values = {"pages": chance.randint(0, 15), "seconds": chance.randint(0, 900), "forms": chance.randint(0, 1)}
        made = visit((NOW - ended) / timedelta(days=1), ann, **values)
        told.append((made.ended_at, WEIGHTS.of_session(**values, clicks=0)))
    found = scoring.trend("contact", ann.pk, last - timedelta(days=90), last, now)
    assert [day for day, _ in found] == [last - timedelta(days=n) for n in range(90, -1, -1)]
    for day, score in found:
        end = datetime(day.year, day.month, day.day, tzinfo=NOW.tzinfo) + timedelta(days=1)
        moment, points = min(end, now), 0.0
        for ended, each in told:
            if moment - timedelta(days=HORIZON_DAYS) < ended <= moment:
                points += faded(each, (moment - ended) / timedelta(days=1))
        assert score == score_of(points), day


def test_a_trend_reads_each_session_once_and_only_those_that_count(acme: Account) -> None:
    for n in range(300):
        visit(n % 9, account=acme)
        visit(400 + n, account=acme)
    last = NOW.date()
    with reading("web_session") as read:
        found = scoring.trend("account", acme.pk, last - timedelta(days=90), last, NOW)
    assert found[-1][1] == 100
    assert len(found) == 91
    # Days and parts of days are put beside each other as well.
    assert read == [pytest.approx(300, abs=91 * 10)]


def test_a_score_reads_only_sessions_that_count(acme: Account) -> None:
    for n in range(300):
        visit(400 + n, account=acme)
    visit(3, account=acme)
    visit(1, account=acme, channel="email")
    visit(800, account=acme, channel="social", campaign="First")
    ScoreDue.objects.create(record="account", record_id=acme.pk)
    with reading("web_session") as read:
        refresh(NOW)
    assert max(read) < 10
    made = Engagement.objects.get()
    assert (made.visits, made.first_channel, made.first_campaign) == (303, "social", "First")
    assert (made.first_visit_at, made.last_visit_at) == (NOW - timedelta(days=800, minutes=5), NOW - timedelta(days=1))
    assert made.points == pytest.approx(faded(3, 3) + faded(3, 1))


def test_the_last_visit_is_that_which_ended_last(ann: Contact) -> None:
    visit(1, ann)
    visit(2, ann)
    # It began before the newest, and went on for longer.
    WebSession.objects.filter(ended_at=NOW - timedelta(days=2)).update(ended_at=NOW - timedelta(days=1, minutes=-30))
    refresh_all(NOW)
    assert {each.last_visit_at for each in Engagement.objects.all()} == {NOW - timedelta(days=1, minutes=-30)}


def test_whether_a_score_is_old_is_not_asked_of_each(ann: Contact) -> None:
    told = {"points": 1, "as_of": NOW, "score": 1, "visits": 1, "first_visit_at": NOW, "last_visit_at": NOW,
            "first_channel": "direct"}  # fmt: skip
    Engagement.objects.bulk_create(
        Engagement(record="contact", record_id=n, version=weights.VERSION, **told) for n in range(500)
    )
    with reading("engagement") as read:
        assert refresh(NOW) == Scored()
    assert read == [0]
