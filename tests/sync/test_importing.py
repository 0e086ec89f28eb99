"""Import from CRM: what a list view, a report or a query finds comes in as with any pull, and into a collection."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import pytest
from django.utils import timezone
from tests.sync.live import Live, Orgs
from tests.sync.test_preview import tables

from abmatic.audiences.collections import CollectionRefused, create
from abmatic.audiences.models import Account, Collection, CollectionMember, Contact
from abmatic.salesforce.listings import Column, ReportRows
from abmatic.sync import connect
from abmatic.sync.execute import execute
from abmatic.sync.importing import jobs, sources
from abmatic.sync.importing.asking import ask, begin, give_up
from abmatic.sync.importing.sources import NotImported
from abmatic.sync.models import CrmImport, CrmImportRecord, MirrorAccount, ObjectSetting, Run
from salesforce_emulator.schema.reports import Report
from salesforce_emulator.store.reports import put_reports

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def live(orgs: Orgs) -> Live:
    return orgs.sample()


def wanted(live: Live, soql: str, sobject: str = "Account") -> CrmImport:
    return ask(live.connection, sobject, "soql", soql, at_once=True)


def carried_out(found: CrmImport, **into: Any) -> Run:
    assert found.state == CrmImport.State.READY, found.problem
    run = begin(found, **into)
    execute(run.pk)
    run.refresh_from_db()
    assert run.state == Run.State.SUCCEEDED, run.error_message
    return run


def members(collection: Collection) -> list[str]:
    ids = list(CollectionMember.objects.filter(collection=collection).values_list("record_id", flat=True))
    assert collection.size == len(ids)
    return sorted(str(name) for name in Account.objects.filter(pk__in=ids).values_list("name", flat=True))


def there(live: Live, condition: str) -> list[str]:
    return sorted(str(name) for (name,) in live.rows(f'SELECT "Name" FROM "Account" WHERE {condition}'))


def test_a_query_before_anything_was_synced(live: Live) -> None:
    query = "SELECT Id FROM Account WHERE Name LIKE 'G%' OR Name LIKE 'E%'"
    expected = there(live, """"Name" LIKE 'G%' OR "Name" LIKE 'E%'""")
    found = wanted(live, query)
    assert found.found is not None
    assert (found.found["records"], found.found["here"]) == (len(expected), 0)
    assert found.found["counts"]["created"] == len(expected)
    assert not Account.objects.exists()
    run = carried_out(found, name="G and E")
    assert (run.direction, run.counts["created"]) == (Run.Direction.PULL, len(expected))
    assert sorted(str(a.name) for a in Account.objects.all()) == expected
    made = Collection.objects.get()
    assert (made.name, made.kind, members(made)) == ("G and E", "static", expected)
    assert ObjectSetting.objects.get(sobject="Account").cursor is None, "the rest was never read"
    live.sync_well("Account")
    assert MirrorAccount.objects.count() == live.number('SELECT count(*) FROM "Account" WHERE "IsDeleted" = 0')


def test_the_preview_says_what_the_import_then_does_and_writes_nothing(live: Live) -> None:
    live.sync_well("Account")
    with live.editing() as session:
        (sf_id,) = (row[0] for row in live.rows('SELECT "Id" FROM "Account" WHERE "Name" = ?', "GenePoint"))
        session.update("Account", sf_id, {"BillingCity": "Graz"})
        session.insert("Account", {"Name": "Gamma", "Website": "gamma.example"})
    known = Account.objects.create(name="Gift", website="gift.example", domain="gift.example")
    with live.editing() as session:
        session.insert("Account", {"Name": "Gift GmbH", "Website": "https://www.gift.example"})
    cursor = ObjectSetting.objects.get(sobject="Account").cursor
    own = ("crm_import", "procrastinate")
    before = {name: rows for name, rows in tables().items() if not name.startswith(own)}
    found = wanted(live, "SELECT Id FROM Account WHERE Name LIKE 'G%'")
    assert {name: rows for name, rows in tables().items() if not name.startswith(own)} == before
    assert found.found is not None
    counts = found.found["counts"]
    assert (counts["created"], counts["linked"], counts["updated"]) == (1, 1, 1)
    assert found.found["samples"]["updated"][0]["fields"]["city"]["after"] == "Graz"
    run = carried_out(found)
    assert run.counts == counts
    known.refresh_from_db()
    assert known.name == "Gift GmbH"
    assert Account.objects.get(name="GenePoint").city == "Graz"
    assert ObjectSetting.objects.get(sobject="Account").cursor == cursor
    assert "Gift GmbH" in members(Collection.objects.get(name="Accounts by SOQL"))
    done = live.sync_well("Account")["Account"]
    assert (done.counts["created"], done.counts["updated"]) == (0, 0), "it comes again, and changes nothing"


def test_a_list_view_gives_its_name(live: Live) -> None:
    views = sources.listed(live.connection, "Account", "list_view")
    every = next(view for view in views if view.label == "All Accounts")
    found = ask(live.connection, "Account", "list_view", every.id, name=every.label, at_once=True)
    carried_out(found)
    made = Collection.objects.get(name="All Accounts")
    assert made.size == Account.objects.count() > 0
    assert MirrorAccount.objects.count() == live.number('SELECT count(*) FROM "Account" WHERE "IsDeleted" = 0')
    gone = ask(live.connection, "Account", "list_view", "00B000000000999", name="Gone", at_once=True)
    assert (gone.state, "not there any more" in gone.problem) == (CrmImport.State.FAILED, True)


def test_into_a_collection_that_is_there(live: Live) -> None:
    target = create("account", "Mine")
    found = wanted(live, "SELECT Id FROM Account WHERE Name = 'GenePoint'")
    carried_out(found, into=target)
    carried_out(wanted(live, "SELECT Id FROM Account WHERE Name = 'GenePoint'"), into=target)
    target.refresh_from_db()
    assert members(target) == ["GenePoint"]
    people = create("contact", "People")
    other = wanted(live, "SELECT Id FROM Account WHERE Name = 'GenePoint'")
    with pytest.raises(NotImported, match="takes no imported accounts"):
        begin(other, into=people)
    with pytest.raises(CollectionRefused, match="already"):
        begin(other, name="mine")
    other.refresh_from_db()
    assert other.state == CrmImport.State.READY


def test_leads_become_people_here(live: Live) -> None:
    found = wanted(live, "SELECT Id FROM Lead WHERE IsConverted = false LIMIT 3", "Lead")
    carried_out(found)
    assert Contact.objects.filter(kind="lead").count() == 3
    assert Collection.objects.get(name="Leads by SOQL").record == "contact"


def test_what_may_not_be_made_here_stays_out(live: Live) -> None:
    live.sync_well("Account")
    ObjectSetting.objects.filter(sobject="Account").update(create_in_abmatic=False)
    with live.editing() as session:
        session.insert("Account", {"Name": "Gamma"})
    found = wanted(live, "SELECT Id FROM Account WHERE Name IN ('Gamma', 'GenePoint')")
    assert found.found is not None
    assert any("“Create in Abmatic” is off" in note for note in found.found["notes"])
    carried_out(found)
    assert not Account.objects.filter(name="Gamma").exists()
    assert members(Collection.objects.get(name="Accounts by SOQL")) == ["GenePoint"]


@pytest.mark.parametrize(
    ("soql", "said"),
    [
        ("", "Write a query"),
        ("SELECT Id, Name FROM Account", "must select the Id and nothing else"),
        ("SELECT Name FROM Account", "must select the Id and nothing else"),
        ("DELETE FROM Account", "must select the Id"),
        ("SELECT Id FROM Contact", "is of Contact, and Accounts are imported here"),
        ("SELECT Id FROM Account FOR VIEW", "Leave out FOR VIEW"),
        ("SELECT Id FROM Account FOR UPDATE", "Leave out FOR UPDATE"),
        ("SELECT Id FROM Account ALL ROWS", "Leave out ALL ROWS"),
        ("SELECT Id FROM Account WHERE Name = 'a\0b'", "NUL character"),
        (f"SELECT Id FROM Account WHERE Name = '{'x' * 20_001}'", "more than 20,000 characters"),
    ],
)  # fmt: skip
def test_a_query_that_is_not_asked(soql: str, said: str) -> None:
    with pytest.raises(NotImported, match=said):
        sources.checked_soql("Account", soql)


@pytest.mark.parametrize("end", ["", "\\"])
def test_a_text_that_is_never_closed_takes_no_time(end: str) -> None:
    soql = "SELECT Id FROM Account WHERE Name = '" + "\\'" * 9_980 + end
    began = perf_counter()
    assert sources.checked_soql("Account", soql) == soql
    assert perf_counter() - began < 0.1


def test_a_name_with_a_nul_is_refused_in_words(live: Live) -> None:
    with pytest.raises(NotImported, match="NUL character"):
        ask(live.connection, "Account", "soql", "SELECT Id FROM Account", name="a\0b")
    found = wanted(live, "SELECT Id FROM Account")
    with pytest.raises(CollectionRefused, match="Give the collection a name"):
        begin(found, name="a\0b")


def test_words_in_texts_are_no_clauses() -> None:
    soql = "select id from account where Name = 'FOR VIEW, it\\'s ALL ROWS'"
    assert sources.checked_soql("Account", f" {soql} ") == soql


def test_what_salesforce_says_of_a_query_is_shown_with_its_place(live: Live) -> None:
    found = wanted(live, "SELECT Id FROM Account WHERE Nonsense__c = 1")
    assert found.state == CrmImport.State.FAILED
    assert "Salesforce refuses the query" in found.problem
    assert "Nonsense__c" in found.problem
    found = wanted(live, "SELECT Id FROM Account WHERE Name = ")
    assert "column" in found.problem, found.problem


def report(*columns: tuple[str, str], rows: list[list[Any]], is_whole: bool = True) -> ReportRows:
    made = tuple(Column(name, label, "string") for name, label in columns)
    return ReportRows("R", made, tuple(tuple(row) for row in rows), len(rows), is_whole)


A, B, PARENT = "001000000000001AAA", "001000000000002", "001000000000009AAA"


class TestReports:
    def test_a_report_of_the_org(self, live: Live) -> None:
        own = Report(
            "Account", "In Germany", "In_Germany", ("Account.Name", "Account.Parent.Name", "Account.Industry"),
            filters=({"column": "Account.Name", "operator": "startsWith", "value": "G"},),
        )  # fmt: skip
        without = Report("Account", "Cities", "Cities", ("Account.BillingCity",))
        with live.editing() as session:
            put_reports(session.conn, [own, without], "2026-01-01T00:00:00.000+0000")
        found = {each.label: each.id for each in sources.listed(live.connection, "Account", "report")}
        asked = ask(live.connection, "Account", "report", found["In Germany"], name="In Germany", at_once=True)
        carried_out(asked)
        assert members(Collection.objects.get(name="In Germany")) == there(live, """"Name" LIKE 'G%'""")
        refused = ask(live.connection, "Account", "report", found["Cities"], name="Cities", at_once=True)
        assert "No column of the report holds Ids of Accounts" in refused.problem

    def test_its_own_id_is_taken_not_its_parents(self) -> None:
        found = sources._of_report("Account", report(
            ("ACCOUNT.PARENT_ID", "Parent Account ID"), ("ACCOUNT_ID", "Account ID"), ("CITY", "City"),
            rows=[[PARENT, A, "Graz"], [PARENT, B, None], [PARENT, A, "Wien"]],
        ))  # fmt: skip
        assert found.ids == (A, "001000000000002AAA")

    def test_a_name_behind_which_the_id_stands_will_do(self) -> None:
        assert sources._of_report("Account", report(("ACCOUNT.NAME", "Account Name"), rows=[[A]])).ids == (A,)

    @pytest.mark.parametrize(
        ("columns", "rows", "said"),
        [
            ([("CITY", "City")], [["Graz"]], "No column of the report holds Ids of Accounts. Add the column"),
            ([("CONTACT_ID", "Contact ID")], [["003000000000001AAA"]], "No column of the report holds Ids"),
            ([("ONE__c", "One"), ("TWO__c", "Two")], [[A, B]], "Several columns .*“One”, “Two”"),
            ([("ACCOUNT_ID", "Account ID")], [], "has no rows"),
        ],
    )
    def test_why_a_report_is_refused(self, columns: list[tuple[str, str]], rows: list[list[Any]], said: str) -> None:
        with pytest.raises(NotImported, match=said):
            sources._of_report("Account", report(*columns, rows=rows))

    def test_a_report_that_is_cut_short_says_so(self) -> None:
        found = sources._of_report("Account", report(("ACCOUNT_ID", "Account ID"), rows=[[A]], is_whole=False))
        assert "the first 1 row of" in found.notes[0]


def test_it_is_started_once_and_only_after_its_preview(live: Live) -> None:
    found = ask(live.connection, "Account", "soql", "SELECT Id FROM Account LIMIT 1")
    with pytest.raises(NotImported, match="wait for the preview"):
        begin(found)
    jobs.execute(found.pk)
    begin(found)
    with pytest.raises(NotImported, match="started already"):
        begin(found)
    given_up = ask(live.connection, "Account", "soql", "SELECT Id FROM Account LIMIT 1")
    give_up(given_up)
    jobs.execute(given_up.pk)
    given_up.refresh_from_db()
    assert given_up.state == CrmImport.State.CANCELLED
    nothing = wanted(live, "SELECT Id FROM Contact WHERE LastName = 'Nobody'", "Contact")
    with pytest.raises(NotImported, match="no records"):
        begin(nothing)
    connect.disable(live.connection)
    live.connection.refresh_from_db()
    with pytest.raises(NotImported, match="inactive"):
        ask(live.connection, "Account", "soql", "SELECT Id FROM Account")


def test_killed_between_two_chunks_it_goes_on(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("abmatic.sync.importing.reading.CHUNK", 3)
    found = wanted(live, "SELECT Id FROM Account")
    run = begin(found, name="All")
    live.at_call("/queryAll", lambda: Run.objects.filter(pk=run.pk).update(state="cancelled"), after=1)
    execute(run.pk)
    assert MirrorAccount.objects.count() in {3, 6}
    Run.objects.filter(pk=run.pk).update(state="running")
    execute(run.pk)
    run.refresh_from_db()
    made = Collection.objects.get(name="All")
    assert run.counts["read"] == found.size
    assert found.size == MirrorAccount.objects.count()
    assert made.size == Account.objects.count()


def test_after_a_day_it_is_forgotten_but_for_what_it_did(live: Live) -> None:
    done = wanted(live, "SELECT Id FROM Account LIMIT 1")
    carried_out(done)
    wanted(live, "SELECT Id FROM Account LIMIT 1")
    jobs.forget_old(timezone.now())
    assert CrmImportRecord.objects.count() == 2
    jobs.forget_old(timezone.now() + jobs.KEPT)
    assert list(CrmImport.objects.all()) == [done]
    assert not CrmImportRecord.objects.exists()
