"""What a run created in Salesforce is removed there by its undo, where somebody asked for it and nobody else cares."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.sync.live import Live, Orgs
from tests.sync.test_preview import tables
from tests.sync.test_push import allow, edit

from abmatic.audiences.models import Account
from abmatic.salesforce import Client
from abmatic.sync import runs, undo, undo_created
from abmatic.sync.execute import execute
from abmatic.sync.models import Finding, MirrorAccount, Run, Write

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def live(orgs: Orgs) -> Live:
    live = orgs.sample()
    live.sync_well("Account", "Contact")
    allow("Account")
    return live


def created(live: Live, *names: str) -> tuple[Run, dict[str, str]]:
    """A run that created accounts in Salesforce, and their Ids."""
    for name in names:
        Account.objects.create(name=name, website=f"{name.lower()}.example", domain=f"{name.lower()}.example")
    run = live.sync_well("Account")["Account"]
    assert run.pushed["created"] == len(names)
    return run, {name: sf_id(live, name) for name in names}


def sf_id(live: Live, name: str) -> str:
    return str(live.rows('SELECT "Id" FROM "Account" WHERE "Name" = ?', name)[0][0])


def names_there(live: Live) -> set[str]:
    return {row[0] for row in live.rows('SELECT "Name" FROM "Account" WHERE "IsDeleted" = 0')}


def undone(run: Run, *, well: bool = True, **options: Any) -> Run:
    made = runs.undo(run, **options)
    execute(made.pk)
    made.refresh_from_db()
    assert not well or made.state == Run.State.SUCCEEDED, (made.outcome, made.error_message)
    return made


def test_what_nobody_has_touched_is_removed_and_not_created_again(live: Live) -> None:
    run, ids = created(live, "Acme", "Umbrella")
    made = undone(run, delete_created=True)
    assert not {"Acme", "Umbrella"} & names_there(live)
    assert "2 records that it created in Salesforce were removed there" in made.outcome
    assert set(Write.objects.filter(run=made, operation="delete").values_list("sf_id", flat=True)) == set(ids.values())
    assert Account.objects.filter(name__in=ids).count() == 2
    edit(Account.objects.get(name="Acme"), city="Graz")
    live.sync_well("Account")
    live.sync_well("Account", full=True)
    assert "Acme" not in names_there(live)
    assert MirrorAccount.objects.get(sf_id=ids["Acme"]).is_deleted
    # Done once is done.
    assert Write.objects.filter(run=undone(run, delete_created=True)).count() == 0


def test_off_by_default(live: Live) -> None:
    run, _ = created(live, "Acme")
    made = undone(run)
    assert "Acme" in names_there(live)
    assert Finding.objects.get(run=made, reason="undo_created_there")


def test_what_a_rep_has_touched_since_stays(live: Live) -> None:
    run, ids = created(live, "Changed", "Untyped", "Parent", "Employer", "Gone", "Free")
    # Salesforce tells times in whole seconds.
    live.org.store.clock.change(to=live.org.store.clock() + timedelta(seconds=2))
    with live.editing() as session:
        session.update("Account", ids["Changed"], {"BillingCity": "Graz"})
        # A field that the run never sent.
        session.update("Account", ids["Untyped"], {"Phone": "1"})
        session.insert("Account", {"Name": "Subsidiary", "ParentId": ids["Parent"]})
        session.insert("Contact", {"LastName": "Smith", "AccountId": ids["Employer"]})
        session.delete("Account", ids["Gone"])
    found = undo.preview(run, delete_created=True)
    assert (found.there_removed, found.samples["removed"]) == (1, [{"id": ids["Free"]}])
    made = undone(run, delete_created=True)
    assert {"Changed", "Untyped", "Parent", "Employer", "Subsidiary"} <= names_there(live)
    assert "Free" not in names_there(live)
    why = dict(Finding.objects.filter(run=made).values_list("sf_id", "reason"))
    assert why == {
        ids["Changed"]: "undo_changed_there", ids["Untyped"]: "undo_changed_there", ids["Parent"]: "undo_in_use",
        ids["Employer"]: "undo_in_use", ids["Gone"]: "undo_gone",
    }  # fmt: skip


def test_what_can_not_be_known_counts_as_used(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    run, ids = created(live, "Acme")
    body = [{"message": "sObject type 'Contact' is not supported.", "errorCode": "INVALID_TYPE"}]
    ask = Client.query_rows

    def refused(self: Client, soql: str) -> Any:
        if " FROM Contact " in soql:
            live.org.fault("status", {"path": "/query"}, status=400, body=body)
        return ask(self, soql)

    monkeypatch.setattr(Client, "query_rows", refused)
    made = undone(run, delete_created=True)
    assert "Acme" in names_there(live)
    assert Finding.objects.get(run=made, sf_id=ids["Acme"]).reason == "undo_in_use"


def test_a_preview_removes_nothing(live: Live) -> None:
    run, _ = created(live, "Acme")
    before = tables()
    found = undo.preview(run, delete_created=True)
    assert found.as_json()["salesforce"] == {"put_back": 0, "removed": 1}
    assert tables() == before
    assert "Acme" in names_there(live)
    assert undo.preview(run).there_removed == 0


def test_what_would_be_removed_can_be_looked_at_by_itself(live: Live) -> None:
    run, ids = created(live, "Acme", "Duff")
    with live.editing() as session:
        session.update("Account", ids["Duff"], {"Industry": "Brewing"})
    before = tables()
    found = undo.preview_removal(run)
    assert (found.number, found.samples, dict(found.left)) == (1, [ids["Acme"]], {"undo_changed_there": 1})
    assert tables() == before
    assert undo_created.count_made(run) == 2
    undone(run, delete_created=True)
    assert undo_created.count_made(run) == 1


def test_what_salesforce_refuses_to_remove_is_listed(live: Live) -> None:
    run, ids = created(live, "Acme")
    error = {"statusCode": "INSUFFICIENT_ACCESS_OR_READONLY", "message": "No delete.", "fields": []}
    live.org.fault(
        "status", {"method": "DELETE", "path": "/composite/sobjects"}, status=200, times=1,
        body=[{"success": False, "errors": [error]}],
    )  # fmt: skip
    made = undone(run, delete_created=True)
    entry = Finding.objects.get(run=made, sf_id=ids["Acme"])
    assert (entry.reason, entry.value) == ("undo_not_removed", "INSUFFICIENT_ACCESS_OR_READONLY: No delete.")
    assert not MirrorAccount.objects.get(sf_id=ids["Acme"]).is_deleted


def test_interrupted_it_is_finished_by_the_next(live: Live) -> None:
    run, _ = created(live, "Acme")
    live.org.fault("reset", {"method": "DELETE", "path": "/composite/sobjects"}, when="after")
    assert undone(run, well=False, delete_created=True).state == Run.State.FAILED
    assert "Acme" not in names_there(live)
    assert undone(run, delete_created=True).counts["reasons"] == {"undo_gone": 1}
