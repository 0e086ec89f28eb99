"""Impressions and clicks: once each, only of those who were given what they saw; results, touches, the journey."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from tests.personalisation import worlds
from tests.personalisation.test_deciding import TWO
from tests.personalisation.worlds import Somebody, experience
from tests.tracking.conftest import uuid7

from abmatic.attribution.journey import journey
from abmatic.attribution.models import Touch
from abmatic.attribution.refreshing import refresh, refresh_due
from abmatic.audiences.models import Account, Contact
from abmatic.campaigns.models import Campaign
from abmatic.engagement import identifying, sessions
from abmatic.engagement import people as engagement_people
from abmatic.engagement.models import Visitor
from abmatic.personalisation import following, managing, results
from abmatic.personalisation import people as personalisation_people
from abmatic.personalisation.models import Assignment, Experience, Reaction, ReactionsRead
from abmatic.personalisation.results import Group, compare
from abmatic.tracking import store
from abmatic.tracking.events import Kind, WebEvent
from abmatic.tracking.models import TrackingSite

pytestmark = pytest.mark.django_db(transaction=True)

NOW = timezone.now() - timedelta(hours=2)


def event(site: TrackingSite, who: str, kind: Kind, minutes: float = 0, **properties: Any) -> WebEvent:
    moment = NOW + timedelta(minutes=minutes)
    return WebEvent(
        uuid7(moment), moment, site.pk, who, kind, url=f"{worlds.ORIGIN}/prices", path="/prices", properties=properties
    )


def person(number: int) -> str:
    return f"visitor-{number:015}"


def told(made: Experience, who: str, kind: Kind = Kind.IMPRESSION, minutes: float = 0) -> WebEvent:
    """What the script tells of what this visitor was given."""
    given = Assignment.objects.get(visitor=who, experience=made)
    return event(made.site, who, kind, minutes, experience=made.pk, variant=given.variant_id or 0)


def test_impressions_and_clicks_count_once(site: TrackingSite) -> None:
    made = experience(site)
    Somebody(site, person(1)).sees(made)
    events = [
        told(made, person(1)),
        told(made, person(1), minutes=1),
        told(made, person(1), Kind.PERSONALISED_CLICK, 2),
    ]
    store.append(events)
    assert following.follow() == 3
    store.append(events)
    assert following.follow() == 0
    assert sorted(Reaction.objects.values_list("id", "is_click")) == sorted(
        (e.id, e.kind != "impression") for e in events
    )
    found = results.results_of(made).variants[0].group
    assert (found.assigned, found.seen, found.impressions, found.clicks, found.clicked) == (1, 1, 2, 1, 1)


def test_what_nobody_was_given_counts_for_nothing(site: TrackingSite) -> None:
    made, other = experience(site), experience(TrackingSite.objects.create(name="B", origins=["https://b.example"]))
    Somebody(site, person(1)).sees(made)
    variant = made.variants.get().pk
    shown = {"experience": made.pk, "variant": variant}
    store.append([
        event(site, person(2), Kind.IMPRESSION, **shown),
        event(site, person(1), Kind.IMPRESSION, experience=made.pk, variant=0),
        event(site, person(1), Kind.IMPRESSION, experience=other.pk, variant=variant),
        event(other.site, person(1), Kind.IMPRESSION, **shown),
        event(site, person(1), Kind.PAGE, **shown),
    ])  # fmt: skip
    assert following.follow() == 0
    store.append([event(site, person(1), Kind.IMPRESSION, 1, **shown)])
    assert following.follow() == 1


def test_a_restored_database_is_read_again(site: TrackingSite) -> None:
    made = experience(site)
    Somebody(site, person(1)).sees(made)
    store.append([told(made, person(1))])
    ReactionsRead.objects.create(pk=1, tx=2**60, event=uuid7(NOW))
    assert following.follow() == 1
    assert ReactionsRead.objects.get().tx < 2**60


def test_events_of_a_restored_database_wait_for_those_who_make_sessions(site: TrackingSite) -> None:
    """They know which they have read; whoever else numbered the events anew would lose them visits."""
    made = experience(site)
    Somebody(site, person(1)).sees(made)
    store.append([told(made, person(1)), event(site, person(1), Kind.PAGE, 1)])
    with connection.cursor() as cursor:
        cursor.execute("UPDATE web_event SET tx = tx + 1000000000000")
    assert following.follow() == 0
    assert sessions.make_sessions().events == 2
    assert following.follow() == 1


def test_results_count_people_and_hold_them_against_the_control_group(site: TrackingSite) -> None:
    made = experience(site, variants=TWO, control_percent=40)
    groups: dict[int | None, list[str]] = {}
    for number in range(60):
        Somebody(site, person(number)).sees(made)
        given = Assignment.objects.get(visitor=person(number))
        groups.setdefault(given.variant_id, []).append(person(number))
    events = [told(made, who, minutes=minutes) for those in groups.values() for who in those[1:] for minutes in (0, 9)]
    events += [told(made, those[1], Kind.PERSONALISED_CLICK, 1) for those in groups.values()]
    events += [told(made, those[1], Kind.PERSONALISED_CLICK, 2) for those in groups.values()]
    store.append(events)
    following.follow()
    found = results.results_of(made)
    assert found.assigned == 60
    for group in (found.control, *(each.group for each in found.variants)):
        people = len(groups[group.variant])
        assert (group.assigned, group.seen, group.impressions, group.clicks, group.clicked) == (
            people, people - 1, 2 * (people - 1), 2, 1,
        )  # fmt: skip
    assert [each.verdict for each in found.variants] == ["few", "few"]
    assert found.confidence == pytest.approx(0.975)


def test_two_browsers_of_a_person_are_one_person(site: TrackingSite) -> None:
    made = experience(site, variants=TWO)
    for number in (1, 2, 3):
        Somebody(site, person(number)).sees(made)
    first, second = made.variants.values_list("pk", flat=True)
    Assignment.objects.filter(visitor__in=[person(1), person(3)]).update(variant=first)
    Assignment.objects.filter(visitor=person(2)).update(variant=second)
    store.append([told(made, person(number)) for number in (1, 2, 3)])
    following.follow()
    sessions.make_sessions()
    contact = Contact.objects.create(last_name="Adler", work_email="ann@acme.com")
    Visitor.objects.update(contact_id=contact.pk)
    found = results.results_of(made)
    assert [(each.group.assigned, each.group.impressions) for each in found.variants] == [(1, 2), (0, 0)]


@pytest.mark.parametrize(
    ("one", "other", "verdict"),
    [
        ((300, 1000), (200, 1000), "better"), ((200, 1000), (300, 1000), "worse"), ((205, 1000), (200, 1000), "open"),
        ((190, 199), (0, 1000), "few"), ((900, 1000), (0, 199), "few"), ((0, 0), (5, 10), "none"),
        ((5, 10), (0, 0), "none"),
    ],
)  # fmt: skip
def test_nobody_wins_below_a_number_or_within_chance(
    one: tuple[int, int], other: tuple[int, int], verdict: str
) -> None:
    variant, control = (Group(1, "A", seen=seen, clicked=clicked) for clicked, seen in (one, other))
    found = compare(variant, control, 0.95)
    assert found.verdict == verdict
    if verdict != "none":
        assert found.low < found.difference < found.high


@pytest.fixture
def ann(site: TrackingSite) -> Contact:
    """Known by `identify()` on her browser; Bob's is nobody's."""
    account = Account.objects.create(name="Acme")
    return Contact.objects.create(
        last_name="Adler", work_email="ann@acme.com", email_key="ann@acme.com", account=account
    )


def came(site: TrackingSite, made: Experience, control: Experience) -> None:
    """Ann and Bob see the one, are in the control group of the other, and Ann clicks."""
    for who in (person(1), person(2)):
        Somebody(site, who).sees(made, control)
    Assignment.objects.filter(experience=control).update(variant=None)
    store.append([
        event(site, person(1), Kind.IDENTIFY, -1, email="ann@acme.com"),
        *(told(made, who, minutes=minutes) for who in (person(1), person(2)) for minutes in (0, 1)),
        *(told(control, who) for who in (person(1), person(2))),
        told(made, person(1), Kind.PERSONALISED_CLICK, 2),
    ])  # fmt: skip
    sessions.make_sessions()
    identifying.identify()
    following.follow()
    refresh()


def test_what_known_people_saw_becomes_touches_and_steps_of_the_journey(site: TrackingSite, ann: Contact) -> None:
    campaign = Campaign.objects.create(name="Spring")
    made, control = experience(site, campaign=campaign), experience(site)
    came(site, made, control)
    touches = Touch.objects.filter(source="experience_event").order_by("occurred_at")
    assert [(t.kind, t.channel, t.campaign_id, t.page, t.contact_id, t.account_id) for t in touches] == [
        (kind, "Personalisation", campaign.pk, "/prices", ann.pk, ann.account_id)
        for kind in ("personalised", "personalised_click")
    ]
    steps = [step for step in journey(ann.account_id).steps if step.what.startswith("personalised")]
    assert [(step.what, step.label, step.campaign) for step in steps] == [
        (kind, "Personalisation", "Spring") for kind in ("personalised_click", "personalised")
    ]
    refresh()
    assert touches.all().count() == 2
    managing.remove(made.pk, by=worlds.ALICE)
    # Nothing is deleted yet.
    refresh_due()
    assert touches.all().count() == 0


def test_a_person_is_erased_with_what_they_were_shown(site: TrackingSite, ann: Contact) -> None:
    made, control = experience(site), experience(site)
    came(site, made, control)
    known = personalisation_people.told("ann@acme.com")
    assert {row["experience_id"] for row in known["experience_assignment"]} == {made.pk, control.pk}
    assert {row["assignment_id"] for row in known["experience_event"]} <= {
        row["id"] for row in known["experience_assignment"]
    }
    assert known["experience_event"]
    erased, shown = personalisation_people.erase("ann@acme.com", only_count=True)
    assert (erased.visitors, shown, Assignment.objects.count()) == (1, 2, 4)
    assert personalisation_people.erase("ann@acme.com") == (erased, shown)
    assert set(Assignment.objects.values_list("visitor", flat=True)) == {person(2)}
    assert set(Reaction.objects.values_list("assignment__visitor", flat=True)) == {person(2)}
    assert Reaction.objects.count() == 3
    refresh()
    assert not Touch.objects.filter(contact_id=ann.pk).exists()
    assert engagement_people.erase("ann@acme.com").events == 0


def test_what_forgotten_strangers_were_shown_goes_when_their_events_do(site: TrackingSite) -> None:
    made = experience(site)
    for number in (1, 2, 3):
        Somebody(site, person(number)).sees(made)
    store.append([told(made, person(number)) for number in (1, 2, 3)])
    following.follow()
    long_ago = NOW - timedelta(days=500)
    Visitor.objects.create(key=person(1), first_seen_at=long_ago, last_seen_at=long_ago)
    Assignment.objects.exclude(visitor=person(3)).update(assigned_at=long_ago)
    assert personalisation_people.forget_strangers(timezone.now(), 13) == 1
    assert set(Assignment.objects.values_list("visitor", flat=True)) == {person(1), person(3)}
    assert Reaction.objects.count() == 2
    assert personalisation_people.forget_strangers(timezone.now(), 13) == 0
