"""A campaign's Sync tab: linking it with one in Salesforce, unlinking it, creating it there."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone
from tests.web import org
from tests.web.conftest import SignedIn

from abmatic.campaigns.models import Campaign
from abmatic.identity.models import User
from abmatic.sync.models import Connection, Due, MirrorCampaign, ObjectSetting, Run

pytestmark = pytest.mark.django_db

THEIRS = "7015800000000001AA"


@pytest.fixture
def fair() -> Campaign:
    return org.campaign("Fair")


def there(connection: Connection, name: str = "Fair 2026", sf_id: str = THEIRS, **values: object) -> MirrorCampaign:
    """A campaign in Salesforce."""
    return MirrorCampaign.objects.create(
        connection=connection, sf_id=sf_id, modstamp=timezone.now(),
        values={"Name": name, "Type": "Trade Show", "StartDate": "2026-12-01"}, **values,
    )  # fmt: skip


def test_it_is_found_linked_and_unlinked(admin: Client, connection: Connection, fair: Campaign) -> None:
    there(connection)
    there(connection, "50%_off", "7015800000000002AA")
    url = f"/campaigns/{fair.pk}/"
    assert "Link to Salesforce campaign…" in admin.get(f"{url}sync/").text
    page = admin.get(f"{url}link/?q=fair").text
    assert "Fair 2026" in page
    assert "begins 2026-12-01" in page
    assert "50%_off" not in page
    assert "50%_off" in admin.get(f"{url}link/?q=0%25_o").text
    assert "is called “<bdi>zzz</bdi>”" in admin.get(f"{url}link/?q=zzz").text
    chosen = {"connection": connection.pk, "salesforce_id": THEIRS}
    assert "Linked. The next sync" in admin.post(f"{url}link/", chosen, follow=True).text
    assert MirrorCampaign.objects.get(sf_id=THEIRS).local_id == fair.pk
    shown = admin.get(f"{url}sync/").text
    assert f"Unlink {THEIRS}" in shown
    assert "Link to Salesforce campaign…" not in shown
    assert f"Linked with Campaign {THEIRS} by hand" in admin.get(f"{url}timeline/").text
    assert "Unlinked. The campaign and its members stay" in admin.post(f"{url}unlink/", chosen, follow=True).text
    assert f"Unlinked from Campaign {THEIRS} by hand" in admin.get(f"{url}timeline/").text
    assert "not linked any more" in admin.post(f"{url}unlink/", chosen, follow=True).text


def test_one_that_is_linked_is_not_offered_and_refused(admin: Client, connection: Connection, fair: Campaign) -> None:
    other = org.campaign("Autumn fair")
    there(connection, local_id=other.pk, role=1)
    page = admin.get(f"/campaigns/{fair.pk}/link/").text
    assert f'In Abmatic as <a href="/campaigns/{other.pk}/sync/"><bdi>Autumn fair</bdi></a>: unlink it there' in page
    assert f"Link with Fair 2026, {THEIRS}" not in page
    refused = admin.post(f"/campaigns/{fair.pk}/link/", {"connection": connection.pk, "salesforce_id": THEIRS})
    assert (refused.status_code, "in Abmatic as “Autumn fair” already" in refused.text) == (409, True)
    gone = admin.post(f"/campaigns/{fair.pk}/link/", {"connection": "x", "salesforce_id": THEIRS})
    assert (gone.status_code, "not connected any more" in gone.text) == (409, True)


def test_it_is_created_there_where_that_is_allowed(admin: Client, connection: Connection, fair: Campaign) -> None:
    url, chosen = f"/campaigns/{fair.pk}/create-there/", {"connection": connection.pk}
    ObjectSetting.objects.filter(sobject="Campaign").update(create_in_salesforce=False)
    assert "may not get new campaigns" in admin.post(url, chosen, follow=True).text
    assert not Due.objects.exists()
    ObjectSetting.objects.filter(sobject="Campaign").update(create_in_salesforce=True)
    led = admin.post(url, chosen)
    run = Run.objects.get(sobject="Campaign")
    assert led.headers["Location"] == f"/runs/{run.pk}/"
    assert Due.objects.get().local_id == fair.pk
    assert "is about to begin" in admin.post(url, chosen, follow=True).text


def test_a_viewer_is_offered_nothing(vera: User, signed_in: SignedIn, connection: Connection, fair: Campaign) -> None:
    there(connection, local_id=fair.pk, role=1)
    page = signed_in(vera).get(f"/campaigns/{fair.pk}/sync/").text
    assert THEIRS in page
    assert "Unlink" not in page
