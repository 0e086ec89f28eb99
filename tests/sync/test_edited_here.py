"""What people change here is held against what Salesforce last said, though nobody has touched the record there."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from django.db import OperationalError, transaction
from django.db import connection as database
from tests.sync.live import Live, Orgs
from tests.sync.test_push import account, allow, edit, mode

from abmatic.audiences.models import Account
from abmatic.changes.models import Change
from abmatic.sync import runs
from abmatic.sync.models import Due, FieldMapping, Finding, MirrorAccount, ObjectSetting, Run
from abmatic.sync.preview import preview
from abmatic.sync.pull import edited
from abmatic.sync.pull.chunk import ChunkWriter

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def live(orgs: Orgs) -> Live:
    live = orgs.sample()
    live.sync_well()
    return live


def sync(live: Live) -> Run:
    # A run reads up to the second that has begun.
    live.org.store.set_clock(by=1)
    live.org.emulator.calls.clear()
    return live.sync_well("Account")["Account"]


def settled(live: Live, sf_field: str, to_abmatic: str, to_salesforce: str, **more: Any) -> Account:
    """A record whose field has these modes, everything being read under them; later runs are incremental."""
    mode("Account", sf_field, to_abmatic=to_abmatic, to_salesforce=to_salesforce)
    if more:
        FieldMapping.objects.filter(setting__sobject="Account", sf_field=sf_field).update(**more)
    sync(live)
    sync(live)
    return Account.objects.get(name="GenePoint")


def counted(run: Run) -> tuple[int, int, int]:
    return run.counts["read"], run.counts["updated"], run.counts["unchanged"]


@pytest.mark.parametrize("to_salesforce", ["none", "fill"])
def test_where_salesforce_is_authoritative_its_value_comes_back(live: Live, to_salesforce: str) -> None:
    allow("Account")
    record = settled(live, "BillingCity", "overwrite", to_salesforce)
    theirs = account(live, "GenePoint")
    edit(record, city="Nowhere")
    run = sync(live)
    record.refresh_from_db()
    assert record.city == theirs["BillingCity"]
    assert (counted(run), run.expected, run.processed) == ((1, 1, 0), 1, 1)
    assert account(live, "GenePoint") == theirs
    assert Change.objects.filter(record_id=record.pk, field="city").latest("pk").cause.run_id == run.pk
    for _ in range(2):
        assert counted(sync(live)) == (0, 0, 0)


def test_that_costs_no_call(live: Live) -> None:
    record = settled(live, "BillingCity", "overwrite", "none")
    sync(live)
    idle = live.org.counted_calls()
    edit(record, city="Nowhere")
    sync(live)
    assert live.org.counted_calls() == idle


@pytest.mark.parametrize(("to_salesforce", "city"), [("none", True), ("fill", False), ("overwrite", False)])
def test_what_is_emptied_here_is_filled_again_unless_that_is_a_change_for_salesforce(
    live: Live, to_salesforce: str, city: bool
) -> None:
    allow("Account")
    record = settled(live, "BillingCity", "fill", to_salesforce)
    theirs = account(live, "GenePoint")["BillingCity"]
    edit(record, city=None)
    sync(live)
    record.refresh_from_db()
    expected = {"none": theirs, "fill": theirs, "overwrite": None}[to_salesforce]
    assert record.city == expected
    assert city is (to_salesforce == "none")


def test_where_both_sides_may_write_the_edit_goes_to_salesforce(live: Live) -> None:
    allow("Account")
    record = settled(live, "BillingCity", "overwrite", "overwrite")
    edit(record, city="Graz")
    run = sync(live)
    record.refresh_from_db()
    assert (record.city, account(live, "GenePoint")["BillingCity"]) == ("Graz", "Graz")
    assert (run.counts["updated"], run.pushed["updated"]) == (0, 1)


def test_nothing_is_written_here_where_that_is_off(live: Live) -> None:
    allow("Account", update_in_abmatic=False)
    record = settled(live, "BillingCity", "overwrite", "none")
    edit(record, city="Nowhere")
    run = sync(live)
    record.refresh_from_db()
    assert (record.city, counted(run)) == ("Nowhere", (0, 0, 0))


def test_a_preview_says_so_and_leaves_it(live: Live) -> None:
    record = settled(live, "BillingCity", "overwrite", "none")
    theirs = account(live, "GenePoint")["BillingCity"]
    edit(record, city="Nowhere")
    live.org.store.set_clock(by=1)
    found = preview(live.connection, "Account")
    (sample,) = found.samples["to_abmatic"]["updated"]
    assert sample.fields == {"city": {"before": "Nowhere", "after": theirs}}
    record.refresh_from_db()
    assert record.city == "Nowhere"
    run = sync(live)
    assert found.to_abmatic == run.counts
    assert found.is_complete


def test_an_undo_stays_undone(live: Live) -> None:
    record = settled(live, "BillingCity", "overwrite", "none")
    edit(record, city="Nowhere")
    run = sync(live)
    runs.undo(run)
    undoing = Run.objects.latest("pk")
    from abmatic.sync.execute import execute

    execute(undoing.pk)
    record.refresh_from_db()
    assert record.city == "Nowhere"
    sync(live)
    record.refresh_from_db()
    assert record.city == "Nowhere"


def test_what_a_run_wrote_is_no_edit_of_a_person(live: Live) -> None:
    """Two orgs with one account would change it back and forth."""
    record = settled(live, "BillingCity", "overwrite", "none")
    edit(record, city="Nowhere")
    # As the run of another org's connection would have left it.
    cause = Change.objects.latest("pk").cause
    cause.run_id = 1 << 40
    cause.save()
    run = sync(live)
    record.refresh_from_db()
    assert (record.city, counted(run)) == ("Nowhere", (0, 0, 0))


def test_a_value_that_can_not_be_read_is_not_taken_for_empty(live: Live) -> None:
    record = Account.objects.get(name="GenePoint")
    mode("Account", "NumberOfEmployees", to_abmatic="overwrite", to_salesforce="none")
    FieldMapping.objects.filter(setting__sobject="Account", sf_field="NumberOfEmployees").update(clear_with_empty=True)
    sync(live)
    mirror = MirrorAccount.objects.get(local_id=record.pk)
    # As a text that is no number leaves it: of the field nothing was agreed on.
    base = {**mirror.values, "NumberOfEmployees": None}
    MirrorAccount.objects.filter(sf_id=mirror.sf_id).update(
        values={name: value for name, value in mirror.values.items() if name != "NumberOfEmployees"},
        base={name: value for name, value in base.items() if name != "NumberOfEmployees"},
    )
    edit(record, employee_count=7, city="Nowhere")
    run = sync(live)
    record.refresh_from_db()
    assert record.employee_count == 7
    assert not Finding.objects.filter(run=run, reason="value_unreadable").exists()


def test_after_a_restored_backup_all_that_people_changed_counts(live: Live) -> None:
    """The transactions of the new server are numbered from its own beginning."""
    allow("Account")
    record = settled(live, "BillingCity", "overwrite", "none")
    mode("Account", "Industry", to_abmatic="none", to_salesforce="overwrite")
    sync(live)
    setting = ObjectSetting.objects.get(sobject="Account")
    mirrored, compared = setting.mirrored, setting.compared
    mirrored["Account"]["heeded"] = compared["seen"] = 1 << 60
    ObjectSetting.objects.filter(pk=setting.pk).update(mirrored=mirrored, compared=compared)
    edit(record, city="Nowhere", industry="Banking")
    sync(live)
    record.refresh_from_db()
    assert record.city == account(live, "GenePoint")["BillingCity"] != "Nowhere"
    assert account(live, "GenePoint")["Industry"] == "Banking"
    setting.refresh_from_db()
    assert setting.mirrored["Account"]["heeded"] < 1 << 60 > setting.compared["seen"]
    assert not Due.objects.exists()


def test_many_are_merged_a_few_at_a_time(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    settled(live, "BillingCity", "overwrite", "none")
    monkeypatch.setattr(edited, "_A_CHUNK", 2)
    records = list(Account.objects.exclude(city=None).order_by("pk"))[:5]
    theirs = [record.city for record in records]
    for record in records:
        edit(record, city="Nowhere")
    run = sync(live)
    assert [Account.objects.get(pk=record.pk).city for record in records] == theirs
    assert (counted(run), run.expected) == ((5, 5, 0), 5)


def test_what_is_typed_between_a_merge_and_its_writing_is_not_written_over(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of a record's values are written: one that somebody has just changed must not be its former self again."""
    record = settled(live, "Industry", "fill", "none")
    with live.editing() as session:
        session.update("Account", account(live, "GenePoint")["Id"], {"BillingCity": "Graz"})
    do, typed = ChunkWriter._do, []

    def doing(writer: ChunkWriter, step: str) -> None:
        do(writer, step)
        if step == "merge" and not typed:
            typed.append(step)
            edit(Account.objects.get(pk=record.pk), industry="Banking")

    monkeypatch.setattr(ChunkWriter, "_do", doing)
    run = sync(live)
    record.refresh_from_db()
    assert typed
    assert (record.city, record.industry) == ("Graz", "Banking")
    assert [change.field for change in Change.objects.filter(cause=run.cause)] == ["city"]


def test_records_that_change_again_and_again_are_read_once_more(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    record = settled(live, "Industry", "fill", "none")
    with live.editing() as session:
        session.update("Account", account(live, "GenePoint")["Id"], {"BillingCity": "Graz"})
    do, typed = ChunkWriter._do, []

    def doing(writer: ChunkWriter, step: str) -> None:
        do(writer, step)
        if step == "merge" and len(typed) < 11:
            typed.append(step)
            # A row that is held already would be waited for.
            with transaction.atomic(), database.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '100ms'")
                with contextlib.suppress(OperationalError), transaction.atomic():
                    cursor.execute("UPDATE account SET industry = %s WHERE id = %s", [f"x{len(typed)}", record.pk])

    monkeypatch.setattr(ChunkWriter, "_do", doing)
    sync(live)
    record.refresh_from_db()
    assert (record.city, record.industry) == ("Graz", "x1")
