"""Previews of a sync: asked for, and fetched when a worker has made them."""

# No deferred annotations: ninja reads them from the function, not from the module that wraps it.
from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Router, Schema
from ninja.params.functions import Path
from pydantic import Field

from abmatic.api.access import OPERATOR, VIEWER
from abmatic.api.connections import ConnectionId, find, object_named
from abmatic.api.problems import PROBLEMS, ApiProblem, not_found
from abmatic.api.writing import Answer, IdempotencyKey, writing
from abmatic.sync.models import PreviewJob
from abmatic.sync.preview import jobs

router = Router(tags=["Previews"])

PreviewId = Annotated[int, Path(ge=1, le=2**63 - 1, description="The preview's number.")]


class PreviewWanted(Schema):
    """Which sync to preview."""

    object: Annotated[str, Field(max_length=80, examples=["Account"])]
    full: bool = False
    direction: Literal["both", "pull"] = "both"


class PreviewFound(Schema):
    """What a sync of an object would write on either side, with samples, and its cost in API calls.
    ``to_salesforce`` is null where it isn't known, or nothing may be written."""

    records: int
    looked_at: int
    is_complete: bool
    to_abmatic: dict[str, Any]
    to_salesforce: dict[str, int] | None
    samples: dict[str, dict[str, list[dict[str, Any]]]]
    calls_of_run: int
    calls_made: int
    notes: list[str]


class PreviewShown(Schema):
    """A preview: queued, running, done, failed or cancelled. ``found`` is there once it is done, for a day."""

    id: int
    connection: int
    object: str
    full: bool
    direction: str
    state: str
    records: int | None
    looked_at: int
    found: PreviewFound | None
    problem: str
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, job: PreviewJob) -> "PreviewShown":
        same = ("direction", "state", "records", "looked_at", "problem", "created_at", "finished_at")
        return cls(
            id=job.pk,
            connection=job.connection_id,
            object=job.sobject,
            full=job.is_full,
            found=PreviewFound(**job.found) if job.found is not None else None,
            **{name: getattr(job, name) for name in same},
        )


@router.post(
    "/connections/{connection_id}/previews", auth=OPERATOR, response={202: PreviewShown, **PROBLEMS},
    operation_id="start_preview",
)  # fmt: skip
@writing
def start_preview(
    request: HttpRequest, connection_id: ConnectionId, wanted: PreviewWanted, idempotency_key: IdempotencyKey = None
) -> Answer:
    """Queues a preview of what a sync of an object would write. A worker makes it; nothing is written anywhere."""
    connection, spec = find(connection_id), object_named(wanted.object)
    job = jobs.start(connection, spec.name, full=wanted.full, direction=wanted.direction)
    return Answer(PreviewShown.of(job), 202)


@router.get(
    "/previews/{preview_id}", auth=VIEWER, response={200: PreviewShown, **PROBLEMS}, operation_id="show_preview"
)
def show_preview(request: HttpRequest, preview_id: PreviewId) -> Any:
    """How far a preview is, and what it found."""
    return PreviewShown.of(_find(preview_id))


@router.post(
    "/previews/{preview_id}/cancel", auth=OPERATOR, response={200: PreviewShown, **PROBLEMS},
    operation_id="cancel_preview",
)  # fmt: skip
@writing
def cancel_preview(request: HttpRequest, preview_id: PreviewId, idempotency_key: IdempotencyKey = None) -> Answer:
    """Stops a preview that is not over."""
    job = _find(preview_id)
    if not jobs.cancel(job):
        reason = f"Preview {preview_id} is over."
        raise ApiProblem(409, "over", "The preview can't be cancelled", reason, "Nothing is left to stop.")
    job.refresh_from_db()
    return Answer(PreviewShown.of(job))


def _find(preview_id: int) -> PreviewJob:
    job = PreviewJob.objects.filter(pk=preview_id).first()
    if job is None:
        raise not_found("preview", preview_id)
    return job
