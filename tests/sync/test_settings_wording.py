"""Changes of settings are told by the labels of the settings pages."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from tests.web import org
from tests.web.conftest import admin, alice, fast_passwords, no_attempts_counted, signed_in  # noqa: F401

from abmatic.sync import settings_edit, settings_history
from abmatic.sync.objects import OBJECTS
from abmatic.sync.settings_history import Author
from abmatic.sync.settings_reading import CONNECTION_SETTINGS, SETTINGS
from abmatic.sync.settings_wording import CONNECTION_LABELS, LABELS, MAPPING_LABELS, Told, Wording, told

pytestmark = pytest.mark.django_db


def test_every_setting_has_a_label_and_each_is_on_the_page(admin: Client) -> None:  # noqa: F811
    assert set(LABELS) == set(SETTINGS)
    assert set(CONNECTION_LABELS) >= set(CONNECTION_SETTINGS)
    connection = org.connect()
    page = admin.get(f"/settings/integrations/salesforce/{connection.pk}/leads/").text.lower()
    labels = [*LABELS.values(), *MAPPING_LABELS.values()]
    assert [label for label in labels if label.lower() not in page.replace("&#x27;", "'")] == []


def test_each_difference_is_told_in_words() -> None:
    connection = org.connect()
    spec = OBJECTS["Account"]
    seen = settings_edit.look(connection, spec)
    mappings: list[dict[str, Any]] = [
        {"salesforce": m.salesforce, "abmatic": m.abmatic, "to_abmatic": m.to_abmatic, "to_salesforce": m.to_salesforce,
         "clear_with_empty": m.clear_with_empty}
        for m in seen.state.mappings
        if m.salesforce != "BillingCity"
    ]  # fmt: skip
    next(m for m in mappings if m["salesforce"] == "NumberOfEmployees")["to_salesforce"] = "none"
    condition = {"field": "employee_count", "is": "at_least", "value": 200}
    said = {"auto_push": True, "frequency": 6, "conflict_policy": "salesforce", "push_filter": condition,
            "mappings": mappings}  # fmt: skip
    settings_edit.save(connection, spec, said, mark=seen.mark, by=Author(name="Command line"))
    (entry,) = settings_history.latest(connection, "Account", 5)
    assert set(told(entry)) == {
        Told("changed", "Automatically push changes to Salesforce", "off", "on"),
        Told("changed", "Sync frequency", "Manual only", "Every 6 hours"),
        Told("changed", "When both sides changed a field", "Most recent change", "Salesforce"),
        Told("changed", "Filters for pushing records", "no filter", "Employees is at least “200”"),
        Told("changed", "Mapping of NumberOfEmployees › Sync to Salesforce", "Fill", "Don't sync"),
        Told(
            "removed", "Mapping of BillingCity", "City (Sync to Abmatic: Overwrite, Sync to Salesforce: Fill)", None
        ),
    }  # fmt: skip


def test_what_is_not_known_any_more_is_told_as_it_was_kept() -> None:
    kept = [{"kind": "changed", "what": "some_old_setting", "before": 1, "after": [1, 2]}]
    assert Wording().tell("Gone__c", kept) == [Told("changed", "Some_old_setting", "1", "1, 2")]
