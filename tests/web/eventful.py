"""An account to which everything happened: made directly in the database, for pages that tell of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from tests.web import org

from abmatic.audiences.models import Account
from abmatic.changes.models import Change
from abmatic.identity.models import User
from abmatic.sync.models import (
    Connection,
    FieldMapping,
    Finding,
    Issue,
    MirrorAccount,
    ObjectSetting,
    Run,
    Write,
)

SF_ID = "0015800000000001AAA"
RULE = "FIELD_CUSTOM_VALIDATION_EXCEPTION"
START = timezone.now() - timedelta(days=3)


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def ran(connection: Connection, hours: float, **values: Any) -> Run:
    run = org.run(connection, **values)
    Run.objects.filter(pk=run.pk).update(
        queued_at=at(hours), started_at=at(hours), finished_at=at(hours) + timedelta(minutes=1)
    )
    run.refresh_from_db()
    return run


def changed(account: Account, run: Run, hours: float, name: str, before: object, after: object) -> Change:
    assert run.cause is not None
    change = org.change(account, name, before, after, cause=run.cause)
    Change.objects.filter(pk=change.pk).update(at=at(hours))
    return change


def wrote(
    account: Account, run: Run, hours: float, before: dict[str, Any], sent: dict[str, Any], **values: Any
) -> Write:
    write = Write.objects.create(
        run=run, connection=run.connection, sobject="Account", local_id=account.pk, before=before, sent=sent,
        **{"sf_id": SF_ID, "operation": "update", "state": "written", **values},
    )  # fmt: skip
    Write.objects.filter(pk=write.pk).update(at=at(hours))
    return write


def eventful(connection: Connection, alice: User) -> Account:
    """Imported, edited, pushed, a conflict, undone, refused: with a gap that the undo left, and an open issue."""
    setting = ObjectSetting.objects.filter(connection=connection, sobject="Account")
    setting.update(update_in_salesforce=True, create_in_salesforce=True)
    mapped = FieldMapping.objects.filter(setting__in=setting, sf_field__in=["Industry", "NumberOfEmployees"])
    mapped.update(to_salesforce="overwrite")
    first = ran(connection, 0)
    account = org.account(
        "Northwind Traders", cause=first.cause, industry="Banking", city="Berlin", employee_count=12_000,
        website="https://northwind.example", domain="northwind.example",
    )  # fmt: skip
    Account.objects.filter(pk=account.pk).update(created_at=at(0))
    values = {
        "Name": "Northwind Traders", "Website": "https://northwind.example", "Industry": "Energy",
        "NumberOfEmployees": 900, "BillingCity": "Berlin",
    }  # fmt: skip
    org.link(
        connection, account, SF_ID, values=values, linked_run=first.pk,
        held={"s": {"Industry": "Energy"}, "a": {"Industry": "Banking"}},
    )  # fmt: skip
    org.link(connection, account, "0015800000000002AAA", org.Role.DUPLICATE, linked_run=ran(connection, 2).pk)
    org.change(account, "industry", "Energy", "Banking", cause=org.person(alice))
    Change.objects.filter(field="industry", record_id=account.pk).update(at=at(4))
    push = ran(connection, 5)
    wrote(account, push, 5, {"Industry": "Energy"}, {"Industry": "Banking"})
    both = ran(connection, 10)
    changed(account, both, 10, "city", "Bonn", "Berlin")
    Finding.objects.create(
        run=both, reason="conflict", sf_id=SF_ID, local_id=account.pk, field="BillingCity",
        value="Salesforce: Berlin · Abmatic: Bonn · Salesforce’s value stays (Most recent change)",
    )  # fmt: skip
    undo = ran(connection, 20, trigger=Run.Trigger.UNDO, undoes=push, started_by=alice)
    wrote(account, undo, 20, {"Industry": "Banking"}, {"Industry": "Energy"})
    undone_pull = ran(connection, 22, trigger=Run.Trigger.UNDO, undoes=both, started_by=alice)
    changed(account, undone_pull, 22, "country", "Germany", "Austria")
    last = ran(connection, 30)
    sent = {"NumberOfEmployees": 12_000}
    said = "An account with 10,000 employees or more needs an Account Site."
    wrote(account, last, 30, {"NumberOfEmployees": 900}, sent, state="refused", code=RULE, message=said)
    Issue.objects.create(
        connection=connection, sobject="Account", local_id=account.pk, sf_id=SF_ID, code=RULE, message=said,
        fields=["NumberOfEmployees"], sent=sent, run=last,
    )  # fmt: skip
    held_back = ran(connection, 31)
    issue = Issue.objects.create(
        connection=connection, sobject="Account", local_id=account.pk, sf_id=SF_ID, code="STRING_TOO_LONG",
        field="BillingCity", fields=["BillingCity"], run=held_back, is_open=False,
    )  # fmt: skip
    Issue.objects.filter(pk=issue.pk).update(first_at=at(31))
    # Of other records: none of it may show.
    other = org.account("Other")
    wrote(other, last, 30, {}, {"Name": "Elsewhere"})
    Finding.objects.create(
        run=both, reason="conflict", sf_id="00v580000000001AAA", local_id=account.pk, field="Status", value="A member’s"
    )
    MirrorAccount.objects.filter(local_id=account.pk).update(modstamp=at(20))
    return account
