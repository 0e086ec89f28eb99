"""Sending: by collections or by bulk job, with whatever goes wrong in between; nothing twice, nothing lost."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sync.live import Live, Orgs
from tests.sync.test_push import account, allow, edit, mode

from abmatic.audiences.fields import field as local_field
from abmatic.audiences.models import Account, Contact
from abmatic.salesforce.describe import parse_describe
from abmatic.sync.models import Batch, Due, FieldMapping, Issue, MirrorAccount, Run, Write
from abmatic.sync.objects import OBJECTS
from abmatic.sync.push import plan as planning
from abmatic.sync.push import unknown
from salesforce_emulator.store.convert import ConvertOptions

pytestmark = pytest.mark.django_db(transaction=True)

NAMES = ["Burlington Textiles Corp of America", "GenePoint", "Dickenson plc"]


@pytest.fixture
def live(orgs: Orgs) -> Live:
    live = orgs.sample()
    live.sync_well("Account", "Contact", "Lead")
    allow("Account")
    mode("Account", "Industry", to_salesforce="overwrite")
    live.sync_well("Account")
    return live


def change_industries(industry: str = "Banking") -> None:
    for record in Account.objects.filter(name__in=NAMES):
        edit(record, industry=industry)


def industries(live: Live) -> list[Any]:
    return [account(live, name)["Industry"] for name in NAMES]


def new_accounts(number: int) -> list[Account]:
    return [
        Account.objects.create(name=f"New {n}", website=f"new{n}.example", domain=f"new{n}.example")
        for n in range(number)
    ]


def in_salesforce(live: Live) -> list[str]:
    return [row[0] for row in live.rows('SELECT "Name" FROM "Account" WHERE "Name" LIKE ? ORDER BY 1', "New %")]


def due_after(live: Live, records: list[Account]) -> None:
    """New records have no change yet that would make them due; an edit does."""
    for record in records:
        edit(record, city="Graz")


# --- bulk


def test_many_go_by_one_bulk_job_and_each_finds_its_record(live: Live, orgs: Orgs) -> None:
    orgs.allow(rest_limit=2)
    due_after(live, new_accounts(7))
    change_industries()
    run = live.sync_well("Account")["Account"]
    assert (run.pushed["created"], run.pushed["updated"]) == (7, 3)
    assert industries(live) == ["Banking"] * 3
    assert in_salesforce(live) == [f"New {n}" for n in range(7)]
    for record in Account.objects.filter(name__startswith="New "):
        (name,) = live.rows('SELECT "Name" FROM "Account" WHERE "Id" = ?', linked(record))[0]
        assert name == record.name
    assert Batch.objects.exclude(job_id="").count() == 2
    assert live.org.emulator.ingest_jobs.all() == []
    live.sync_well("Account")
    assert Write.objects.count() == 10


def linked(record: Account) -> str:
    return MirrorAccount.objects.get(local_id=record.pk).sf_id


def test_records_that_are_alike_are_each_made_once(live: Live, orgs: Orgs) -> None:
    orgs.allow(rest_limit=1)
    made = [Account.objects.create(name="New Twin") for _ in range(3)]
    due_after(live, made)
    live.sync_well("Account")
    assert in_salesforce(live) == ["New Twin"] * 3
    assert len({linked(record) for record in made}) == 3


def test_text_that_a_bulk_file_can_hold_and_text_it_cannot(live: Live, orgs: Orgs) -> None:
    orgs.allow(rest_limit=1)
    texts = ['Ha"ck', "Zwei\nZeilen", "a,b", "#N/A", "Ünïcödé 漢字", "-1"]
    made = [Account.objects.create(name=f"New {n}", city=text) for n, text in enumerate(texts)]
    for record in made:
        edit(record, country="Austria")
    live.sync_well("Account")
    rows = dict(live.rows('SELECT "Name", "BillingCity" FROM "Account" WHERE "Name" LIKE ?', "New %"))
    assert rows == {f"New {n}": text for n, text in enumerate(texts)}
    jobs = Batch.objects.exclude(job_id="").values_list("pk", flat=True)
    alone = [write.sent["BillingCity"] for write in Write.objects.exclude(batch__in=list(jobs))]
    assert alone == ["#N/A"], "the only text that can't go by a file"


def test_clearing_by_bulk_empties_the_field(live: Live, orgs: Orgs) -> None:
    orgs.allow(rest_limit=1)
    change_industries(industry="")
    live.sync_well("Account")
    assert industries(live) == [None] * 3


def test_many_that_are_sent_again_go_by_a_job_again(live: Live, orgs: Orgs) -> None:
    orgs.allow(rest_limit=1)
    live.org.fault("row_locks", {"path": "/jobs/ingest"}, times=0, share=1.0, attempts=1)
    change_industries()
    live.org.emulator.calls.clear()
    run = live.sync_well("Account")["Account"]
    assert (run.pushed["updated"], run.pushed["returned"]) == (len(NAMES), 0)
    assert industries(live) == ["Banking"] * len(NAMES)
    assert not [call for call in live.org.calls() if "/composite/sobjects" in str(call["path"])]


def test_one_row_that_is_refused_costs_the_others_nothing(live: Live, orgs: Orgs) -> None:
    orgs.allow(rest_limit=1)
    with live.editing() as session:
        session.delete("Account", account(live, "GenePoint")["Id"])
    # Deleted between reading and writing: the mirror doesn't know yet.
    change_industries()
    live.at_call("composite|ingest", lambda: None)
    run = live.sync("Account")["Account"]
    assert run.state == Run.State.SUCCEEDED
    assert account(live, "Dickenson plc")["Industry"] == "Banking"


# --- refusals


def refuse(live: Live, code: str, message: str, *, times: int = 1, fields: list[str] | None = None) -> None:
    live.org.fault(
        "status", {"method": "PATCH", "path": "/composite/sobjects"}, status=200, times=times,
        body=[{"success": False, "errors": [{"statusCode": code, "message": message, "fields": fields or []}]}],
    )  # fmt: skip


def test_a_refused_record_becomes_an_issue_and_is_not_sent_again(live: Live) -> None:
    refuse(live, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "Not on a Wednesday.", times=0, fields=["Industry"])
    record = Account.objects.get(name="GenePoint")
    edit(record, industry="Banking")
    run = live.sync_well("Account")["Account"]
    assert (run.pushed["refused"], run.pushed["codes"]) == (1, {"FIELD_CUSTOM_VALIDATION_EXCEPTION": 1})
    issue = Issue.objects.get()
    assert (issue.local_id, issue.message, issue.fields) == (record.pk, "Not on a Wednesday.", ["Industry"])
    edit(record, city="Elsewhere")
    live.org.emulator.calls.clear()
    run = live.sync_well("Account")["Account"]
    assert run.pushed["held"] == 1
    assert not [call for call in live.org.calls() if call["method"] == "PATCH"]


def test_another_value_is_tried_and_closes_the_issue(live: Live) -> None:
    refuse(live, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "Not banking.")
    record = Account.objects.get(name="GenePoint")
    edit(record, industry="Banking")
    live.sync_well("Account")
    edit(record, industry="Energy")
    live.sync_well("Account")
    assert account(live, "GenePoint")["Industry"] == "Energy"
    assert not Issue.objects.get().is_open


def test_a_locked_row_is_sent_again_within_the_run(live: Live) -> None:
    refuse(live, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record")
    edit(Account.objects.get(name="GenePoint"), industry="Banking")
    run = live.sync_well("Account")["Account"]
    assert account(live, "GenePoint")["Industry"] == "Banking"
    assert (run.pushed["updated"], run.pushed["returned"]) == (1, 0)
    assert not Issue.objects.exists()


def test_a_row_that_stays_locked_waits_for_the_next_run(live: Live) -> None:
    refuse(live, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record", times=3)
    edit(Account.objects.get(name="GenePoint"), industry="Banking")
    run = live.sync_well("Account")["Account"]
    assert (run.pushed["updated"], run.pushed["returned"]) == (0, 1)
    assert Due.objects.count() == 1
    run = live.sync_well("Account")["Account"]
    assert run.pushed["updated"] == 1
    assert account(live, "GenePoint")["Industry"] == "Banking"


# --- answers that don't come


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_update_without_an_answer_is_looked_up(live: Live, when: str) -> None:
    live.org.fault("reset", {"method": "PATCH", "path": "/composite/sobjects"}, when=when)
    change_industries()
    run = live.sync_well("Account")["Account"]
    assert run.pushed["unknown"] == 3
    run = live.sync_well("Account")["Account"]
    assert industries(live) == ["Banking"] * 3
    assert Write.objects.filter(state="written").count() == 3
    assert not Batch.objects.exclude(state="done").exists()
    assert live.sync_well("Account")["Account"].pushed["updated"] == 0


def test_a_creation_that_happened_without_an_answer_is_found_and_not_made_twice(live: Live) -> None:
    live.org.fault("reset", {"method": "POST", "path": "/composite/sobjects"}, when="after")
    made = [*new_accounts(2), Account.objects.create(name="New without a website")]
    due_after(live, made)
    live.sync_well("Account")
    assert len(in_salesforce(live)) == 3
    count = Account.objects.count()
    live.sync_well("Account")
    assert len(in_salesforce(live)) == 3
    assert Account.objects.count() == count
    assert {linked(record) for record in made} == {
        row[0] for row in live.rows('SELECT "Id" FROM "Account" WHERE "Name" LIKE ?', "New %")
    }


def test_a_creation_that_may_still_show_up_holds_everything_until_it_is_known(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.org.fault("reset", {"method": "POST", "path": "/composite/sobjects"})
    due_after(live, new_accounts(2))
    live.sync_well("Account")
    run = live.sync("Account")["Account"]
    assert (run.state, run.error_code) == (Run.State.FAILED, "outcome_unknown")
    assert "Wait a minute" in run.error_remedy
    assert in_salesforce(live) == []
    from datetime import timedelta

    monkeypatch.setattr("abmatic.sync.push.unknown.SETTLED", timedelta(0))
    live.sync_well("Account")
    assert in_salesforce(live) == ["New 0", "New 1"]


# --- people


def test_a_person_whose_account_is_in_salesforce_becomes_a_contact_of_it_and_others_leads(live: Live) -> None:
    allow("Contact")
    allow("Lead")
    live.sync_well("Account", "Contact", "Lead")
    firm = Account.objects.get(name="GenePoint")
    known = Contact.objects.create(last_name="Known", work_email="known@genepoint.example", account=firm)
    stranger = Contact.objects.create(last_name="Stranger", work_email="s@acme.example", company="Acme")
    firmless = Contact.objects.create(last_name="Firmless")
    for person in (known, stranger, firmless):
        edit(person, job_title="CEO")
    live.sync_well("Account", "Contact", "Lead")
    (row,) = live.rows('SELECT "AccountId", "Title" FROM "Contact" WHERE "LastName" = ?', "Known")
    assert row == (account(live, "GenePoint")["Id"], "CEO")
    (row,) = live.rows('SELECT "Company", "Title" FROM "Lead" WHERE "LastName" = ?', "Stranger")
    assert row == ("Acme", "CEO")
    assert [(i.local_id, i.fields) for i in Issue.objects.filter(is_open=True)] == [(firmless.pk, ["Company"])]
    assert Contact.objects.get(pk=known.pk).kind == "contact"
    assert Contact.objects.get(pk=stranger.pk).kind == "lead"
    count = Contact.objects.count()
    live.sync_well("Account", "Contact", "Lead")
    assert Contact.objects.count() == count
    assert live.number('SELECT count(*) FROM "Lead" WHERE "LastName" = ?', "Stranger") == 1


def test_the_account_that_a_lead_is_converted_into_is_the_one_that_was_here(live: Live) -> None:
    """Salesforce gives the account the lead's website, which is all that says whose account it is."""
    allow("Lead")
    firm = Account.objects.create(
        name="Northwind Mills", website="https://www.northwind-mills.com/", domain="northwind-mills.com"
    )
    ada = Contact.objects.create(last_name="Lind", work_email="ada@northwind-mills.com", account=firm)
    edit(ada, job_title="CEO")
    live.sync_well("Contact", "Lead")
    ((lead, company, website),) = live.rows(
        'SELECT "Id", "Company", "Website" FROM "Lead" WHERE "LastName" = ?', "Lind"
    )
    assert (company, website) == ("Northwind Mills", "northwind-mills.com")
    live.org.store.convert_lead(lead, ConvertOptions())
    live.sync_well("Account", "Contact", "Lead")
    assert Account.objects.get(name="Northwind Mills").pk == firm.pk
    assert MirrorAccount.objects.filter(local_id=firm.pk, is_deleted=False).count() == 1
    assert Contact.objects.get(last_name="Lind").account_id == firm.pk


@pytest.mark.parametrize(("mode", "written"), [("overwrite", "lind.example"), ("none", None)])
def test_a_website_that_is_mapped_is_that_mappings_business(live: Live, mode: str, written: str | None) -> None:
    allow("Lead")
    FieldMapping.objects.filter(setting__sobject="Lead", sf_field="Phone").update(
        sf_field="Website", to_abmatic="none", to_salesforce=mode
    )
    firm = Account.objects.create(name="Northwind Mills", website="northwind-mills.com", domain="northwind-mills.com")
    edit(Contact.objects.create(last_name="Lind", account=firm, phone="lind.example"), job_title="CEO")
    live.sync_well("Contact", "Lead")
    assert live.rows('SELECT "Website" FROM "Lead" WHERE "LastName" = ?', "Lind") == [(written,)]


def test_a_person_who_is_a_lead_nobody_wanted_here_does_not_become_a_contact_as_well(live: Live) -> None:
    allow("Contact")
    allow("Lead", create_in_abmatic=False, create_in_salesforce=False, update_in_salesforce=False)
    with live.editing() as session:
        session.insert("Lead", {"LastName": "Twin", "Company": "GenePoint", "Email": "twin@genepoint.example"})
    live.sync_well("Lead")
    firm = Account.objects.get(name="GenePoint")
    person = Contact.objects.create(
        last_name="Twin", work_email="twin@genepoint.example", email_key="twin@genepoint.example", account=firm
    )
    edit(person, job_title="CEO")
    live.sync_well("Account", "Contact")
    assert live.number('SELECT count(*) FROM "Contact" WHERE "LastName" = ?', "Twin") == 0


@pytest.mark.parametrize(("scale", "is_refused"), [(0, False), (2, True)])
def test_a_whole_number_is_not_written_into_a_field_with_decimals(scale: int, is_refused: bool) -> None:
    """The mirror can't hold a fraction as a whole number: the field would look empty."""
    target = parse_describe(
        {
            "name": "Account", "label": "Account",
            "fields": [
                {"name": "Seats__c", "label": "Seats", "type": "double", "scale": scale, "createable": True,
                 "updateable": True}
            ],
        }
    ).fields["Seats__c"]  # fmt: skip
    reason = planning.why_not_written(OBJECTS["Account"], "Seats__c", target, local_field("account", "employee_count"))
    assert bool(reason) == is_refused


def test_date_times_are_the_same_however_they_are_written() -> None:
    assert unknown._same("2026-01-01T10:00:00.000+0000", "2026-01-01T10:00:00+00:00")
    assert not unknown._same("2026-01-01T10:00:01.000+0000", "2026-01-01T10:00:00+00:00")
    assert unknown._same("Acme  GmbH", "acme gmbh ")
    assert not unknown._same(None, "x")
    assert not unknown._same(0, None)
    assert unknown._same(10.0, 10)
