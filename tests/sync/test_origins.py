"""When a deal or a person was first made: Salesforce's own date, which attribution asks for."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection as database
from tests.web import org

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
