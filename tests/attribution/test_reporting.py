"""Reports: what is added up, for which range, in which currency, and what is said of the rest."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from tests.attribution.deals import day, deal, person, response, touch

from abmatic.attribution import data_driven, org_rates
from abmatic.attribution.comparing import compare
from abmatic.attribution.costs import Cost
from abmatic.attribution.data_driven import TooFewWon
from abmatic.attribution.models import AttributionSetting
from abmatic.attribution.opening import credited
from abmatic.attribution.org_rates import OrgRate
from abmatic.attribution.refreshing import refresh
from abmatic.attribution.reporting import BY, MEASURES, Asked, report
from abmatic.audiences.models import Account, Collection, CollectionMember, Contact
from abmatic.campaigns.models import Campaign
from abmatic.changes.models import Cause, Change

pytestmark = pytest.mark.django_db

MARCH = Asked(date(2026, 3, 1), date(2026, 3, 31), "linear")


@pytest.fixture
def ada() -> Contact:
    return person(Account.objects.create(name="Acme", industry="Steel", country="Chile"))


def rows(asked: Asked) -> dict[str, tuple[str, str]]:
    return {row.label: (str(row.value.normalize()), str(row.before.normalize())) for row in report(asked).rows}


def test_won_amount_by_channel_with_the_period_before(ada: Contact) -> None:
    deal(ada.account, ada, opened=5, closed=20, amount="100")
    deal(ada.account, ada, opened=-20, closed=-5, amount="60")
    deal(ada.account, ada, opened=5, closed=20, amount="999", won=False)
    deal(Account.objects.create(name="Quiet"), opened=5, closed=20, amount="40")
    touch(-30, ada, ada.account, "Search")
    touch(3, ada, ada.account, "Webinar")
    refresh()
    found = report(MARCH)
    assert rows(MARCH) == {"Search": ("5E+1", "6E+1"), "Webinar": ("5E+1", "0")}
    assert (found.total, found.total_before, found.untouched) == (140, 60, 40)
    assert found.credited + found.untouched == found.total


def test_deals_are_counted_by_their_shares(ada: Contact) -> None:
    deal(ada.account, ada, opened=5, closed=20)
    deal(ada.account, ada, opened=6, closed=None, amount=None)
    touch(1, ada, channel="Search")
    touch(2, ada, channel="Webinar")
    refresh()
    assert rows(replace(MARCH, measure="won_deals")) == {"Search": ("0.5", "0"), "Webinar": ("0.5", "0")}
    assert rows(replace(MARCH, measure="deals")) == {"Search": ("1", "0"), "Webinar": ("1", "0")}
    assert rows(replace(MARCH, measure="amount")) == {"Search": ("5E+2", "0"), "Webinar": ("5E+2", "0")}


def test_by_campaign_with_what_it_cost(ada: Contact) -> None:
    campaign = Campaign.objects.create(name="Expo", type="Event", actual_cost=Decimal(400))
    deal(ada.account, ada)
    response(ada, campaign, 3)
    touch(4, ada)
    refresh()
    (expo,) = report(replace(MARCH, by="campaign", model="first")).rows
    assert (expo.label, expo.value, expo.cost, expo.roi) == ("Expo", 1000, Cost(Decimal(400)), Decimal("1.5"))
    assert [row.label for row in report(replace(MARCH, by="campaign")).rows] == ["Expo", "No campaign"]


def test_by_what_else(ada: Contact) -> None:
    deal(ada.account, ada)
    touch(1, ada, page="/pricing")
    refresh()
    labels = {by: [row.label for row in report(replace(MARCH, by=by)).rows] for by in BY}
    assert labels == {
        "channel": ["Search"], "campaign": ["No campaign"], "page": ["/pricing"], "industry": ["Steel"],
        "country": ["Chile"],
    }  # fmt: skip


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("by", BY)
def test_rows_and_what_had_no_touches_make_the_whole(ada: Contact, measure: str, by: str) -> None:
    for number, amount in enumerate(("0.01", "33.33", "100")):
        deal(ada.account, ada, opened=2 + number, closed=15, amount=amount)
    deal(None, opened=2, closed=15, amount="5.55")
    for at, channel in ((0, "Search"), (1, "Webinar"), (1.5, "Mail")):
        touch(at, ada, channel=channel)
    refresh()
    found = report(replace(MARCH, by=by, measure=measure))
    # A share is told to the ninth digit.
    assert found.credited + found.untouched == pytest.approx(found.total, abs=Decimal("1e-7"))
    if found.asked.is_amount:
        assert found.credited + found.untouched == found.total == Decimal("138.89")


def test_a_collection_of_accounts_leaves_out_the_others(ada: Contact) -> None:
    deal(ada.account, ada, amount="10")
    deal(Account.objects.create(name="Other"), amount="7")
    touch(1, ada)
    refresh()
    wanted = Collection.objects.create(name="Targets", record="account")
    assert report(replace(MARCH, collection=wanted.pk)).total == 0
    CollectionMember.objects.create(collection=wanted, record_id=ada.account_id)
    assert report(replace(MARCH, collection=wanted.pk)).total == 10


def test_currencies_are_converted_where_a_rate_is_known_and_named_where_not(ada: Contact) -> None:
    for amount, currency in (("100", "EUR"), ("110", "USD"), ("5000", "JPY")):
        deal(ada.account, ada, amount=amount, currency=currency)
    touch(1, ada, channel="Search")
    touch(2, ada, channel="Mail")
    touch(3, ada, channel="Fair")
    AttributionSetting.objects.create(currency="EUR", rates={"USD": "1.1"})
    refresh()
    found = report(MARCH)
    assert (found.currency, found.total, found.left_out) == ("EUR", 200, ("JPY",))
    assert found.credited == 200
    assert {row.value for row in found.rows} <= {Decimal("66.66"), Decimal("66.67"), Decimal("66.68")}
    # Deals are deals in any.
    assert report(replace(MARCH, measure="won_deals")).total == 3


def test_converted_rows_of_both_periods_make_their_totals_to_the_cent(ada: Contact) -> None:
    AttributionSetting.objects.create(currency="EUR", rates={"USD": "1.07", "GBP": "0.83"})
    for number in range(7):
        for closed in (20, -5):
            for account in (ada.account, None):
                deal(account, opened=closed - 2, closed=closed, amount=f"{(-1) ** number * (10 + number * 7.77):.2f}",
                     currency=("USD", "GBP")[number % 2])  # fmt: skip
    for number, channel in enumerate(("Search", "Mail", "Fair")):
        touch(-20 + number, account=ada.account, channel=channel)
    refresh()
    found = report(MARCH)
    assert found.credited + found.untouched == found.total
    half = found.total_before / 2
    assert sum(row.before for row in found.rows) == found.untouched_before == half != 0


def test_without_a_currency_of_reports_the_usual_one_is_told_and_no_other_is_added(ada: Contact) -> None:
    deal(ada.account, ada, amount="100", currency="USD")
    deal(ada.account, ada, amount="50", currency="USD", won=True)
    deal(ada.account, ada, amount="7", currency="EUR")
    refresh()
    found = report(MARCH)
    assert (found.currency, found.total, found.left_out) == ("USD", 150, ("EUR",))


def test_models_that_learn_refuse_few_deals_and_divide_many_to_the_cent(ada: Contact) -> None:
    deal(ada.account, ada, amount="100.01")
    deal(ada.account, ada, amount="0.02")
    deal(ada.account, ada, amount="50", won=False)
    touch(1, ada, channel="Search")
    touch(2, ada, channel="Mail")
    refresh()
    asked = replace(MARCH, model="markov")
    with pytest.raises(TooFewWon, match="2 won deals"):
        report(asked)
    AttributionSetting.objects.create(least_won=2)
    for model in ("markov", "shapley"):
        found = report(replace(asked, model=model))
        assert found.credited == Decimal("100.03")
        assert sorted(row.value for row in found.rows) == [Decimal("50.01"), Decimal("50.02")]
        for row in found.rows:
            assert row.interval
            assert row.interval[0] <= row.value <= row.interval[1] + Decimal("0.01")


def test_what_was_learned_is_kept_while_the_deals_stay_the_same(ada: Contact, monkeypatch: pytest.MonkeyPatch) -> None:
    deal(ada.account, ada)
    deal(ada.account, ada, won=False)
    touch(1, ada, channel="Search")
    touch(2, ada, channel="Mail")
    AttributionSetting.objects.create(least_won=1)
    refresh()
    asked = replace(MARCH, model="markov")
    first = report(asked)
    assert first.resamples == 400
    made: list[str] = []
    estimate = data_driven.estimate

    def noted(method: str, *walks: Any, **how: Any) -> Any:
        made.append(method)
        return estimate(method, *walks, **how)

    monkeypatch.setattr(data_driven, "estimate", noted)
    assert report(asked) == first
    assert made == []
    report(replace(asked, model="shapley"))
    deal(ada.account, ada, won=False)
    refresh()
    report(asked)
    assert made == ["shapley", "markov"]
    AttributionSetting.objects.create(least_won=2)
    with pytest.raises(TooFewWon):
        report(asked)


def test_deals_that_went_very_many_ways_are_drawn_less_often() -> None:
    many = [data_driven.Walk((f"a{number}",), 1, 0) for number in range(4000)]
    assert [data_driven.resamples_of(many[:some]) for some in (0, 1000, 4000)] == [400, 400, 100]
    assert data_driven.resamples_of([data_driven.Walk((f"b{n}",), 1, 0) for n in range(30_000)]) == 20


def test_a_row_opens_to_its_deals_and_touches(ada: Contact) -> None:
    big = deal(ada.account, ada, amount="100")
    deal(ada.account, ada, amount="10")
    touch(1, ada, channel="Search", page="/a")
    touch(2, ada, channel="Mail")
    refresh()
    found = list(credited(MARCH, "Search"))
    assert [(one.amount, one.page, one.at) for one in found] == [(50, "/a", day(1)), (5, "/a", day(1))]
    assert found[0].opportunity_id == big.pk
    assert len(list(credited(MARCH, "Search", most=1))) == 1
    assert list(credited(MARCH, None)) == []


def test_touched_deals_are_compared_with_the_others(ada: Contact) -> None:
    won = deal(ada.account, ada, opened=5, closed=15)
    deal(ada.account, ada, opened=5, closed=25, won=False)
    deal(None, opened=1, closed=29, won=False)
    touch(4, ada)
    cause = Cause.objects.create(kind=Cause.Kind.USER)
    for before, after, on in (("Prospecting", "Proposal", 8.0), ("Proposal", "Closed Won", 10.5)):
        made = Change.objects.create(
            record="opportunity", record_id=won.pk, field="stage", before=before, after=after, cause=cause
        )
        Change.objects.filter(pk=made.pk).update(at=day(on))
    refresh()
    found = compare(MARCH.since, MARCH.until)
    assert (found.touched.deals, found.touched.won, found.touched.win_rate) == (2, 1, 0.5)
    assert (found.untouched.deals, found.untouched.won, found.untouched.win_rate) == (1, 0, 0)
    assert (found.touched.median_days, found.untouched.median_days) == (15, 28)
    assert [(stage.name, stage.touched, stage.untouched) for stage in found.stages] == [
        ("Proposal", 2.5, None), ("Prospecting", 3.0, None),
    ]  # fmt: skip


def test_a_collection_leaves_the_others_out_of_the_comparison_too(ada: Contact) -> None:
    deal(ada.account, ada, opened=5, closed=15)
    deal(Account.objects.create(name="Other"), opened=5, closed=25, won=False)
    refresh()
    wanted = Collection.objects.create(name="Targets", record="account")
    CollectionMember.objects.create(collection=wanted, record_id=ada.account_id)
    assert compare(MARCH.since, MARCH.until).untouched.deals == 2
    found = compare(MARCH.since, MARCH.until, wanted.pk)
    assert (found.touched.deals, found.untouched.deals, found.untouched.won) == (0, 1, 1)


def test_what_campaigns_cost_is_told_whole_and_also_where_nothing_came_of_it(ada: Contact) -> None:
    expo = Campaign.objects.create(name="Expo", actual_cost=100)
    ran = {"start_date": date(2026, 1, 1), "end_date": date(2026, 3, 5)}
    idle = Campaign.objects.create(name="Idle", actual_cost=50, **ran)
    Campaign.objects.create(name="One day before", actual_cost=50, start_date=date(2026, 2, 28))
    Campaign.objects.create(name="Free", **ran)
    Campaign.objects.create(name="On and on", actual_cost=1, start_date=date(2025, 1, 1), is_active=True)
    deal(ada.account, ada, amount="300")
    touch(1, ada, campaign_id=expo.pk)
    refresh()
    asked = replace(MARCH, by="campaign")
    rows = {row.label: row for row in report(asked).rows}
    assert rows.keys() == {"Expo", "Idle", "On and on"}
    assert (rows["Expo"].cost, rows["Expo"].roi) == (Cost(Decimal(100)), 2)
    assert (rows["Idle"].value, rows["Idle"].roi) == (0, -1)
    assert rows["Idle"].cost == Cost(Decimal(50), *ran.values(), is_touched=False)
    assert rows["Idle"].key == str(idle.pk)
    found = report(asked)
    assert found.credited + found.untouched == found.total == 300
    # Costs stand beside money that came in, and beside nothing else.
    assert [row.label for row in report(replace(asked, measure="won_deals")).rows] == ["Expo"]


def test_a_campaign_without_dates_or_credit_says_why_and_costs_add_up(ada: Contact) -> None:
    names: dict[str, dict[str, Any]] = {
        "Expo": {}, "Undated": {}, "Ended later": {"end_date": date(2026, 3, 1)},
        "Ended before": {"end_date": date(2026, 2, 1)},
        "Late": {"start_date": date(2026, 3, 1), "end_date": date(2026, 3, 9)},
        "Begins after": {"start_date": date(2026, 4, 1)}, "In yen": {"currency": "JPY"},
    }  # fmt: skip
    made = {name: Campaign.objects.create(name=name, actual_cost=100, **values) for name, values in names.items()}
    deal(ada.account, ada, amount="300")
    touch(1, ada, campaign_id=made["Expo"].pk)
    # After the close.
    touch(40, ada, campaign_id=made["Late"].pk)
    AttributionSetting.objects.create(currency="EUR")
    refresh()
    found = report(replace(MARCH, by="campaign"))
    assert {row.label: (row.value, row.why_nothing) for row in found.rows} == {
        "Expo": (300, ""), "Undated": (0, "no touches"), "Ended later": (0, "no touches"),
        "Late": (0, "no credit in these days"),
    }  # fmt: skip
    assert found.cost == sum(row.cost.amount for row in found.rows if row.cost) == 400
    assert (found.costs_left_out, found.left_out) == (("JPY",), ())


def test_an_org_s_rates_convert_and_typed_ones_stand_in_for_them(ada: Contact) -> None:
    for amount, currency in (("100", "USD"), ("80", "EUR"), ("10", None), ("300", "JPY")):
        deal(ada.account, ada, amount=amount, currency=currency)
    touch(1, ada)
    refresh()
    org_rates.replace(
        1, [OrgRate("USD", Decimal(1), True), OrgRate("EUR", Decimal("0.8")), OrgRate("JPY", Decimal(150))]
    )
    found = report(MARCH)
    # What has no currency is in the corporate one.
    assert (found.currency, found.total, found.left_out) == ("USD", 100 + 100 + 10 + 2, ())
    AttributionSetting.objects.create(currency="EUR")
    found = report(MARCH)
    assert (found.currency, found.total) == ("EUR", Decimal("80") + 80 + 8 + Decimal("1.60"))
    AttributionSetting.objects.create(currency="EUR", rates={"USD": "2"})
    assert report(MARCH).total == Decimal("50") + 80 + 5 + Decimal("1.60")
    # Another org's rates are not mixed in.
    org_rates.replace(2, [OrgRate("USD", Decimal(9), False), OrgRate("CHF", Decimal(1), True)])
    assert report(MARCH).total == Decimal("50") + 80 + 5 + Decimal("1.60")


def test_a_deal_is_converted_by_the_rate_of_the_day_on_which_it_closed(ada: Contact) -> None:
    first, second = date(2026, 3, 1), date(2026, 3, 16)
    for closed in (5, 14, 15, 20):  # the 6th, 15th, 16th and 21st
        deal(ada.account, ada, amount="100", currency="EUR", opened=2, closed=closed)
    deal(ada.account, ada, amount="7", currency="USD", opened=2, closed=20)
    touch(1, ada, channel="Search")
    touch(1.5, ada, channel="Mail")
    refresh()
    org_rates.replace(
        1,
        [
            OrgRate("USD", Decimal(1), True), OrgRate("EUR", Decimal("0.5")),
            OrgRate("EUR", Decimal("0.8"), starts=first, ends=second),
            OrgRate("EUR", Decimal("1.6"), starts=second, ends=date(2026, 3, 20)),
        ],
    )  # fmt: skip
    found = report(MARCH)
    # The last one closed when no rate of the day holds.
    assert found.total == 125 + 125 + Decimal("62.50") + 200 + 7
    assert found.credited == found.total
    AttributionSetting.objects.create(currency="EUR")
    assert report(MARCH).total == 400 + Decimal("3.50")


def test_nothing_is_nothing() -> None:
    found = report(MARCH)
    assert (found.rows, found.total, found.untouched, found.left_out) == ([], 0, 0, ())
    nothing = compare(MARCH.since, MARCH.until)
    assert (nothing.touched.win_rate, nothing.stages) == (None, [])
