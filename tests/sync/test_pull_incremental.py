"""What happens in the org between two runs, or during one, is seen by the next, by Salesforce's own clock."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
import time_machine
from tests.sync.live import Live, Orgs, sampled

from abmatic.audiences.models import Account, Contact, Opportunity, OpportunityContact
from abmatic.changes.models import Change
from abmatic.sync import connect, runs
from abmatic.sync.clients import ConnectionTokens
from abmatic.sync.execute import execute
from abmatic.sync.models import (
    Finding,
    MirrorAccount,
    MirrorContact,
    MirrorLead,
    MirrorOpportunity,
    ObjectSetting,
    Role,
    Run,
)
from abmatic.sync.pull.plan import literal
from abmatic.sync.pull.pulling import LAG
from salesforce_emulator.oauth.apps import DEFAULT_APP
from salesforce_emulator.testing import RunningOrg

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def live(orgs: Orgs) -> Live:
    """The sample org, imported."""
    found = orgs.sample()
    found.sync_well()
    return found


def account_id(live: Live, name: str) -> str:
    return str(live.rows('SELECT "Id" FROM "Account" WHERE "Name" = ?', name)[0][0])


def test_a_change_arrives_as_one_change_of_one_field(live: Live) -> None:
    with live.editing() as session:
        session.update("Account", account_id(live, "GenePoint"), {"NumberOfEmployees": 300})
    run = live.sync_well("Account")["Account"]
    assert run.counts["updated"] == 1
    assert run.outcome == "1 record read: 1 updated."
    [change] = Change.objects.filter(cause__run_id=run.pk)
    assert (change.field, change.before, change.after) == ("employee_count", 265, 300)
    assert change.cause.run_id == run.pk
    # Read again, because it lies within the lag; and it is no news.
    assert live.sync_well("Account")["Account"].counts["unchanged"] == 1
    assert Change.objects.filter(cause__run_id__gte=run.pk).count() == 1


def test_a_new_record_arrives_with_its_children(live: Live) -> None:
    with live.editing() as session:
        parent = session.insert("Account", {"Name": "New", "Website": "new-company.com"})
        child = session.insert("Contact", {"LastName": "Newman", "Email": "n@new-company.com", "AccountId": parent})
        deal = session.insert(
            "Opportunity",
            {"Name": "Deal", "StageName": "Prospecting", "CloseDate": "2027-01-31", "AccountId": parent, "Amount": 5},
        )
        session.insert("OpportunityContactRole", {"OpportunityId": deal, "ContactId": child, "Role": "Decision Maker"})
    done = live.sync_well()
    assert {name: run.counts["created"] for name, run in done.items() if run.counts["created"]} == {
        "Account": 1, "Contact": 1, "Opportunity": 1, "OpportunityContactRole": 1,
    }  # fmt: skip
    account = Account.objects.get(domain="new-company.com")
    assert Contact.objects.get(last_name="Newman").account == account
    assert Opportunity.objects.get(name="Deal").account == account
    assert OpportunityContact.objects.get(opportunity__name="Deal").role == "Decision Maker"


def test_deleted_and_restored(live: Live) -> None:
    sf_id = account_id(live, "GenePoint")
    with live.editing() as session:
        session.delete("Account", sf_id)
    done = live.sync_well()
    assert (done["Account"].counts["deleted"], done["Account"].counts["skipped"]) == (1, 0)
    assert MirrorAccount.objects.get(sf_id=sf_id).is_deleted
    assert Account.objects.filter(name="GenePoint").exists()
    # What hung on it went with it.
    gone = live.number('SELECT count(*) FROM "Contact" WHERE "IsDeleted" = 1')
    assert done["Contact"].counts["deleted"] == gone == MirrorContact.objects.filter(is_deleted=True).count()
    with live.editing() as session:
        session.undelete("Account", sf_id)
    again = live.sync_well()
    assert (again["Account"].counts["updated"], again["Contact"].counts["updated"]) == (1, gone)
    assert not MirrorAccount.objects.filter(is_deleted=True).exists()
    assert not MirrorOpportunity.objects.filter(is_deleted=True).exists()
    assert Account.objects.count() == 10


def test_deleted_before_it_was_ever_seen(live: Live) -> None:
    with live.editing() as session:
        sf_id = session.insert("Account", {"Name": "Mayfly"})
        session.delete("Account", sf_id)
    run = live.sync_well("Account")["Account"]
    assert (run.counts["skipped"], run.counts["reasons"]) == (1, {"deleted_in_salesforce": 1})
    with live.editing() as session:
        session.undelete("Account", sf_id)
    assert live.sync_well("Account")["Account"].counts["created"] == 1


def test_merged(live: Live) -> None:
    master, loser = account_id(live, "GenePoint"), account_id(live, "Edge Communications")
    live.org.store.merge("Account", master, [loser])
    done = live.sync_well()
    assert done["Account"].counts["reasons"]["merged_in_salesforce"] == 1
    link = MirrorAccount.objects.get(sf_id=loser)
    assert (link.local_id, link.role) == (MirrorAccount.objects.get(sf_id=master).local_id, Role.DUPLICATE)
    winner = Account.objects.get(name="GenePoint")
    moved = live.number('SELECT count(*) FROM "Contact" WHERE "AccountId" = ? AND "IsDeleted" = 0', master)
    assert Contact.objects.filter(account=winner).count() == moved > 2


def test_converted(live: Live) -> None:
    [(lead_id, email)] = live.rows('SELECT "Id", "Email" FROM "Lead" WHERE "IsConverted" = 0 LIMIT 1')
    was = MirrorLead.objects.get(sf_id=lead_id).local_id
    made = live.org.store.convert_lead(str(lead_id))
    done = live.sync_well()
    assert done["Lead"].counts["reasons"] == {"converted": 1}
    person = Contact.objects.get(pk=MirrorLead.objects.get(sf_id=lead_id).local_id)
    assert (person.kind, person.email_key) == ("contact", email and str(email).lower())
    assert MirrorContact.objects.get(sf_id=made.contact_id).local_id == person.pk
    assert person.account_id == MirrorAccount.objects.get(sf_id=made.account_id).local_id
    assert person.pk == was or not Contact.objects.filter(pk=was).exists()
    assert OpportunityContact.objects.filter(contact=person).exists()
    assert Finding.objects.filter(run=done["Lead"], reason="converted").count() == 1


def stamp(live: Live, name: str, moment: datetime) -> None:
    with live.org.store.writing() as conn:
        conn.execute('UPDATE "Account" SET "SystemModstamp" = ? WHERE "Name" = ?', (literal(moment), name))


def test_ties_at_both_edges_of_the_window(live: Live) -> None:
    setting = ObjectSetting.objects.get(sobject="Account")
    cursor = setting.cursor
    assert cursor is not None
    stamp(live, "GenePoint", cursor - LAG)
    stamp(live, "sForce", cursor - LAG - timedelta(seconds=1))
    stamp(live, "Edge Communications", cursor)
    assert live.sync_well("Account")["Account"].counts["read"] == 2
    # One stamped at the very moment that bounds a run belongs to the next.
    [run] = [run for run in live.start("Account") if run.sobject == "Account"]
    upper = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=30)
    Run.objects.filter(pk=run.pk).update(checkpoint={"upper": upper.isoformat()})
    stamp(live, "GenePoint", upper)
    stamp(live, "sForce", upper)
    execute(run.pk)
    run.refresh_from_db()
    assert run.counts["read"] == 1
    Run.objects.filter(state="queued").delete()
    setting.refresh_from_db()
    assert setting.cursor == upper
    [run] = [run for run in live.start("Account") if run.sobject == "Account"]
    Run.objects.filter(pk=run.pk).update(checkpoint={"upper": (upper + timedelta(seconds=1)).isoformat()})
    execute(run.pk)
    run.refresh_from_db()
    assert run.counts["read"] == 3


def test_what_changes_while_a_run_reads_is_read_by_the_next(orgs: Orgs) -> None:
    orgs.page_records(60)
    orgs.allow(rest_limit=50)
    live = orgs.generated(300)
    [(first, last)] = live.rows('SELECT min("Id"), max("Id") FROM "Account" WHERE "IsDeleted" = 0')

    def change() -> None:
        with live.editing() as session:
            session.update("Account", str(first), {"Name": "Changed early"})
            session.update("Account", str(last), {"Name": "Changed late"})
            session.insert("Account", {"Name": "Newcomer", "Website": "newcomer.example.com"})

    live.at_call(r"/results\?.*locator", change, after=1)
    assert live.sync_well("Account")["Account"].counts["read"] == live.number('SELECT count(*) FROM "Account"') - 1
    run = live.sync_well("Account")["Account"]
    assert run.counts["created"] == 1
    assert set(MirrorAccount.objects.filter(sf_id__in=[first, last]).values_list("values__Name", flat=True)) == {
        "Changed early",
        "Changed late",
    }


@contextmanager
def other_process(template: Path, folder: Path) -> Iterator[str]:
    """The org served by a process whose clock nobody moves."""
    path = folder / "elsewhere.sqlite3"
    path.write_bytes(template.read_bytes())
    process = subprocess.Popen(
        [sys.executable, "-m", "salesforce_emulator", "--port", "0", "--database", str(path), "--json-ready"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield str(json.loads(process.stdout.readline())["url"])
    finally:
        process.terminate()
        process.wait(20)


def test_a_clock_of_ours_that_is_a_day_wrong_misses_nothing(orgs: Orgs, tmp_path: Path) -> None:
    with other_process(sampled(orgs.templates), tmp_path) as url:
        orgs.allow(url)
        live: Live | None = None
        for turn, hours in enumerate((0, 24, -24, 24)):
            with time_machine.travel(datetime.now(UTC) + timedelta(hours=hours), tick=True):
                if live is None:
                    made = connect.connect_headless(
                        url, "client-credentials", DEFAULT_APP.client_id, client_secret=DEFAULT_APP.client_secret
                    )
                    live = Live(_no_org(url), made)
                else:
                    _rename(url, live, f"Turn {turn}")
                    # The upper bound is a whole second of Salesforce's: wait until the change lies below it.
                    _pass_second(url)
                run = live.sync_well("Account")["Account"]
            assert run.counts["read"] == 12 if turn == 0 else run.counts["updated"] == 1
        assert Account.objects.filter(name="Turn 3").exists()


def _no_org(url: str) -> RunningOrg:
    return RunningOrg(url, None, None)  # type: ignore[arg-type]  # it runs elsewhere


def _rename(url: str, live: Live, name: str) -> None:
    token = _token(live)
    sf_id = MirrorAccount.objects.get(values__Name__in=["GenePoint", "Turn 1", "Turn 2"]).sf_id
    httpx2.patch(
        f"{url}/services/data/v60.0/sobjects/Account/{sf_id}",
        json={"Name": name},
        headers={"Authorization": f"Bearer {token}"},
    ).raise_for_status()


def _token(live: Live) -> str:
    return ConnectionTokens(live.connection).current().value


def _pass_second(url: str) -> None:
    before = httpx2.get(f"{url}/services/data").headers["date"]
    while httpx2.get(f"{url}/services/data").headers["date"] == before:
        pass


def test_a_mapping_added_later_fills_every_record_and_trusts_no_base(live: Live) -> None:
    """Industry of the local records was typed by somebody meanwhile: it was never agreed on, so Salesforce wins."""
    setting = ObjectSetting.objects.get(sobject="Account")
    assert set(setting.mirrored["Account"]["fields"]) >= {"Name", "Website", "Industry"}
    # As if Phone had never been mapped to anything: map it to a field of ours that people fill by hand.
    mapping = setting.mappings.get(sf_field="BillingCity")
    mapping.sf_field = "Phone"
    mapping.to_salesforce = "overwrite"
    mapping.save()
    Account.objects.filter(name="GenePoint").update(city="By hand")
    run = live.sync_well("Account")["Account"]
    assert run.is_full
    assert run.counts["read"] == 12
    # Overwrite both ways, no base: of two values Salesforce's, and no "conflict" with an agreement there never was.
    assert Account.objects.get(name="GenePoint").city == "(650) 867-3450"
    assert "conflict" not in run.counts["reasons"]
    setting.refresh_from_db()
    assert "BillingCity" not in setting.mirrored["Account"]["fields"]
    assert setting.mirrored["Account"]["filled"]
    again = live.sync_well("Account")["Account"]
    assert not again.is_full


def test_a_mapping_added_while_a_run_failed_is_filled_by_the_next(live: Live) -> None:
    setting = ObjectSetting.objects.get(sobject="Account")
    mapping = setting.mappings.get(sf_field="BillingCity")
    mapping.sf_field = "Phone"
    mapping.save()
    live.org.fault("limit", {"path": r"/queryAll.*FROM\+Account"}, times=1)
    assert live.sync("Account")["Account"].state == Run.State.FAILED
    live.org.emulator.faults.set([])
    live.connection.refresh_from_db()
    live.connection.status = "active"
    live.connection.save()
    runs_done = live.sync_well("Account")
    assert runs_done["Account"].counts["read"] == 12
    assert Account.objects.get(name="GenePoint").city == "(650) 867-3450"
    assert runs.progress(runs_done["Account"]).fraction == 1.0


def test_a_field_taken_away_since_the_last_run_breaks_its_mapping_and_nothing_else(live: Live) -> None:
    """Describe is remembered for a day; the refused query makes the run ask anew."""
    setting = ObjectSetting.objects.get(sobject="Account")
    setting.mappings.filter(sf_field="Industry").update(sf_field="Sector__c")
    setting.offered["Account"]["fields"].append("Sector__c")
    setting.save()
    with live.editing() as session:
        session.update("Account", account_id(live, "GenePoint"), {"NumberOfEmployees": 1})
    run = live.sync_well("Account")["Account"]
    assert run.counts["updated"] == 1
    assert "Sector__c" in setting.mappings.get(sf_field="Sector__c").broken
    # Nothing was read as empty.
    assert Account.objects.filter(industry=None).count() == 1


def test_a_query_too_long_for_an_address_goes_by_bulk(orgs: Orgs, monkeypatch: pytest.MonkeyPatch) -> None:
    live = orgs.sample()
    monkeypatch.setattr("abmatic.salesforce.query._LONGEST_URI", 200)
    run = live.sync_well("Account")["Account"]
    assert (run.reader, run.counts["created"]) == ("Bulk API 2.0", 10)
