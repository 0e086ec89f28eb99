"""Rates of exchange of an org with several currencies come along with its deals; deals deleted there count no more."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.utils import timezone
from tests.sync.live import Live, Orgs, late_clock

from abmatic.attribution import org_rates
from abmatic.attribution.models import CurrencyRate, OpportunityPath
from abmatic.attribution.refreshing import refresh_due
from abmatic.attribution.reporting import Asked, report
from abmatic.audiences.models import Opportunity
from abmatic.sync.models import MirrorOpportunity
from salesforce_emulator import OrgStore
from salesforce_emulator.schema import Customization

pytestmark = pytest.mark.django_db(transaction=True)

DEALS = (("Small", 1000, "USD"), ("Large", 900, "EUR"), ("Tiny", 7000, "JPY"))
MAY = Asked(date(2026, 5, 1), date(2026, 5, 31), "linear")


@pytest.fixture
def live(orgs: Orgs, tmp_path: Path) -> Live:
    """Three won deals, in three currencies."""
    return org_with(orgs, tmp_path)


@pytest.fixture
def dated(orgs: Orgs, tmp_path: Path) -> Live:
    """The same in an org whose rates hold from one day to another: two of the euro begin and end with May."""
    rates = (("2026-05-01", 0.9), ("2026-06-01", 0.5))
    return org_with(orgs, tmp_path, frozenset({"advanced_currency_management"}), rates)


def org_with(
    orgs: Orgs, folder: Path, features: frozenset[str] = frozenset(), euros: tuple[tuple[str, float], ...] = ()
) -> Live:
    template = folder / "currencies.sqlite3"
    custom = Customization(currencies={"USD": 1.0, "EUR": 0.8, "JPY": 150.0}, features=features)
    store = OrgStore(template, custom=custom, clock=late_clock)
    with store.session() as session:
        for starts, rate in euros:
            session.insert("DatedConversionRate", {"IsoCode": "EUR", "StartDate": starts, "ConversionRate": rate})
        firm = session.insert("Account", {"Name": "Acme"})
        for name, amount, code in DEALS:
            session.insert(
                "Opportunity",
                {"Name": name, "StageName": "Closed Won", "CloseDate": "2026-05-20", "Amount": amount,
                 "CurrencyIsoCode": code, "AccountId": firm},
            )  # fmt: skip
    store.close()
    return orgs.live(template)


def test_reports_convert_by_the_org_s_rates(live: Live) -> None:
    live.sync_well()
    found = org_rates.in_use()
    assert found is not None
    assert (found.source, found.corporate, found.is_dated) == (live.connection.pk, "USD", False)
    assert found.rates == {"USD": 1, "EUR": Decimal("0.8"), "JPY": 150}
    assert set(Opportunity.objects.values_list("name", "currency")) == {(name, code) for name, _, code in DEALS}
    refresh_due()
    told = report(MAY)
    assert (told.currency, told.total, told.left_out) == ("USD", 1000 + 1125 + Decimal("46.67"), ())


def test_a_deal_is_converted_by_the_rate_of_the_day_on_which_it_closed(dated: Live) -> None:
    dated.sync_well()
    found = org_rates.in_use()
    assert found is not None
    assert (found.corporate, found.is_dated, found.rates["EUR"]) == ("USD", True, Decimal("0.8"))
    euros = CurrencyRate.objects.filter(code="EUR", starts__isnull=False).order_by("starts")
    assert list(euros.values_list("starts", "ends", "rate")) == [
        (date(1, 1, 1), date(2026, 5, 1), Decimal("0.8")),
        (date(2026, 5, 1), date(2026, 6, 1), Decimal("0.9")),
        (date(2026, 6, 1), date(9999, 12, 31), Decimal("0.5")),
    ]
    refresh_due()
    assert report(MAY).total == 1000 + 900 / Decimal("0.9") + Decimal("46.67")
    # The deal closes a month later after all: it is worth what that day's rate makes of it.
    large = MirrorOpportunity.objects.get(values__Name="Large")
    with dated.editing() as session:
        session.update("Opportunity", large.sf_id, {"CloseDate": "2026-06-01"})
    dated.sync_well("Opportunity")
    refresh_due()
    assert report(MAY).total == 1000 + Decimal("46.67")
    assert report(Asked(date(2026, 6, 1), date(2026, 6, 30), "linear")).total == 900 / Decimal("0.5")


def test_they_are_read_once_an_hour_and_follow_the_org(live: Live) -> None:
    live.sync_well()
    quiet = live.sync_well("Opportunity")["Opportunity"].api_calls
    with live.editing() as session:
        ((rate,),) = live.rows('SELECT "Id" FROM "CurrencyType" WHERE "IsoCode" = ?', "EUR")
        session.update("CurrencyType", rate, {"ConversionRate": 0.9})
    live.sync_well("Opportunity")
    assert CurrencyRate.objects.get(code="EUR").rate == Decimal("0.8")
    CurrencyRate.objects.update(read_at=timezone.now() - timedelta(hours=2))
    # One call for each kind of rates; the org has none of days.
    assert live.sync_well("Opportunity")["Opportunity"].api_calls == quiet + 2
    assert CurrencyRate.objects.get(code="EUR").rate == Decimal("0.9")


def test_an_org_of_one_currency_is_not_asked(orgs: Orgs) -> None:
    live = orgs.sample()
    live.sync_well()
    assert not CurrencyRate.objects.exists()
    assert org_rates.in_use() is None


def test_a_deal_that_is_deleted_there_is_won_no_more(live: Live) -> None:
    live.sync_well()
    refresh_due()
    assert refresh_due() is None
    large = MirrorOpportunity.objects.get(values__Name="Large")
    with live.editing() as session:
        session.delete("Opportunity", large.sf_id)
    live.sync_well("Opportunity")
    assert refresh_due() is not None
    assert Opportunity.objects.filter(pk=large.local_id).exists(), "it stays, and says so"
    assert not OpportunityPath.objects.filter(opportunity_id=large.local_id).exists()
    assert report(MAY).total == 1000 + Decimal("46.67")
    assert report(MAY).deals == 2
    with live.editing() as session:
        session.undelete("Opportunity", large.sf_id)
    live.sync_well("Opportunity")
    assert refresh_due() is not None
    assert report(MAY).deals == 3
