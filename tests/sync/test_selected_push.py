"""Push to Salesforce for a selection: those records and no others, and never beyond what a scheduled push may do."""

from __future__ import annotations

import functools
import threading
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connections
from django.utils import timezone
from tests.cli.processes import wait_until
from tests.sync.live import Live, Orgs
from tests.sync.test_preview import tables
from tests.sync.test_push import account, allow, edit, mode

from abmatic.audiences.models import Account, Contact, Opportunity
from abmatic.audiences.selection import Selection
from abmatic.postgres import sessions
from abmatic.sync import connect, issues, runs
from abmatic.sync.execute import execute
from abmatic.sync.models import (
    Due,
    Issue,
    Run,
    SelectedPush,
    SelectedRecord,
    Write,
)
from abmatic.sync.push.sending import Sender
from abmatic.sync.selected import jobs, results
from abmatic.sync.selected.asking import ask, begin, choose
from abmatic.sync.selected.asking import connections as offered
from abmatic.sync.selected.rules import NotPushed

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def live(orgs: Orgs) -> Live:
    live = orgs.sample()
    live.sync_well()
    return live


def previewed(live: Live, *records: Account | Contact | Opportunity, **how: Any) -> SelectedPush:
    kind = records[0]._meta.db_table
    return ask(
        Selection(kind, ids=tuple(record.pk for record in records)), live.connection, at_once=True, **how
    )  # fmt: skip


def carried_out(push: SelectedPush) -> list[Run]:
    done = begin(push)
    for run in done:
        execute(run.pk)
        run.refresh_from_db()
    push.refresh_from_db()
    return done


def verdicts(push: SelectedPush) -> dict[str, int]:
    assert push.found is not None, push.problem
    found: dict[str, int] = push.found["verdicts"]
    return found


def company(name: str, **values: Any) -> Account:
    domain = f"{name.lower()}.example"
    return Account.objects.create(name=name, website=f"https://{domain}", domain=domain, **values)


def person(name: str, **values: Any) -> Contact:
    email = f"{name.lower()}@people.example"
    return Contact.objects.create(last_name=name, work_email=email, email_key=email, **values)


def there(live: Live, sobject: str, name: str) -> int:
    column = "LastName" if sobject in {"Contact", "Lead"} else "Name"
    return live.number(f'SELECT count(*) FROM "{sobject}" WHERE "{column}" = ?', name)


def test_only_the_chosen_records_are_pushed_and_the_others_stay_due(live: Live) -> None:
    allow("Account")
    mode("Account", "Industry", to_salesforce="overwrite")
    chosen, other = Account.objects.get(name="GenePoint"), Account.objects.get(name="Edge Communications")
    for record in (chosen, other):
        edit(record, industry="Banking")
    (run,) = carried_out(previewed(live, chosen))
    assert run.state == Run.State.SUCCEEDED
    assert (run.pushed["updated"], account(live, "GenePoint")["Industry"]) == (1, "Banking")
    assert account(live, "Edge Communications")["Industry"] != "Banking"
    assert run.outcome.endswith("1 updated in Salesforce.")
    live.sync_well("Account")
    assert account(live, "Edge Communications")["Industry"] == "Banking"


def test_what_a_rep_changed_meanwhile_is_read_first(live: Live) -> None:
    allow("Account", policy="salesforce")
    mode("Account", "Industry", to_salesforce="overwrite")
    mode("Account", "BillingCity", to_salesforce="overwrite")
    record = Account.objects.get(name="GenePoint")
    edit(record, industry="Banking")
    push = previewed(live, record)
    with live.editing() as session:
        session.update("Account", account(live, "GenePoint")["Id"], {"BillingCity": "Graz", "Industry": "Energy"})
    carried_out(push)
    assert (account(live, "GenePoint")["BillingCity"], account(live, "GenePoint")["Industry"]) == ("Graz", "Energy")
    record.refresh_from_db()
    assert (record.city, record.industry) == ("Graz", "Energy")


def test_the_preview_says_what_the_push_then_does_and_writes_nothing(live: Live) -> None:
    allow("Account")
    mode("Account", "Industry", to_salesforce="overwrite")
    changed, equal = Account.objects.get(name="GenePoint"), Account.objects.get(name="Edge Communications")
    edit(changed, industry="Banking")
    made, nameless = (
        company("Acme", city="Wien"),
        Account.objects.create(website="nameless.example", domain="nameless.example"),
    )
    before = {name: rows for name, rows in tables().items() if not name.startswith(("selected_", "procrastinate"))}
    push = previewed(live, changed, equal, made, nameless)
    after = {name: rows for name, rows in tables().items() if not name.startswith(("selected_", "procrastinate"))}
    assert after == before
    assert verdicts(push) == {"created": 1, "updated": 1, "equal": 1, "held": 1}
    lines = {line.code: line for line in results.preview_lines(push)}
    assert lines["updated"].samples[0]["fields"] == {"Industry": {"before": "Biotechnology", "after": "Banking"}}
    assert lines["held"].samples[0]["code"] == "REQUIRED_FIELD_MISSING"
    assert list(lines["held"].samples[0]["fields"]) == ["Name"]
    (run,) = carried_out(push)
    assert push.found is not None
    assert run.api_calls == push.found["calls_of_run"]
    assert {name: run.pushed[name] for name in ("created", "updated", "held")} == {
        "created": 1, "updated": 1, "held": 1,
    }  # fmt: skip
    outcome = results.outcome(push)
    assert (outcome.is_over, outcome.written["created"], outcome.written["updated"]) == (True, 1, 1)
    assert {line.code: line.number for line in outcome.left} == {"equal": 1, "held": 1}


def test_what_a_filter_leaves_out_is_pushed_only_where_that_is_chosen(live: Live) -> None:
    large = {"field": "employee_count", "is": "at_least", "value": 200}
    allow("Account", push_filter={"all": [large]})
    small, big = company("Small", employee_count=3), company("Big", employee_count=300)
    push = previewed(live, small, big)
    assert verdicts(push) == {"created": 1, "filtered": 1}
    choose(push, live.connection, new_people="", past_filter=True)
    jobs.execute(push.pk, push.revision)
    push.refresh_from_db()
    assert verdicts(push) == {"created": 2}
    carried_out(push)
    assert (there(live, "Account", "Small"), there(live, "Account", "Big")) == (1, 1)
    edit(small, city="Graz")
    live.sync_well("Account")
    assert account(live, "Small")["BillingCity"] is None, "it was for this once"


@pytest.mark.parametrize("past_filter", [False, True])
def test_a_toggle_that_is_off_stays_off(live: Live, past_filter: bool) -> None:
    allow("Account", create_in_salesforce=False)
    mode("Account", "Industry", to_salesforce="overwrite")
    changed, new = Account.objects.get(name="GenePoint"), company("Acme")
    edit(changed, industry="Banking")
    push = previewed(live, changed, new, past_filter=past_filter)
    assert verdicts(push) == {"updated": 1, "create_off": 1}
    carried_out(push)
    assert there(live, "Account", "Acme") == 0
    allow("Account", update_in_salesforce=False)
    edit(changed, industry="Energy")
    push = previewed(live, changed, new, past_filter=past_filter)
    assert verdicts(push) == {"created": 1, "update_off": 1}
    carried_out(push)
    assert (there(live, "Account", "Acme"), account(live, "GenePoint")["Industry"]) == (1, "Banking")
    allow("Account", create_in_salesforce=False, update_in_salesforce=False)
    push = previewed(live, changed, past_filter=past_filter)
    assert push.state == SelectedPush.State.FAILED
    assert "are off for Accounts" in push.problem


def test_a_toggle_that_is_switched_off_after_the_preview_counts(live: Live) -> None:
    allow("Account")
    push = previewed(live, company("Acme"))
    started = begin(push)
    allow("Account", create_in_salesforce=False)
    execute(started[0].pk)
    assert there(live, "Account", "Acme") == 0
    push.refresh_from_db()
    assert push.results == {"Account": {"create_off": 1}}


def test_where_all_is_switched_off_after_the_preview_it_is_said_of_each_record(live: Live) -> None:
    allow("Account")
    mode("Account", "Industry", to_salesforce="overwrite")
    changed, new = Account.objects.get(name="GenePoint"), company("Acme")
    edit(changed, industry="Banking")
    push = previewed(live, changed, new)
    (run,) = begin(push)
    allow("Account", create_in_salesforce=False, update_in_salesforce=False)
    execute(run.pk)
    run.refresh_from_db()
    push.refresh_from_db()
    assert run.state == Run.State.SUCCEEDED
    assert push.results == {"Account": {"create_off": 1, "update_off": 1}}
    outcome = results.outcome(push)
    assert {line.code: line.number for line in outcome.left} == {"create_off": 1, "update_off": 1}
    assert all("Accounts" in line.label and line.remedy for line in outcome.left)
    assert not Write.objects.exists()
    assert (there(live, "Account", "Acme"), account(live, "GenePoint")["Industry"]) == (0, "Biotechnology")


def test_an_opportunity_is_pushed_with_its_account(live: Live) -> None:
    allow("Opportunity")
    firm = Account.objects.get(name="GenePoint")
    deal = Opportunity.objects.create(name="New deal", stage="Prospecting", close_date="2027-01-31", account=firm)
    (run,) = carried_out(previewed(live, deal))
    assert run.pushed["created"] == 1
    ((account_id,),) = live.rows('SELECT "AccountId" FROM "Opportunity" WHERE "Name" = ?', "New deal")
    assert account_id == account(live, "GenePoint")["Id"]


def test_an_opportunity_whose_account_is_not_there_waits_for_it(live: Live) -> None:
    allow("Account")
    allow("Opportunity")
    firm = company("Acme")
    deal = Opportunity.objects.create(name="New deal", stage="Prospecting", close_date="2027-01-31", account=firm)
    alone = Opportunity.objects.create(name="Nobody's", stage="Prospecting", close_date="2027-01-31")
    push = previewed(live, deal, alone)
    assert verdicts(push) == {"created": 1, "no_account": 1}
    carried_out(push)
    assert (there(live, "Opportunity", "New deal"), there(live, "Opportunity", "Nobody's")) == (0, 1)
    live.sync_well("Opportunity")
    assert there(live, "Opportunity", "New deal") == 0
    assert list(Due.objects.filter(sobject="Opportunity").values_list("local_id", flat=True)) == [deal.pk]
    live.sync_well("Account", "Opportunity")
    ((account_id,),) = live.rows('SELECT "AccountId" FROM "Opportunity" WHERE "Name" = ?', "New deal")
    assert account_id == account(live, "Acme")["Id"]
    assert not Due.objects.filter(sobject="Opportunity").exists()


def test_a_filtered_list_without_some_is_fixed_when_it_is_previewed(live: Live) -> None:
    allow("Account")
    one, two, left_out = (company(f"New{n}", city="Graz") for n in range(3))
    chosen = Selection(
        "account", {"field": "city", "is": "equals", "value": "Graz"}, excluded=(left_out.pk,)
    )  # fmt: skip
    push = ask(chosen, live.connection, at_once=True)
    assert push.size == 2
    company("Late", city="Graz")
    carried_out(push)
    assert sorted(Write.objects.values_list("local_id", flat=True)) == [one.pk, two.pk]


def test_what_salesforce_refuses_is_said_and_not_sent_again_as_it_is(live: Live) -> None:
    allow("Account")
    mode("Account", "Industry", to_salesforce="overwrite")
    record = Account.objects.get(name="GenePoint")
    edit(record, industry="Banking")
    said = {"statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "No banks, please", "fields": ["Industry"]}
    live.org.fault(
        "status", {"method": "PATCH", "path": "/composite/sobjects"}, status=200,
        body=[{"success": False, "errors": [said]}],
    )  # fmt: skip
    carried_out(first := previewed(live, record))
    (refused,) = results.outcome(first).refused
    assert (refused.local_id, refused.code, refused.message) == (
        record.pk, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "No banks, please",
    )  # fmt: skip
    assert refused.remedy
    push = previewed(live, record)
    assert verdicts(push) == {"refused": 1}
    (line,) = [line for line in results.preview_lines(push) if line.code == "refused"]
    assert line.samples[0]["code"] == "FIELD_CUSTOM_VALIDATION_EXCEPTION"


def test_it_is_started_once_and_only_after_its_preview(live: Live) -> None:
    allow("Account")
    record = company("Acme")
    push = ask(Selection("account", ids=(record.pk,)), live.connection)
    with pytest.raises(NotPushed, match="wait for the preview"):
        begin(push)
    jobs.execute(push.pk, push.revision)
    begin(push)
    with pytest.raises(NotPushed, match="started already"):
        begin(push)
    with pytest.raises(NotPushed, match="started already"):
        choose(push, live.connection, new_people="", past_filter=True)
    other = previewed(live, company("Beta"))
    assert other.state == SelectedPush.State.READY
    with pytest.raises(runs.AlreadyRunning, match="queued, running"):
        begin(other)
    other.refresh_from_db()
    assert other.state == SelectedPush.State.READY, "it can be started when the other one is over"


def test_what_is_chosen_anew_makes_the_older_preview_worthless(live: Live) -> None:
    allow("Account")
    push = ask(Selection("account", ids=(company("Acme").pk,)), live.connection)
    choose(push, live.connection, new_people="", past_filter=True)
    jobs.execute(push.pk, 1)
    push.refresh_from_db()
    assert push.state == SelectedPush.State.QUEUED
    jobs.execute(push.pk, 2)
    push.refresh_from_db()
    assert push.state == SelectedPush.State.READY


def test_a_connection_that_is_disabled_takes_nothing(live: Live) -> None:
    allow("Account")
    record = company("Acme")
    push = previewed(live, record)
    connect.disable(live.connection)
    live.connection.refresh_from_db()
    assert list(offered()) == []
    with pytest.raises(NotPushed, match="inactive"):
        ask(Selection("account", ids=(record.pk,)), live.connection)
    with pytest.raises(runs.ConnectionNotReady):
        begin(push)


def test_killed_while_it_sends_it_goes_on_with_all_of_them(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    allow("Account", push_filter={"field": "employee_count", "is": "at_least", "value": 200})
    push = previewed(live, company("One"), company("Two"), past_filter=True)
    (run,) = begin(push)
    sends = Sender.send_all

    def killed(self: Sender) -> None:
        raise OperationalError("the database is gone")

    monkeypatch.setattr(Sender, "send_all", killed)
    with pytest.raises(OperationalError):
        execute(run.pk)
    monkeypatch.setattr(Sender, "send_all", sends)
    execute(run.pk)
    run.refresh_from_db()
    assert (run.state, run.pushed["created"]) == (Run.State.SUCCEEDED, 2)
    assert not Due.objects.exists()


def test_killed_after_half_was_sent_it_counts_each_once(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    allow("Account")
    nameless = Account.objects.create(website="nameless.example", domain="nameless.example")
    push = previewed(live, company("One"), company("Two"), company("Three"), nameless)
    (run,) = begin(push)
    said = {"statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "No.", "fields": []}
    live.org.fault(
        "status", {"method": "POST", "path": "/composite/sobjects"}, status=200,
        body=[{"success": False, "errors": [said]}],
    )  # fmt: skip
    sends, sent = Sender._send_collection, []

    def killed_at_the_third(self: Sender, operation: str, size: int) -> None:
        sent.append(size)
        if len(sent) == 3:
            raise OperationalError("the database is gone")
        sends(self, operation, 1)

    monkeypatch.setattr(Sender, "_send_collection", killed_at_the_third)
    with pytest.raises(OperationalError):
        execute(run.pk)
    execute(run.pk)
    run.refresh_from_db()
    push.refresh_from_db()
    assert run.state == Run.State.SUCCEEDED
    assert {name: run.pushed[name] for name in ("created", "refused", "held")} == {
        "created": 2, "refused": 1, "held": 1,
    }  # fmt: skip
    assert push.results == {"Account": {"created": 2, "held": 1}}


def test_a_retry_that_only_the_filter_leaves_out_keeps_its_issue(live: Live) -> None:
    allow("Account", push_filter={"field": "employee_count", "is": "at_least", "value": 200})
    mode("Account", "Industry", to_salesforce="overwrite")
    record = company("Small", employee_count=3)
    said = {"statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "No.", "fields": []}
    live.org.fault(
        "status", {"method": "POST", "path": "/composite/sobjects"}, status=200,
        body=[{"success": False, "errors": [said]}],
    )  # fmt: skip
    carried_out(previewed(live, record, past_filter=True))
    issue = Issue.objects.get(local_id=record.pk, is_open=True)
    issues.retry([issue.pk])
    live.sync_well("Account")
    issue.refresh_from_db()
    assert (issue.is_open, issue.retry_at) == (True, None)
    push = previewed(live, record, past_filter=True)
    assert verdicts(push) == {"refused": 1}


def test_two_workers_that_look_up_one_selection_find_it_once(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    allow("Account")
    push = ask(Selection("account", ids=(company("Acme").pk,)), live.connection)
    source, failed = Selection.source, []
    with sessions.session("holder") as holder:

        def held(self: Selection) -> Any:
            holder.execute("SELECT FROM selected_push WHERE id = %s FOR UPDATE", [push.pk])
            return source(self)

        def look_up() -> None:
            try:
                jobs._look_up(SelectedPush.objects.get(pk=push.pk))
            except DatabaseError as error:
                failed.append(error)
            finally:
                connections.close_all()

        def are_waiting(number: int) -> bool:
            row = holder.execute(
                "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()"
            ).fetchone()
            return row is not None and row[0] == number

        monkeypatch.setattr(Selection, "source", held)
        workers = [threading.Thread(target=look_up) for _ in range(2)]
        for number, worker in enumerate(workers, 1):
            worker.start()
            wait_until(functools.partial(are_waiting, number))
            monkeypatch.setattr(Selection, "source", source)
        holder.rollback()
        for worker in workers:
            worker.join()
    assert failed == []
    push.refresh_from_db()
    assert (push.size, SelectedRecord.objects.filter(push=push).count()) == (1, 1)


def test_what_was_asked_for_a_day_ago_is_not_started(live: Live) -> None:
    allow("Account")
    push = previewed(live, company("Acme"))
    SelectedPush.objects.filter(pk=push.pk).update(created_at=timezone.now() - jobs.KEPT)
    with pytest.raises(NotPushed, match="a day ago"):
        begin(push)
    push.refresh_from_db()
    with pytest.raises(NotPushed, match="a day ago"):
        choose(push, live.connection, new_people="", past_filter=True)


def test_after_a_day_it_is_forgotten_but_for_what_it_did(live: Live) -> None:
    allow("Account")
    done, never = previewed(live, company("Acme")), previewed(live, company("Beta"))
    carried_out(done)
    jobs.forget_old(timezone.now())
    assert SelectedRecord.objects.count() == 2
    jobs.forget_old(timezone.now() + jobs.KEPT)
    assert list(SelectedPush.objects.all()) == [done]
    assert not SelectedRecord.objects.exists()
    assert never.pk != done.pk
