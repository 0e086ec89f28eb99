"""An undo puts back what a run wrote, on both sides, leaves what has changed since, and no later sync does it again."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sync.live import Live, Orgs
from tests.sync.test_preview import tables, write_there
from tests.sync.test_push import account, allow, edit, mode

from abmatic.audiences.models import Account
from abmatic.changes.models import Change
from abmatic.sync import runs, undo
from abmatic.sync.execute import execute
from abmatic.sync.models import Finding, MirrorAccount, Run, Write
from abmatic.sync.undo import NotUndone

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def live(orgs: Orgs) -> Live:
    live = orgs.sample()
    live.sync_well()
    return live


def undone(run: Run) -> Run:
    made = runs.undo(run)
    execute(made.pk)
    made.refresh_from_db()
    assert made.state == Run.State.SUCCEEDED, (made.outcome, made.error_message)
    return made


def pulled(live: Live, name: str = "GenePoint", **values: Any) -> Run:
    """A run that takes what somebody changed in Salesforce."""
    write_there(live, name, **values)
    run = live.sync_well("Account")["Account"]
    assert run.counts["updated"] == 1, run.counts
    return run


def pushed(live: Live, **values: Any) -> Run:
    """A run that wrote a person's change to Salesforce."""
    allow("Account")
    mode("Account", "Industry", to_salesforce="overwrite")
    mode("Account", "BillingCity", to_salesforce="overwrite")
    live.sync_well("Account")
    edit(Account.objects.get(name="GenePoint"), **values)
    run = live.sync_well("Account")["Account"]
    assert run.pushed["updated"] == 1
    return run


def settled(live: Live) -> None:
    """Syncs, also one that reads everything, write nothing on either side."""
    changes, writes = Change.objects.count(), Write.objects.count()
    for full in (False, False, True):
        live.sync_well("Account", full=full)
    assert (Change.objects.count(), Write.objects.count()) == (changes, writes)


def test_what_a_pull_wrote_here_is_put_back_and_stays_so(live: Live) -> None:
    before = Account.objects.get(name="GenePoint")
    run = pulled(live, Industry="Banking", NumberOfEmployees=7)
    made = undone(run)
    after = Account.objects.get(name="GenePoint")
    assert (after.industry, after.employee_count) == (before.industry, before.employee_count)
    assert (made.trigger, made.counts["updated"]) == ("undo", 1)
    change = Change.objects.get(cause=made.cause, field="industry")
    assert (change.before, change.after) == ("Banking", before.industry)
    settled(live)
    # Salesforce keeps what somebody entered there.
    assert account(live, "GenePoint")["Industry"] == "Banking"


@pytest.mark.parametrize("to_salesforce", ["fill", "overwrite"])
@pytest.mark.parametrize("to_abmatic", ["fill", "overwrite"])
def test_in_no_mode_does_a_sync_do_again_what_was_undone(live: Live, to_abmatic: str, to_salesforce: str) -> None:
    allow("Account")
    mode("Account", "Industry", to_abmatic="overwrite", to_salesforce="overwrite")
    live.sync_well("Account")
    undone(pulled(live, Industry="Banking"))
    mode("Account", "Industry", to_abmatic=to_abmatic, to_salesforce=to_salesforce)
    settled(live)
    assert Account.objects.get(name="GenePoint").industry == "Biotechnology"
    assert account(live, "GenePoint")["Industry"] == "Banking"


def test_what_a_push_wrote_in_salesforce_is_put_back_and_stays_so(live: Live) -> None:
    before = account(live, "GenePoint")
    run = pushed(live, industry="Banking", city="Graz")
    made = undone(run)
    assert account(live, "GenePoint") == before
    assert made.pushed["updated"] == 1
    settled(live)
    assert account(live, "GenePoint") == before
    # A person's edit is not ours to undo: it stays here.
    assert Account.objects.get(name="GenePoint").industry == "Banking"


def test_a_change_after_the_undo_is_synced_as_ever(live: Live) -> None:
    undone(pushed(live, industry="Banking", city="Graz"))
    # The org's clock is behind ours, so that "most recent" would say little.
    allow("Account", policy="salesforce")
    edit(Account.objects.get(name="GenePoint"), industry="Energy")
    live.sync_well("Account")
    assert account(live, "GenePoint")["Industry"] == "Energy"
    write_there(live, "GenePoint", BillingCity="Wien")
    live.sync_well("Account")
    assert Account.objects.get(name="GenePoint").city == "Wien"
    # And back to what the undo had left: that is a change now.
    write_there(live, "GenePoint", Industry="Biotechnology")
    live.sync_well("Account")
    assert Account.objects.get(name="GenePoint").industry == "Biotechnology"


def test_what_has_changed_since_is_listed_and_not_touched(live: Live) -> None:
    run = pulled(live, Industry="Banking", NumberOfEmployees=7)
    edit(Account.objects.get(name="GenePoint"), industry="Energy")
    made = undone(run)
    after = Account.objects.get(name="GenePoint")
    assert (after.industry, after.employee_count) == ("Energy", 265)
    entry = Finding.objects.get(run=made)
    assert (entry.reason, entry.field, entry.value) == ("undo_changed_here", "industry", "Energy")
    assert "1 value has changed since" in made.outcome


def test_so_is_what_a_rep_changed_in_salesforce(live: Live) -> None:
    run = pushed(live, industry="Banking", city="Graz")
    write_there(live, "GenePoint", Industry="Energy")
    before = account(live, "GenePoint")
    made = undone(run)
    assert account(live, "GenePoint") == {**before, "BillingCity": "Mountain View"}
    entry = Finding.objects.get(run=made)
    assert (entry.reason, entry.field, entry.value) == ("undo_changed_there", "Industry", "Energy")


def test_the_key_goes_back_with_the_website(live: Live) -> None:
    undone(pulled(live, Website="https://other.example"))
    assert Account.objects.get(name="GenePoint").domain == "genepoint.com"


def test_records_that_the_run_created_stay_and_are_listed(live: Live) -> None:
    allow("Account")
    Account.objects.create(name="Acme", website="https://acme.example", domain="acme.example")
    run = live.sync_well("Account")["Account"]
    made = undone(run)
    assert live.number('SELECT count(*) FROM "Account" WHERE "Name" = ?', "Acme") == 1
    assert Finding.objects.get(run=made, reason="undo_created_there").sf_id
    first = Run.objects.filter(sobject="Account").earliest("pk")
    assert undone(first).counts["reasons"] == {"undo_created_here": 10}
    assert Account.objects.count() == 11


def test_what_the_run_created_stays_as_the_run_left_it(live: Live) -> None:
    first = Run.objects.filter(sobject="Account").earliest("pk")
    record = Account.objects.get(name="GenePoint")
    assert record.created_by_id == first.cause_id
    # As where the elder of two duplicates comes in a later chunk, and takes over what was made of the younger one.
    Change.objects.create(
        record="account", record_id=record.pk, field="name", before="Younger", after="GenePoint", cause=first.cause
    )
    found = undo.preview(first)
    assert (found.here, found.here_values, found.left) == (0, 0, {"undo_created_here": 10})
    made = undone(first)
    record.refresh_from_db()
    assert (record.name, made.counts["reasons"]) == ("GenePoint", {"undo_created_here": 10})
    settled(live)


def test_an_undo_can_be_undone(live: Live) -> None:
    made = undone(pushed(live, industry="Banking"))
    undone(made)
    assert account(live, "GenePoint")["Industry"] == "Banking"
    again = undone(pulled(live, "Edge Communications", Industry="Energy"))
    undone(again)
    assert Account.objects.get(name="Edge Communications").industry == "Energy"
    settled(live)


def test_by_bulk_too(orgs: Orgs, live: Live) -> None:
    allow("Account")
    mode("Account", "BillingCity", to_salesforce="overwrite")
    live.sync_well("Account")
    before = live.rows('SELECT "Id", "BillingCity" FROM "Account" ORDER BY "Id"')
    for record in Account.objects.all():
        edit(record, city="Graz")
    run = live.sync_well("Account")["Account"]
    assert run.pushed["updated"] == 10
    orgs.allow(rest_limit=5)
    assert undone(run).pushed["updated"] == 10
    assert live.rows('SELECT "Id", "BillingCity" FROM "Account" ORDER BY "Id"') == before
    settled(live)


def test_a_preview_says_what_would_be_and_writes_nothing(live: Live) -> None:
    run = pushed(live, industry="Banking")
    other = pulled(live, "Edge Communications", BillingCity="Graz")
    before, there = tables(), live.rows('SELECT * FROM "Account" ORDER BY "Id"')
    found = undo.preview(run)
    assert (found.there_back, found.here_back) == (1, 0)
    (sample,) = found.samples["salesforce"]
    assert (sample["field"], sample["now"], sample["then"]) == ("Industry", "Banking", "Biotechnology")
    found = undo.preview(other)
    assert (found.there_back, found.here_back) == (0, 1)
    assert found.samples["here"][0]["then"] == "Austin"
    assert tables() == before
    assert live.rows('SELECT * FROM "Account" ORDER BY "Id"') == there


def test_a_run_that_only_read_along_is_not_undone(live: Live) -> None:
    with pytest.raises(NotUndone, match="read users along"):
        runs.undo(Run.objects.get(sobject="User"))


def test_what_salesforce_refuses_to_take_back_is_not_held(live: Live) -> None:
    run = pushed(live, industry="Banking")
    mirror = MirrorAccount.objects.get(values__Name="GenePoint")
    Write.objects.filter(run=run).update(before={"Industry": "x" * 300})
    undone(run)
    mirror.refresh_from_db()
    assert account(live, "GenePoint")["Industry"] == "Banking"
    assert mirror.held in (None, {"s": {}, "a": {}})
