"""Push to Salesforce for chosen people: who becomes a lead and who a contact, and that nobody becomes both."""

from __future__ import annotations

import pytest
from django.utils import timezone
from tests.sync.live import Live, Orgs
from tests.sync.test_push import account, allow, edit, mode
from tests.sync.test_selected_push import carried_out, person, previewed, there, verdicts

from abmatic.audiences.models import Account, Contact
from abmatic.sync import runs
from abmatic.sync.execute import execute
from abmatic.sync.models import Issue, MirrorContact, MirrorLead, ObjectSetting, Run, SelectedPush
from abmatic.sync.selected import results
from abmatic.sync.selected.asking import begin
from abmatic.sync.selected.rules import NotPushed

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def live(orgs: Orgs) -> Live:
    live = orgs.sample()
    live.sync_well()
    allow("Contact")
    allow("Lead")
    return live


@pytest.mark.parametrize(
    ("rule", "chosen", "became"),
    [("account", "", "Contact"), ("account", "lead", "Lead"), ("contact", "lead", "Lead"),
     ("lead", "contact", "Contact")],
)  # fmt: skip
def test_the_choice_goes_before_what_the_leads_tab_says(live: Live, rule: str, chosen: str, became: str) -> None:
    allow("Lead", new_people=rule)
    new = person("Newcomer", account=Account.objects.get(name="GenePoint"))
    push = previewed(live, new, new_people=chosen)
    assert verdicts(push) == {"created": 1}
    done = carried_out(push)
    assert [run.state for run in done] == [Run.State.SUCCEEDED] * 2
    assert {s: there(live, s, "Newcomer") for s in ("Contact", "Lead")} == {
        "Contact": int(became == "Contact"), "Lead": int(became == "Lead"),
    }  # fmt: skip
    live.sync_well("Contact", "Lead")
    assert there(live, "Contact", "Newcomer") + there(live, "Lead", "Newcomer") == 1


@pytest.mark.parametrize("chosen", ["lead", "contact"])
def test_who_is_in_salesforce_already_stays_what_they_are(live: Live, chosen: str) -> None:
    for sobject in ("Contact", "Lead"):
        mode(sobject, "Title", to_salesforce="overwrite")
    contact = Contact.objects.get(pk=MirrorContact.objects.filter(role=1).order_by("sf_id")[0].local_id)
    lead = Contact.objects.get(pk=MirrorLead.objects.filter(role=1, is_converted=False).order_by("sf_id")[0].local_id)
    for one in (contact, lead):
        edit(one, job_title="Harbour master")
    counted = {s: live.number(f'SELECT count(*) FROM "{s}"') for s in ("Contact", "Lead")}
    push = previewed(live, contact, lead, new_people=chosen)
    assert verdicts(push) == {"updated": 2}
    carried_out(push)
    for sobject in ("Contact", "Lead"):
        assert live.number(f'SELECT count(*) FROM "{sobject}" WHERE "Title" = ?', "Harbour master") == 1
        assert live.number(f'SELECT count(*) FROM "{sobject}"') == counted[sobject]


@pytest.mark.parametrize(
    ("rule", "chosen", "other"),
    [("account", "contact", "Lead"), ("account", "lead", "Contact"), ("account", "", "Lead"),
     ("contact", "", "Lead"), ("lead", "", "Contact")],
)  # fmt: skip
def test_who_became_the_other_in_salesforce_meanwhile_is_not_made_twice(
    live: Live, rule: str, chosen: str, other: str
) -> None:
    allow("Lead", new_people=rule)
    new = person("O'Newcomer", account=Account.objects.get(name="GenePoint"))
    push = previewed(live, new, new_people=chosen)
    assert verdicts(push) == {"created": 1}
    fields = {"Company": "GenePoint"} if other == "Lead" else {"AccountId": account(live, "GenePoint")["Id"]}
    with live.editing() as session:
        session.insert(other, {"LastName": "O'Newcomer", "Email": str(new.work_email).upper(), **fields})
    done = carried_out(push)
    assert [run.state for run in done] == [Run.State.SUCCEEDED] * 2
    assert there(live, "Contact", "O'Newcomer") + there(live, "Lead", "O'Newcomer") == 1
    assert sum(sum(found.values()) for found in push.results.values()) == 1


def test_the_preview_counts_the_calls_that_look_for_people(live: Live) -> None:
    push = previewed(live, person("Newcomer", account=Account.objects.get(name="GenePoint")))
    assert push.found is not None
    assert sum(run.api_calls for run in carried_out(push)) == push.found["calls_of_run"]


def test_an_issue_of_what_a_person_doesnt_become_this_time_stays_open(live: Live) -> None:
    firmless = person("Firmless", company="Acme")
    said = {"statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "No.", "fields": []}
    live.org.fault(
        "status", {"method": "POST", "path": "/composite/sobjects"}, status=200,
        body=[{"success": False, "errors": [said]}],
    )  # fmt: skip
    carried_out(previewed(live, firmless, new_people="lead"))
    issue = Issue.objects.get(sobject="Lead", local_id=firmless.pk, is_open=True)
    other = person("Newcomer", account=Account.objects.get(name="GenePoint"))
    push = previewed(live, firmless, other, new_people="contact")
    assert verdicts(push) == {"created": 1, "no_account": 1}
    carried_out(push)
    issue.refresh_from_db()
    assert issue.is_open


def test_of_people_whose_object_is_not_pushed_it_is_said(live: Live) -> None:
    allow("Lead", create_in_salesforce=False, update_in_salesforce=False)
    lead = Contact.objects.get(pk=MirrorLead.objects.filter(role=1, is_converted=False)[0].local_id)
    push = previewed(live, lead, person("Newcomer", account=Account.objects.get(name="GenePoint")))
    assert verdicts(push) == {"created": 1, "update_off": 1}
    carried_out(push)
    assert push.results == {"Contact": {"created": 1}, "Lead": {"update_off": 1}}
    assert [(line.code, line.number) for line in results.outcome(push).left] == [("update_off", 1)]


@pytest.mark.parametrize("after", ["preview", "start"])
def test_people_whose_object_is_switched_off_meanwhile_are_not_missing(live: Live, after: str) -> None:
    mode("Lead", "Title", to_salesforce="overwrite")
    lead = Contact.objects.get(pk=MirrorLead.objects.filter(role=1, is_converted=False).order_by("sf_id")[0].local_id)
    edit(lead, job_title="Harbour master")
    firmless, new = person("Firmless"), person("Newcomer", account=Account.objects.get(name="GenePoint"))
    Contact.objects.filter(pk=firmless.pk).update(company="Acme")
    push = previewed(live, lead, firmless, new)
    assert verdicts(push) == {"created": 2, "updated": 1}
    if after == "start":
        done = begin(push)
    allow("Lead", create_in_salesforce=False, update_in_salesforce=False)
    if after == "preview":
        done = begin(push)
    for run in done:
        execute(run.pk)
    push.refresh_from_db()
    assert push.results == {"Contact": {"created": 1}, "Lead": {"create_off": 1, "update_off": 1}}
    left = {(line.code, line.number) for line in results.outcome(push).left}
    assert left == {("create_off", 1), ("update_off", 1)}
    assert {s: there(live, s, "Newcomer") for s in ("Contact", "Lead")} == {"Contact": 1, "Lead": 0}
    assert there(live, "Lead", "Firmless") == 0
    assert live.number('SELECT count(*) FROM "Lead" WHERE "Title" = ?', "Harbour master") == 0


def test_where_the_other_object_cant_be_read_nobody_is_made(live: Live) -> None:
    push = previewed(live, person("Newcomer", account=Account.objects.get(name="GenePoint")), new_people="contact")
    first, second = begin(push)
    assert (first.sobject, second.sobject) == ("Lead", "Contact")
    runs.cancel(first)
    execute(second.pk)
    second.refresh_from_db()
    assert (second.state, second.error_code) == (Run.State.FAILED, "earlier_failed")
    assert there(live, "Contact", "Newcomer") == 0


def test_why_people_are_not_pushed(live: Live) -> None:
    firmless = person("Firmless", company="Acme")
    converted = Contact.objects.create(last_name="Converted")
    MirrorLead.objects.create(
        connection=live.connection, sf_id="00Q000000000999AAA", local_id=converted.pk, role=1, is_converted=True,
        modstamp=timezone.now(), values={},
    )  # fmt: skip
    deleted = Contact.objects.create(last_name="Deleted")
    MirrorContact.objects.create(
        connection=live.connection, sf_id="003000000000999AAA", local_id=deleted.pk, role=1, is_deleted=True,
        modstamp=timezone.now(), values={},
    )  # fmt: skip
    push = previewed(live, firmless, converted, deleted, new_people="contact")
    assert verdicts(push) == {"no_account": 1, "converted": 1, "deleted": 1}
    with pytest.raises(NotPushed, match="nothing to write"):
        begin(push)


def test_the_other_object_was_never_read(live: Live) -> None:
    ObjectSetting.objects.filter(sobject="Lead").update(cursor=None)
    push = previewed(live, person("Newcomer"))
    assert push.state == SelectedPush.State.FAILED
    assert "Leads were never read" in push.problem
