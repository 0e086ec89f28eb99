"""Runs: starting, watching, cancelling, undoing, and what one of them did."""

# No deferred annotations: ninja reads them from the function, not from the module that wraps it.
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Router, Schema
from ninja.params.functions import Path, Query
from pydantic import Field

from abmatic.api.access import OPERATOR, VIEWER
from abmatic.api.connections import ConnectionId, find, object_named
from abmatic.api.paging import Cursor, Limit, packed, unpacked
from abmatic.api.problems import PROBLEMS, ApiProblem, not_found
from abmatic.api.shapes import ChangeShown, Page
from abmatic.api.writing import Answer, IdempotencyKey, writing
from abmatic.changes.models import Change
from abmatic.sync import activity, runs, undo
from abmatic.sync.models import Connection, Finding, Run, Write
from abmatic.sync.reasons import REASONS

router = Router(tags=["Runs"])

RunId = Annotated[int, Path(ge=1, le=2**63 - 1, description="The run's number.")]
_LARGEST = 2**63 - 1


class RunError(Schema):
    """Why a run failed."""

    code: str
    message: str
    remedy: str


class RunShown(Schema):
    """One execution for one object. ``counts``: what it read, and what became of that here; ``pushed``: what it wrote
    to Salesforce. ``refused``: records that it left for a person, refused by Salesforce or held back by an issue that
    they have; ``status`` says state and that in words. ``fraction`` and ``seconds_left`` are null where they can't be
    known."""

    id: int
    connection: int
    object: str
    trigger: str
    direction: str
    is_full: bool
    state: str
    status: str
    refused: int
    phase: str
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    expected: int | None
    processed: int
    fraction: float | None
    seconds_left: float | None
    counts: dict[str, Any]
    pushed: dict[str, Any]
    api_calls: int
    undoes: int | None
    outcome: str
    error: RunError | None

    @classmethod
    def of(cls, run: Run) -> "RunShown":
        progress = runs.progress(run)
        error = RunError(code=run.error_code, message=run.error_message, remedy=run.error_remedy)
        names = (
            "trigger", "direction", "is_full", "state", "status", "refused", "phase", "queued_at", "started_at",
            "finished_at", "expected", "processed", "counts", "pushed", "api_calls", "outcome",
        )  # fmt: skip
        return cls(
            id=run.pk,
            connection=run.connection_id,
            object=run.sobject,
            fraction=progress.fraction,
            seconds_left=progress.seconds_left,
            undoes=run.undoes_id,
            error=error if run.error_code else None,
            **{name: getattr(run, name) for name in names},
        )


class Started(Schema):
    """The runs that were queued, one for each object."""

    runs: list[RunShown]


class RunWanted(Schema):
    """Which sync to start. Without objects, of all; what is only read along comes with them."""

    objects: list[Annotated[str, Field(max_length=80)]] = Field(
        default_factory=list, max_length=20, examples=[["Account"]]
    )
    direction: Literal["both", "pull"] = "both"
    full: bool = False


class WriteShown(Schema):
    """What a run wrote to one Salesforce record: its fields before, what was sent, and what became of it."""

    id: int
    object: str
    record_id: int
    salesforce_id: str | None
    operation: str
    state: str
    before: dict[str, Any]
    sent: dict[str, Any]
    code: str | None
    message: str | None
    at: datetime


class FindingShown(Schema):
    """One thing that a run has to say about one record."""

    id: int
    reason: str
    label: str
    salesforce_id: str
    record_id: int | None
    field: str | None
    value: str | None


class UndoPreview(Schema):
    """What undoing a run would put back on each side, and what it would leave, by reason."""

    here: dict[str, int]
    salesforce: dict[str, int]
    left: dict[str, int]
    samples: dict[str, list[dict[str, Any]]]
    calls_made: int


def find_run(run_id: int) -> Run:
    """The run of that number. Raises `ApiProblem`."""
    run = Run.objects.select_related("connection").filter(pk=run_id).first()
    if run is None:
        raise not_found("run", run_id)
    return run


@router.get("/runs", auth=VIEWER, response={200: Page[RunShown], **PROBLEMS}, operation_id="list_runs")
def list_runs(
    request: HttpRequest,
    connection: Annotated[int | None, Query(ge=1, le=_LARGEST, description="Only of this connection.")] = None,
    object: Annotated[str | None, Query(max_length=80, pattern=r"^[A-Za-z]+$")] = None,
    state: Annotated[
        Literal["queued", "running", "succeeded", "failed", "cancelled", "refused"] | None,
        Query(description="`refused`: those that left records for a person, however they ended."),
    ] = None,
    direction: Annotated[Literal["pull", "both"] | None, Query()] = None,
    since: Annotated[datetime | None, Query(description="Only those queued at that moment or later.")] = None,
    until: Annotated[datetime | None, Query(description="Only those queued before that moment.")] = None,
    record: Annotated[
        str | None,
        Query(
            max_length=200,
            description="Only those in which this record was made, changed, written or refused: its "
            "name or how that begins, Salesforce Id, domain, e-mail address, or `account:12`.",
        ),
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Any:
    """The runs, newest first."""
    of = Connection.objects.filter(pk=connection).first() if connection is not None else None
    if connection is not None and of is None:
        return Page(items=[], next=None)
    wanted = activity.Filter(
        of, object, direction, state, since=_aware(since), until=_aware(until),
        of=activity.meant(record) if record is not None else None,
    )  # fmt: skip
    position = unpacked(cursor, int)
    found = activity.listed(wanted, before=position[0] if position else None, limit=limit + 1)
    return _paged(found, limit, RunShown.of)


def _aware(moment: datetime | None) -> datetime | None:
    """A moment without a zone is in UTC."""
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


@router.get("/runs/{run_id}", auth=VIEWER, response={200: RunShown, **PROBLEMS}, operation_id="show_run")
def show_run(request: HttpRequest, run_id: RunId) -> Any:
    """One run: how far it is, and what became of it."""
    return RunShown.of(find_run(run_id))


@router.post(
    "/connections/{connection_id}/runs", auth=OPERATOR, response={202: Started, **PROBLEMS}, operation_id="start_runs"
)
@writing
def start_runs(
    request: HttpRequest, connection_id: ConnectionId, wanted: RunWanted, idempotency_key: IdempotencyKey = None
) -> Answer:
    """Queues a sync, which a worker carries out. Refused (409) while one of the objects is being synchronised."""
    connection = find(connection_id)
    names = [object_named(name).name for name in dict.fromkeys(wanted.objects)]
    begun = runs.start(connection, names or None, trigger=Run.Trigger.API, full=wanted.full, direction=wanted.direction)
    return Answer(Started(runs=[RunShown.of(run) for run in begun]), 202)


@router.post("/runs/{run_id}/cancel", auth=OPERATOR, response={200: RunShown, **PROBLEMS}, operation_id="cancel_run")
@writing
def cancel_run(request: HttpRequest, run_id: RunId, idempotency_key: IdempotencyKey = None) -> Answer:
    """Stops a run that is not over. What it has committed stays."""
    run = find_run(run_id)
    if not runs.cancel(run):
        reason, remedy = f"Run {run_id} is over.", "Undo it, if what it did is to be put back."
        raise ApiProblem(409, "over", "The run can't be cancelled", reason, remedy)
    run.refresh_from_db()
    return Answer(RunShown.of(run))


@router.post("/runs/{run_id}/undo", auth=OPERATOR, response={202: RunShown, **PROBLEMS}, operation_id="undo_run")
@writing
def undo_run(request: HttpRequest, run_id: RunId, idempotency_key: IdempotencyKey = None) -> Answer:
    """Queues a run that puts back what this one wrote, on both sides, wherever the value is still the one it wrote."""
    return Answer(RunShown.of(runs.undo(find_run(run_id))), 202)


@router.post(
    "/runs/{run_id}/undo/preview", auth=OPERATOR, response={200: UndoPreview, **PROBLEMS}, operation_id="preview_undo"
)
def preview_undo(request: HttpRequest, run_id: RunId) -> Any:
    """What undoing a run would put back. Reads from Salesforce; nothing is written anywhere."""
    return UndoPreview(**undo.preview(find_run(run_id)).as_json())


# -- what one run did


@router.get(
    "/runs/{run_id}/changes",
    auth=VIEWER,
    response={200: Page[ChangeShown], **PROBLEMS},
    operation_id="list_run_changes",
)
def list_run_changes(request: HttpRequest, run_id: RunId, limit: Limit = 100, cursor: Cursor = None) -> Any:
    """What a run changed in records here, newest first."""
    run = find_run(run_id)
    found = Change.objects.filter(cause=run.cause_id).select_related("cause__user").order_by("-pk")
    return _page(found if run.cause_id is not None else found.none(), cursor, limit, ChangeShown.of)


@router.get(
    "/runs/{run_id}/writes", auth=VIEWER, response={200: Page[WriteShown], **PROBLEMS}, operation_id="list_run_writes"
)
def list_run_writes(request: HttpRequest, run_id: RunId, limit: Limit = 100, cursor: Cursor = None) -> Any:
    """What a run wrote to Salesforce, newest first."""
    find_run(run_id)
    return _page(Write.objects.filter(run_id=run_id).order_by("-pk"), cursor, limit, _write)


@router.get(
    "/runs/{run_id}/findings", auth=VIEWER, response={200: Page[FindingShown], **PROBLEMS},
    operation_id="list_run_findings",
)  # fmt: skip
def list_run_findings(
    request: HttpRequest,
    run_id: RunId,
    reason: Annotated[str | None, Query(max_length=80, pattern=r"^[a-z_]+$")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Any:
    """What a run has to say about single records, newest first."""
    find_run(run_id)
    found = Finding.objects.filter(run_id=run_id).order_by("-pk")
    if reason is not None:
        found = found.filter(reason=reason)
    return _page(found, cursor, limit, _finding)


def _write(write: Write) -> WriteShown:
    names = ("operation", "state", "before", "sent", "code", "message", "at")
    return WriteShown(
        id=write.pk,
        object=write.sobject,
        record_id=write.local_id,
        salesforce_id=write.sf_id,
        **{name: getattr(write, name) for name in names},
    )


def _finding(finding: Finding) -> FindingShown:
    reason = REASONS.get(finding.reason)
    return FindingShown(
        id=finding.pk,
        reason=finding.reason,
        label=reason.label if reason else finding.reason,
        salesforce_id=finding.sf_id,
        record_id=finding.local_id,
        field=finding.field,
        value=finding.value,
    )


def _page(found: QuerySet[Any], cursor: str | None, limit: int, shown: Any) -> Page[Any]:
    """A page of what is ordered by descending ids."""
    position = unpacked(cursor, int)
    if position is not None:
        found = found.filter(pk__lt=position[0])
    return _paged(list(found[: limit + 1]), limit, shown)


def _paged(rows: list[Any], limit: int, shown: Any) -> Page[Any]:
    return Page(
        items=[shown(row) for row in rows[:limit]], next=packed(rows[limit - 1].pk) if len(rows) > limit else None
    )
