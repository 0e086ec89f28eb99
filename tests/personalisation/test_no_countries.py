"""Experiences for countries, which nobody was ever in, are off once audiences have none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from tests.campaigns.test_hits_of_people import migrate_to_the_last

from abmatic.identity.models import AuditEntry
from abmatic.personalisation.models import Experience

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def before(transactional_db: None) -> Iterator[Any]:
    """The model as it was before."""
    target = [("personalisation", "0002_content")]
    MigrationExecutor(connection).migrate(target)
    yield MigrationExecutor(connection).loader.project_state(target).apps.get_model("personalisation", "Experience")
    migrate_to_the_last()


BY = "Abmatic: audiences have no countries any more"


def test_what_was_shown_to_nobody_is_not_shown_to_everybody_unasked(before: Any) -> None:
    for name, countries in (("Germans", ["DE"]), ("Anybody", [])):
        before.objects.create(campaign_id=1, site_id=1, name=name, pages=["/"], countries=countries, is_on=True)
    migrate_to_the_last()
    assert dict(Experience.objects.values_list("name", "is_on")) == {"Germans": False, "Anybody": True}


def test_which_countries_they_were_is_in_the_audit_log_and_each_says_who_changed_it(before: Any) -> None:
    for name, countries, is_on in (("Germans", ["DE", "AT"], True), ("Off", ["FR"], False), ("Anybody", [], True)):
        before.objects.create(
            campaign_id=1, site_id=7, name=name, pages=["/"], countries=countries, is_on=is_on, changed_by="Alice"
        )
    was = dict(before.objects.values_list("name", "updated_at"))
    migrate_to_the_last()
    told = {each.name: (each.changed_by, each.updated_at > was[each.name]) for each in Experience.objects.all()}
    assert told == {"Germans": (BY, True), "Off": (BY, True), "Anybody": ("Alice", False)}
    entries = AuditEntry.objects.order_by("id").values_list("about", "subject_id", "subject", "by", "act")
    assert list(entries) == [
        ("site", 7, "Germans", BY, "countries removed, experience turned off"),
        ("site", 7, "Off", BY, "countries removed"),
    ]
    gone = {"what": "countries", "kind": "removed", "after": None}
    assert list(AuditEntry.objects.order_by("id").values_list("differences", flat=True)) == [
        [gone | {"before": ["DE", "AT"]}, {"what": "on", "kind": "changed", "before": True, "after": False}],
        [gone | {"before": ["FR"]}],
    ]
