"""Reading every record: what a sync of changes can't see, what is gone for good, and when it happens by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.sync.live import Live, Orgs
from tests.sync.org import new_connection
from tests.sync.test_push import account, allow, edit, mode

from abmatic.audiences.models import Account, Contact
from abmatic.changes.models import Cause
from abmatic.sync import automatic, comparing, runs
from abmatic.sync.execute import execute
from abmatic.sync.models import (
    Connection,
    FieldMapping,
    Finding,
    FullRead,
    MirrorAccount,
    MirrorContact,
    ObjectSetting,
    Run,
    Write,
)
from abmatic.sync.pull.chunk import ChunkWriter

pytestmark = pytest.mark.django_db(transaction=True)

REASON = "vanished_in_salesforce"


@pytest.fixture
def live(orgs: Orgs) -> Live:
    live = orgs.sample()
    live.sync_well()
    return live


def delete_for_good(live: Live, sobject: str, sf_id: str) -> None:
    with live.editing() as session:
        session.delete(sobject, sf_id, hard=True)


def vanished(run: Run) -> set[str]:
    return set(Finding.objects.filter(run=run, reason=REASON).values_list("sf_id", flat=True))


@pytest.mark.parametrize("rest_limit", [2000, 3])
def test_a_record_that_is_gone_for_good_is_found_by_a_full_sync_alone(live: Live, orgs: Orgs, rest_limit: int) -> None:
    orgs.allow(rest_limit=rest_limit)
    sf_id = account(live, "GenePoint")["Id"]
    local_id = MirrorAccount.objects.get(sf_id=sf_id).local_id
    delete_for_good(live, "Account", sf_id)
    live.sync_well("Account")
    assert not MirrorAccount.objects.get(sf_id=sf_id).is_deleted
    run = live.sync_well("Account", full=True)["Account"]
    mirror = MirrorAccount.objects.get(sf_id=sf_id)
    assert (mirror.is_deleted, mirror.local_id) == (True, local_id)
    assert (run.counts["deleted"], vanished(run)) == (1, {sf_id})
    assert Account.objects.filter(pk=local_id).exists()
    assert not MirrorAccount.objects.filter(is_deleted=True).exclude(sf_id=sf_id).exists()
    again = live.sync_well("Account", full=True)["Account"]
    assert (again.counts["deleted"], vanished(again)) == (0, set())
    assert not FullRead.objects.exists()


def test_nothing_is_written_to_what_is_gone(live: Live) -> None:
    allow("Account")
    mode("Account", "BillingCity", to_salesforce="overwrite")
    sf_id = account(live, "GenePoint")["Id"]
    delete_for_good(live, "Account", sf_id)
    live.sync_well("Account", full=True)
    edit(Account.objects.get(name="GenePoint"), city="Graz")
    run = live.sync_well("Account")["Account"]
    assert (run.pushed["created"], run.pushed["updated"]) == (0, 0)
    assert not Write.objects.filter(local_id=MirrorAccount.objects.get(sf_id=sf_id).local_id).exists()


def test_a_contact_that_is_gone_hands_over_to_its_duplicate(live: Live) -> None:
    with live.editing() as session:
        first = session.insert("Contact", {"LastName": "One", "Email": "same@firm.example"})
        second = session.insert("Contact", {"LastName": "Two", "Email": "same@firm.example"})
    live.sync_well("Contact")
    local_id = MirrorContact.objects.get(sf_id=first).local_id
    assert MirrorContact.objects.get(sf_id=second).role == 2
    delete_for_good(live, "Contact", first)
    live.sync_well("Contact", full=True)
    heir = MirrorContact.objects.get(sf_id=second)
    assert (heir.role, heir.local_id) == (1, local_id)
    assert Contact.objects.get(pk=local_id).last_name == "Two"


def test_what_was_edited_while_everything_was_read_has_not_vanished(live: Live) -> None:
    sf_id = account(live, "GenePoint")["Id"]

    def edits() -> None:
        live.org.store.clock.change(by=60)
        with live.editing() as session:
            session.update("Account", sf_id, {"BillingCity": "Graz"})

    # The first query is for users.
    live.at_call("/queryAll", edits, after=1)
    run = live.sync_well("Account", full=True)["Account"]
    assert run.counts["read"] == live.number('SELECT count(*) FROM "Account"') - 1, "it is beyond the run's window"
    assert (vanished(run), MirrorAccount.objects.get(sf_id=sf_id).is_deleted) == (set(), False)


def test_a_record_that_can_be_seen_again_is_back(live: Live) -> None:
    sf_id = account(live, "GenePoint")["Id"]
    hide(live, [sf_id])
    live.sync_well("Account", full=True)
    assert MirrorAccount.objects.get(sf_id=sf_id).is_deleted
    show(live)
    live.sync_well("Account", full=True)
    mirror = MirrorAccount.objects.get(sf_id=sf_id)
    assert (mirror.is_deleted, mirror.role) == (False, 1)


def hide(live: Live, sf_ids: list[str]) -> None:
    """As by sharing: the rows are moved away, and moved back by `show`."""
    with live.org.store.writing() as conn:
        conn.execute('CREATE TABLE hidden AS SELECT * FROM "Account" WHERE 0')
        for sf_id in sf_ids:
            conn.execute('INSERT INTO hidden SELECT * FROM "Account" WHERE "Id" = ?', (sf_id,))
            conn.execute('DELETE FROM "Account" WHERE "Id" = ?', (sf_id,))


def show(live: Live) -> None:
    with live.org.store.writing() as conn:
        conn.execute('INSERT INTO "Account" SELECT * FROM hidden')


def test_many_at_once_are_taken_for_a_permission_until_somebody_says_so(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("abmatic.sync.pull.vanished.FEW", 1)
    ids = [row[0] for row in live.rows('SELECT "Id" FROM "Account" WHERE "IsDeleted" = 0')]
    hide(live, ids[: len(ids) // 2])
    run = live.sync_well("Account", full=True)["Account"]
    assert vanished(run) == set()
    assert not MirrorAccount.objects.filter(sf_id__in=ids, is_deleted=True).exists()
    assert "look like a permission" in run.outcome
    assert "--vanished-are-deleted" in run.outcome
    user, accepted = runs.start(
        live.connection, ["Account"], trigger="cli", full=True, because=Run.FullBecause.ACCEPTED
    )
    execute(user.pk)
    execute(accepted.pk)
    accepted.refresh_from_db()
    assert accepted.state == Run.State.SUCCEEDED
    assert vanished(accepted) == set(ids[: len(ids) // 2])


def test_killed_while_it_marks_it_goes_on(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("abmatic.sync.pull.vanished._A_CHUNK", 1)
    gone = {account(live, name)["Id"] for name in ("GenePoint", "Dickenson plc")}
    for sf_id in gone:
        delete_for_good(live, "Account", sf_id)
    user, run = live.start("Account", full=True)
    execute(user.pk)
    mark, times = ChunkWriter.mark_vanished, []

    def dying(self: ChunkWriter, sf_ids: list[str]) -> Any:
        times.append(sf_ids)
        if len(times) == 2:
            raise KeyboardInterrupt
        return mark(self, sf_ids)

    with monkeypatch.context() as patched:
        patched.setattr(ChunkWriter, "mark_vanished", dying)
        with pytest.raises(KeyboardInterrupt):
            execute(run.pk)
    assert MirrorAccount.objects.filter(is_deleted=True).count() == 1
    execute(run.pk)
    run.refresh_from_db()
    assert (run.state, run.counts["deleted"], vanished(run)) == (Run.State.SUCCEEDED, 2, gone)
    assert not FullRead.objects.exists()


# --- what changes without a stamp


def test_a_formula_that_changes_without_the_record_is_refreshed(live: Live) -> None:
    formula = {"name": "Parent_name__c", "kind": "formula", "returns": "string", "formula": "Parent.Name"}
    live.org.store.change_schema([{"action": "add_field", "object": "Account", "field": formula}])
    FieldMapping.objects.filter(setting__sobject="Account", sf_field="Industry").update(
        sf_field="Parent_name__c", to_salesforce="none"
    )
    child = account(live, "GenePoint")["Id"]
    with live.editing() as session:
        parent = session.insert("Account", {"Name": "Gene Group"})
        session.update("Account", child, {"ParentId": parent})
    live.sync_well("Account")
    record = Account.objects.get(name="GenePoint")
    assert record.industry == "Gene Group"
    setting = ObjectSetting.objects.get(sobject="Account")
    assert comparing.maps_calculated(setting)
    live.org.store.clock.change(by=3600)
    live.sync_well("Account")
    with live.editing() as session:
        session.update("Account", parent, {"Name": "Gene Holding"})
    live.sync_well("Account")
    record.refresh_from_db()
    assert record.industry == "Gene Group", "a sync of changes can't see it"
    live.sync_well("Account", full=True)
    record.refresh_from_db()
    assert record.industry == "Gene Holding"


# --- a long pause


def test_after_more_than_fifteen_days_everything_is_compared_by_itself(live: Live) -> None:
    sf_id = account(live, "GenePoint")["Id"]
    with live.editing() as session:
        session.delete("Account", sf_id)
    live.org.store.clock.change(by=16 * 24 * 3600)
    live.org.store.purge()
    run = live.sync_well("Account")["Account"]
    assert (run.is_full, run.full_because) == (True, Run.FullBecause.RECYCLE_BIN)
    assert "15 days" in run.outcome
    assert MirrorAccount.objects.get(sf_id=sf_id).is_deleted
    run = live.sync_well("Account")["Account"]
    assert (run.is_full, run.full_because) == (False, "")


def test_after_less_only_changes_are_read(live: Live) -> None:
    live.org.store.clock.change(by=14 * 24 * 3600)
    assert not live.sync_well("Account")["Account"].is_full


# --- by itself

NIGHT = datetime(2026, 6, 1, 23, 30, tzinfo=UTC)


def scheduled(**changed: Any) -> ObjectSetting:
    Connection.objects.update(time_zone="UTC")
    ObjectSetting.objects.filter(sobject="Account").update(
        **{
            "cursor": NIGHT,
            "frequency": 24,
            "last_started_at": NIGHT,
            "last_full_at": NIGHT - timedelta(days=40),
            **changed,
        }
    )
    return ObjectSetting.objects.select_related("connection").get(sobject="Account")


@pytest.mark.parametrize(
    ("changed", "days", "is_due"),
    [
        ({}, 31, True),
        ({}, 29, False),
        ({"full_compare": "weekly"}, 8, True),
        ({"full_compare": "weekly"}, 6, False),
        ({"full_compare": "monthly"}, 29, False),
        ({"full_compare": "off"}, 400, False),
        ({"frequency": 0}, 400, False),
        ({"cursor": None}, 400, False),
    ],
)
def test_how_often_everything_is_compared(db: None, changed: dict[str, Any], days: int, is_due: bool) -> None:
    new_connection()
    setting = scheduled(last_full_at=NIGHT - timedelta(days=days), **changed)
    assert comparing.is_due(setting, NIGHT) == is_due


def test_weekly_where_a_calculated_field_is_mapped(db: None) -> None:
    new_connection()
    setting = scheduled(last_full_at=NIGHT - timedelta(days=8))
    assert not comparing.is_due(setting, NIGHT)
    setting.offered = {"Account": {"calculated": ["Industry"]}}
    assert comparing.is_due(setting, NIGHT)


@pytest.mark.parametrize(
    ("hours", "zone", "is_quiet"),
    [
        ("22-6", "UTC", True),
        ("22-6", "", True),
        ("22-6", "America/Los_Angeles", False),  # 16:30 there
        ("16-17", "America/Los_Angeles", True),
        ("0-6", "UTC", False),
        ("0-6", "Europe/Vienna", True),  # 1:30 there
        ("any", "America/Los_Angeles", True),
        ("22-24", "Mars/Olympus", True),
    ],
)
def test_only_in_the_quiet_hours_of_the_orgs_zone(hours: str, zone: str, is_quiet: bool) -> None:
    assert comparing.is_quiet(Connection(quiet_hours=hours, time_zone=zone), NIGHT) == is_quiet


def test_the_schedule_starts_it_once_and_says_why(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    Run.objects.all().delete()
    Connection.objects.update(quiet_hours="any")
    scheduled(last_started_at=datetime.now(UTC), last_full_at=datetime.now(UTC) - timedelta(days=31))
    started = automatic.tick()
    assert [(run.sobject, run.trigger, run.is_full, run.full_because) for run in started] == [
        ("User", "schedule", True, "schedule"), ("Account", "schedule", True, "schedule"),
    ]  # fmt: skip
    for run in started:
        execute(run.pk)
    run = Run.objects.get(sobject="Account")
    assert run.state == Run.State.SUCCEEDED
    assert "Every record was compared" in run.outcome
    assert automatic.tick() == []
    ObjectSetting.objects.filter(sobject="Account").update(last_full_at=datetime.now(UTC) - timedelta(days=31))
    assert automatic.tick() == [], "one that failed is not tried again at once"
    assert Cause.objects.filter(run_id=run.pk).exists()


def test_the_connection_knows_the_orgs_time_zone(live: Live) -> None:
    ((zone,),) = live.rows('SELECT "TimeZoneSidKey" FROM "Organization"')
    assert live.connection.time_zone == zone
