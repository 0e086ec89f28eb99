"""Companies of visitors whom nobody knows: by the network that they come from, where a database says so."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from tests.engagement.conftest import Database, written
from tests.engagement.test_identifying import sent
from tests.engagement.visits import at, did, site_that_makes_people

from abmatic.audiences.models import Account
from abmatic.changes.models import Change
from abmatic.engagement.companies import Company, DatabaseRefused, FileProvider, company_in
from abmatic.engagement.identifying import identify
from abmatic.engagement.models import Visitor, WebNetwork, WebSession
from abmatic.engagement.revealing import look_again, reveal
from abmatic.engagement.scoring import refresh
from abmatic.engagement.sessions import make_sessions
from abmatic.tracking import store
from abmatic.tracking.events import WebEvent
from abmatic.tracking.models import TrackingSite

pytestmark = pytest.mark.django_db(transaction=True)

ACME = {"name": "Acme", "domain": "acme.com", "type": "business"}


@pytest.fixture(autouse=True)
def site(transactional_db: None) -> TrackingSite:
    """People and companies are made."""
    return site_that_makes_people()


def come(*events: WebEvent) -> None:
    store.append(events)
    make_sessions()
    identify()
    reveal()


def test_a_visitor_from_a_companys_network_reveals_the_company(database: Database) -> None:
    database({"192.0.2.0/24": ACME})
    come(did(0), did(100), did(0, visitor="else", ip=ip_network("198.51.100.0/24")))
    acme = Account.objects.get()
    assert (acme.name, acme.domain) == ("Acme", "acme.com")
    made = Change.objects.values_list("record", "record_id", "field", "cause__kind", "cause__note")
    assert ("account", acme.pk, "", "web", "Company of a visitor’s network") in made
    assert set(WebSession.objects.values_list("visitor__key", "account_id", "contact_id")) == {
        ("ann", acme.pk, None), ("else", None, None),
    }  # fmt: skip
    ann = Visitor.objects.get(key="ann")
    assert (ann.account_id, ann.contact_id, ann.confidence, ann.known_by) == (acme.pk, None, 40, "network")
    refresh(at(200))
    acme.refresh_from_db()
    # Two visits of a page each.
    assert (acme.engagement_score, acme.engagement_temperature) == (4, "Cold")


def test_an_account_that_is_there_is_found_and_stays_as_it_is(database: Database) -> None:
    acme = Account.objects.create(name="Acme Corporation", website="https://acme.com", domain="acme.com")
    database({"192.0.2.0/24": {"company": {"name": "Acme", "domain": "www.acme.com"}}})
    come(did(0))
    assert Account.objects.get().name == "Acme Corporation"
    assert WebSession.objects.get().account_id == acme.pk


def test_a_site_that_makes_nobody_makes_no_companies_and_knows_those_that_come_later(
    database: Database, site: TrackingSite
) -> None:
    TrackingSite.objects.update(makes_people=False)
    database({"192.0.2.0/24": ACME})
    come(did(0))
    assert not Account.objects.exists()
    acme = Account.objects.create(name="Acme", website="acme.com", domain="acme.com")
    assert reveal() == 0
    look_again()
    assert reveal() == 1
    assert WebSession.objects.get().account_id == acme.pk
    look_again()
    assert reveal() == 0


def test_later_visits_from_a_known_network_are_the_companys_at_once(database: Database) -> None:
    database({"192.0.2.0/24": ACME})
    come(did(0))
    acme = Account.objects.get()
    refresh(at(60))
    store.append([did(100), did(100, visitor="bob"), did(100, visitor="else", ip=ip_network("198.51.100.0/24"))])
    make_sessions()
    assert WebSession.objects.filter(account_id=acme.pk).count() == 3
    bob = Visitor.objects.get(key="bob")
    assert (bob.account_id, bob.confidence, bob.known_by) == (acme.pk, 40, "network")
    assert Visitor.objects.get(key="else").account_id is None
    assert refresh(at(200)).records == 1


def test_an_account_that_is_gone_is_looked_for_again(database: Database) -> None:
    database({"192.0.2.0/24": ACME})
    come(did(0))
    Account.objects.all().delete()
    acme = Account.objects.create(name="Acme", website="acme.com", domain="acme.com")
    look_again()
    reveal()
    assert WebSession.objects.get().account_id == Visitor.objects.get().account_id == acme.pk


def test_without_a_database_nothing_is_revealed_and_later_everything_is(database: Database) -> None:
    come(did(0))
    assert reveal() == 0
    assert not Account.objects.exists()
    database({"192.0.2.0/24": ACME})
    assert reveal() == 1
    assert WebSession.objects.get().account_id == Account.objects.get().pk
    assert reveal() == 0


def test_another_database_is_asked_anew(database: Database) -> None:
    database({"192.0.2.0/24": ACME})
    come(did(0))
    database({"192.0.2.0/24": {"name": "Globex", "domain": "globex.com"}})
    assert reveal() == 1
    globex = Account.objects.get(domain="globex.com")
    assert WebSession.objects.get().account_id == globex.pk
    assert Visitor.objects.get().account_id == globex.pk
    database({})
    reveal()
    assert WebSession.objects.get().account_id is None
    assert (Visitor.objects.get().confidence, WebNetwork.objects.get().domain) == (0, None)


def test_who_is_known_is_of_their_own_company(database: Database) -> None:
    database({"192.0.2.0/24": ACME})
    come(sent(0, "ann@globex.com"))
    globex = Account.objects.get(domain="globex.com")
    assert WebSession.objects.get().account_id == globex.pk
    reveal()
    assert WebSession.objects.get().account_id == globex.pk
    assert Visitor.objects.get().known_by == "form"


@pytest.mark.parametrize(
    "record",
    [
        {**ACME, "type": "isp"},
        {**ACME, "type": "Hosting"},
        {"traits": {"organization": "Acme", "user_type": "residential", "domain": "acme.com"}},
        # Without a domain nobody knows which company is meant.
        {"name": "Acme"},
        {"domain": "", "name": "Acme"},
        {"domain": "gmail.com", "name": "Somebody's mail"},
    ],
)
def test_what_is_no_company_makes_no_account(database: Database, record: dict[str, Any]) -> None:
    database({"192.0.2.0/24": record})
    come(did(0))
    assert not Account.objects.exists()


@pytest.mark.parametrize(
    ("record", "company"),
    [
        ({"domain": "acme.com"}, Company("acme.com", "acme.com")),
        ({"domain": "acme.com", "autonomous_system_organization": "ACME-AS"}, Company("acme.com", "ACME-AS")),
        ({"traits": {"domain": "acme.com", "organization": "Acme"}}, Company("acme.com", "Acme")),
        ({"company": {"domain": "acme.com", "name": " Acme "}, "type": 7}, Company("acme.com", "Acme")),
        ({}, None),
    ],
)
def test_records_of_several_vendors(record: dict[str, Any], company: Company | None) -> None:
    assert company_in(record) == company


def test_an_entry_for_part_of_a_network_says_nothing_of_it(tmp_path: Path) -> None:
    entries = {"192.0.2.0/26": ACME, "198.51.0.0/16": ACME, "2001:db8:7::/48": ACME, "2001:db8:8::/56": ACME}
    provider = FileProvider(written(tmp_path / "a.mmdb", entries))
    known = Company("acme.com", "Acme")
    assert provider.company_of("192.0.2.0/24") is None
    assert provider.company_of("198.51.100.0/24") == known
    assert provider.company_of("2001:db8:7::/48") == known
    assert provider.company_of("2001:db8:8::/48") is None


def test_a_file_that_is_none_is_refused_with_a_remedy(tmp_path: Path, settings: Any) -> None:
    path = tmp_path / "a.mmdb"
    path.write_text("no database")
    with pytest.raises(DatabaseRefused, match=r"ABMATIC_COMPANY_DATABASE must name a file in MaxMind's format"):
        FileProvider(path)
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, company_database=tmp_path / "missing.mmdb")
    store.append([did(0)])
    make_sessions()
    assert reveal() == 0, "and everything else goes on"
