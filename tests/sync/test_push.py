"""What Abmatic writes into Salesforce, over the wire, against a whole org."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sync.live import Live, Orgs

from abmatic.audiences.models import Account, Contact
from abmatic.changes.models import Cause, Change
from abmatic.sync.models import Due, FieldMapping, Issue, MirrorAccount, ObjectSetting, Run, Write

pytestmark = pytest.mark.django_db(transaction=True)


def allow(sobject: str, **changed: Any) -> ObjectSetting:
    ObjectSetting.objects.filter(sobject=sobject).update(
        **{"create_in_salesforce": True, "update_in_salesforce": True, **changed}
    )
    return ObjectSetting.objects.get(sobject=sobject)


def mode(sobject: str, sf_field: str, **changed: Any) -> None:
    assert FieldMapping.objects.filter(setting__sobject=sobject, sf_field=sf_field).update(**changed)


def edit(record: Account | Contact, **values: Any) -> None:
    """As a person's edit does it: the values, and a change for each."""
    cause = Cause.objects.create(kind=Cause.Kind.USER)
    for field, after in values.items():
        Change.objects.create(
            record=record._meta.db_table, record_id=record.pk, field=field, before=getattr(record, field), after=after,
            cause=cause,
        )  # fmt: skip
        setattr(record, field, after)
    record.save()


def account(live: Live, name: str) -> dict[str, Any]:
    ((sf_id, industry, city, employees),) = live.rows(
        'SELECT "Id", "Industry", "BillingCity", "NumberOfEmployees" FROM "Account" WHERE "Name" = ?', name
    )
    return {"Id": sf_id, "Industry": industry, "BillingCity": city, "NumberOfEmployees": employees}


@pytest.fixture
def live(orgs: Orgs) -> Live:
    live = orgs.sample()
    live.sync_well()
    return live


def test_a_new_connection_writes_nothing(live: Live) -> None:
    run = live.sync_well("Account")["Account"]
    assert (run.direction, run.pushed) == (Run.Direction.PULL, {})
    assert not Write.objects.exists()


def test_what_an_empty_field_in_salesforce_lacks_is_filled(live: Live) -> None:
    allow("Account")
    record = Account.objects.get(name="Burlington Textiles Corp of America")
    with live.editing() as session:
        session.update("Account", account(live, record.name or "")["Id"], {"BillingCity": None})
    FieldMapping.objects.filter(setting__sobject="Account", sf_field="BillingCity").update(to_abmatic="none")
    live.sync_well("Account", full=True)
    assert account(live, record.name or "")["BillingCity"] == record.city


def test_fill_never_writes_over_what_is_there(live: Live) -> None:
    allow("Account")
    record = Account.objects.get(name="GenePoint")
    before = account(live, "GenePoint")
    edit(record, city="Nowhere", industry="Banking")
    run = live.sync_well("Account")["Account"]
    assert account(live, "GenePoint") == before
    assert run.pushed["updated"] == 0
    assert not Write.objects.exists()


def test_overwrite_writes_what_changed_and_nothing_else(live: Live) -> None:
    allow("Account")
    mode("Account", "Industry", to_salesforce="overwrite")
    record = Account.objects.get(name="GenePoint")
    before = account(live, "GenePoint")
    live.sync_well("Account")
    edit(record, industry="Banking")
    live.org.emulator.calls.clear()
    run = live.sync_well("Account")["Account"]
    assert account(live, "GenePoint") == {**before, "Industry": "Banking"}
    assert run.pushed["updated"] == 1
    write = Write.objects.get()
    assert (write.state, write.sf_id, write.before, write.sent) == (
        Write.State.WRITTEN, before["Id"], {"Industry": "Biotechnology"}, {"Industry": "Banking"},
    )  # fmt: skip


def test_a_value_that_we_wrote_comes_back_and_changes_nothing(live: Live) -> None:
    allow("Account")
    mode("Account", "Industry", to_salesforce="overwrite")
    edit(Account.objects.get(name="GenePoint"), industry="Banking")
    live.sync_well("Account")
    changes, writes = Change.objects.count(), Write.objects.count()
    for _ in range(3):
        run = live.sync_well("Account")["Account"]
        assert run.counts["updated"] == 0
    assert (Change.objects.count(), Write.objects.count()) == (changes, writes)
    assert not Due.objects.exists()


def test_a_new_company_is_created_once(live: Live) -> None:
    allow("Account")
    made = Account.objects.create(name="Acme", website="https://acme.example", domain="acme.example", city="Graz")
    for _ in range(3):
        live.sync_well("Account")
    assert live.number('SELECT count(*) FROM "Account" WHERE "Name" = ?', "Acme") == 1
    mirror = MirrorAccount.objects.get(local_id=made.pk)
    assert (mirror.key, mirror.values["BillingCity"]) == ("acme.example", "Graz")
    assert Account.objects.filter(name="Acme").count() == 1


def test_what_lacks_a_required_field_is_not_sent_and_says_so(live: Live) -> None:
    allow("Account")
    made = Account.objects.create(website="https://acme.example", domain="acme.example")
    live.org.emulator.calls.clear()
    run = live.sync_well("Account")["Account"]
    issue = Issue.objects.get()
    assert (issue.local_id, issue.code, issue.fields) == (made.pk, "REQUIRED_FIELD_MISSING", ["Name"])
    assert run.pushed["held"] == 1
    assert not [c for c in live.org.calls() if c["method"] == "POST" and "sobjects" in str(c["path"])]
    edit(made, name="Acme")
    live.sync_well("Account")
    issue.refresh_from_db()
    assert not issue.is_open
    assert live.number('SELECT count(*) FROM "Account" WHERE "Name" = ?', "Acme") == 1
