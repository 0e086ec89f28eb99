"""What people who are known saw is a touch: the first of a day, and no stranger's in its place."""

from __future__ import annotations

import pytest
from tests.attribution.deals import day, experience, given, person, reaction, visit, visitor

from abmatic.attribution.models import Touch
from abmatic.attribution.refreshing import refresh
from abmatic.audiences.models import Account, Contact
from abmatic.campaigns.models import Campaign
from abmatic.personalisation.models import Variant
from abmatic.tracking.models import TrackingSite

pytestmark = pytest.mark.django_db


@pytest.fixture
def site() -> TrackingSite:
    return TrackingSite.objects.create(name="A", origins=["https://a.example"])


@pytest.fixture
def hello(site: TrackingSite) -> Variant:
    return experience(site, Campaign.objects.create(name="Spring"))


@pytest.fixture
def ann() -> Contact:
    return person(Account.objects.create(name="Acme"))


def seen() -> list[tuple[object, ...]]:
    """Moment, person and account of each touch."""
    made = Touch.objects.filter(source="experience_event").order_by("occurred_at")
    return list(made.values_list("occurred_at", "contact_id", "account_id"))


def test_what_a_stranger_saw_on_a_day_hides_nothing_of_somebody_who_is_known_later_that_day(
    site: TrackingSite, hello: Variant, ann: Contact
) -> None:
    browser = visitor("shared")
    visit(browser, site.pk, 1.1)
    visit(browser, site.pk, 1.5, contact=ann.pk, account=ann.account_id)
    those = given(browser, hello)
    reaction(those, 1.11)
    reaction(those, 1.12, is_click=True)
    # In no visit that there is.
    reaction(those, 1.3)
    first, click = reaction(those, 1.51), reaction(those, 1.53, is_click=True)
    reaction(those, 1.52)
    refresh()
    assert seen() == [(each.occurred_at, ann.pk, ann.account_id) for each in (first, click)]
    assert set(Touch.objects.filter(source="experience_event").values_list("source_key", flat=True)) == {
        str(first.pk), str(click.pk),
    }  # fmt: skip


def test_the_first_of_each_day_counts_of_each_visitor(site: TrackingSite, hello: Variant, ann: Contact) -> None:
    for key in ("one", "other"):
        browser = visitor(key)
        those = given(browser, hello)
        for number in (1, 2):
            visit(browser, site.pk, number, contact=ann.pk, account=ann.account_id)
            reaction(those, number + 0.01)
            reaction(those, number + 0.02)
    refresh()
    assert seen() == [(day(at + 0.01), ann.pk, ann.account_id) for at in (1, 1, 2, 2)]


def test_the_control_group_saw_nothing(site: TrackingSite, hello: Variant, ann: Contact) -> None:
    browser = visitor("v")
    visit(browser, site.pk, 1, contact=ann.pk)
    reaction(given(browser, hello, in_control=True), 1.01)
    refresh()
    assert seen() == []
