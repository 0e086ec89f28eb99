"""A preview of a run that reads every record counts what Salesforce has no longer, as the run then does."""

from __future__ import annotations

import pytest
from tests.sync.live import Live, Orgs
from tests.sync.test_full_compare import delete_for_good, hide
from tests.sync.test_preview import tables
from tests.sync.test_push import account, allow, edit, mode

from abmatic.audiences.models import Account
from abmatic.sync.models import FieldMapping, ObjectSetting, Run
from abmatic.sync.preview import preview

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def live(orgs: Orgs) -> Live:
    live = orgs.sample()
    live.sync_well()
    return live


@pytest.mark.parametrize("rest_limit", [2000, 3])
def test_of_a_full_compare_it_says_what_the_run_then_does(live: Live, orgs: Orgs, rest_limit: int) -> None:
    orgs.allow(rest_limit=rest_limit)
    sf_id = account(live, "GenePoint")["Id"]
    for each in (sf_id, *(row[0] for row in live.rows('SELECT "Id" FROM "Account" WHERE "Name" LIKE \'E%\''))):
        delete_for_good(live, "Account", each)
    before = tables()
    assert preview(live.connection, "Account", whole=True).to_abmatic["deleted"] == 0
    found = preview(live.connection, "Account", full=True, whole=True)
    assert tables() == before
    assert (found.is_full, found.to_abmatic["deleted"]) == (True, 3)
    sample = next(each for each in found.samples["to_abmatic"]["deleted"] if each.name == "GenePoint")
    assert (sample.sf_id, sample.local_id) == (sf_id, Account.objects.get(name="GenePoint").pk)
    assert found.to_abmatic["reasons"]["vanished_in_salesforce"] == 3
    run = live.sync_well("Account", full=True)["Account"]
    assert run.counts == found.to_abmatic
    if rest_limit == 2000:
        assert run.api_calls == found.calls_of_run


def test_nothing_would_be_written_to_what_has_vanished(live: Live) -> None:
    allow("Account")
    mode("Account", "BillingCity", to_salesforce="overwrite")
    live.sync_well("Account")
    edit(Account.objects.get(name="GenePoint"), city="Graz")
    delete_for_good(live, "Account", account(live, "GenePoint")["Id"])
    found = preview(live.connection, "Account", full=True)
    assert (found.to_abmatic["deleted"], found.to_salesforce) == (1, {"created": 0, "updated": 0, "held": 0})


def test_a_run_that_reads_everything_for_its_settings_finds_it_too(live: Live) -> None:
    delete_for_good(live, "Account", account(live, "GenePoint")["Id"])
    setting = ObjectSetting.objects.get(sobject="Account")
    FieldMapping.objects.filter(setting=setting, sf_field="Industry").update(sf_field="Phone")
    found = preview(live.connection, "Account")
    assert (found.is_full, found.to_abmatic["deleted"]) == (True, 1)
    assert live.sync_well("Account")["Account"].counts == found.to_abmatic


def test_a_run_after_a_long_pause_finds_it_too(live: Live) -> None:
    with live.editing() as session:
        session.delete("Account", account(live, "GenePoint")["Id"])
    live.org.store.clock.change(by=16 * 24 * 3600)
    live.org.store.purge()
    found = preview(live.connection, "Account")
    assert (found.is_full, found.to_abmatic["deleted"]) == (True, 1)
    run = live.sync_well("Account")["Account"]
    assert (run.full_because, run.counts) == (Run.FullBecause.RECYCLE_BIN, found.to_abmatic)


def test_many_at_once_count_only_where_somebody_says_so(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("abmatic.sync.pull.vanished.FEW", 1)
    ids = [row[0] for row in live.rows('SELECT "Id" FROM "Account" WHERE "IsDeleted" = 0')]
    gone = ids[: len(ids) // 2]
    hide(live, gone)
    found = preview(live.connection, "Account", full=True)
    assert found.to_abmatic["deleted"] == 0
    assert any("look like a permission" in note for note in found.notes)
    accepted = preview(live.connection, "Account", full=True, vanished_are_deleted=True)
    assert accepted.to_abmatic["deleted"] == len(gone)
    assert not any("look like a permission" in note for note in accepted.notes)


def test_where_not_all_is_looked_at_it_says_that_it_cant_know(
    live: Live, orgs: Orgs, monkeypatch: pytest.MonkeyPatch
) -> None:
    orgs.allow(rest_limit=5)
    monkeypatch.setattr("salesforce_emulator.api.query._batch_size", lambda plan, asked: 5)
    delete_for_good(live, "Account", account(live, "GenePoint")["Id"])
    found = preview(live.connection, "Account", full=True)
    assert found.to_abmatic["deleted"] == 0
    assert any("no longer is only found when all records are looked at" in note for note in found.notes)
