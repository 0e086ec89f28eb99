"""Push to Salesforce for a selection: asked for, previewed by a worker, then started."""

# No deferred annotations: ninja reads them from the function, not from the module that wraps it.
from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Router, Schema
from ninja.params.functions import Path
from pydantic import Field

from abmatic.api.access import OPERATOR
from abmatic.api.connections import ConnectionId, find
from abmatic.api.problems import PROBLEMS, ApiProblem, not_found
from abmatic.api.runs import RunShown, Started
from abmatic.api.writing import Answer, IdempotencyKey, writing
from abmatic.audiences.selection import MOST_IDS, Selection
from abmatic.sync.models import Run, SelectedPush
from abmatic.sync.selected import results
from abmatic.sync.selected.asking import ask, begin

router = Router(tags=["Pushes"])

PushId = Annotated[int, Path(ge=1, le=2**63 - 1, description="The push's number.")]
_Number = Annotated[int, Field(ge=1, le=2**63 - 1)]


class PushWanted(Schema):
    """Which records, and how. ``ids``, or all that meet ``condition`` (as in a push filter) but those of ``excluded``.
    ``new_people``: what people who are in Salesforce as neither become; ``past_filter``: also what the push filter
    leaves out, this once; ``insists``: fields of which ours is written though an undo left the two sides different."""

    record: Literal["account", "contact", "opportunity"]
    ids: list[_Number] | None = Field(default=None, min_length=1, max_length=MOST_IDS, examples=[[12, 15]])
    condition: dict[str, Any] | None = None
    excluded: list[_Number] = Field(default_factory=list, max_length=MOST_IDS)
    new_people: Literal["settings", "lead", "contact"] = "settings"
    past_filter: bool = False
    insists: list[str] = Field(default_factory=list, max_length=100, examples=[["industry"]])


class PushLine(Schema):
    """So many records of an outcome: ``created`` and ``updated``, or why they are not written, and what helps."""

    code: str
    label: str
    remedy: str
    number: int
    samples: list[dict[str, Any]]


class PushShown(Schema):
    """A push: queued, running, ready, failed, cancelled or started. ``lines`` are there once it is ``ready``; ``runs``
    and ``left`` (what its runs left as it is in Salesforce) once it is ``started``."""

    id: int
    connection: int
    record: str
    records: int | None
    state: str
    problem: str
    new_people: str
    past_filter: bool
    writes: int | None
    calls_of_run: int | None
    lines: list[PushLine]
    runs: list[RunShown]
    left: list[PushLine]
    created_at: datetime

    @classmethod
    def of(cls, push: SelectedPush) -> "PushShown":
        found = push.found or {}
        outcome = results.outcome(push) if push.state == SelectedPush.State.STARTED else None
        same = ("record", "state", "problem", "past_filter", "created_at")
        return cls(
            id=push.pk,
            connection=push.connection_id,
            records=push.size,
            new_people=push.new_people or "settings",
            writes=found.get("writes"),
            calls_of_run=found.get("calls_of_run"),
            lines=[_line(line) for line in results.preview_lines(push)],
            runs=[RunShown.of(run) for run in outcome.runs] if outcome else [],
            left=[_line(line) for line in outcome.left] if outcome else [],
            **{name: getattr(push, name) for name in same},
        )


def _line(line: results.Line) -> PushLine:
    samples = [dict(each) for each in line.samples]
    return PushLine(code=line.code, label=line.label, remedy=line.remedy, number=line.number, samples=samples)


@router.post(
    "/connections/{connection_id}/pushes", auth=OPERATOR, response={202: PushShown, **PROBLEMS},
    operation_id="prepare_push",
)  # fmt: skip
@writing
def prepare_push(
    request: HttpRequest, connection_id: ConnectionId, wanted: PushWanted, idempotency_key: IdempotencyKey = None
) -> Answer:
    """Asks what a push of these records would write. A worker finds out; nothing is written anywhere."""
    connection = find(connection_id)
    if (wanted.ids is None) == (wanted.condition is None):
        reason = "Both or neither of `ids` and `condition` were given."
        raise ApiProblem(422, "invalid", "The push can't be prepared", reason, "Give one of them.")
    chosen = Selection(
        wanted.record,
        wanted.condition or {},
        ids=None if wanted.ids is None else tuple(wanted.ids),
        excluded=tuple(wanted.excluded),
    )
    new_people = "" if wanted.new_people == "settings" else wanted.new_people
    push = ask(
        chosen, connection, new_people=new_people, past_filter=wanted.past_filter, insists=wanted.insists
    )  # fmt: skip
    return Answer(PushShown.of(push), 202)


@router.get("/pushes/{push_id}", auth=OPERATOR, response={200: PushShown, **PROBLEMS}, operation_id="show_push")
def show_push(request: HttpRequest, push_id: PushId) -> Any:
    """What a push would do, how far it is, or what it did."""
    return PushShown.of(_find(push_id))


@router.post("/pushes/{push_id}/start", auth=OPERATOR, response={202: Started, **PROBLEMS}, operation_id="start_push")
@writing
def start_push(request: HttpRequest, push_id: PushId, idempotency_key: IdempotencyKey = None) -> Answer:
    """Starts a push that was previewed: a run of each object that its records are, limited to them."""
    begun = begin(_find(push_id), trigger=Run.Trigger.API)
    return Answer(Started(runs=[RunShown.of(run) for run in begun]), 202)


def _find(push_id: int) -> SelectedPush:
    push = SelectedPush.objects.filter(pk=push_id).first()
    if push is None:
        raise not_found("push", push_id)
    return push
