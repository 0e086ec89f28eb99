"""Experiences for countries, which nobody was ever in, are off once audiences have none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from tests.campaigns.test_hits_of_people import migrate_to_the_last

from abmatic.personalisation.models import Experience

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def before(transactional_db: None) -> Iterator[Any]:
    """The model as it was before."""
    target = [("personalisation", "0002_content")]
    MigrationExecutor(connection).migrate(target)
    yield MigrationExecutor(connection).loader.project_state(target).apps.get_model("personalisation", "Experience")
    migrate_to_the_last()


def test_what_was_shown_to_nobody_is_not_shown_to_everybody_unasked(before: Any) -> None:
    for name, countries in (("Germans", ["DE"]), ("Anybody", [])):
        before.objects.create(campaign_id=1, site_id=1, name=name, pages=["/"], countries=countries, is_on=True)
    migrate_to_the_last()
    assert dict(Experience.objects.values_list("name", "is_on")) == {"Germans": False, "Anybody": True}
    assert "no countries" in Experience.objects.get(name="Germans").changed_by
