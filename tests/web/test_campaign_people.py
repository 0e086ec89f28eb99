"""Making campaigns and putting people into them, page by page."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from tests.web import org

from abmatic.audiences import collections
from abmatic.audiences.selection import Selection
from abmatic.campaigns import joining, membership
from abmatic.campaigns.models import Campaign, CampaignJoining
from abmatic.changes.models import Cause
from abmatic.web.campaigns import adding

pytestmark = pytest.mark.django_db


@pytest.fixture
def fair() -> Campaign:
    return membership.make_campaign("Fair", Cause.objects.create(kind=Cause.Kind.USER), is_active=True)


def members(campaign: Campaign) -> set[int]:
    return set(campaign.members.values_list("contact_id", flat=True))


def test_one_is_made(admin: Client) -> None:
    assert 'href="/campaigns/new/"' in admin.get("/campaigns/").text
    page = admin.get("/campaigns/new/").text
    assert "Create campaign" in page
    answer = admin.post(
        "/campaigns/new/", {"name": "Spring webinar", "type": "Webinar", "is_active": "true"}, follow=True
    )
    made = Campaign.objects.get()
    assert (made.name, made.type, made.is_active) == ("Spring webinar", "Webinar", True)
    assert "Spring webinar" in answer.text
    assert len(membership.statuses(made)) == 2


def test_one_without_a_name_is_refused_beside_the_field(admin: Client) -> None:
    answer = admin.post("/campaigns/new/", {"type": "Webinar"})
    assert answer.status_code == 400
    assert 'id="edit-name-error"' in answer.text
    assert not Campaign.objects.exists()


def test_people_are_found_and_put_in(admin: Client, fair: Campaign) -> None:
    anna, _ = org.contact("Smith", first_name="Anna"), org.contact("Jones")
    assert f'value="{anna.pk}"' in admin.get("/contacts/pick/?contact=smi").text
    url = f"/campaigns/{fair.pk}/add/"
    answer = admin.post(url, {"do": "people", "contact_id": [str(anna.pk)], "status": "Responded"}, follow=True)
    assert "1 person was put into" in answer.text
    assert members(fair) == {anna.pk}
    assert fair.members.get().status == "Responded"
    assert "Tick the people" in admin.post(url, {"do": "people"}).text


def test_a_collection_joins_until_it_is_stopped(admin: Client, fair: Campaign) -> None:
    guests = collections.create("contact", "Guests")
    collections.add(guests, Selection("contact", ids=(org.contact().pk,)))
    answer = admin.post(
        f"/campaigns/{fair.pk}/add/", {"do": "collection", "collection": guests.pk, "always": "1"}, follow=True
    )
    assert "join by themselves" in answer.text
    made = CampaignJoining.objects.get()
    again = admin.post(f"/campaigns/{fair.pk}/add/", {"do": "collection", "collection": guests.pk, "always": "1"})
    assert (again.status_code, "joins “Fair” already" in again.text) == (400, True)
    other = membership.make_campaign("Other", Cause.objects.create(kind=Cause.Kind.USER))
    assert "stopped already" in admin.post(f"/campaigns/{other.pk}/joinings/{made.pk}/stop/", follow=True).text
    assert CampaignJoining.objects.exists()
    answer = admin.post(f"/campaigns/{fair.pk}/joinings/{made.pk}/stop/", follow=True)
    assert "Whoever joined stays" in answer.text
    assert len(members(fair)) == 1


@pytest.mark.parametrize("always", ["", "1"])
def test_a_collection_that_takes_too_long_puts_nobody_in(
    admin: Client, fair: Campaign, monkeypatch: pytest.MonkeyPatch, always: str
) -> None:
    guests = collections.create("contact", "Guests")
    collections.add(guests, Selection("contact", ids=(org.contact().pk,)))

    def slowly(*_: object) -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(30)")
        return 0

    monkeypatch.setattr(adding, "CHANGE_MS", 20)
    monkeypatch.setattr(joining.membership, "put_in", slowly)
    form = {"do": "collection", "collection": guests.pk, "always": always}
    answer = admin.post(f"/campaigns/{fair.pk}/add/", form)
    assert answer.status_code == 400
    assert "nobody was put in. Choose a smaller collection" in answer.text
    assert not CampaignJoining.objects.exists()
    assert members(fair) == set()


def test_a_collection_of_accounts_says_how_soon_its_people_join(admin: Client, fair: Campaign) -> None:
    targets = collections.create("account", "Targets")
    answer = admin.post(
        f"/campaigns/{fair.pk}/add/", {"do": "collection", "collection": targets.pk, "always": "1"}, follow=True
    )
    assert "within ten" in answer.text


def test_once_is_once(admin: Client, fair: Campaign) -> None:
    guests = collections.create("contact", "Guests")
    collections.add(guests, Selection("contact", ids=(org.contact().pk,)))
    answer = admin.post(f"/campaigns/{fair.pk}/add/", {"do": "collection", "collection": guests.pk}, follow=True)
    assert "1 person was put into “Fair”" in answer.text
    assert len(members(fair)) == 1
    assert not CampaignJoining.objects.exists()


def test_chosen_contacts_are_put_in(admin: Client, fair: Campaign) -> None:
    people = [org.contact(f"Name {number}") for number in range(3)]
    chosen = {"ids": ",".join(str(one.pk) for one in people[:2])}
    page = admin.post("/contacts/campaign/", chosen).text
    assert "2 contacts selected" in page
    assert "Fair, active" in page
    answer = admin.post("/contacts/campaign/", {**chosen, "do": "add", "campaign": fair.pk}, follow=True)
    assert "2 people were put into" in answer.text
    assert members(fair) == {one.pk for one in people[:2]}
    answer = admin.post("/contacts/campaign/", {"all": "1", "do": "add", "campaign": fair.pk}, follow=True)
    assert len(members(fair)) == 3


def test_a_campaign_is_found_among_many(admin: Client, fair: Campaign) -> None:
    Campaign.objects.bulk_create(Campaign(name=f"Webinar {number}") for number in range(60))
    contact = org.contact()
    page = admin.post("/contacts/campaign/", {"ids": str(contact.pk)}).text
    assert "There are more" in page
    found = admin.post("/contacts/campaign/", {"do": "find", "find": "webinar 37"}).text
    assert "Webinar 37" in found
    assert found.count("<option") == 2  # the campaign, and the status that it gives
    assert "No campaign is called" in admin.post("/contacts/campaign/", {"do": "find", "find": "xyz"}).text


def test_without_a_campaign_or_a_status_nothing_is_done(admin: Client, fair: Campaign) -> None:
    contact = org.contact()
    nowhere = admin.post("/contacts/campaign/", {"ids": str(contact.pk), "do": "add"})
    assert (nowhere.status_code, "Choose the campaign" in nowhere.text) == (400, True)
    unknown = admin.post(
        "/contacts/campaign/", {"ids": str(contact.pk), "do": "add", "campaign": fair.pk, "status": "Danced"}
    )
    assert (unknown.status_code, "is no status of Fair" in unknown.text) == (400, True)
    assert members(fair) == set()
