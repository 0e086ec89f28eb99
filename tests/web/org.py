"""A connected org and local records, made directly in the database."""

from __future__ import annotations

import itertools
import uuid
from datetime import timedelta
from typing import Any

from django.utils import timezone

from abmatic.audiences.models import Account, Collection, CollectionMember, Contact, Opportunity, SavedView
from abmatic.campaigns.models import Campaign, CampaignMember
from abmatic.changes.models import Cause, Change
from abmatic.engagement.models import Visitor, WebSession
from abmatic.identity import sealing
from abmatic.identity.models import SealedSecret, User
from abmatic.sync.models import Connection, FieldMapping, Finding, MirrorAccount, ObjectSetting, Role, Run
from abmatic.sync.objects import configurable

_numbers = itertools.count(1)

CHECKS = [
    {"name": "Edition", "state": "ok", "detail": "Enterprise Edition", "remedy": ""},
    {
        "name": "Integration user",
        "state": "warning",
        "detail": "Pat Person looks like a person",
        "remedy": "Create a dedicated integration user.",
    },
    {"name": "Leads", "state": "failed", "detail": "Lead is not visible", "remedy": "Give the user read access."},
]

# What people's records hold that no page may choke on.
HOSTILE = {
    "markup": "<script>alert(1)</script><b>bold</b>",
    "attribute": '" onmouseover="alert(1)" x=\'',
    "template": "{{ 7|add:7 }} {% now 'Y' %}",
    "long word": "W" * 4000,
    "right to left": "شركة المثال للتجارة ‮reversed",
    "emoji": "🚀👩‍👩‍👧 Ltd",
    "lines": "first\nsecond\r\nthird\ttab",
    "blank": "",
}


def connect(**changed: Any) -> Connection:
    """An authorised org with the default settings and mappings."""
    number = next(_numbers)
    values = {
        "name": f"org {number}",
        "login_url": "https://login.salesforce.com",
        "client_id": "3MVG9.example",
        "status": Connection.Status.ACTIVE,
        "org_id": f"00D{number:012d}AAA",
        "org_name": "Northwind Traders",
        "edition": "Enterprise Edition",
        "instance_url": "https://northwind.my.salesforce.com",
        "username": "integration@northwind.example",
        "user_name": "Abmatic Integration",
        "api_version": "64.0",
        "api_used": 1834,
        "api_allowed": 115_000,
        "api_seen_at": timezone.now(),
        "checks": CHECKS,
        "checked_at": timezone.now(),
        **changed,
    }
    secret = SealedSecret.objects.create(sealed=sealing.seal({"client_secret": "s", "access_token": "t"}))
    connection = Connection.objects.create(secret=secret, **values)
    for spec in configurable():
        setting = ObjectSetting.objects.create(connection=connection, sobject=spec.name)
        for position, default in enumerate(spec.defaults):
            FieldMapping.objects.create(
                setting=setting,
                sf_field=default.sf_field,
                local_field=default.local_field,
                is_key=default.is_key,
                position=position,
            )
    return connection


def run(connection: Connection, sobject: str = "Account", **changed: Any) -> Run:
    """A run that succeeded a minute ago."""
    now = timezone.now()
    values = {
        "batch": uuid.uuid4(),
        "trigger": Run.Trigger.MANUAL,
        "state": Run.State.SUCCEEDED,
        "phase": Run.Phase.DONE,
        "started_at": now - timedelta(seconds=70),
        "finished_at": now - timedelta(seconds=60),
        "expected": 10,
        "processed": 10,
        "counts": {"read": 10, "created": 8, "unchanged": 2},
        "outcome": "10 records read: 8 created, 2 unchanged.",
        **changed,
    }
    made = Run.objects.create(connection=connection, sobject=sobject, **values)
    made.cause = Cause.objects.create(kind=Cause.Kind.RUN, run_id=made.pk)
    made.save()
    return made


def running(connection: Connection, sobject: str = "Account", **changed: Any) -> Run:
    """A run that has read 30 of 100 records."""
    values = {
        "state": Run.State.RUNNING,
        "phase": Run.Phase.READING,
        "started_at": timezone.now() - timedelta(seconds=3),
        "finished_at": None,
        "expected": 100,
        "processed": 30,
        "counts": {"read": 30, "created": 30},
        "outcome": "",
        **changed,
    }
    return run(connection, sobject, **values)


def found(run: Run, reason: str, many: int, **values: Any) -> None:
    """Findings of a run, counted in it."""
    Finding.objects.bulk_create(
        Finding(run=run, reason=reason, sf_id=f"001{next(_numbers):012d}AAA", **values) for _ in range(many)
    )
    run.counts = {**run.counts, "reasons": {**run.counts.get("reasons", {}), reason: many}}
    run.save()


def account(name: str | None = "Acme", *, cause: Cause | None = None, **values: Any) -> Account:
    """An account."""
    return Account.objects.create(name=name, created_by=cause, **values)


def accounts(many: int, **values: Any) -> list[Account]:
    """Many accounts, named in order: Firm 0000, Firm 0001, …"""
    return Account.objects.bulk_create(Account(name=f"Firm {number:04d}", **values) for number in range(many))


def contact(last_name: str | None = "Smith", **values: Any) -> Contact:
    """A contact."""
    return Contact.objects.create(last_name=last_name, **{"kind": "contact", **values})


def opportunity(account: Account, name: str = "Renewal", **values: Any) -> Opportunity:
    """An opportunity of an account."""
    return Opportunity.objects.create(name=name, account=account, **values)


def campaign(name: str = "Fair", **values: Any) -> Campaign:
    """A campaign."""
    return Campaign.objects.create(name=name, **values)


def member(campaign: Campaign, contact: Contact, status: str = "Sent", **values: Any) -> CampaignMember:
    """A contact in a campaign."""
    return CampaignMember.objects.create(campaign=campaign, contact=contact, status=status, **values)


def visit(contact: Contact | None = None, key: str = "visitor-key", **values: Any) -> WebSession:
    """A session of somebody, an hour ago."""
    now = timezone.now() - timedelta(hours=1)
    person = {"contact_id": contact.pk, "account_id": contact.account_id} if contact else {}
    visitor, _ = Visitor.objects.get_or_create(
        key=key,
        defaults={
            "first_seen_at": now, "last_seen_at": now, **person, "confidence": 90 if contact else 0,
            "known_by": "form" if contact else "",
        },
    )  # fmt: skip
    usual = {
        "began_at": now, "ended_at": now + timedelta(minutes=5), "events": 3, "pages": 2, "seconds": 200, "forms": 1,
        "clicks": 0, "channel": "email", "campaign": "june", "landing_path": "/prices", **person,
    }  # fmt: skip
    told = {**usual, **values}
    return WebSession.objects.create(
        visitor=visitor, site_id=1, stay_began_at=told["began_at"], stay_ended_at=told["ended_at"],
        first_event=uuid.uuid4(), channel_version=1, **told,
    )  # fmt: skip


def collection(record: str, ids: list[int], name: str = "Salesforce Import") -> Collection:
    """An import collection of these records."""
    made = Collection.objects.create(name=name, record=record, kind="import", size=len(ids))
    CollectionMember.objects.bulk_create(CollectionMember(collection=made, record_id=pk) for pk in ids)
    return made


def view(record: str, name: str = "Mine") -> SavedView:
    """A saved view of somebody's that everybody sees."""
    user = User.objects.get_or_create(email="keeper@example.com")[0]
    return SavedView.objects.create(user=user, record=record, name=name, is_shared=True)


def link(connection: Connection, account: Account, sf_id: str, role: Role = Role.PRIMARY, **values: Any) -> None:
    """Links an account with a Salesforce record."""
    MirrorAccount.objects.create(
        connection=connection, sf_id=sf_id, modstamp=timezone.now(), local_id=account.pk, role=role, **values
    )


def change(account: Account, field: str, before: object, after: object, *, cause: Cause) -> Change:
    """A change of one field."""
    return Change.objects.create(
        record="account", record_id=account.pk, field=field, before=before, after=after, cause=cause
    )


def person(user: User) -> Cause:
    """A cause: somebody saved a form."""
    return Cause.objects.create(kind=Cause.Kind.USER, user=user)
