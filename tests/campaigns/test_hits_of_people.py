"""What rules had counted, an event a row, becomes a row a person and browser."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from tests.campaigns.test_rules import known
from tests.engagement.visits import BEGIN, did, site_that_makes_people
from tests.web import org

from abmatic.campaigns.models import CampaignRule, CampaignRuleHit
from abmatic.engagement.models import Visitor

pytestmark = pytest.mark.django_db(transaction=True)


def _migrate(name: str) -> Any:
    executor = MigrationExecutor(connection)
    executor.migrate([("campaigns", name)])
    return MigrationExecutor(connection).loader.project_state([("campaigns", name)]).apps


def migrate_to_the_last() -> None:
    """Every room, as the code of now expects it."""
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


@pytest.fixture
def before(transactional_db: None) -> Iterator[Any]:
    """The models as they were before."""
    yield _migrate("0005_personalised_content")
    migrate_to_the_last()


def test_what_had_its_effect_and_what_waits_is_kept(before: Any) -> None:
    site_that_makes_people()
    ann = known("ann")
    campaign = org.campaign("Fair")
    old, hit = before.get_model("campaigns", "CampaignRule"), before.get_model("campaigns", "CampaignRuleHit")
    visitor = Visitor.objects.create(key="ann", first_seen_at=BEGIN, last_seen_at=BEGIN)
    made = old.objects.create(campaign_id=campaign.pk, kind="page", likeness="/x", counts_from=BEGIN, read_tx=5)
    for hour, contact, is_settled in ((1, ann.pk, True), (2, ann.pk, True), (3, ann.pk, False), (4, None, False)):
        moment = BEGIN + timedelta(hours=hour)
        hit.objects.create(
            rule_id=made.pk, event=did(hour * 60).id, visitor_id=visitor.pk, site_id=1, occurred_at=moment,
            contact_id=contact, is_settled=is_settled,
        )  # fmt: skip
    migrate_to_the_last()
    kept = CampaignRuleHit.objects.values_list("contact_id", "visitor_id", "last_at", "settled_to", "open_since")
    hours = [BEGIN + timedelta(hours=hour) for hour in (3, 2, 3)]
    assert list(kept) == [(ann.pk, visitor.pk, *hours)]
    assert CampaignRule.objects.get().catches_up_from == BEGIN - timedelta(days=1)
    visitor.delete()
    assert not CampaignRuleHit.objects.exists()
