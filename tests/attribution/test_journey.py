"""The journey of an account: everything on one time line, and in pages that miss nothing and repeat nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.attribution.deals import day, deal, person, response, touch

from abmatic.attribution.journey import Journey, Step, journey
from abmatic.attribution.refreshing import refresh
from abmatic.audiences.models import Account, Contact, Opportunity
from abmatic.campaigns.models import Campaign, CampaignMember
from abmatic.changes.models import Cause, Change

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Contact:
    return person(Account.objects.create(name="Acme"), first_name="Ada", made=1)


def changed(record: str, record_id: int, field: str, before: object, after: object, on: float) -> None:
    made = Change.objects.create(
        record=record, record_id=record_id, field=field, before=before, after=after,
        cause=Cause.objects.create(kind=Cause.Kind.USER),
    )  # fmt: skip
    Change.objects.filter(pk=made.pk).update(at=day(on))


def full_journey(ada: Contact) -> Opportunity:
    """One of everything, on days 2 to 30."""
    account = ada.account
    assert account is not None
    campaign = Campaign.objects.create(name="Webinar", type="Webinar")
    touch(2, None, account, "Direct", page="/pricing")
    member = response(ada, campaign, 5)
    CampaignMember.objects.filter(pk=member.pk).update(created_at=day(4), status="Attended")
    changed("contact", ada.pk, "kind", "lead", "contact", 6)
    won = deal(account, ada, opened=8, closed=30)
    changed("opportunity", won.pk, "stage", "Prospecting", "Closed Won", 29)
    changed("account", account.pk, "city", None, "Berlin", 12)
    # Of somebody else.
    other = Account.objects.create(name="Beta")
    touch(3, None, other)
    deal(other, opened=9)
    changed("account", other.pk, "city", None, "Rome", 12)
    refresh()
    return won


def test_everything_that_happened_to_an_account_is_on_one_line(ada: Contact) -> None:
    won = full_journey(ada)
    assert ada.account_id is not None
    found = journey(ada.account_id)
    assert found.after is None
    assert [(step.kind, step.what) for step in found.steps] == [
        ("closed", "won"), ("change", "stage"), ("change", "city"), ("opened", ""), ("change", "kind"),
        ("touch", "campaign_response"), ("membership", "Attended"), ("touch", "visit"),
    ]  # fmt: skip
    closed, stage, city, opened, kind, answer, member, visit = found.steps
    assert (closed.opportunity_id, closed.label, closed.at) == (won.pk, "Deal", day(31) - timedelta(seconds=1))
    assert (stage.before, stage.after, stage.opportunity_id) == ("Prospecting", "Closed Won", won.pk)
    assert (city.before, city.after, city.contact_id, city.opportunity_id) == (None, "Berlin", None, None)
    assert (opened.at, opened.opportunity_id) == (day(8), won.pk)
    assert (kind.contact, kind.before, kind.after) == ("Ada Lind", "lead", "contact")
    assert (answer.campaign, answer.label, answer.contact) == ("Webinar", "Webinar", "Ada Lind")
    assert (member.campaign, member.at) == ("Webinar", day(4))
    assert (visit.label, visit.before, visit.contact) == ("Direct", "/pricing", None)


@pytest.mark.parametrize("most", [1, 2, 3, 7])
def test_pages_miss_nothing_and_repeat_nothing(ada: Contact, most: int) -> None:
    full_journey(ada)
    assert ada.account_id is not None
    for _ in range(5):
        touch(9, ada, ada.account)  # of one moment, and that of no other kind
    changed("account", ada.account_id, "city", "Berlin", "Bonn", 9)
    whole = journey(ada.account_id).steps
    assert len(whole) == 14
    found: list[Step] = []
    page: Journey = journey(ada.account_id, most=most)
    found += page.steps
    while page.after:
        page = journey(ada.account_id, page.after, most)
        assert page.steps
        found += page.steps
    assert found == whole


def test_what_its_visits_say_already_and_who_owns_it_is_not_repeated(ada: Contact) -> None:
    assert ada.account_id is not None
    for record, record_id in (("account", ada.account_id), ("contact", ada.pk)):
        changed(record, record_id, "engagement_temperature", None, "None", 8)
        changed(record, record_id, "engagement_temperature", "Cold", "Hot", 9)
        for field in ("engagement_score", "last_visit_on", "first_channel", "first_campaign", "owner_id"):
            changed(record, record_id, field, None, 2, 10)
    told = [(step.what, step.contact_id, step.after) for step in journey(ada.account_id).steps]
    assert told == [("engagement_temperature", ada.pk, "Hot"), ("engagement_temperature", None, "Hot")]


def test_an_account_to_which_nothing_happened_has_no_steps() -> None:
    assert journey(Account.objects.create(name="Quiet").pk) == Journey([], None)
