"""Touches become paths, and paths credits: what a deal's people and account did before it, and only when it changed."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.utils import timezone
from tests.attribution.deals import BEGIN, credits_of, day, deal, person, response, touch

from abmatic.attribution import refreshing
from abmatic.attribution.crediting import MODELS, VERSION, Path, weights
from abmatic.attribution.crediting import Touch as Step
from abmatic.attribution.dividing import divide
from abmatic.attribution.models import AttributionSetting, Credit, OpportunityPath, Touch
from abmatic.attribution.refreshing import Refreshed, refresh, refresh_due
from abmatic.audiences.models import Account, Contact, Opportunity, OpportunityContact
from abmatic.campaigns.models import Campaign, CampaignMember
from abmatic.engagement.models import Visitor, WebForm, WebSession

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Account:
    return Account.objects.create(name="Acme")


@pytest.fixture
def ada(acme: Account) -> Contact:
    return person(acme)


@pytest.fixture
def webinar() -> Campaign:
    return Campaign.objects.create(name="Spring webinar", type="Webinar")


def money(*amounts: str) -> list[Decimal]:
    return [Decimal(amount) for amount in amounts]


def test_a_response_to_a_campaign_is_a_touch_and_gets_credit(ada: Contact, webinar: Campaign) -> None:
    won = deal(ada.account, ada)
    response(ada, webinar, 10)
    assert refresh() == Refreshed(touches=1, deals=1)
    made = Touch.objects.get()
    assert (made.kind, made.channel, made.campaign_id, made.occurred_at) == (
        "campaign_response", "Webinar", webinar.pk, day(10),
    )  # fmt: skip
    assert (made.contact_id, made.account_id) == (ada.pk, ada.account_id)
    for model in MODELS:
        assert credits_of(won, model) == money("1000")


def test_visits_and_forms_are_touches_once_it_is_known_whose(ada: Contact, webinar: Campaign) -> None:
    visitor = Visitor.objects.create(key="v", first_seen_at=day(1), last_seen_at=day(3))
    visits = [
        WebSession.objects.create(
            visitor=visitor, site_id=1, began_at=day(at), ended_at=day(at), stay_began_at=day(at),
            stay_ended_at=day(at), first_event=uuid4(), events=1, pages=1, seconds=0, forms=0, clicks=0,
            channel=channel, channel_version=1, campaign=campaign, landing_path="/prices",
        )
        for at, channel, campaign in [(1, "paid_search", " spring WEBINAR"), (2, "email", None)]
    ]  # fmt: skip
    form = WebForm.objects.create(id=uuid4(), session=visits[1], occurred_at=day(2.5), path="/demo", form="demo")
    won = deal(ada.account, ada)
    assert refresh().touches == 0
    WebSession.objects.update(contact_id=ada.pk, account_id=ada.account_id)
    assert refresh() == Refreshed(touches=3, deals=1)
    made = Touch.objects.order_by("occurred_at").values_list(
        "source", "source_key", "kind", "channel", "campaign_id", "page", "occurred_at"
    )
    assert list(made) == [
        ("web_session", str(visits[0].pk), "visit", "Paid search", webinar.pk, "/prices", day(1)),
        ("web_session", str(visits[1].pk), "visit", "E-mail", None, "/prices", day(2)),
        ("web_form", str(form.pk), "form", "E-mail", None, "/demo", day(2.5)),
    ]
    assert credits_of(won, "first") == money("1000")


@pytest.mark.parametrize(
    ("type", "channel"), [("Email", "E-mail"), (" e-mail", "E-mail"), ("Trade Show", "Trade Show"), ("", "Campaign")]
)
def test_a_response_is_of_the_channel_of_its_campaign_and_mail_is_mail(ada: Contact, type: str, channel: str) -> None:
    response(ada, Campaign.objects.create(name="Spring", type=type), 3)
    refresh()
    assert Touch.objects.get().channel == channel


def test_who_only_got_the_invitation_is_no_touch(ada: Contact, webinar: Campaign) -> None:
    deal(ada.account, ada)
    CampaignMember.objects.create(campaign=webinar, contact=ada, status="Sent")
    refresh()
    assert not Touch.objects.exists()
    assert OpportunityPath.objects.get().touches == 0


def test_the_table_of_the_documentation_in_the_database(ada: Contact) -> None:
    AttributionSetting.objects.create(
        weight_first=10, weight_lead=20, weight_opportunity=30, weight_last=40, weight_others=0
    )
    person_before = person(ada.account, made=8)
    won = deal(ada.account, ada, person_before)
    for at in (0, 7, 14, 21):
        touch(at, ada)
    refresh()
    assert credits_of(won, "first") == money("1000")
    assert credits_of(won, "last") == money("1000")
    assert credits_of(won, "linear") == money("250", "250", "250", "250")
    assert credits_of(won, "u_shaped") == money("400", "100", "100", "400")
    assert credits_of(won, "w_shaped") == money("300", "300", "300", "100")
    assert credits_of(won, "time_decay") == money("66.67", "133.33", "266.67", "533.33")
    assert credits_of(won, "custom") == money("100", "200", "300", "400")


def test_made_again_from_the_same_data_nothing_changes(ada: Contact, webinar: Campaign) -> None:
    deal(ada.account, ada)
    response(ada, webinar, 10)
    refresh()
    before = list(Credit.objects.order_by("model").values())
    ids = set(Touch.objects.values_list("id", flat=True))
    assert refresh() == Refreshed(touches=0, deals=0)
    assert list(Credit.objects.order_by("model").values()) == before
    assert set(Touch.objects.values_list("id", flat=True)) == ids


def test_others_of_the_account_count_and_strangers_do_not(acme: Account, ada: Contact) -> None:
    won = deal(acme, ada)
    touch(1, ada)
    touch(2, None, acme)
    touch(3, person(Account.objects.create(name="Other")), Account.objects.create(name="Third"))
    # Both one of the deal's people and of its account: once.
    touch(4, ada, acme)
    refresh()
    assert len(credits_of(won)) == 3


def test_a_person_of_the_deal_counts_whatever_the_account(ada: Contact) -> None:
    consultant = person()
    won = deal(ada.account, consultant)
    touch(1, consultant)
    refresh()
    assert credits_of(won) == money("1000")


def test_the_window_begins_before_the_opening_and_ends_with_the_close(ada: Contact) -> None:
    AttributionSetting.objects.create(lookback_days=10)
    won = deal(ada.account, ada, opened=15, closed=30, amount="90")
    for at in (4.99, 5, 30.99, 31):
        touch(at, ada)
    refresh()
    assert credits_of(won) == money("45", "45")
    path = OpportunityPath.objects.get()
    assert (path.begins_at, path.ends_at, path.touches) == (day(5), day(31), 2)


def test_the_path_of_an_open_deal_has_no_end(ada: Contact) -> None:
    still = deal(ada.account, ada, closed=None)
    touch(40, ada)
    refresh()
    assert credits_of(still) == money("1000")


def test_only_deals_that_something_changed_for_are_made_again(ada: Contact, webinar: Campaign) -> None:
    first = deal(ada.account, ada)
    other = person(Account.objects.create(name="Beta"))
    deal(other.account, other)
    response(other, webinar, 5)
    refresh()
    response(ada, webinar, 10)
    assert refresh() == Refreshed(touches=1, deals=1)
    Opportunity.objects.filter(pk=first.pk).update(amount=Decimal("12.34"))
    assert refresh() == Refreshed(touches=0, deals=1)
    assert credits_of(first) == money("12.34")
    # Stage, name and the like change no credit.
    Opportunity.objects.filter(pk=first.pk).update(stage="Closed Won", name="Renamed")
    assert refresh() == Refreshed(touches=0, deals=0)


def test_a_person_who_joins_the_deal_brings_their_touches(ada: Contact) -> None:
    won = deal(ada.account)
    stranger = person()
    touch(3, stranger)
    refresh()
    assert credits_of(won) == []
    OpportunityContact.objects.create(opportunity=won, contact=stranger)
    refresh()
    assert credits_of(won) == money("1000")


def test_a_response_that_is_taken_back_takes_its_credit_along(ada: Contact, webinar: Campaign) -> None:
    won = deal(ada.account, ada)
    member = response(ada, webinar, 10)
    touch(12, ada)
    refresh()
    assert credits_of(won) == money("500", "500")
    CampaignMember.objects.filter(pk=member.pk).update(has_responded=False)
    refresh()
    assert credits_of(won) == money("1000")
    assert Touch.objects.count() == 1


def test_a_response_of_another_day_moves(ada: Contact, webinar: Campaign) -> None:
    won = deal(ada.account, ada)
    member = response(ada, webinar, 10)
    refresh()
    CampaignMember.objects.filter(pk=member.pk).update(first_responded=date(2020, 1, 1))
    refresh()
    assert credits_of(won) == []
    assert OpportunityPath.objects.get().touches == 0


def test_who_was_taken_out_of_a_campaign_did_respond(ada: Contact, webinar: Campaign) -> None:
    won = deal(ada.account, ada)
    member = response(ada, webinar, 10)
    CampaignMember.objects.filter(pk=member.pk).update(is_removed=True)
    refresh()
    assert credits_of(won) == money("1000")


def test_a_response_that_lives_on_in_another_membership_counts_once(ada: Contact, webinar: Campaign) -> None:
    won = deal(ada.account, ada)
    twin = person(ada.account)
    before, now = response(twin, webinar, 10), response(ada, webinar, 10)
    CampaignMember.objects.filter(pk=before.pk).update(is_removed=True, lives_on=now)
    refresh()
    assert credits_of(won) == money("1000")
    assert Touch.objects.get().contact_id == ada.pk
    # Where the other one has no response, it is told here alone.
    CampaignMember.objects.filter(pk=now.pk).update(has_responded=False)
    refresh()
    assert Touch.objects.get().contact_id == twin.pk


def test_all_touches_of_a_person_go_along_to_another_employer(ada: Contact, webinar: Campaign) -> None:
    response(ada, webinar, 10)
    a_visit(ada, account=ada.account)
    a_visit(None, account=ada.account, key="somebody")
    old, new = ada.account, Account.objects.create(name="Beta")
    Contact.objects.filter(pk=ada.pk).update(account=new)
    refresh()
    found = Touch.objects.order_by("source", "source_key").values_list("source", "account_id")
    assert old is not None
    assert list(found) == [("campaign_member", new.pk), ("web_form", new.pk), ("web_form", old.pk),
                           ("web_session", new.pk), ("web_session", old.pk)]  # fmt: skip
    # Without one, it is known by the visit alone.
    Contact.objects.filter(pk=ada.pk).update(account=None)
    refresh()
    assert set(Touch.objects.exclude(source="campaign_member").values_list("account_id", flat=True)) == {old.pk}


def test_a_person_who_got_an_account_later_brings_the_visits_of_before(ada: Contact) -> None:
    won = deal(ada.account)
    a_visit(ada, account=None)
    refresh()
    assert credits_of(won) == money("500", "500")


def test_a_campaign_keeps_its_visits_when_it_gets_another_name(ada: Contact, webinar: Campaign) -> None:
    a_visit(ada, account=ada.account)
    refresh()
    Campaign.objects.filter(pk=webinar.pk).update(name="Spring webinar 2026")
    Campaign.objects.create(name="Spring webinar")
    assert refresh().touches == 0
    assert set(Touch.objects.values_list("campaign_id", flat=True)) == {webinar.pk}
    webinar.delete()
    refresh()
    assert webinar.pk not in Touch.objects.values_list("campaign_id", flat=True)


def a_visit(contact: Contact | None, account: Account | None, key: str = "v") -> None:
    """A visit with a form, by a link that names the webinar."""
    session = WebSession.objects.create(
        visitor=Visitor.objects.create(key=key, first_seen_at=day(1), last_seen_at=day(3)), site_id=1, began_at=day(1),
        ended_at=day(1), stay_began_at=day(1), stay_ended_at=day(1), first_event=uuid4(), events=1, pages=1, seconds=0,
        forms=0, clicks=0, channel="email", channel_version=1, campaign="spring webinar", landing_path="/prices",
        contact_id=contact and contact.pk, account_id=account and account.pk,
    )  # fmt: skip
    # In the order in which they are made.
    number = WebForm.objects.count()
    WebForm.objects.create(id=UUID(int=number), session=session, occurred_at=day(1), path="/demo", form="demo")


def test_a_deal_that_is_gone_leaves_nothing(ada: Contact, webinar: Campaign) -> None:
    won = deal(ada.account, ada)
    response(ada, webinar, 10)
    refresh()
    Opportunity.objects.filter(pk=won.pk).delete()
    refresh()
    assert not Credit.objects.exists()
    assert not OpportunityPath.objects.exists()


def test_a_deal_without_an_amount_has_shares(ada: Contact) -> None:
    won = deal(ada.account, ada, amount=None)
    touch(1, ada)
    touch(2, ada)
    refresh()
    made = Credit.objects.filter(opportunity_id=won.pk, model="linear")
    assert {(each.share, each.amount) for each in made} == {(Decimal("0.5"), None)}


def test_changed_settings_make_credits_anew(ada: Contact) -> None:
    won = deal(ada.account, ada, opened=15, closed=30)
    touch(1, ada)
    touch(8, ada)
    refresh()
    assert credits_of(won, "time_decay") == money("333.33", "666.67")
    AttributionSetting.objects.create(half_life_days=14)
    assert refresh() == Refreshed(touches=0, deals=1)
    assert credits_of(won, "time_decay") == money("414.21", "585.79")
    # What is only about reports changes no credit.
    AttributionSetting.objects.create(half_life_days=14, least_won=80, currency="EUR")
    assert refresh() == Refreshed(touches=0, deals=0)


def test_only_what_was_before_the_deal_led_to_it_as_a_lead(ada: Contact) -> None:
    """Imported people have the date of their import: it says nothing of an older deal."""
    deal(ada.account, ada, person(made=14), opened=15)
    deal(ada.account, ada, person(made=16), opened=15)
    refresh()
    assert sorted(OpportunityPath.objects.values_list("lead_at", flat=True), key=str) == [day(14), None]


def test_deals_are_made_in_parts_and_none_is_left(ada: Contact, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refreshing, "BATCH", 2)
    deals = [deal(ada.account, ada, amount=str(number)) for number in range(5)]
    touch(1, ada)
    assert refresh().deals == 5
    assert not OpportunityPath.objects.filter(is_due=True).exists()
    assert [credits_of(each) for each in deals] == [money(str(number)) for number in range(5)]


def test_the_database_credits_as_the_plain_rules_do() -> None:
    """Sixty deals with everything that may be odd, under two kinds of settings, every model, to the cent."""
    chance = random.Random(6)
    amounts = ["0", "0.01", "0.05", "100", "99999999.99", "-7.01", "3.333333", "1000000", "12.5"]
    for number in range(60):
        account = Account.objects.create(name=f"Account {number}")
        people = [person(account, made=chance.choice([3, 9, 14, 40])) for _ in range(chance.randint(0, 2))]
        deal(
            account, *people, opened=chance.choice([5, 10, 15.5]), closed=chance.choice([None, 20, 25]),
            amount=chance.choice(amounts),
        )  # fmt: skip
        for _ in range(chance.randint(0, 9)):
            # Whole days, so that some are of one moment.
            touch(chance.randint(-5, 30) + chance.choice([0, 0, 0.37]), chance.choice([*people, None]), account)
    # Of a deal that stays open for years the first touch weighs less than the smallest number there is.
    lasting = Account.objects.create(name="Lasting")
    deal(lasting, opened=5, closed=None, amount="100")
    for at in (4, 40, 4000, 8000):
        touch(at, account=lasting)
    for settings in (
        AttributionSetting(),
        AttributionSetting(lookback_days=12, half_life_days=3, weight_first=0, weight_lead=50, weight_opportunity=50,
                           weight_last=0, weight_others=0),
    ):  # fmt: skip
        settings.save()
        refresh()
        _compare(settings)


def _compare(settings: AttributionSetting) -> None:
    found: dict[tuple[int, str], dict[int, tuple[Decimal, Decimal | None]]] = defaultdict(dict)
    for credit in Credit.objects.all():
        assert credit.version == VERSION
        found[credit.opportunity_id, credit.model][credit.touch_id] = (credit.share, credit.amount)
    compared = 0
    for opportunity in Opportunity.objects.all():
        people = {role.contact_id for role in opportunity.contact_roles.all()}
        end = timezone.now() + timedelta(days=10_000)
        if opportunity.close_date is not None:
            end = BEGIN + timedelta(days=(opportunity.close_date - BEGIN.date()).days + 1)
        begin = min(opportunity.created_at, end) - timedelta(days=settings.lookback_days)
        touches = tuple(
            Step(each.pk, each.occurred_at)
            for each in Touch.objects.all()
            if (each.contact_id in people or each.account_id == opportunity.account_id)
            and begin <= each.occurred_at < end
        )
        known = [each.created_at for each in Contact.objects.filter(pk__in=people)]
        lead_at = min(known, default=None)
        if lead_at is not None and lead_at > opportunity.created_at:
            lead_at = None
        path = Path(touches, lead_at, opportunity.created_at)
        assert opportunity.amount is not None
        exponent = -int(opportunity.amount.normalize().as_tuple().exponent)
        unit = 10 ** max(2, exponent)
        for model in MODELS:
            got = found.get((opportunity.pk, model), {})
            weighed = weights(path, model, settings.rules)
            order = [step.id for step in path.in_order()]
            if not order:
                assert got == {}
                continue
            shares = divide(10**9, [weighed[each] for each in order])
            paid = divide(int(opportunity.amount * unit), [weighed[each] for each in order])
            expected = {
                each: (Decimal(share).scaleb(-9), Decimal(cents) / unit)
                for each, share, cents in zip(order, shares, paid, strict=True)
                if share or cents
            }
            assert got == expected, (opportunity.pk, model)
            assert sum(amount or 0 for _, amount in got.values()) == opportunity.amount
            compared += 1
    assert compared > 300


def test_moments_are_taken_from_where_the_records_come_from(ada: Contact) -> None:
    """A room above says when a record was first made; here as it would."""
    won = deal(ada.account, ada, opened=1000, closed=30)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE OR REPLACE VIEW record_origin AS SELECT v.record, v.id AS record_id, v.at AS made_at FROM (VALUES "
            f"('opportunity'::text, {won.pk}::bigint, '{day(15).isoformat()}'::timestamptz), "
            f"('contact', {ada.pk}, '{day(12).isoformat()}'), ('contact', {ada.pk}, '{day(8).isoformat()}')) "
            "AS v (record, id, at)"
        )
    refresh()
    path = OpportunityPath.objects.get()
    assert (path.lead_at, path.opened_at) == (day(8), day(15))


def test_an_open_deal_with_very_many_touches_waits_for_them_a_while(
    ada: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refreshing, "FREE", 2)
    busy, won = deal(ada.account, ada, closed=None), deal(ada.account, ada)
    for number in range(62):
        touch(1 + number / 100, ada)
    assert refresh().deals == 2
    OpportunityPath.objects.update(is_due=True)
    touch(2, ada)
    assert refresh_due() is not None
    assert OpportunityPath.objects.get(pk=won.pk).touches == 63
    waiting = OpportunityPath.objects.get(pk=busy.pk)
    assert (waiting.touches, waiting.is_due) == (62, True)
    assert refresh_due() is None
    # A second for each of sixty (by the clock of the transaction that began with the test).
    OpportunityPath.objects.filter(pk=busy.pk).update(credited_at=timezone.now() - timedelta(seconds=20))
    assert refresh_due() is None
    OpportunityPath.objects.filter(pk=busy.pk).update(credited_at=timezone.now() - timedelta(seconds=600))
    assert refresh_due() == Refreshed(touches=0, deals=1)
    assert OpportunityPath.objects.get(pk=busy.pk).touches == 63
    # What else its credits follow from doesn't wait.
    Opportunity.objects.filter(pk=busy.pk).update(amount=7)
    assert refresh().deals == 1
    assert sum(credits_of(busy, "linear")) == 7
