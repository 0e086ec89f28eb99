"""Nobody is made a contact beside a lead that came to Salesforce since leads were read, nor the other way round."""

from __future__ import annotations

import pytest
import time_machine
from django.utils import timezone
from tests.sync.live import Live, Orgs
from tests.sync.test_push import account, allow, edit

from abmatic.audiences.models import Account, Contact
from abmatic.sync.auto_push import LEFT_PAUSE, AutoPush
from abmatic.sync.models import Due, Issue, MirrorContact, MirrorLead, ObjectSetting, Run
from abmatic.sync.preview import preview
from abmatic.sync.push import newcomers

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def live(orgs: Orgs) -> Live:
    live = orgs.sample()
    live.sync_well()
    for sobject in ("Contact", "Lead"):
        allow(sobject)
    return live


def person(name: str, *, of_account: bool = True) -> Contact:
    key = f"{name.lower()}@genepoint.example"
    where = {"account": Account.objects.get(name="GenePoint")} if of_account else {"company": "GenePoint"}
    return Contact.objects.create(first_name="Nell", last_name=name, work_email=key, email_key=key, **where)


def appear(live: Live, sobject: str, someone: Contact) -> None:
    """A rep makes the same person in Salesforce."""
    fields = {"Company": "GenePoint"} if sobject == "Lead" else {"AccountId": account(live, "GenePoint")["Id"]}
    with live.editing() as session:
        session.insert(
            sobject, {"LastName": someone.last_name, "Email": str(someone.work_email).upper(), **fields}
        )  # fmt: skip


def there(live: Live, name: str) -> dict[str, int]:
    return {
        sobject: live.number(f'SELECT count(*) FROM "{sobject}" WHERE "LastName" = ?', name)
        for sobject in ("Contact", "Lead")
    }


@pytest.mark.parametrize("names", [("Contact",), ("Contact", "Lead")], ids=["alone", "together"])
def test_a_lead_of_a_minute_ago_gets_no_contact_beside_it(live: Live, names: tuple[str, ...]) -> None:
    new, other = person("Newcomer"), person("Other")
    appear(live, "Lead", new)
    run = live.sync_well(*names)["Contact"]
    assert (run.pushed["created"], run.pushed["waiting"]) == (1, 1)
    assert "1 waiting for another record in Salesforce" in run.outcome
    assert there(live, "Newcomer") == {"Contact": 0, "Lead": 1}
    live.sync_well("Lead")
    live.sync_well("Contact")
    assert MirrorLead.objects.get(local_id=new.pk).role == 1
    assert there(live, "Newcomer") == {"Contact": 0, "Lead": 1}
    assert not Due.objects.filter(local_id__in=[new.pk, other.pk]).exists()


@pytest.mark.parametrize("hours", [0, 24], ids=["by hand", "daily"])
def test_whoever_waits_starts_no_runs_and_is_an_issue_where_nobody_else_reads_leads(live: Live, hours: int) -> None:
    ObjectSetting.objects.filter(sobject="Lead").update(frequency=hours)
    setting = allow("Contact", auto_push=True)
    new = person("Newcomer")
    appear(live, "Lead", new)
    live.sync_well("Contact")
    later = timezone.now() + LEFT_PAUSE * 2
    with time_machine.travel(later):
        assert not AutoPush().start_due()
    told = Issue.objects.filter(sobject="Contact", local_id=new.pk, is_open=True)
    assert list(told.values_list("code", flat=True)) == ([] if hours else ["UNREAD_ELSEWHERE"])
    # A retry changes nothing, and ends.
    told.update(retry_at=timezone.now())
    assert live.sync_well("Contact")["Contact"].pushed["waiting"] == 1
    assert not told.filter(retry_at__isnull=False).exists()
    live.sync_well("Lead")
    live.sync_well("Contact")
    assert not told.exists()
    assert not Due.objects.filter(sobject=setting.sobject, local_id=new.pk).exists()
    assert there(live, "Newcomer") == {"Contact": 0, "Lead": 1}


def test_whoever_waits_is_made_once_the_other_object_does_not_come_here_any_more(live: Live) -> None:
    ObjectSetting.objects.filter(sobject="Lead").update(frequency=24)
    new = person("Newcomer")
    appear(live, "Lead", new)
    live.sync_well("Contact")
    ObjectSetting.objects.filter(sobject="Lead").update(create_in_abmatic=False, update_in_abmatic=False)
    live.sync_well("Contact")
    assert live.sync_well("Contact")["Contact"].pushed["created"] == 1
    assert not Due.objects.filter(sobject="Contact", local_id=new.pk).exists()


def test_nor_a_contact_a_lead(live: Live) -> None:
    new = person("Newcomer", of_account=False)
    appear(live, "Contact", new)
    run = live.sync_well("Lead")["Lead"]
    assert (run.pushed["created"], run.pushed["waiting"]) == (0, 1)
    live.sync_well()
    assert there(live, "Newcomer") == {"Contact": 1, "Lead": 0}
    assert MirrorContact.objects.get(local_id=new.pk).role == 1


def test_the_preview_says_so_and_counts_the_call(live: Live) -> None:
    new = person("Newcomer")
    person("Other")
    appear(live, "Lead", new)
    found = preview(live.connection, "Contact")
    assert found.to_salesforce == {"created": 1, "updated": 0, "held": 0, "waiting": 1}
    assert any("come to Salesforce as leads" in note for note in found.notes), found.notes
    assert live.sync_well("Contact")["Contact"].api_calls == found.calls_of_run


def test_of_many_all_that_is_new_is_asked_for(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newcomers, "MOST_KEYS", 2)
    people = [person(f"Newcomer{n}") for n in range(4)]
    appear(live, "Lead", people[2])
    run = live.sync_well("Contact")["Contact"]
    assert (run.pushed["created"], run.pushed["waiting"]) == (3, 1)
    assert there(live, "Newcomer2") == {"Contact": 0, "Lead": 1}
    # The pull's query, describe, the question, one batch.
    assert run.api_calls == 4


def test_nobody_asks_where_nobody_is_made_or_leads_stay_out(live: Live) -> None:
    # The pull's query, and describe: all records are compared once, and nobody is to be made.
    assert live.sync_well("Contact")["Contact"].api_calls == 2
    ObjectSetting.objects.filter(sobject="Lead").update(create_in_abmatic=False, update_in_abmatic=False)
    new = person("Newcomer")
    edit(new, job_title="Harbour master")
    appear(live, "Lead", new)
    run = live.sync_well("Contact")["Contact"]
    # The pull's query, describe, one batch.
    assert (run.pushed["created"], run.api_calls) == (1, 3)


def test_leads_that_the_user_may_not_see_stop_no_contact(live: Live) -> None:
    denied = {"object": "Lead", "allowRead": False}
    live.org.store.put_permissions({"profiles": [{"fullName": "System Administrator", "objectPermissions": [denied]}]})
    person("Newcomer")
    run = live.sync("Contact")["Contact"]
    assert (run.state, run.pushed["created"]) == (Run.State.SUCCEEDED, 1)
