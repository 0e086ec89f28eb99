"""An org whose fields come, go and change: mappings are kept and say so, nothing is read as empty, the rest goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.sync.live import Live, Orgs
from tests.sync.test_preview import tables
from tests.sync.test_push import allow, edit

from abmatic.audiences.models import Account
from abmatic.sync.execute import execute
from abmatic.sync.importing.asking import ask, begin
from abmatic.sync.models import CrmImport, FieldMapping, Issue, ObjectSetting, Run, Write
from abmatic.sync.preview import preview

pytestmark = pytest.mark.django_db(transaction=True)

SEGMENT: dict[str, Any] = {"name": "Segment__c", "kind": "string", "length": 40}
TIER: dict[str, Any] = {
    "name": "Segment__c",
    "kind": "picklist",
    "restrictedPicklist": True,
    "values": ["Gold", "Silver"],
}
NAMES = ["GenePoint", "Dickenson plc", "Pyramid Construction Inc."]


def change(live: Live, action: str, **more: Any) -> None:
    live.org.store.change_schema([{"action": action, "object": "Account", **more}])
    # A describe that was asked for in the same second would not be told.
    live.org.store.clock.change(by=2)


def gone(live: Live) -> None:
    change(live, "remove_field", field="Segment__c")


def hidden(live: Live) -> None:
    denied = {"field": "Account.Segment__c", "readable": False}
    live.org.store.put_permissions({"profiles": [{"fullName": "System Administrator", "fieldPermissions": [denied]}]})


def forget_describe() -> None:
    """A day goes by."""
    ObjectSetting.objects.update(offered={})


def start(orgs: Orgs, field: dict[str, Any], value: str = "Gold") -> Live:
    """An org with a field of its own that is synchronised both ways, as our industry."""
    live = orgs.sample()
    change(live, "add_field", field=field)
    FieldMapping.objects.filter(setting__sobject="Account", sf_field="Industry").update(
        sf_field="Segment__c", to_salesforce="overwrite"
    )
    with live.editing() as session:
        for (sf_id,) in live.rows('SELECT "Id" FROM "Account"'):
            session.update("Account", sf_id, {"Segment__c": value})
    allow("Account")
    live.sync_well("Account")
    return live


def mapping() -> FieldMapping:
    return FieldMapping.objects.get(setting__sobject="Account", sf_field="Segment__c")


def values() -> list[str | None]:
    return list(Account.objects.filter(name__in=NAMES).order_by("name").values_list("industry", flat=True))


def touch(live: Live, city: str) -> None:
    with live.editing() as session:
        for (sf_id,) in live.rows('SELECT "Id" FROM "Account"'):
            session.update("Account", sf_id, {"BillingCity": city})


def cities() -> set[str | None]:
    return set(Account.objects.values_list("city", flat=True))


@pytest.mark.parametrize("take_away", [gone, hidden])
@pytest.mark.parametrize("rest_limit", [2000, 2])
def test_a_field_taken_away_between_runs(orgs: Orgs, take_away: Callable[[Live], None], rest_limit: int) -> None:
    live = start(orgs, SEGMENT)
    orgs.allow(rest_limit=rest_limit)
    before = values()
    assert before == ["Gold"] * len(before)
    take_away(live)
    touch(live, "Graz")
    live.sync_well("Account")
    assert (values(), cities()) == (before, {"Graz"})
    assert "no field Segment__c" in mapping().broken
    # Ours goes on, without the field; what is only of the field waits.
    edit(Account.objects.get(name="GenePoint"), industry="Bronze")
    run = live.sync_well("Account")["Account"]
    assert (run.pushed["updated"], run.pushed["refused"]) == (0, 0)
    assert not Issue.objects.exists()


def test_a_field_that_is_back_is_read_and_written_again(orgs: Orgs) -> None:
    live = start(orgs, SEGMENT)
    hidden(live)
    touch(live, "Graz")
    live.sync_well("Account")
    edit(Account.objects.get(name="GenePoint"), industry="Bronze")
    live.sync_well("Account")
    live.org.store.rules.clear_permissions(live.org.store.now())
    live.org.store.clock.change(by=2)
    run = live.sync_well("Account")["Account"]
    assert (run.is_full, run.full_because) == (True, Run.FullBecause.SETTINGS)
    assert mapping().broken == mapping().unwritable == ""
    live.sync_well("Account")
    ((theirs,),) = live.rows('SELECT "Segment__c" FROM "Account" WHERE "Name" = ?', "GenePoint")
    # They meet as if for the first time: by the policy of two different values, Salesforce's is taken.
    assert theirs == Account.objects.get(name="GenePoint").industry == "Gold"


@pytest.mark.parametrize("take_away", [gone, hidden])
@pytest.mark.parametrize("when", ["before its preview", "after its preview", "while it reads"])
def test_an_import_of_chosen_records_goes_on_without_a_field_that_was_taken_away(
    orgs: Orgs, monkeypatch: pytest.MonkeyPatch, take_away: Callable[[Live], None], when: str
) -> None:
    monkeypatch.setattr("abmatic.sync.importing.reading.CHUNK", 4)
    live = start(orgs, SEGMENT)
    before = values()
    touch(live, "Graz")
    if when == "before its preview":
        take_away(live)
    found = ask(live.connection, "Account", "soql", "SELECT Id FROM Account", at_once=True)
    assert (found.state, found.problem) == (CrmImport.State.READY, "")
    assert found.found is not None
    assert found.found["counts"]["updated"] == Account.objects.count()
    if when == "after its preview":
        take_away(live)
    elif when == "while it reads":
        live.at_call(r"/queryAll", lambda: take_away(live), after=1)
    run = begin(found, name="All of them")
    execute(run.pk)
    run.refresh_from_db()
    assert (run.state, run.counts["read"]) == (Run.State.SUCCEEDED, found.size), run.error_message
    assert (values(), cities()) == (before, {"Graz"})
    assert "no field Segment__c" in mapping().broken
    if when == "before its preview":
        assert run.counts == found.found["counts"]


@pytest.mark.parametrize("take_away", [gone, hidden])
def test_a_preview_asks_anew_as_the_run_does(orgs: Orgs, take_away: Callable[[Live], None]) -> None:
    live = start(orgs, SEGMENT)
    edit(Account.objects.get(name="GenePoint"), website="https://genepoint.example")
    FieldMapping.objects.filter(setting__sobject="Account", sf_field="Website").update(to_salesforce="overwrite")
    take_away(live)
    touch(live, "Graz")
    before = tables()
    found = preview(live.connection, "Account")
    assert tables() == before
    assert any("no field Segment__c" in note for note in found.notes)
    run = live.sync_well("Account")["Account"]
    assert run.counts == found.to_abmatic
    assert found.to_salesforce is not None
    assert {name: run.pushed[name] for name in found.to_salesforce} == found.to_salesforce
    assert run.api_calls == found.calls_of_run


@pytest.mark.parametrize("rest_limit", [2000, 2])
def test_a_field_taken_away_while_it_is_read(orgs: Orgs, rest_limit: int) -> None:
    live = start(orgs, SEGMENT)
    orgs.page_records(4)
    orgs.allow(rest_limit=rest_limit)
    before = values()
    touch(live, "Graz")
    live.at_call(r"/queryAll|/results", lambda: gone(live), after=0 if rest_limit > 2 else 1)
    live.sync("Account")
    live.sync_well("Account")
    assert (values(), cities()) == (before, {"Graz"})
    assert "no field Segment__c" in mapping().broken


@pytest.mark.parametrize("rest_limit", [2000, 1])
def test_a_field_taken_away_while_it_is_written(orgs: Orgs, rest_limit: int) -> None:
    live = start(orgs, SEGMENT)
    orgs.allow(rest_limit=rest_limit)
    FieldMapping.objects.filter(setting__sobject="Account", sf_field="BillingCity").update(to_salesforce="overwrite")
    live.sync_well("Account")
    for record in Account.objects.filter(name__in=NAMES):
        edit(record, industry="Bronze", city="Graz")
    live.at_call(r"composite/sobjects|/batches", lambda: gone(live))
    run = live.sync_well("Account")["Account"]
    assert run.pushed["refused"] == 0
    assert not Issue.objects.exists()
    assert "no field Segment__c" in mapping().unwritable
    there = live.rows('SELECT "Name" FROM "Account" WHERE "BillingCity" = ?', "Graz")
    assert {name for (name,) in there} == set(Account.objects.filter(city="Graz").values_list("name", flat=True))
    assert set(values()) == {"Bronze"}


@pytest.mark.parametrize("kind", [{"kind": "double", "scale": 2}, {"kind": "boolean"}, {"kind": "date"}])
def test_a_field_of_another_kind_is_broken_and_empties_nothing(orgs: Orgs, kind: dict[str, Any]) -> None:
    live = start(orgs, SEGMENT)
    before = values()
    change(live, "change_field", field="Segment__c", set=kind)
    touch(live, "Graz")
    forget_describe()
    live.sync_well("Account")
    assert (values(), cities()) == (before, {"Graz"})
    assert "was a field of kind text and is of kind" in mapping().broken
    edit(Account.objects.get(name="GenePoint"), industry="Bronze")
    run = live.sync_well("Account")["Account"]
    assert (run.pushed["updated"], run.pushed["refused"]) == (0, 0)
    assert "was a field of kind text" in mapping().unwritable
    change(live, "change_field", field="Segment__c", set={"kind": "string", "length": 40})
    live.sync_well("Account")
    assert mapping().broken == ""


def test_a_picklist_that_becomes_a_text_goes_on(orgs: Orgs) -> None:
    live = start(orgs, TIER)
    change(live, "change_field", field="Segment__c", set={"kind": "string", "length": 40})
    forget_describe()
    edit(Account.objects.get(name="GenePoint"), industry="Bronze")
    run = live.sync_well("Account")["Account"]
    assert (run.pushed["updated"], mapping().broken) == (1, "")
    assert live.rows('SELECT "Segment__c" FROM "Account" WHERE "Name" = ?', "GenePoint") == [("Bronze",)]


def test_a_length_that_is_cut_and_a_value_that_is_gone_become_issues_of_their_field(orgs: Orgs) -> None:
    live = start(orgs, TIER)
    FieldMapping.objects.filter(setting__sobject="Account", sf_field="BillingCity").update(to_salesforce="overwrite")
    live.sync_well("Account")
    change(live, "deactivate_picklist_value", field="Segment__c", value="Silver")
    edit(Account.objects.get(name="GenePoint"), industry="Silver", city="Graz")
    run = live.sync_well("Account")["Account"]
    assert run.pushed["updated"] == 1
    issue = Issue.objects.get()
    assert (issue.field, issue.code) == ("Segment__c", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")
    change(live, "change_field", field="Segment__c", set={"kind": "string", "length": 4})
    edit(Account.objects.get(name="GenePoint"), city="Linz")
    run = live.sync_well("Account")["Account"]
    issue.refresh_from_db()
    assert (run.pushed["updated"], issue.is_open, issue.code) == (1, True, "STRING_TOO_LONG")
    change(live, "change_field", field="Segment__c", set={"kind": "string", "length": 30})
    edit(Account.objects.get(name="GenePoint"), city="Wien")
    live.sync_well("Account")
    issue.refresh_from_db()
    assert not issue.is_open
    assert live.rows('SELECT "Segment__c", "BillingCity" FROM "Account" WHERE "Name" = ?', "GenePoint") == [
        ("Silver", "Wien")
    ]


def test_a_new_required_field_holds_creations_back_and_says_which(orgs: Orgs) -> None:
    live = start(orgs, SEGMENT)
    made = Account.objects.create(name="Acme", website="https://acme.example", domain="acme.example")
    edit(made, city="Graz")
    new = {"name": "Region__c", "kind": "string", "length": 10, "required": True}
    live.at_call("composite/sobjects", lambda: change(live, "add_field", field=new))
    live.sync_well("Account")
    live.sync_well("Account")
    issue = Issue.objects.get()
    assert (issue.code, issue.fields) == ("REQUIRED_FIELD_MISSING", ["Region__c"])
    edit(made, city="Linz")
    assert live.sync_well("Account")["Account"].pushed["held"] == 1
    assert not Write.objects.filter(operation="create", state="written").exists()
    # Other records go on.
    edit(Account.objects.get(name="GenePoint"), industry="Bronze")
    assert live.sync_well("Account")["Account"].pushed["updated"] == 1


def test_an_object_that_may_not_be_read_any_more_stops_alone_and_says_so(orgs: Orgs) -> None:
    live = orgs.sample()
    live.sync_well("Account", "Opportunity")
    before = Account.objects.count()
    denied = {"object": "Opportunity", "allowRead": False}
    live.org.store.put_permissions({"profiles": [{"fullName": "System Administrator", "objectPermissions": [denied]}]})
    done = live.sync("Account", "Opportunity")
    assert done["Account"].state == Run.State.SUCCEEDED
    run = done["Opportunity"]
    assert run.state == Run.State.FAILED
    assert "Opportunity" in run.error_message
    assert run.error_remedy
    live.connection.refresh_from_db()
    assert (live.connection.status, Account.objects.count()) == ("active", before)
    live.org.store.rules.clear_permissions(live.org.store.now())
    assert live.sync("Opportunity")["Opportunity"].state == Run.State.SUCCEEDED
