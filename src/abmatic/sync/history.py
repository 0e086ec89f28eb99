"""The history of records: finding a record by whatever people call it, and its changes in order, with their causes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Func, Value
from django.db.models.functions import Lower

from abmatic.audiences.models import Account, Contact, Opportunity
from abmatic.changes.models import Cause, Change
from abmatic.sync.models import Connection, MirrorAccount, MirrorContact, MirrorLead, MirrorOpportunity, Run

RECORDS: dict[str, type[Account | Contact | Opportunity]] = {
    "account": Account,
    "contact": Contact,
    "opportunity": Opportunity,
}
_MIRRORS = (
    ("account", MirrorAccount),
    ("contact", MirrorContact),
    ("contact", MirrorLead),
    ("opportunity", MirrorOpportunity),
)
_SF_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?", re.ASCII)
_NUMBERED = re.compile(r"(?:(?P<record>account|contact|opportunity)[ :])?(?P<number>[0-9]{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Found:
    """A local record that somebody meant."""

    record: str
    id: int
    name: str

    @property
    def key(self) -> str:
        """What names it, and no other."""
        return f"{self.record}:{self.id}"

    def __str__(self) -> str:
        return f"{self.key} ({self.name})"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which changes. None leaves a part open."""

    of: Found | None = None
    run_id: int | None = None
    since: datetime | None = None
    field: str | None = None


def find(text: str) -> list[Found]:
    """The records that a text may mean: an id (``account:12``, ``12``), a Salesforce Id, a domain, an e-mail."""
    text = text.strip().replace("\x00", "")
    if numbered := _NUMBERED.fullmatch(text):
        kinds = [numbered["record"]] if numbered["record"] else list(RECORDS)
        by_number = [one for kind in kinds for one in _named(kind, [int(numbered["number"])])]
        if by_number or numbered["record"]:
            return by_number
    if is_salesforce_id(text) and (linked := _linked(long_id(text))):
        return linked
    if "@" in text:
        people = Contact.objects.filter(email_key=_key("email_key", text))
        # What is no key, or another one's, stands nowhere but in the field: without an index, so it comes second.
        as_written = Contact.objects.annotate(small=Lower("work_email")).filter(small=text.lower()).order_by("pk")
        ids = list(people.values_list("pk", flat=True)) or list(as_written.values_list("pk", flat=True)[:20])
        return _named("contact", ids)
    return _named("account", list(Account.objects.filter(domain=_key("domain_key", text)).values_list("pk", flat=True)))


def is_salesforce_id(text: str) -> bool:
    """Whether a text has the form of a Salesforce Id."""
    return _SF_ID.fullmatch(text) is not None


def long_id(sf_id: str) -> str:
    """A Salesforce Id in 18 characters, whichever form it came in: the last three say which letters are capitals."""
    if len(sf_id) != 15:
        return sf_id
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
    fives = (sf_id[start : start + 5] for start in (0, 5, 10))
    return sf_id + "".join(letters[sum(1 << place for place, c in enumerate(five) if c.isupper())] for five in fives)


def listed(wanted: Filter, *, before: int | None = None, limit: int = 50) -> list[Change]:
    """Changes, newest first, each with its cause and that one's user. The next page: ``before`` the last one's id."""
    found = Change.objects.select_related("cause__user").order_by("-id")
    if wanted.of is not None:
        found = found.filter(record=wanted.of.record, record_id=wanted.of.id)
    if wanted.run_id is not None:
        causes = list(Cause.objects.filter(run_id=wanted.run_id).values_list("pk", flat=True))
        found = found.filter(cause__in=causes)
    if wanted.since is not None:
        found = found.filter(at__gte=wanted.since)
    if wanted.field is not None:
        found = found.filter(field=wanted.field)
    if before is not None:
        found = found.filter(pk__lt=before)
    return list(found[:limit])


def creation(of: Found) -> tuple[datetime, Cause | None]:
    """When a record was made here, and by what."""
    made = RECORDS[of.record]._default_manager.select_related("created_by__user").get(pk=of.id)
    return made.created_at, made.created_by


def names(changes: Sequence[Change]) -> dict[tuple[str, int], str]:
    """What the records of changes are called now; one that is gone has no name. A query for each kind."""
    found: dict[tuple[str, int], str] = {}
    for kind in RECORDS:
        ids = {change.record_id for change in changes if change.record == kind}
        found |= {(kind, one.id): one.name for one in (_named(kind, sorted(ids)) if ids else ())}
    return found


def runs_of(causes: Iterable[Cause | None]) -> dict[int, Run]:
    """The runs that are causes, by their ids; those whose rows are gone are missing."""
    return Run.objects.in_bulk({cause.run_id for cause in causes if cause is not None and cause.run_id})


def told(cause: Cause | None, runs: dict[int, Run]) -> str:
    """Who or what changed something, in a few words."""
    if cause is None:
        return "unknown"
    if cause.kind == Cause.Kind.RUN:
        run = runs.get(cause.run_id or 0)
        return f"run {cause.run_id}{f' ({run.sobject}, {run.get_trigger_display()})' if run else ''}"
    if cause.user is not None:
        return str(cause.user)
    return f"{cause.get_kind_display()}{f': {cause.note}' if cause.note else ''}"


def cause_as_dict(cause: Cause | None) -> dict[str, Any] | None:
    """A cause as `--json`, the API and exports tell it."""
    if cause is None:
        return None
    return {
        "kind": cause.kind,
        "run": cause.run_id,
        "user": str(cause.user) if cause.user is not None else None,
        "note": cause.note or None,
        "at": cause.at.isoformat(),
    }


def as_dict(change: Change, name: str | None = None) -> dict[str, Any]:
    """A change as `--json`, the API and exports tell it. An empty ``field`` says that the record was made."""
    return {
        "id": change.pk,
        "record": {"kind": change.record, "id": change.record_id, "name": name},
        "field": change.field or None,
        "before": change.before,
        "after": change.after,
        "at": change.at.isoformat(),
        "cause": cause_as_dict(change.cause),
    }


def _named(kind: str, ids: Sequence[int]) -> list[Found]:
    records = RECORDS[kind]._default_manager.in_bulk(list(ids))
    return [Found(kind, pk, str(records[pk])) for pk in ids if pk in records]


def _linked(sf_id: str) -> list[Found]:
    found = []
    # With its connections the Id is the mirror's primary key; alone it would be looked for in all rows.
    connections = list(Connection.objects.values_list("pk", flat=True))
    for kind, mirror in _MIRRORS:
        held = mirror._default_manager.filter(connection__in=connections, sf_id=sf_id)
        ids = held.values_list("local_id", flat=True)
        found += _named(kind, [local_id for local_id in ids if local_id is not None])
    return list(dict.fromkeys(found))


def _key(function: str, text: str) -> Func:
    return Func(Value(text), function=function)
