"""When a deal or a person was first made: Salesforce's own date, which attribution asks for."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection as database
from tests.attribution.deals import day, deal, person
from tests.web import org

from abmatic.attribution.models import OpportunityPath
from abmatic.attribution.refreshing import Refreshed, refresh, refresh_due
from abmatic.audiences.models import Account
from abmatic.sync.models import MirrorContact, MirrorLead, MirrorOpportunity

pytestmark = pytest.mark.django_db


def test_origins_are_those_of_every_linked_record() -> None:
    connection = org.connect()
    years = {2019: MirrorLead, 2020: MirrorContact, 2021: MirrorOpportunity}
    for year, mirror in years.items():
        moment = datetime(year, 5, 1, tzinfo=UTC)
        for local_id, created in ((7, moment), (None, moment), (8, None)):
            mirror.objects.create(
                connection=connection, sf_id=f"{year}{local_id}{created is None}", modstamp=moment, created=created,
                local_id=local_id,
            )  # fmt: skip
    with database.cursor() as cursor:
        cursor.execute("SELECT record, record_id, extract(year FROM made_at)::int FROM record_origin ORDER BY 3")
        assert cursor.fetchall() == [("contact", 7, 2019), ("contact", 7, 2020), ("opportunity", 7, 2021)]


def test_attribution_is_told_when_an_origin_or_a_deletion_changes() -> None:
    connection = org.connect()
    moment = datetime(2021, 5, 1, tzinfo=UTC)
    won = deal(opened=15, closed=30)
    refresh()
    mirror = MirrorOpportunity.objects.create(
        connection=connection, sf_id="006", modstamp=moment, created=moment, values={}
    )
    assert refresh_due() is None
    mirrors = MirrorOpportunity.objects.filter(sf_id="006")
    mirrors.update(local_id=won.pk)
    assert refresh_due() is not None
    assert OpportunityPath.objects.get().opened_at == moment
    mirrors.update(values={"Name": "Other"}, seen_run=5)
    assert refresh_due() is None
    mirrors.update(is_deleted=True)
    refresh_due()
    assert not OpportunityPath.objects.exists()
    mirrors.update(is_deleted=False)
    refresh_due()
    assert OpportunityPath.objects.get().opened_at == moment
    # Of a deal that it is no longer of, and of the one that it is of now.
    mirrors.update(local_id=None)
    refresh_due()
    assert OpportunityPath.objects.get().opened_at == day(15)
    mirrors.update(local_id=won.pk)
    refresh_due()
    assert OpportunityPath.objects.get().opened_at == moment
    mirror.delete()
    refresh_due()
    assert OpportunityPath.objects.get().opened_at == day(15)


@pytest.mark.parametrize("mirror", [MirrorLead, MirrorContact])
def test_attribution_is_told_when_somebody_s_origin_changes(mirror: type[MirrorLead | MirrorContact]) -> None:
    ada = person(Account.objects.create(name="Acme"), made=12)
    deal(ada.account, ada, opened=15)
    refresh()
    mirror.objects.create(
        connection=org.connect(), sf_id="003", modstamp=day(8), created=day(8), local_id=ada.pk, values={}
    )
    refresh_due()
    assert OpportunityPath.objects.get().lead_at == day(8)
    assert refresh() == Refreshed(0, 0)
