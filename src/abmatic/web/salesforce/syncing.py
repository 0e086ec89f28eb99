"""Syncing one object by hand: a confirmation that shows what would happen, progress in place, the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST, require_safe

from abmatic.audiences.fields import fields
from abmatic.sync import runs
from abmatic.sync.models import Connection, ObjectSetting, PreviewJob, Run
from abmatic.sync.objects import SObject
from abmatic.sync.preview import NotPreviewed
from abmatic.sync.preview import jobs as previews
from abmatic.sync.refusals import refusal
from abmatic.web.http import PageRequest
from abmatic.web.roles import operator_required
from abmatic.web.salesforce.tabs import chosen, slug_of

_INTO_ABMATIC = (
    ("created", "Create"),
    ("updated", "Update"),
    ("linked", "Link with a record that is here"),
    ("duplicate", "Mark as duplicate"),
    ("deleted", "Mark as deleted in Salesforce"),
    ("skipped", "Skip"),
    ("unchanged", "Leave unchanged"),
)
_INTO_SALESFORCE = (
    ("created", "Create"),
    ("updated", "Update"),
    ("held", "Hold back: needs a person"),
    ("waiting", "Wait for another record in Salesforce"),
)
_ALWAYS = {"created", "updated"}


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field of a sample, before and after."""

    label: str
    before: object
    after: object


@dataclass(frozen=True, slots=True)
class SampleShown:
    """One record that would be written."""

    name: str
    sf_id: str
    reason: str
    fields: Sequence[FieldChange]


@dataclass(frozen=True, slots=True)
class ActionShown:
    """What would be done to how many records, with some of them."""

    label: str
    number: int
    samples: Sequence[SampleShown]


def panel(
    request: PageRequest,
    connection: Connection,
    spec: SObject,
    setting: ObjectSetting | None = None,
    problem: str = "",
) -> dict[str, Any]:
    """What the panel at the top of an object's tab shows."""
    run = connection.runs.filter(sobject=spec.name).order_by("-id").first()
    return {
        "connection": connection,
        "spec": spec,
        "tab": slug_of(spec),
        "setting": setting or ObjectSetting.objects.get(connection=connection, sobject=spec.name),
        "run": run,
        "progress": runs.progress(run) if run and not run.is_over else None,
        "problem": problem,
        "may_sync": request.user.is_operator and connection.status == Connection.Status.ACTIVE,
    }


@require_safe
def sync_panel(request: PageRequest, connection_id: int, tab: str) -> HttpResponse:
    """The panel by itself; asked for every two seconds while a run goes on."""
    connection, spec = chosen(connection_id, tab)
    return render(request, "salesforce/panel.html", {"panel": panel(request, connection, spec)})


@require_POST
@operator_required
def sync_object(request: PageRequest, connection_id: int, tab: str) -> HttpResponse:
    """Starts a run of the object, and shows its progress where the button was."""
    connection, spec = chosen(connection_id, tab)
    problem = ""
    try:
        runs.start(connection, [spec.name], trigger=Run.Trigger.MANUAL, user=request.user)
    except (runs.AlreadyRunning, runs.ConnectionNotReady) as error:
        problem = str(error)
    return render(request, "salesforce/panel.html", {"panel": panel(request, connection, spec, problem=problem)})


@require_POST
@operator_required
def start_preview(request: PageRequest, connection_id: int, tab: str) -> HttpResponse:
    """Asks a worker what a run would do."""
    connection, spec = chosen(connection_id, tab)
    try:
        job = previews.start(connection, spec.name, user=request.user)
    except NotPreviewed as error:
        return _preview(request, connection, spec, None, str(error))
    return _preview(request, connection, spec, job)


@operator_required
def preview(request: PageRequest, connection_id: int, tab: str, job_id: int) -> HttpResponse:
    """How far a preview is, or what it says; POST gives it up."""
    connection, spec = chosen(connection_id, tab)
    job = get_object_or_404(PreviewJob, pk=job_id, connection=connection, sobject=spec.name)
    if request.method == "POST":
        previews.cancel(job)
        job.refresh_from_db()
    elif request.method not in {"GET", "HEAD"}:
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    return _preview(request, connection, spec, job)


def _preview(
    request: PageRequest, connection: Connection, spec: SObject, job: PreviewJob | None, problem: str = ""
) -> HttpResponse:
    found = job.found if job and job.state == PreviewJob.State.DONE else None
    context = {"connection": connection, "spec": spec, "tab": slug_of(spec), "job": job, "found": found}
    context["problem"] = problem or (job.problem if job else "")
    if found:
        labels = {each.name: each.label for each in fields(spec.local)}
        context["into_abmatic"] = actions(_INTO_ABMATIC, found["to_abmatic"], _samples(found, "to_abmatic"), labels)
        if found["to_salesforce"] is not None:
            there = actions(_INTO_SALESFORCE, found["to_salesforce"], _samples(found, "to_salesforce"), {})
            context["into_salesforce"] = there
    return render(request, "salesforce/preview.html", context)


def _samples(found: Mapping[str, Any], side: str) -> Mapping[str, Any]:
    samples: Mapping[str, Any] = found["samples"].get(side, {})
    return samples


def _change(labels: Mapping[str, str], name: str, values: Mapping[str, Any]) -> FieldChange:
    before, after = values.get("before"), values.get("after")
    if name in labels or not name.endswith("_id"):
        return FieldChange(labels.get(name, name), before, after)
    # A column that names another record, such as the owner: its number says nothing to anybody.
    label = name.removesuffix("_id").replace("_", " ").capitalize()
    said = "set" if before is None else "another"
    return FieldChange(label, None if before is None else "set", None if after is None else said)


def actions(
    named: Sequence[tuple[str, str]],
    counts: Mapping[str, Any],
    samples: Mapping[str, Any],
    labels: Mapping[str, str],
) -> list[ActionShown]:
    """What would be done, by action, with samples; ``labels`` of the fields."""
    return [
        ActionShown(
            label,
            int(counts.get(action) or 0),
            [
                SampleShown(
                    sample["name"],
                    sample["sf_id"] or "",
                    refusal(sample["code"]).label if sample["code"] else "",
                    [_change(labels, name, values) for name, values in sample["fields"].items()],
                )
                for sample in samples.get(action, [])
            ],
        )
        for action, label in named
        if action in _ALWAYS or counts.get(action)
    ]
