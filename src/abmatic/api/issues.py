"""Issues: what Salesforce refused and waits for a person, by cause and one by one, and trying it once more."""

# No deferred annotations: ninja reads them from the function, not from the module that wraps it.
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Router, Schema
from ninja.params.functions import Path, Query
from pydantic import Field

from abmatic.api.access import OPERATOR, VIEWER, act_of
from abmatic.api.connections import find, object_named
from abmatic.api.paging import Cursor, Limit, packed, unpacked
from abmatic.api.problems import PROBLEMS
from abmatic.api.runs import RunId, find_run
from abmatic.api.shapes import Page
from abmatic.api.writing import Answer, IdempotencyKey, writing
from abmatic.sync import issues, linking
from abmatic.sync.issues import Filter
from abmatic.sync.models import Issue

router = Router(tags=["Issues"])

_LARGEST = 2**63 - 1
OfConnection = Annotated[int | None, Query(ge=1, le=_LARGEST, description="Only of this connection.")]
OfObject = Annotated[str | None, Query(max_length=80, pattern=r"^[A-Za-z]+$", description="Only of this object.")]
OfCode = Annotated[str | None, Query(max_length=200, pattern=r"^[A-Za-z0-9_]+$", description="Only with this code.")]


class IssueShown(Schema):
    """A record, or one field of it, that can't be written. ``retry_at``: since when it waits to be tried again."""

    id: int
    connection: int
    object: str
    record_id: int
    record_name: str | None
    salesforce_id: str | None
    field: str | None
    code: str
    message: str
    meaning: str
    remedy: str
    fields: list[str]
    sent: dict[str, Any]
    run: int | None
    times: int
    first_at: datetime
    last_at: datetime
    retry_at: datetime | None


class CauseOfIssues(Schema):
    """The open issues of one object that have one code."""

    connection: int
    object: str
    code: str
    label: str
    meaning: str
    remedy: str
    issues: int
    records: int
    retried: int
    first_at: datetime
    last_at: datetime


class CausesShown(Schema):
    """Open issues by cause, the most frequent first."""

    causes: list[CauseOfIssues]


class RetryWanted(Schema):
    """Which open issues to try again: all of a cause. At least one of the three."""

    connection: Annotated[int | None, Field(ge=1, le=_LARGEST)] = None
    object: Annotated[str | None, Field(max_length=80)] = None
    code: Annotated[str | None, Field(max_length=200, pattern=r"^[A-Za-z0-9_]+$")] = None


class Retried(Schema):
    """How many issues will be tried again with the next push."""

    issues: int


class LinkWanted(Schema):
    """Which record in Salesforce it is."""

    salesforce_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{18}$")]


class Linked(Schema):
    """What is linked now."""

    record_id: int
    salesforce_id: str


def _filter(connection: int | None, sobject: str | None, code: str | None) -> Filter:
    return Filter(
        connection=find(connection) if connection is not None else None,
        sobject=object_named(sobject).name if sobject is not None else None,
        code=code,
    )


def _shown(found: list[Issue]) -> list[IssueShown]:
    names = issues.names(found)
    told = []
    for issue in found:
        said = issues.as_dict(issue)
        same = ("id", "object", "field", "code", "message", "meaning", "remedy", "fields", "sent", "run", "times")
        told.append(
            IssueShown(
                connection=issue.connection_id,
                record_id=issue.local_id,
                record_name=names.get((issue.sobject, issue.local_id)),
                salesforce_id=issue.sf_id,
                first_at=issue.first_at,
                last_at=issue.last_at,
                retry_at=issue.retry_at,
                **{name: said[name] for name in same},
            )
        )
    return told


@router.get("/issues", auth=VIEWER, response={200: Page[IssueShown], **PROBLEMS}, operation_id="list_issues")
def list_issues(
    request: HttpRequest,
    connection: OfConnection = None,
    object: OfObject = None,
    code: OfCode = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Any:
    """The open issues, newest first."""
    position = unpacked(cursor, int)
    wanted = _filter(connection, object, code)
    found = issues.listed(wanted, before=position[0] if position else None, limit=limit + 1)
    return Page(items=_shown(found[:limit]), next=packed(found[limit - 1].pk) if len(found) > limit else None)


@router.get("/issues/causes", auth=VIEWER, response={200: CausesShown, **PROBLEMS}, operation_id="list_causes")
def list_causes(request: HttpRequest, connection: OfConnection = None, object: OfObject = None) -> Any:
    """The open issues by cause, the most frequent first."""
    causes = [
        CauseOfIssues(
            connection=cause.connection.pk,
            object=cause.sobject,
            code=cause.code,
            label=cause.refusal.label,
            meaning=cause.refusal.meaning,
            remedy=cause.refusal.remedy,
            issues=cause.issues,
            records=cause.records,
            retried=cause.retried,
            first_at=cause.first_at,
            last_at=cause.last_at,
        )
        for cause in issues.by_cause(_filter(connection, object, None))
    ]
    return CausesShown(causes=causes)


@router.post("/issues/retry", auth=OPERATOR, response={200: Retried, **PROBLEMS}, operation_id="retry_issues")
@writing
def retry_issues(request: HttpRequest, wanted: RetryWanted, idempotency_key: IdempotencyKey = None) -> Answer:
    """All open issues of a cause are tried once more with the next push of their objects."""
    return Answer(Retried(issues=issues.retry_all(_filter(wanted.connection, wanted.object, wanted.code)).issues))


@router.post("/issues/{issue_id}/retry", auth=OPERATOR, response={200: Retried, **PROBLEMS}, operation_id="retry_issue")
@writing
def retry_issue(
    request: HttpRequest,
    issue_id: Annotated[int, Path(ge=1, le=_LARGEST)],
    idempotency_key: IdempotencyKey = None,
) -> Answer:
    """The issue's record is tried once more with the next push of its object."""
    return Answer(Retried(issues=issues.retry([issue_id]).issues))


@router.post("/issues/{issue_id}/link", auth=OPERATOR, response={200: Linked, **PROBLEMS}, operation_id="link_issue")
@writing
def link_issue(
    request: HttpRequest,
    issue_id: Annotated[int, Path(ge=1, le=_LARGEST)],
    wanted: LinkWanted,
    idempotency_key: IdempotencyKey = None,
) -> Answer:
    """The issue's record and a record in Salesforce are the same from now on: of an issue `ALREADY_IN_SALESFORCE`."""
    issue = Issue.objects.filter(pk=issue_id, is_open=True).first()
    if issue is None:
        raise issues.NoSuchIssue([issue_id])
    linking.link(issue, wanted.salesforce_id, act_of(request))
    return Answer(Linked(record_id=issue.local_id, salesforce_id=wanted.salesforce_id))


@router.get(
    "/runs/{run_id}/issues", auth=VIEWER, response={200: Page[IssueShown], **PROBLEMS}, operation_id="list_run_issues"
)
def list_run_issues(request: HttpRequest, run_id: RunId, limit: Limit = 100, cursor: Cursor = None) -> Any:
    """Open issues that a run made, or met again, newest first."""
    run = find_run(run_id)
    found = Issue.objects.filter(connection=run.connection_id, run=run, is_open=True).select_related("connection")
    position = unpacked(cursor, int)
    if position is not None:
        found = found.filter(pk__lt=position[0])
    rows = list(found.order_by("-pk")[: limit + 1])
    return Page(items=_shown(rows[:limit]), next=packed(rows[limit - 1].pk) if len(rows) > limit else None)
