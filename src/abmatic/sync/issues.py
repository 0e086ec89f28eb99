"""Issues that are open: what waits for a person, by cause and by record, and how it is tried once more.

An issue keeps a record from being sent again as it is (see `push`). It ends when the record or the settings change, or
when somebody says that it is to be tried: `retry` and `retry_all` mark issues, and the next push of the object takes up
what is marked, whatever it held against it. The mark goes with the answer, good or bad.

Marking never waits for a lock that a run holds: an issue whose row is locked gets its answer at this very moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from django.db import connection as database
from django.db import transaction
from django.db.models import Count, Max, Min, Q, QuerySet
from django.utils import timezone

from abmatic.audiences.models import Account, Contact, Opportunity
from abmatic.campaigns.models import Campaign, CampaignMember
from abmatic.sync.models import Connection, Issue
from abmatic.sync.objects import OBJECTS, configurable
from abmatic.sync.refusals import Refusal, refusal

# Marked in one transaction.
_AT_A_TIME = 10_000
_RECORDS: dict[str, type[Account | Contact | Opportunity | Campaign | CampaignMember]] = {
    "account": Account,
    "contact": Contact,
    "opportunity": Opportunity,
    "campaign": Campaign,
    "campaign_member": CampaignMember,
}
# Records that are called after others.
_NAMED_AFTER = {"campaign_member": ("contact", "campaign")}


class NoSuchIssue(Exception):
    """An issue that is not open: it never was, or it was settled meanwhile. ``ids`` names those that were asked for."""

    def __init__(self, ids: Sequence[int]) -> None:
        self.ids = list(ids)
        named = ", ".join(map(str, self.ids))
        super().__init__(
            f"There is no open issue {named}. It may have been settled meanwhile."
            if len(self.ids) == 1
            else f"There are no open issues {named}. They may have been settled meanwhile."
        )


@dataclass(frozen=True, slots=True)
class Filter:
    """Which open issues. None leaves a part open; ``since``: those that were met at that moment or later."""

    connection: Connection | None = None
    sobject: str | None = None
    code: str | None = None
    since: datetime | None = None
    local_id: int | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """The open issues of one object of one connection that have one code, in words and numbers.

    ``records``: how many records there are; ``retried``: how many issues are marked, and wait for the next push.
    """

    connection: Connection
    sobject: str
    refusal: Refusal
    issues: int
    records: int
    retried: int
    first_at: datetime
    last_at: datetime

    @property
    def code(self) -> str:
        """Salesforce's code, or ours for what was not even sent."""
        return self.refusal.code


@dataclass(frozen=True, slots=True)
class RecordIssues:
    """The open issues of one record."""

    connection_id: int
    sobject: str
    local_id: int
    sf_id: str | None
    issues: tuple[Issue, ...]

    @property
    def position(self) -> tuple[int, str, int]:
        """Where the record stands in the order; the next page begins after it."""
        return self.connection_id, self.sobject, self.local_id


@dataclass(frozen=True, slots=True)
class Retried:
    """What was marked: issues in all, and by object of each connection (connection id, object)."""

    issues: int = 0
    by_object: dict[tuple[int, str], int] = field(default_factory=dict)


def listed(wanted: Filter, *, before: int | None = None, limit: int = 50) -> list[Issue]:
    """Open issues, newest first, each with its connection. The next page: ``before`` the last one's id."""
    found = _open(wanted).select_related("connection").order_by("-id")
    if before is not None:
        found = found.filter(pk__lt=before)
    return list(found[:limit])


def by_cause(wanted: Filter) -> list[Cause]:
    """Open issues by cause, the most frequent first."""
    grouped = (
        _open(wanted)
        .values("connection_id", "sobject", "code")
        .annotate(
            issues=Count("id"), records=Count("local_id", distinct=True), retried=Count("retry_at"),
            first=Min("first_at"), last=Max("last_at"),
        )
    )  # fmt: skip
    connections = Connection.objects.in_bulk()
    causes = [
        Cause(
            connection=connections[row["connection_id"]],
            sobject=row["sobject"],
            refusal=refusal(row["code"]),
            issues=row["issues"],
            records=row["records"],
            retried=row["retried"],
            first_at=row["first"],
            last_at=row["last"],
        )
        for row in grouped
    ]
    return sorted(causes, key=lambda cause: (-cause.issues, cause.code, cause.connection.pk, cause.sobject))


def by_record(wanted: Filter, *, after: tuple[int, str, int] | None = None, limit: int = 50) -> list[RecordIssues]:
    """Open issues by record, in the order of connection, object and local id. ``after``: a record's ``position``.

    All that is open of a record is told where one of its issues is wanted.
    """
    keys = _open(wanted).values_list("connection_id", "sobject", "local_id")
    if after is not None:
        keys = keys.filter(_beyond(after))
    keys = keys.distinct().order_by("connection_id", "sobject", "local_id")[:limit]
    return list(_of_records(list(keys)))


def _beyond(position: tuple[int, str, int]) -> Q:
    connection, sobject, local = position
    same = Q(connection_id=connection)
    return Q(connection_id__gt=connection) | same & (Q(sobject__gt=sobject) | Q(sobject=sobject, local_id__gt=local))


def _of_records(keys: list[tuple[int, str, int]]) -> Iterator[RecordIssues]:
    wanted = Q()
    for (connection, sobject), some in groupby(keys, key=lambda key: key[:2]):
        wanted |= Q(connection_id=connection, sobject=sobject, local_id__in=[key[2] for key in some])
    if not wanted:
        return
    found = Issue.objects.filter(wanted, is_open=True).select_related("connection")
    ordered = found.order_by("connection_id", "sobject", "local_id", "field")
    for (connection, sobject, local), issues in groupby(
        ordered, key=lambda issue: (issue.connection_id, issue.sobject, issue.local_id)
    ):
        own = tuple(issues)
        yield RecordIssues(connection, sobject, local, next((i.sf_id for i in own if i.sf_id), None), own)


def names(issues: Sequence[Issue]) -> dict[tuple[str, int], str]:
    """What the issues' records are called, by object and local id; one that is gone has no name. A query an object."""
    found: dict[tuple[str, int], str] = {}
    for spec in OBJECTS.values():
        ids = {issue.local_id for issue in issues if issue.sobject == spec.name}
        if ids and spec.local in _RECORDS:
            every = _RECORDS[spec.local]._default_manager.all()
            records = every.select_related(*_NAMED_AFTER.get(spec.local, ())).in_bulk(list(ids))
            found |= {(spec.name, local_id): str(record) for local_id, record in records.items()}
    return found


def of_record(record: str, local_id: int, most: int = 10) -> list[Issue]:
    """What is open of one local record, as whichever objects it goes to Salesforce; what was met last first."""
    names = [spec.name for spec in configurable() if spec.local == record]
    found = Issue.objects.filter(is_open=True, sobject__in=names, local_id=local_id).select_related("connection")
    return list(found.order_by("-last_at", "-id")[:most])


def codes(wanted: Filter) -> list[str]:
    """The codes of open issues, in alphabetical order."""
    return sorted(_open(wanted).order_by().values_list("code", flat=True).distinct())


def number(wanted: Filter) -> int:
    """How many issues are open."""
    return _open(wanted).count()


def retry(ids: Sequence[int], *, of: Connection | None = None) -> Retried:
    """Marks these issues to be tried once more with the next push of their objects. Raises `NoSuchIssue`, for all.

    An issue that is marked already is marked anew. Nothing is marked where one of them is not open, or belongs to
    another connection than ``of``.
    """
    known = set(_open(Filter(connection=of)).filter(pk__in=ids).values_list("pk", flat=True))
    if missing := [issue_id for issue_id in dict.fromkeys(ids) if issue_id not in known]:
        raise NoSuchIssue(missing)
    return _mark(Issue.objects.filter(pk__in=known, is_open=True))


def retry_all(wanted: Filter) -> Retried:
    """Marks all open issues that are wanted, however many, a few thousand in each transaction."""
    return _mark(_open(wanted))


def _open(wanted: Filter) -> QuerySet[Issue]:
    found = Issue.objects.filter(is_open=True)
    if wanted.connection is not None:
        found = found.filter(connection=wanted.connection)
    if wanted.sobject is not None:
        found = found.filter(sobject=wanted.sobject)
    if wanted.code is not None:
        found = found.filter(code=wanted.code)
    if wanted.since is not None:
        found = found.filter(last_at__gte=wanted.since)
    if wanted.local_id is not None:
        found = found.filter(local_id=wanted.local_id)
    return found


def _mark(found: QuerySet[Issue]) -> Retried:
    began = timezone.now()
    last, marked = 0, 0
    by_object: dict[tuple[int, str], int] = {}
    while True:
        with transaction.atomic():
            # Passing over what a run has locked: waiting for it, with others locked here, could end in a deadlock.
            some = found.filter(pk__gt=last).order_by("pk").select_for_update(skip_locked=True, of=("self",))
            rows = list(some.values_list("pk", "connection_id", "sobject")[:_AT_A_TIME])
            if not rows:
                break
            Issue.objects.filter(pk__in=[row[0] for row in rows]).update(retry_at=began)
            _tell()
        last = rows[-1][0]
        marked += len(rows)
        for _, connection_id, sobject in rows:
            by_object[connection_id, sobject] = by_object.get((connection_id, sobject), 0) + 1
    return Retried(marked, by_object)


def _tell() -> None:
    """Wakes what pushes automatically, as a change does (see auto_push)."""
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_notify('abmatic_change', '')")


def as_dict(issue: Issue, name: str | None = None) -> dict[str, Any]:
    """An issue as `--json`, the API and exports tell it; ``name``: what its record is called."""
    said = refusal(issue.code)
    return {
        "id": issue.pk,
        "connection": issue.connection.name,
        "object": issue.sobject,
        "record": {"id": issue.local_id, "name": name, "salesforce_id": issue.sf_id},
        "field": issue.field or None,
        "code": issue.code,
        "message": issue.message,
        "fields": issue.fields,
        "label": said.label,
        "meaning": said.meaning,
        "remedy": said.remedy,
        "sent": issue.sent,
        "run": issue.run_id,
        "times": issue.times,
        "first_at": issue.first_at.isoformat(),
        "last_at": issue.last_at.isoformat(),
        "retry_at": issue.retry_at.isoformat() if issue.retry_at else None,
    }


def open_counts(most: int = 1_000) -> dict[int, int]:
    """How many open issues each connection has, counted up to ``most`` + 1: the same work however many there are."""
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT c.id, (SELECT count(*) FROM"
            " (SELECT FROM issue i WHERE i.connection_id = c.id AND i.is_open LIMIT %s) found) FROM connection c",
            [most + 1],
        )
        return dict(cursor.fetchall())
