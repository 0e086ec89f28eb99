"""Deals and people whose account is not in Salesforce: a sync says why they wait, and they go as soon as they can."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.sync.live import Live, Orgs
from tests.sync.test_preview import tables
from tests.sync.test_push import account, allow, edit, mode

from abmatic.audiences.models import Account, Contact, Opportunity
from abmatic.sync import issues
from abmatic.sync.models import Due, Issue, MirrorAccount
from abmatic.sync.preview import preview
from abmatic.sync.refusals import REFUSALS

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def live(orgs: Orgs) -> Live:
    live = orgs.sample()
    live.sync_well()
    return live


def company(name: str, **values: Any) -> Account:
    domain = f"{name.lower()}.example"
    return Account.objects.create(name=name, website=f"https://{domain}", domain=domain, **values)


def deal(name: str, account: Account | None) -> Opportunity:
    return Opportunity.objects.create(name=name, stage="Prospecting", close_date="2027-01-31", account=account)


def person(name: str, account: Account | None = None) -> Contact:
    email = f"{name.lower()}@people.example"
    return Contact.objects.create(last_name=name, work_email=email, email_key=email, account=account)


def there(live: Live, sobject: str, name: str) -> int:
    column = "LastName" if sobject in {"Contact", "Lead"} else "Name"
    return live.number(f'SELECT count(*) FROM "{sobject}" WHERE "{column}" = ?', name)


def open_codes() -> list[str]:
    return sorted(Issue.objects.filter(is_open=True).values_list("code", flat=True))


def only_deals() -> None:
    allow("Account", create_in_salesforce=False)
    allow("Opportunity")


def only_contacts() -> None:
    allow("Account", create_in_salesforce=False)
    allow("Contact")


def test_a_deal_whose_account_no_sync_creates_is_an_issue_of_the_run(live: Live) -> None:
    only_deals()
    record = deal("New deal", company("Acme"))
    run = live.sync_well()["Opportunity"]
    assert there(live, "Opportunity", "New deal") == 0
    issue = Issue.objects.get(is_open=True)
    assert (issue.sobject, issue.local_id, issue.code, issue.run_id) == (
        "Opportunity", record.pk, "ACCOUNT_NOT_CREATED", run.pk,
    )  # fmt: skip
    assert issue.message == "Its account is Acme, acme.example"
    assert "“Create in Salesforce” is off for Accounts" in REFUSALS[issue.code].meaning
    assert run.pushed["waiting"] == 1
    assert run.outcome.endswith("1 waiting for another record in Salesforce.")
    (cause,) = issues.by_cause(issues.Filter(live.connection))
    assert (cause.sobject, cause.code, cause.records) == ("Opportunity", "ACCOUNT_NOT_CREATED", 1)


def test_said_once_it_costs_no_later_run_anything(live: Live) -> None:
    only_deals()
    deal("New deal", company("Acme"))
    live.sync_well("Opportunity")
    said, due = Issue.objects.values_list(), Due.objects.values_list()
    before = (list(said.all()), list(due.all()))
    for _ in range(3):
        run = live.sync_well("Opportunity")["Opportunity"]
        assert (run.pushed["waiting"], run.api_calls) == (1, 1)
    assert (list(said.all()), list(due.all())) == before


def test_where_accounts_are_created_a_sync_of_everything_says_nothing(live: Live) -> None:
    for sobject in ("Account", "Contact", "Opportunity"):
        allow(sobject)
    firm = company("Acme")
    deal("New deal", firm)
    person("Newcomer", firm)
    done = live.sync_well()
    assert {name: done[name].pushed["created"] for name in ("Account", "Contact", "Opportunity")} == {
        "Account": 1, "Contact": 1, "Opportunity": 1,
    }  # fmt: skip
    assert not Issue.objects.exists()
    assert not Due.objects.exists()


def test_what_the_next_sync_of_accounts_sees_to_is_counted_and_no_issue(live: Live) -> None:
    for sobject in ("Account", "Contact", "Opportunity"):
        allow(sobject)
    firm = company("Acme")
    deal("New deal", firm)
    person("Newcomer", firm)
    done = live.sync_well("Contact", "Opportunity")
    assert {name: done[name].pushed["waiting"] for name in ("Contact", "Opportunity")} == {
        "Contact": 1, "Opportunity": 1,
    }  # fmt: skip
    assert not Issue.objects.exists()
    done = live.sync_well()
    assert (there(live, "Opportunity", "New deal"), there(live, "Contact", "Newcomer")) == (1, 1)
    assert {name: done[name].pushed["waiting"] for name in ("Contact", "Opportunity")} == {
        "Contact": 0, "Opportunity": 0,
    }  # fmt: skip


@pytest.mark.parametrize(("prepare", "sobject"), [(only_deals, "Opportunity"), (only_contacts, "Contact")])
@pytest.mark.parametrize("how", ["switched on", "made by a rep"])
def test_it_resolves_itself_when_the_account_appears(
    live: Live, prepare: Callable[[], None], sobject: str, how: str
) -> None:
    prepare()
    firm = company("Acme")
    deal("New", firm)
    person("New", firm)
    live.sync_well()
    assert (open_codes(), there(live, sobject, "New")) == (["ACCOUNT_NOT_CREATED"], 0)
    if how == "switched on":
        allow("Account")
    else:
        with live.editing() as session:
            session.insert("Account", {"Name": "Acme Inc", "Website": "www.acme.example"})
        live.org.store.set_clock(by=1)
    run = live.sync_well()[sobject]
    assert (run.pushed["created"], run.pushed["waiting"], there(live, sobject, "New")) == (1, 0, 1)
    assert open_codes() == []
    ((account_id,),) = live.rows(
        f'SELECT "AccountId" FROM "{sobject}" WHERE "{"Name" if sobject == "Opportunity" else "LastName"}" = ?', "New"
    )
    assert account_id == MirrorAccount.objects.get(local_id=firm.pk).sf_id


def test_people_who_become_leads_wait_for_nothing(live: Live) -> None:
    allow("Account", create_in_salesforce=False)
    allow("Contact")
    allow("Lead")
    person("Newcomer", company("Acme"))
    live.sync_well()
    assert there(live, "Lead", "Newcomer") == 1
    run = live.sync_well("Contact")["Contact"]
    assert (run.pushed["waiting"], run.api_calls) == (0, 1)
    assert not Issue.objects.exists()
    assert not Due.objects.exists()


def test_a_person_whom_the_leads_filter_leaves_out_becomes_a_contact_once_the_account_is_there(live: Live) -> None:
    for sobject in ("Account", "Contact"):
        allow(sobject)
    allow("Lead", push_filter={"all": [{"field": "job_title", "is": "equals", "value": "Boss"}]})
    person("Newcomer", company("Acme"))
    live.sync_well("Contact", "Lead")
    assert not Issue.objects.exists()
    live.sync_well("Account")
    live.sync_well("Contact")
    assert (there(live, "Contact", "Newcomer"), there(live, "Lead", "Newcomer")) == (1, 0)


def test_people_without_an_account_wait_for_none(live: Live) -> None:
    only_contacts()
    person("Firmless")
    run = live.sync_well("Contact")["Contact"]
    assert run.pushed["waiting"] == 0
    assert not Issue.objects.exists()


def filtered(live: Live, firm: Account) -> None:
    allow("Account", push_filter={"all": [{"field": "name", "is": "contains", "value": "100%"}]})


def refused(live: Live, firm: Account) -> None:
    allow("Account")
    Account.objects.filter(pk=firm.pk).update(name="")


def deleted(live: Live, firm: Account) -> None:
    allow("Account")
    live.sync_well("Account")
    with live.editing() as session:
        session.delete("Account", MirrorAccount.objects.get(local_id=firm.pk).sf_id)
    live.org.store.set_clock(by=1)


def permit(live: Live, **rights: bool) -> None:
    wanted = {"object": "Account", "allowRead": True, "allowDelete": False, **rights}
    live.org.store.put_permissions({"profiles": [{"fullName": "System Administrator", "objectPermissions": [wanted]}]})
    # A describe that was asked for in the same second would not be told.
    live.org.store.clock.change(by=2)


def test_what_the_connected_user_may_not_do_is_said_and_made_up_for_when_it_may(live: Live) -> None:
    allow("Account")
    allow("Opportunity")
    mode("Account", "Industry", to_salesforce="overwrite")
    permit(live, allowCreate=False, allowEdit=False)
    firm = company("Acme")
    deal("New deal", firm)
    edit(Account.objects.get(name="GenePoint"), industry="Banking")
    assert any("may not create or update" in note for note in preview(live.connection, "Account").notes)
    for _ in range(2):
        done = live.sync_well("Account", "Opportunity")
        assert "may not create or update Accounts in Salesforce" in done["Account"].outcome
        assert "Create and Edit on the object" in done["Account"].outcome
        assert (open_codes(), done["Opportunity"].pushed["waiting"]) == (["ACCOUNT_FORBIDDEN"], 1)
    permit(live, allowCreate=True, allowEdit=True)
    done = live.sync_well("Account", "Opportunity")
    assert "may not" not in done["Account"].outcome
    assert (there(live, "Account", "Acme"), there(live, "Opportunity", "New deal")) == (1, 1)
    assert account(live, "GenePoint")["Industry"] == "Banking"
    assert open_codes() == []
    assert live.sync_well("Account")["Account"].api_calls == 1


@pytest.mark.parametrize(
    ("prepare", "code", "of_account"),
    [(filtered, "ACCOUNT_FILTERED", []), (refused, "ACCOUNT_HELD", ["REQUIRED_FIELD_MISSING"]),
     (deleted, "ACCOUNT_DELETED", [])],
)  # fmt: skip
def test_each_reason_is_a_cause_of_its_own(
    live: Live, prepare: Callable[[Live, Account], None], code: str, of_account: list[str]
) -> None:
    allow("Opportunity")
    firm = company("Acme")
    prepare(live, firm)
    record = deal("New deal", firm)
    live.sync_well("Account")
    live.sync_well("Opportunity", full=True)
    edit(record, amount=5)
    live.sync_well("Opportunity")
    assert open_codes() == sorted([code, *of_account])
    assert code in REFUSALS
    # Another account is an answer to each of them.
    edit(record, account_id=Account.objects.get(name="GenePoint").pk)
    live.sync_well("Opportunity")
    assert there(live, "Opportunity", "New deal") == 1
    assert open_codes() == of_account


def test_the_cause_follows_the_settings(live: Live) -> None:
    only_deals()
    deal("New deal", company("Acme"))
    live.sync_well("Opportunity")
    assert open_codes() == ["ACCOUNT_NOT_CREATED"]
    allow("Account", push_filter={"all": [{"field": "employee_count", "is": "at_least", "value": 10}]})
    live.sync_well("Opportunity")
    assert open_codes() == ["ACCOUNT_FILTERED"]
    allow("Account", push_filter={})
    live.sync_well("Opportunity")
    assert open_codes() == []
    assert Due.objects.get(sobject="Opportunity").waits == ""


def test_what_would_not_be_written_anyway_is_no_issue(live: Live) -> None:
    only_deals()
    allow("Opportunity", push_filter={"all": [{"field": "name", "is": "equals", "value": "Another"}]})
    deal("New deal", company("Acme"))
    run = live.sync_well("Opportunity")["Opportunity"]
    assert run.pushed["waiting"] == 0
    assert not Issue.objects.exists()
    allow("Opportunity", create_in_salesforce=False, push_filter={})
    live.sync_well("Opportunity")
    assert not Issue.objects.exists()
    assert not Due.objects.exists()


def test_a_deal_that_is_gone_takes_its_issue_with_it(live: Live) -> None:
    only_deals()
    record = deal("New deal", company("Acme"))
    live.sync_well("Opportunity")
    record.delete()
    live.sync_well("Opportunity")
    assert open_codes() == []


def test_a_retry_is_answered_by_the_run_that_finds_it_waiting(live: Live) -> None:
    only_deals()
    deal("New deal", company("Acme"))
    live.sync_well("Opportunity")
    assert issues.retry_all(issues.Filter(live.connection)).issues == 1
    run = live.sync_well("Opportunity")["Opportunity"]
    issue = Issue.objects.get(is_open=True)
    assert (issue.retry_at, issue.times, issue.run_id) == (None, 2, run.pk)


def test_an_account_that_is_to_be_tried_again_is_waited_for(live: Live) -> None:
    allow("Account")
    allow("Opportunity")
    firm = company("Acme")
    Account.objects.filter(pk=firm.pk).update(name="")
    deal("New deal", firm)
    live.sync_well("Account", "Opportunity")
    assert open_codes() == ["ACCOUNT_HELD", "REQUIRED_FIELD_MISSING"]
    issues.retry_all(issues.Filter(live.connection, sobject="Account"))
    live.sync_well("Opportunity")
    assert open_codes() == ["REQUIRED_FIELD_MISSING"]


def test_the_preview_says_so_and_writes_nothing(live: Live) -> None:
    only_deals()
    record = deal("New deal", company("Acme"))
    before = tables()
    found = preview(live.connection, "Opportunity")
    assert tables() == before
    assert found.to_salesforce == {"created": 0, "updated": 0, "held": 0, "waiting": 1}
    (sample,) = found.samples["to_salesforce"]["waiting"]
    assert (sample.name, sample.local_id, sample.code) == ("New deal", record.pk, "ACCOUNT_NOT_CREATED")
    assert "held" not in found.samples["to_salesforce"]
    run = live.sync_well("Opportunity")["Opportunity"]
    assert {name: run.pushed[name] for name in found.to_salesforce} == found.to_salesforce
    assert run.api_calls == found.calls_of_run
