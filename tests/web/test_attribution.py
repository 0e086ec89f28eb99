"""The pages of attribution: the report, what is behind a row, CSV, the settings, and the journey of an account."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from tests.attribution.deals import deal, person, response, touch
from tests.web.conftest import SignedIn

from abmatic.attribution import org_rates
from abmatic.attribution.models import AttributionSetting, OpportunityPath, Touch, in_force
from abmatic.attribution.org_rates import OrgRate
from abmatic.attribution.refreshing import refresh, refresh_due
from abmatic.audiences.models import Account, Opportunity
from abmatic.campaigns.models import Campaign
from abmatic.identity.models import AuditEntry, User

pytestmark = pytest.mark.django_db

MARCH = "since=2026-03-01&until=2026-03-31&model=linear"


@pytest.fixture
def won() -> Opportunity:
    ada = person(Account.objects.create(name="Acme"), first_name="Ada")
    made = deal(ada.account, ada, amount="1000.01")
    touch(1, ada, ada.account, "<b>Search</b>", page="/pricing")
    response(ada, Campaign.objects.create(name="Expo", type="Event", actual_cost=Decimal(100)), 3)
    refresh()
    return made


def csv(answer: object) -> str:
    return b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]


def test_the_report_shows_rows_the_whole_and_the_comparison(admin: Client, won: Opportunity) -> None:
    page = admin.get(f"/attribution/?{MARCH}").text
    assert "500.01" in page
    assert "500.00" in page
    assert "1,000.01" in page
    assert "&lt;b&gt;Search&lt;/b&gt;" in page
    assert "<b>Search" not in page
    assert 'id="chart-data"' in page
    assert "Closed deals with touches and without" in page


def test_a_row_leads_to_its_deals_and_touches(admin: Client, won: Opportunity) -> None:
    page = admin.get(f"/attribution/?{MARCH}&by=page").text
    assert "/attribution/credits/?model=linear&amp;by=page" in page
    behind = admin.get(f"/attribution/credits/?{MARCH}&by=page&key=/pricing").text
    assert f"/opportunities/{won.pk}/" in behind
    assert "500.01" in behind
    nameless = admin.get(f"/attribution/credits/?{MARCH}&by=page&key=%E2%88%85").text
    assert "Campaign response" in nameless
    assert "No page" in nameless


def test_both_can_be_had_as_files(admin: Client, won: Opportunity) -> None:
    assert csv(admin.get(f"/attribution/report.csv?{MARCH}&by=campaign")).splitlines() == [
        "Campaign,Won amount,Period before,Currency,Cost,Return on cost,Why nothing",
        "No campaign,500.010000,0,,,,",
        "Expo,500.000000,0,,100.000000,4.0000,",
        "No touches,0,0,,,,",
    ]
    lines = csv(admin.get(f"/attribution/credits.csv?{MARCH}&by=channel&key=Event")).splitlines()
    assert lines[1:] == [
        f"{won.pk},Deal,campaign_response,Event,,2026-03-04 00:00:00,0.500000000,500.000000,"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("since=2020-01-01&until=2020-02-01", "No deal was won"),
        (f"{MARCH}&model=markov", "too few to learn from"),
        ("since=nonsense&until=9999-99-99&model=x&by=y&measure=z&collection=-1", "Attribution"),
    ],
)
def test_what_is_missing_is_said(admin: Client, won: Opportunity, query: str, said: str) -> None:
    answer = admin.get(f"/attribution/?{query}")
    assert answer.status_code == 200
    assert said in answer.text


def test_deals_that_make_no_row_are_counted_as_deals(admin: Client, won: Opportunity) -> None:
    """Whatever they brought: money is no number of deals, and no amount is still a deal."""
    may = "/attribution/?since=2026-05-10&until=2026-05-20&model=linear"
    beta = Account.objects.create(name="Beta")
    deal(beta, opened=68, closed=72, amount="777", currency="EUR")
    deal(beta, opened=68, closed=73, amount=None)
    refresh()
    assert "None of 2 deals had a touch" in admin.get(may).text
    AttributionSetting.objects.create(currency="USD")
    Opportunity.objects.filter(account=beta, amount=None).delete()
    touch(65, account=beta)
    OpportunityPath.objects.update(is_due=True)
    refresh()
    page = admin.get(may).text
    assert "No deal was won" not in page
    assert "1 deal was won" in page
    assert "Amounts in EUR are left out" in page


def test_an_empty_installation_says_what_would_fill_it(admin: Client) -> None:
    assert "Nothing yet" in admin.get("/attribution/").text
    refresh_due()
    assert "There are no touches yet" in admin.get("/attribution/").text
    deal(opened=5, closed=20)
    refresh()
    assert "None of these deals" not in admin.get("/attribution/").text


def test_a_model_that_learns_refuses_the_file_too_and_has_no_touches_behind(admin: Client, won: Opportunity) -> None:
    refused = admin.get(f"/attribution/report.csv?{MARCH}&model=shapley")
    assert refused.status_code == 409
    assert "50 are needed" in refused.text
    assert admin.get(f"/attribution/credits/?{MARCH}&model=shapley&key=Event").status_code == 404


def test_the_file_of_a_model_that_learns_compares_with_no_period(admin: Client, won: Opportunity) -> None:
    AttributionSetting.objects.create(least_won=1)
    head, *lines = csv(admin.get(f"/attribution/report.csv?{MARCH}&model=markov")).splitlines()
    assert head.split(",")[2] == "Period before"
    assert len(lines) > 1
    assert {line.split(",")[2] for line in lines} == {""}


def test_a_model_that_learns_says_how_often_deals_were_drawn(admin: Client, won: Opportunity) -> None:
    AttributionSetting.objects.create(least_won=1)
    assert "Intervals are of 400 draws of the deals." in admin.get(f"/attribution/?{MARCH}&model=markov").text


def test_the_report_costs_the_same_however_many_rows(
    admin: Client, won: Opportunity, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(20):
        touch(2, None, won.account, f"Channel {number}")
    OpportunityPath.objects.update(is_due=True)
    refresh()
    with django_assert_max_num_queries(20):
        assert "Channel 19" in admin.get(f"/attribution/?{MARCH}").text


def test_operators_change_settings_and_viewers_read_them(
    won: Opportunity, oscar: User, vera: User, signed_in: SignedIn
) -> None:
    form = {
        "lookback_days": 30, "half_life_days": 14, "least_won": 60, "weight_first": 50, "weight_lead": 0,
        "weight_opportunity": 0, "weight_last": 50, "weight_others": 0, "currency": "usd", "rates": "EUR 0.92\nGBP=0.8",
    }  # fmt: skip
    viewer = signed_in(vera)
    assert "Operators and administrators can change these" in viewer.get("/attribution/settings/").text
    assert viewer.post("/attribution/settings/", form).status_code == 403
    browser = signed_in(oscar)
    assert "Saved." in browser.post("/attribution/settings/", form, follow=True).text
    now = in_force()
    assert (now.lookback_days, now.currency, now.rates, now.made_by) == (
        30,
        "USD",
        {"EUR": "0.92", "GBP": "0.8"},
        oscar,
    )
    assert "lookback_days" in {each["what"] for each in AuditEntry.objects.get(subject="Attribution").differences}
    assert "Nothing changed." in browser.post("/attribution/settings/", form, follow=True).text
    assert AttributionSetting.objects.count() == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"weight_first": 60}, "come to 130, not to 100"),
        ({"lookback_days": 0}, "greater than or equal to 1"),
        ({"currency": "US"}, "no ISO code"),
        ({"rates": "EUR nine"}, "“EUR nine” is no rate"),
        ({"rates": "EUR 0"}, "above zero"),
        ({"rates": "EUR 0.92"}, "rates are of no currency"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(admin: Client, wrong: dict[str, object], said: str) -> None:
    form = {
        "lookback_days": 30, "half_life_days": 14, "least_won": 60, "weight_first": 30, "weight_lead": 20,
        "weight_opportunity": 20, "weight_last": 20, "weight_others": 10, "currency": "", "rates": "", **wrong,
    }  # fmt: skip
    assert said in admin.post("/attribution/settings/", form).text
    assert not AttributionSetting.objects.exists()


def test_the_journey_of_an_account_grows_as_it_scrolls(
    admin: Client, won: Opportunity, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(60):
        touch(4 + number / 100, None, won.account, "Direct")
    with django_assert_max_num_queries(20):
        page = admin.get(f"/accounts/{won.account_id}/journey/").text
    assert "Opportunity won" in page
    assert "1,000.01" in page
    assert "Earlier" in page
    assert "/pricing" not in page
    older = page.partition('<a href="?after=')[2].partition('"')[0].replace("&amp;", "&")
    rest = admin.get(f"/accounts/{won.account_id}/journey/?after={older}", headers={"HX-Request": "true"}).text
    assert rest.lstrip().startswith("<li")
    assert "Expo" in rest
    assert "/pricing" in rest
    assert "Earlier" not in rest
    assert "Opportunity won" in admin.get(f"/accounts/{won.account_id}/journey/?after=nonsense").text


def test_a_deal_whose_day_is_not_over_stands_in_the_journey_by_its_day(admin: Client, won: Opportunity) -> None:
    tomorrow = timezone.now().date() + timedelta(days=1)
    Opportunity.objects.filter(pk=won.pk).update(close_date=tomorrow)
    page = admin.get(f"/accounts/{won.account_id}/journey/").text
    (closed,) = [step for step in page.split('<li class="event">') if "Opportunity won" in step]
    assert f'<span class="quiet">{tomorrow.day} {tomorrow:%b %Y}</span>' in closed
    Opportunity.objects.filter(pk=won.pk).update(close_date=tomorrow - timedelta(days=2))
    page = admin.get(f"/accounts/{won.account_id}/journey/").text
    (closed,) = [step for step in page.split('<li class="event">') if "Opportunity won" in step]
    assert "<time" in closed


def test_touches_of_each_kind_have_words_and_a_drawing_of_their_own_in_the_journey(admin: Client) -> None:
    account = Account.objects.create(name="Acme")
    for number, kind in enumerate(Touch.Kind):
        shown = touch(5 + number, None, account, "Direct", page="/prices")
        Touch.objects.filter(pk=shown.pk).update(kind=kind)
    page = admin.get(f"/accounts/{account.pk}/journey/").text
    steps = [step for step in page.split('<li class="event">') if "/prices" in step]
    told = [step.partition('<strong dir="auto">')[2].partition("</strong>")[0] for step in steps]
    assert told == [
        "Clicked personalised content", "Saw personalised content", "Campaign response: Direct", "Form: Direct",
        "Visit: Direct",
    ]  # fmt: skip
    drawings = {step.partition("<svg")[2].partition("</svg>")[0] for step in steps}
    assert len(drawings) == len(Touch.Kind)
    assert all("<path" in drawing for drawing in drawings)


def test_the_touches_behind_a_row_add_up_to_it_in_the_currency_of_the_report(admin: Client, won: Opportunity) -> None:
    org_rates.replace(1, [OrgRate("USD", Decimal(1), True), OrgRate("EUR", Decimal("0.8"))])
    Opportunity.objects.filter(pk=won.pk).update(currency="EUR")
    page = admin.get(f"/attribution/credits/?{MARCH}&by=channel&key=Event").text
    assert "500.00 EUR" in page
    # 500 of 1,000.01 EUR.
    assert "As in the report" in page
    assert "625.00 USD" in page
    deals = admin.get(f"/attribution/credits/?{MARCH}&by=channel&key=Event&measure=won_deals").text
    assert ">0.50</td>" in deals


def test_costs_say_for_which_days_they_were(admin: Client, won: Opportunity) -> None:
    Campaign.objects.create(name="Idle", actual_cost=50, start_date=date(2026, 2, 1), end_date=date(2026, 3, 5))
    page = admin.get(f"/attribution/?{MARCH}&by=campaign").text
    assert "Idle" in page
    assert "no dates" in page
    assert "Cost is each campaign’s whole actual cost" in page
    # The whole is that of the rows.
    assert "150.00" in page.partition("<tfoot>")[2].partition("</tfoot>")[0]
    assert page.count("no touches") == 1
    assert "Cost is each" not in admin.get(f"/attribution/?{MARCH}&by=channel").text


def test_the_settings_show_the_org_s_rates_beside_the_typed_ones(admin: Client) -> None:
    assert "Rates in Salesforce" not in admin.get("/attribution/settings/").text
    org_rates.replace(
        1, [OrgRate("USD", Decimal(1), True), OrgRate("EUR", Decimal("0.8")),
            OrgRate("EUR", Decimal("0.7"), starts=date(2026, 1, 1))]
    )  # fmt: skip
    AttributionSetting.objects.create(currency="USD", rates={"EUR": "0.92"})
    page = admin.get("/attribution/settings/").text
    assert "What one USD, the corporate currency, is in others" in page
    assert "by the rate of the day" in page
    assert "0.92 per USD" in page
