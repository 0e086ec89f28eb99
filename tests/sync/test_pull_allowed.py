"""What a pull was not allowed to do, it makes up for once it is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.sync.live import Live, Orgs

from abmatic.audiences.models import Account
from abmatic.sync.models import FieldMapping, ObjectSetting

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def live(orgs: Orgs) -> Live:
    return orgs.sample()


def allow(**settings: bool) -> None:
    ObjectSetting.objects.filter(sobject="Account").update(**settings)


def change_in_salesforce(live: Live) -> None:
    """Something that the window of a later run doesn't hold any more."""
    [(account,)] = live.rows('SELECT "Id" FROM "Account" WHERE "Name" = ?', "GenePoint")
    with live.editing() as session:
        session.update("Account", account, {"Industry": "Apparel"})


def let_time_pass() -> None:
    setting = ObjectSetting.objects.get(sobject="Account")
    assert setting.cursor is not None
    setting.cursor += timedelta(minutes=10)
    setting.save()


def industry() -> str | None:
    return Account.objects.get(name="GenePoint").industry


def test_records_left_out_are_created_once_create_is_switched_on(live: Live) -> None:
    allow(create_in_abmatic=False)
    live.sync_well("Account")
    let_time_pass()
    assert not Account.objects.exists()
    allow(create_in_abmatic=True)
    counts = live.sync_well("Account")["Account"].counts
    assert (counts["created"], counts["duplicate"], counts["skipped"]) == (10, 2, 0)
    assert counts["reasons"] == {"duplicate": 2}
    let_time_pass()
    assert live.sync_well("Account")["Account"].counts["read"] == 0


def test_changes_left_alone_arrive_once_update_is_switched_on(live: Live) -> None:
    live.sync_well("Account")
    allow(update_in_abmatic=False)
    change_in_salesforce(live)
    live.sync_well("Account")
    let_time_pass()
    assert industry() != "Apparel"
    allow(update_in_abmatic=True)
    assert live.sync_well("Account")["Account"].counts["updated"] == 1
    assert industry() == "Apparel"


def test_a_field_that_was_not_to_be_written_is_written_once_it_may(live: Live) -> None:
    mapping = FieldMapping.objects.filter(setting__sobject="Account", sf_field="Industry")
    mapping.update(to_abmatic="none")
    live.sync_well("Account")
    let_time_pass()
    assert industry() is None
    mapping.update(to_abmatic="overwrite")
    live.sync_well("Account")
    assert industry() == "Biotechnology"


def test_allowing_less_reads_nothing_again(live: Live) -> None:
    live.sync_well("Account")
    let_time_pass()
    allow(create_in_abmatic=False, update_in_abmatic=False)
    FieldMapping.objects.filter(setting__sobject="Account", sf_field="Industry").update(to_abmatic="none")
    assert live.sync_well("Account")["Account"].counts["read"] == 0
