"""Where both sides differ, why, and what closes the gap that an undo left: over the wire to an org."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest
from tests.sync.live import Live, Orgs
from tests.sync.test_preview import tables, write_there
from tests.sync.test_push import account, allow, edit, mode
from tests.sync.test_selected_push import carried_out, previewed
from tests.sync.test_undo import pulled, pushed, settled, undone

from abmatic.audiences.models import Account
from abmatic.changes.models import Cause, Change
from abmatic.sync.gaps import Gap, gaps, take
from abmatic.sync.models import Issue, MirrorAccount, Run, SelectedPush, Write
from abmatic.sync.selected.rules import NotPushed

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def live(orgs: Orgs) -> Live:
    live = orgs.sample()
    live.sync_well()
    return live


def record() -> Account:
    return Account.objects.get(name="GenePoint")


def found() -> dict[str, Gap]:
    return {gap.local_field: gap for gap in gaps("account", record().pk)}


def person() -> Cause:
    return Cause.objects.create(kind=Cause.Kind.USER)


def insisting(live: Live, *names: str, **how: Any) -> SelectedPush:
    return previewed(live, record(), insists=names, **how)


def test_alike_there_is_no_gap(live: Live) -> None:
    assert found() == {}


def test_what_salesforce_would_not_store_today_is_no_gap_and_is_not_written_back(live: Live) -> None:
    allow("Account")
    mode("Account", "AnnualRevenue", to_salesforce="overwrite")
    mode("Account", "Industry", to_salesforce="overwrite")
    there = account(live, "GenePoint")["Id"]

    def revenue() -> Any:
        return live.rows('SELECT "AnnualRevenue" FROM "Account" WHERE "Id" = ?', there)[0][0]

    # As of a field that had decimals once; it has none now, and Salesforce rounds what is written.
    with closing(sqlite3.connect(live.org.store.path)) as database, database:
        database.execute('UPDATE "Account" SET "AnnualRevenue" = 0.57 WHERE "Id" = ?', [there])
    with live.editing() as session:
        session.update("Account", there, {"Description": "Touched"})
    live.sync_well("Account")
    assert record().revenue is not None
    assert float(record().revenue or 0) == 0.57
    assert found() == {}
    edit(record(), industry="Banking")
    run = live.sync_well("Account")["Account"]
    assert run.pushed["updated"] == 1
    assert account(live, "GenePoint")["Industry"] == "Banking"
    assert revenue() == 0.57


def test_whatever_salesforce_has_can_be_taken(live: Live) -> None:
    with live.editing() as session:
        session.update("Account", account(live, "GenePoint")["Id"], {"AnnualRevenue": -1})
    undone(live.sync_well("Account")["Account"])
    gap = found()["revenue"]
    assert gap.can_be_taken
    assert gap.theirs == -1
    assert take("account", record().pk, gap, person).status == "updated"
    assert record().revenue == -1
    assert found() == {}


def test_what_salesforce_rounded_itself_is_not_sent_again(live: Live) -> None:
    allow("Account")
    mode("Account", "AnnualRevenue", to_salesforce="overwrite")
    mode("Account", "Industry", to_salesforce="overwrite")
    there = account(live, "GenePoint")["Id"]
    with closing(sqlite3.connect(live.org.store.path)) as database, database:
        database.execute('UPDATE "Account" SET "AnnualRevenue" = 0.57 WHERE "Id" = ?', [there])
    with live.editing() as session:
        session.update("Account", there, {"Description": "Touched"})
    live.sync_well("Account")
    mode("Account", "AnnualRevenue", to_abmatic="none")
    with live.editing() as session:
        session.update("Account", there, {"AnnualRevenue": 1})
    live.sync_well("Account")
    assert float(record().revenue or 0) == 0.57
    edit(record(), industry="Banking")
    live.sync_well("Account")
    assert [write.sent for write in Write.objects.all()] == [{"Industry": "Banking"}]


def test_an_undone_push_leaves_one_that_no_push_and_no_same_value_closes(live: Live) -> None:
    run = pushed(live, industry="Banking")
    undo = undone(run)
    gap = found()["industry"]
    assert (gap.theirs, gap.ours, gap.undo, gap.undone) == ("Biotechnology", "Banking", undo.pk, run.pk)
    assert f"Left so by an undo of run {run.pk}" in gap.reason
    assert gap.can_be_taken
    assert gap.can_be_written
    # As a newcomer tries it: a push of the record has nothing to write.
    push = previewed(live, record())
    assert push.found is not None
    assert push.found["verdicts"] == {"equal": 1}


def test_an_undone_pull_leaves_one_as_well(live: Live) -> None:
    run = pulled(live, Industry="Banking", NumberOfEmployees=7)
    undone(run)
    assert {name: (gap.theirs, gap.ours, gap.undone) for name, gap in found().items()} == {
        "industry": ("Banking", "Biotechnology", run.pk),
        "employee_count": (7, 265, run.pk),
    }


@pytest.mark.parametrize("undo_of", [pushed, pulled])
def test_taking_salesforces_value_is_an_edit_that_settles(live: Live, undo_of: Any) -> None:
    values = {"industry": "Banking"} if undo_of is pushed else {"Industry": "Banking", "NumberOfEmployees": 7}
    undone(undo_of(live, **values))
    before = account(live, "GenePoint")
    for gap in found().values():
        cause = person()
        assert take("account", record().pk, gap, lambda cause=cause: cause).status == "updated"  # type: ignore[misc]
        change = Change.objects.get(cause=cause)
        assert (change.field, change.after) == (gap.local_field, gap.theirs)
    assert found() == {}
    settled(live)
    assert account(live, "GenePoint") == before
    # And the field is synchronised as ever again.
    write_there(live, "GenePoint", Industry="Energy")
    live.sync_well("Account")
    assert record().industry == "Energy"


@pytest.mark.parametrize("to_abmatic", ["none", "fill", "overwrite"])
@pytest.mark.parametrize("undo_of", [pushed, pulled])
def test_writing_ours_is_a_push_that_settles(live: Live, undo_of: Any, to_abmatic: str) -> None:
    allow("Account")
    mode("Account", "Industry", to_abmatic="overwrite", to_salesforce="overwrite")
    live.sync_well("Account")
    undone(undo_of(live, **({"industry": "Banking"} if undo_of is pushed else {"Industry": "Banking"})))
    mode("Account", "Industry", to_abmatic=to_abmatic)
    live.sync_well("Account")
    ours, before = record().industry, tables()
    assert found()["industry"].can_be_written
    push = insisting(live, "industry")
    assert push.found is not None
    assert push.found["verdicts"] == {"updated": 1}
    after = tables()
    assert {name for name in before if before[name] != after[name]} <= {"selected_push", "selected_record"}
    (run,) = carried_out(push)
    assert run.pushed["updated"] == 1
    assert (account(live, "GenePoint")["Industry"], record().industry) == (ours, ours)
    assert found() == {}
    settled(live)
    assert account(live, "GenePoint")["Industry"] == ours


def test_other_fields_stay_as_the_undo_left_them(live: Live) -> None:
    undone(pushed(live, industry="Banking", city="Graz"))
    carried_out(insisting(live, "industry"))
    assert account(live, "GenePoint")["Industry"] == "Banking"
    assert account(live, "GenePoint")["BillingCity"] == "Mountain View"
    assert set(found()) == {"city"}
    settled(live)


@pytest.mark.parametrize(
    ("switches", "modes", "why"),
    [
        ({"update_in_salesforce": False}, {}, "“Update in Salesforce” of Accounts is off"),
        ({}, {"to_salesforce": "none"}, "is not written to"),
        ({}, {"to_salesforce": "fill"}, "Only an empty Account.Industry is filled"),
    ],
)
def test_modes_and_switches_that_forbid_it_are_said_and_obeyed(
    live: Live, switches: dict[str, Any], modes: dict[str, Any], why: str
) -> None:
    undone(pushed(live, industry="Banking"))
    allow("Account", **switches)
    if modes:
        mode("Account", "Industry", **modes)
    live.sync_well("Account")
    gap = found()["industry"]
    assert why in (gap.not_written or "")
    assert not gap.can_be_written
    before = MirrorAccount.objects.get(local_id=record().pk).held
    push = insisting(live, "industry")
    assert push.found is not None
    assert push.found["writes"] == 0
    # Started all the same by somebody who knows how: nothing is written, and what the undo left is kept.
    SelectedPush.objects.filter(pk=push.pk).update(found={**push.found, "writes": 1})
    carried_out(push)
    assert MirrorAccount.objects.get(local_id=record().pk).held == before
    live.sync_well("Account", full=True)
    assert (record().industry, account(live, "GenePoint")["Industry"]) == ("Banking", "Biotechnology")


def test_the_push_filter_keeps_what_the_undo_left(live: Live) -> None:
    undone(pushed(live, industry="Banking"))
    allow("Account", push_filter={"field": "employee_count", "is": "at_least", "value": 10**9})
    push = insisting(live, "industry")
    assert push.found is not None
    assert push.found["verdicts"] == {"filtered": 1}
    carried_out(insisting(live, "industry", past_filter=True))
    assert account(live, "GenePoint")["Industry"] == "Banking"


def test_what_a_rep_changed_meanwhile_is_not_written_over_unseen(live: Live) -> None:
    allow("Account", policy="salesforce")
    mode("Account", "Industry", to_salesforce="overwrite")
    undone(pushed(live, industry="Banking"))
    push = insisting(live, "industry")
    write_there(live, "GenePoint", Industry="Energy")
    carried_out(push)
    assert (record().industry, account(live, "GenePoint")["Industry"]) == ("Energy", "Energy")


def test_an_unknown_field_is_refused(live: Live) -> None:
    with pytest.raises(NotPushed, match="no field nonsense"):
        insisting(live, "nonsense")


class TestOtherReasons:
    def test_a_change_on_its_way(self, live: Live) -> None:
        allow("Account")
        mode("Account", "Industry", to_salesforce="overwrite")
        edit(record(), industry="Banking")
        gap = found()["industry"]
        assert not gap.is_held
        assert "Goes to Salesforce" in gap.reason

    def test_salesforce_leads(self, live: Live) -> None:
        edit(record(), industry="Banking")
        assert "brings its value back" in found()["industry"].reason

    def test_not_written_in_that_direction(self, live: Live) -> None:
        mode("Account", "Industry", to_abmatic="none", to_salesforce="none")
        edit(record(), industry="Banking")
        gap = found()["industry"]
        assert "is not written to" in gap.reason
        assert (gap.can_be_taken, gap.can_be_written) == (False, False)

    def test_kept_out_by_the_filter(self, live: Live) -> None:
        allow("Account", push_filter={"field": "employee_count", "is": "at_least", "value": 10**9})
        mode("Account", "Industry", to_salesforce="overwrite")
        edit(record(), industry="Banking")
        assert "push filter" in found()["industry"].reason

    def test_refused(self, live: Live) -> None:
        allow("Account")
        mode("Account", "Industry", to_salesforce="overwrite")
        edit(record(), industry="Banking")
        Issue.objects.create(
            connection=live.connection, sobject="Account", local_id=record().pk,
            code="FIELD_CUSTOM_VALIDATION_EXCEPTION", message="No banks.", sent={"Industry": "Banking"},
        )  # fmt: skip
        assert "A validation rule says no" in found()["industry"].reason

    def test_what_was_never_read_is_no_gap(self, live: Live) -> None:
        mirror = MirrorAccount.objects.get(local_id=record().pk)
        base = dict(mirror.base or mirror.values)
        for document in (base, mirror.values):
            document.pop("Industry")
        mirror.base = base
        mirror.save()
        assert "industry" not in found()

    def test_what_salesforce_stores_otherwise_is_none(self, live: Live) -> None:
        edit(record(), industry="Biotechnology ")
        assert "industry" not in found()


def test_a_run_of_its_own_is_named(live: Live) -> None:
    undone(pushed(live, industry="Banking"))
    (run,) = carried_out(insisting(live, "industry"))
    assert run.trigger == Run.Trigger.MANUAL
