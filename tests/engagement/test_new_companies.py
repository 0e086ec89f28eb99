"""Companies by network are made so many a day, and looked for again only where one can have come."""

from __future__ import annotations

from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tests.engagement.conftest import Database
from tests.engagement.test_identifying import sent
from tests.engagement.test_revealing import ACME, come
from tests.engagement.visits import at, did, site_that_makes_people

from abmatic.audiences import editing
from abmatic.audiences.editing import Edit
from abmatic.audiences.models import Account
from abmatic.engagement.models import NewPeople, Visitor, WebNetwork, WebSession
from abmatic.engagement.revealing import look_again, reveal
from abmatic.tracking.events import WebEvent
from abmatic.tracking.models import TrackingSite

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def site(transactional_db: None) -> TrackingSite:
    """People and companies are made."""
    return site_that_makes_people()


def companies(n: int) -> dict[str, dict[str, Any]]:
    return {f"198.51.{100 + each}.0/24": {"name": f"C{each}", "domain": f"c{each}.com"} for each in range(n)}


def from_network(each: int, minutes: float = 0, **values: Any) -> WebEvent:
    return did(minutes, visitor=f"v{each}", ip=ip_network(f"198.51.{100 + each}.0/24"), **values)


def counted() -> dict[int, int]:
    return dict(NewPeople.objects.values_list("site_id", "companies"))


def test_a_day_has_room_for_so_many_companies_and_others_wait_for_the_next(database: Database) -> None:
    TrackingSite.objects.update(new_people_a_day=2)
    database(companies(5))
    come(*map(from_network, range(3)))
    come(from_network(3))
    look_again()
    reveal()
    assert (Account.objects.count(), counted()) == (2, {1: 2})
    assert WebSession.objects.filter(account_id=None).count() == 2
    # People have a limit of their own; and who comes otherwise is known at once.
    come(sent(1, "ann@globex.com"))
    Account.objects.create(name="C3", website="c3.com", domain="c3.com")
    look_again()
    reveal()
    assert (Account.objects.count(), counted()) == (4, {1: 2})
    assert WebSession.objects.filter(account_id=None).count() == 1
    NewPeople.objects.update(day="2026-11-01")
    look_again()
    reveal()
    assert set(Account.objects.values_list("domain", flat=True)) == {
        "c0.com",
        "c1.com",
        "c2.com",
        "c3.com",
        "globex.com",
    }
    assert not WebSession.objects.filter(account_id=None).exists()


def test_a_company_is_made_for_a_site_that_has_room_for_it(database: Database, site: TrackingSite) -> None:
    site.new_people_a_day = 1
    site.save()
    TrackingSite.objects.create(pk=2, name="Shop", origins=["https://www.acme.com"], makes_people=True)
    database(companies(3))
    come(from_network(0), from_network(1), from_network(2), from_network(2, site=2))
    assert set(Account.objects.values_list("domain", flat=True)) == {"c0.com", "c2.com"}
    assert counted() == {1: 1, 2: 1}


def test_a_company_that_came_meanwhile_takes_no_room(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def save(record: str, edits: list[Edit], cause: Any) -> Any:
        Account.objects.get_or_create(name="Other", website="c0.com", domain="c0.com")
        return editing.save(record, edits, cause)

    monkeypatch.setattr("abmatic.engagement.revealing.editing", SimpleNamespace(save=save))
    database(companies(2))
    come(from_network(0), from_network(1))
    assert set(Account.objects.values_list("name", flat=True)) == {"Other", "C1"}
    assert counted() == {1: 1}
    assert not WebSession.objects.filter(account_id=None).exists()


def due_again() -> int:
    look_again()
    return WebNetwork.objects.filter(is_due=True).count()


def test_a_network_of_which_nothing_else_can_come_is_not_looked_at_again(
    database: Database, site: TrackingSite
) -> None:
    TrackingSite.objects.create(pk=2, name="Shop", origins=["https://www.acme.com"])
    # No company's domain; one that came only to a site that makes none; one that has an account.
    database(
        {
            "198.51.100.0/24": {"name": "Somebody's mail", "domain": "gmail.com"},
            "198.51.101.0/24": {"name": "Globex", "domain": "globex.com"},
            "192.0.2.0/24": ACME,
        }
    )
    come(from_network(0), from_network(1, site=2), did(0))
    assert Account.objects.get().name == "Acme"
    assert due_again() == 0
    # Somebody who is known is no reason to make one.
    with_contact = WebSession.objects.create(
        visitor=Visitor.objects.get(key="v1"), site_id=1, began_at=at(0), ended_at=at(0), stay_began_at=at(0),
        stay_ended_at=at(0), first_event=uuid4(), events=1, pages=1, seconds=0, forms=0, clicks=0, channel="direct",
        channel_version=1, contact_id=1, network="198.51.101.0/24",
    )  # fmt: skip
    assert due_again() == 0
    WebSession.objects.filter(pk=with_contact.pk).update(contact_id=None)
    assert due_again() == 1
    reveal()
    assert Account.objects.filter(domain="globex.com").exists()
    assert due_again() == 0
    Account.objects.filter(domain="acme.com").delete()
    assert due_again() == 1


def test_a_day_that_has_room_for_no_company_looks_at_none_again(database: Database) -> None:
    TrackingSite.objects.update(new_people_a_day=2)
    database(companies(4))
    come(*map(from_network, range(4)))
    assert due_again() == 0
    Account.objects.create(name="C3", website="c3.com", domain="c3.com")
    assert due_again() == 1
    reveal()
    NewPeople.objects.update(day="2026-11-01")
    assert due_again() == 1


def test_of_those_that_wait_as_many_as_have_room_are_looked_at_again_the_newest_first(
    database: Database, site: TrackingSite
) -> None:
    site.new_people_a_day = 1
    site.save()
    # Two networks of one company take one place.
    database(companies(5) | {"198.51.105.0/24": {"name": "C3", "domain": "www.c3.com"}})
    come(*(from_network(each, minute) for each, minute in enumerate((0, 60, 180, 20, 120, 240))))
    come(from_network(2, 300, site=2))
    order = ["c0.com"]
    for networks in (2, 1, 1, 1, 0):
        NewPeople.objects.all().delete()
        assert due_again() == networks
        assert due_again() == networks
        reveal()
        order += Account.objects.exclude(domain__in=order).values_list("domain", flat=True)
    assert order == ["c0.com", "c3.com", "c2.com", "c4.com", "c1.com"]
    assert not WebSession.objects.filter(account_id=None).exists()


def test_sessions_of_a_network_whose_account_stays_are_left_alone(database: Database) -> None:
    database({"192.0.2.0/24": ACME})
    come(did(0), did(100), did(0, visitor="else", ip=ip_network("198.51.100.0/24")))
    # Another file, which says the same.
    database({"192.0.2.0/24": ACME})
    with CaptureQueriesContext(connection) as captured:
        assert reveal() == 2
    assert [one["sql"] for one in captured if "web_session" in one["sql"]] == []
