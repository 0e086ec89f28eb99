"""The demo's year of visits in a database: through the store and the ordinary jobs to reports that say something."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from tests.web import org

from abmatic.attribution import comparing, reporting
from abmatic.attribution import tasks as attribution
from abmatic.attribution.reporting import Asked
from abmatic.audiences.models import Account, Contact, Opportunity, OpportunityContact
from abmatic.campaigns.models import Campaign
from abmatic.cli.demo_website import loading, networks
from abmatic.engagement import tasks as engagement
from abmatic.engagement.models import Visitor, WebNetwork, WebSession
from abmatic.tracking.models import TrackingSite

pytestmark = pytest.mark.django_db(transaction=True)

UNTIL = datetime.now(UTC) - timedelta(hours=1)
WEBSITE = "http://localhost:8090"


@pytest.fixture
def site() -> TrackingSite:
    """The demo's site in an org with 240 deals of the last year: every second one was won."""
    today = UNTIL.date()
    Campaign.objects.create(name="Autumn ads", type="Advertisement", start_date=today - timedelta(days=100))
    for number in range(240):
        account = org.account(f"Company {number}")
        person = org.contact("Lind", account=account, work_email=f"p{number}@company-{number}.com")
        opened = timezone.now() - timedelta(days=20 + number)
        deal = Opportunity.objects.create(
            name=f"Deal {number}", account=account, amount=Decimal(1000 + number), is_closed=True,
            is_won=number % 2 == 0, close_date=(opened + timedelta(days=15)).date(),
        )  # fmt: skip
        Opportunity.objects.filter(pk=deal.pk).update(created_at=opened)
        OpportunityContact.objects.create(opportunity=deal, contact=person, is_primary=True)
    return TrackingSite.objects.create(name="Tidewell", origins=[WEBSITE], makes_people=True)


def a_minute_passes() -> None:
    engagement.follow(timestamp=0)
    attribution.refresh(timestamp=0)


def last_year(model: str) -> reporting.Report:
    return reporting.report(
        Asked(UNTIL.date() - timedelta(days=365), UNTIL.date(), model, "channel", "won_amount", None)
    )


def test_the_reports_say_something(site: TrackingSite) -> None:
    people = Contact.objects.count()
    assert loading.load(site.pk, WEBSITE, UNTIL, seed=0) > 20_000
    a_minute_passes()

    # Strangers are most, some are known; who sent a form and wasn't here was made, with the company.
    assert Visitor.objects.filter(contact_id=None).count() > 3_000
    assert Visitor.objects.filter(contact_id__isnull=False).count() > 100
    assert Contact.objects.count() == people + 12
    assert Account.objects.filter(domain="alder-estates.example").exists()
    assert len(set(WebSession.objects.values_list("channel", flat=True))) >= 7
    assert WebSession.objects.filter(campaign="Autumn ads").exists()
    assert Contact.objects.filter(engagement_score__gt=0).count() > 20

    # Enough deals were won with touches for models that learn, and they tell the channels apart.
    credited = last_year("linear")
    assert credited.total == sum(row.value for row in credited.rows) + credited.untouched
    for model in ("markov", "shapley"):
        assert len([row for row in last_year(model).rows if row.value > 0]) >= 5
    compared = comparing.compare(UNTIL.date() - timedelta(days=365), UNTIL.date())
    assert compared.touched.won >= 50
    assert compared.untouched.won > 0


def test_loaded_twice_it_is_there_once(site: TrackingSite) -> None:
    loading.load(site.pk, WEBSITE, UNTIL, seed=0)
    assert loading.load(site.pk, WEBSITE, UNTIL, seed=0) == 0


@pytest.fixture
def deals_under_way(site: TrackingSite) -> None:
    """Sixty more that nobody has won or lost yet."""
    for number in range(60):
        account = org.account(f"Prospect {number}", domain=f"prospect-{number}.com")
        org.contact("Olsen", account=account, email_key=f"o{number}@prospect-{number}.com")
        Opportunity.objects.create(
            name=f"Chance {number}", account=account, amount=Decimal(5000), is_closed=False, is_won=False
        )


@pytest.mark.usefixtures("deals_under_way")
def test_some_accounts_and_people_are_hot_more_are_warm_and_most_are_cold(site: TrackingSite) -> None:
    loading.load(site.pk, WEBSITE, UNTIL, seed=0)
    a_minute_passes()
    for records in (Account, Contact):
        found = Counter(records.objects.values_list("engagement_temperature", flat=True))
        assert found["Hot"] >= 4, records
        assert found["Hot"] < found["Warm"] < found["Cold"], records


@pytest.fixture
def companies_file(tmp_path: Path, settings: Any) -> Path:
    """As the demo writes it, and the setting that names it."""
    file = tmp_path / "demo" / "companies.mmdb"
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, company_database=file)
    return file


@pytest.mark.usefixtures("deals_under_way")
def test_companies_are_told_by_networks_those_of_the_org_and_others(site: TrackingSite, companies_file: Path) -> None:
    networks.prepare(companies_file)
    a_minute_passes()
    networks.write(companies_file, loading.read_companies())
    loading.load(site.pk, WEBSITE, UNTIL, seed=0)
    a_minute_passes()
    there = set(Account.objects.filter(name__startswith="Prospect").values_list("pk", flat=True))
    nobody = WebSession.objects.filter(contact_id=None)
    assert len(there & set(nobody.values_list("account_id", flat=True))) > 20
    made = Account.objects.get(domain="kestrel-energy.example")
    assert nobody.filter(account_id=made.pk).exists()
    # The provider's networks are most, and no company's.
    asked = WebNetwork.objects.filter(domain=None).count()
    assert asked > WebNetwork.objects.exclude(domain=None).count()


def test_there_are_networks_for_256_companies() -> None:
    assert [str(networks.network_of(place)) for place in (0, 255)] == ["198.19.0.0/24", "198.19.255.0/24"]
    with pytest.raises(ValueError, match="none for number 256"):
        networks.network_of(256)
