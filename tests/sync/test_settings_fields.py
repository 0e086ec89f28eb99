"""A settings file that maps a field the org doesn't have: the plan says so, before anything is applied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import yaml
from tests.sync.live import Live, Orgs

from abmatic.sync import settings_file
from abmatic.sync.models import Connection, ObjectSetting

pytestmark = pytest.mark.django_db(transaction=True)


def mapping(field: str, local: str = "company") -> dict[str, Any]:
    return {"salesforce": field, "abmatic": local, "to_abmatic": "fill", "to_salesforce": "none"}


def notes(sobject: str, *added: dict[str, Any]) -> Sequence[str]:
    """What the plan says of a file with these mappings besides those that are there."""
    document = yaml.safe_load(settings_file.export_yaml())
    document["connections"][0]["objects"][sobject]["mappings"] += added
    plan = settings_file.plan_import(yaml.safe_dump(document))
    assert len(plan.differences) == len(added)
    return plan.notes


def calls(live: Live) -> int:
    return live.org.counted_calls()


def test_a_field_that_the_org_lacks_is_named_and_the_one_that_may_be_meant(orgs: Orgs) -> None:
    orgs.sample()
    [said] = notes("Contact", mapping("department"))
    assert "Contact has no field department (is Department meant?)" in said
    assert "shown as broken" in said
    [said] = notes("Contact", mapping("Nonsense__c"))
    assert "Contact has no field Nonsense__c that" in said
    [said] = notes("Contact", mapping("MailingAddress"))
    assert "MailingAddress" in said, "a compound field can't be mapped"


def test_one_that_it_has_is_no_news(orgs: Orgs) -> None:
    live = orgs.sample()
    before = calls(live)
    assert notes("Contact", mapping("Department")) == ()
    assert calls(live) == before + 1


def test_what_the_last_sync_saw_is_believed_and_a_file_with_nothing_new_asks_nobody(orgs: Orgs) -> None:
    live = orgs.sample()
    live.sync_well("Account")
    live.sync_well("Contact")
    before = calls(live)
    assert notes("Contact", mapping("Department")) == ()
    assert notes("Contact") == ()
    assert calls(live) == before
    # A field made since then is found all the same, and one that is missing was looked for anew.
    assert "no field Made_Today__c" in notes("Contact", mapping("Made_Today__c"))[0]
    assert calls(live) == before + 1


def test_an_org_out_of_reach_is_said_at_once_and_holds_nothing_up(orgs: Orgs) -> None:
    live = orgs.sample()
    live.org.fault("reset", {"path": "/describe"}, times=0)
    before = len(live.org.calls())
    [said] = notes("Contact", mapping("Department"))
    assert "could not be checked" in said
    assert "Contact: Department" in said
    assert len(live.org.calls()) - before <= 1, "it isn't tried again and again while somebody waits"
    assert Connection.objects.get().status == Connection.Status.ACTIVE


def test_a_disabled_connection_is_not_asked(orgs: Orgs) -> None:
    live = orgs.sample()
    Connection.objects.update(status=Connection.Status.INACTIVE)
    before = calls(live)
    assert "the connection is disabled" in notes("Contact", mapping("Department"))[0]
    assert calls(live) == before


def test_a_plan_is_applied_whatever_it_says_of_fields(orgs: Orgs) -> None:
    live = orgs.sample()
    document = yaml.safe_load(settings_file.export_yaml())
    document["connections"][0]["objects"]["Contact"]["mappings"].append(mapping("Nonsense__c"))
    plan = settings_file.plan_import(yaml.safe_dump(document))
    before = calls(live)
    plan.apply()
    assert calls(live) == before
    setting = ObjectSetting.objects.get(sobject="Contact")
    assert setting.mappings.filter(sf_field="Nonsense__c").exists()
