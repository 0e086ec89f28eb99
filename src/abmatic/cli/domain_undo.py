"""`abmatic undo`: puts back what a run wrote, by a worker or here; or shows what that would be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from abmatic.audiences.counted import counted
from abmatic.cli.domain_follow import told
from abmatic.cli.domain_ready import ready, require_worker
from abmatic.cli.domain_runs import as_dict
from abmatic.cli.domain_sync import follow_by_worker, follow_here
from abmatic.cli.failures import FAILED, Failure
from abmatic.cli.numbers import Number

if TYPE_CHECKING:
    from abmatic.sync.models import Run


@click.command()
@click.argument("run_id", metavar="RUN", type=Number(1))
@click.option("--preview", is_flag=True, help="Show what it would put back and what it would leave; write nothing.")
@click.option(
    "--delete-created",
    is_flag=True,
    help="Also remove from Salesforce what the run created there, where nobody changed it and nothing belongs to it.",
)
@click.option("--here", is_flag=True, help="Do it in this process, without a worker.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.pass_context
def undo(context: click.Context, run_id: int, preview: bool, delete_created: bool, here: bool, as_json: bool) -> None:
    """Put back what a RUN wrote, here and in Salesforce, wherever the value is still the one that it wrote.

    What has changed since is listed, not touched: `abmatic runs` with the number of the undo shows it. RUN is a number
    that `abmatic runs` lists.

    \b
    Examples:
      abmatic undo 41 --preview
      abmatic undo 41
    """
    with ready():
        undone = _find(run_id)
        if preview:
            _preview(undone, delete_created, as_json)
            return
        if not here:
            require_worker()
        run = _start(undone, delete_created)
        follow = follow_here if here else follow_by_worker
        (run,) = follow([run], outcomes=False)
        click.echo(json.dumps(as_dict(run), indent=2) if as_json else f"Run {run.pk}: {told(run)}")
        if run.state != run.State.SUCCEEDED:
            context.exit(FAILED)


def _find(run_id: int) -> Run:
    from abmatic.sync.models import Run

    run = Run.objects.select_related("connection").filter(pk=run_id).first()
    if run is None:
        raise Failure(f"There is no run {run_id}. `abmatic runs` lists them")
    return run


def _start(undone: Run, delete_created: bool) -> Run:
    from abmatic.sync import runs
    from abmatic.sync.undo import NotUndone

    try:
        return runs.undo(undone, delete_created=delete_created)
    except (NotUndone, runs.AlreadyRunning, runs.ConnectionNotReady) as error:
        raise Failure(str(error)) from error


def _preview(undone: Run, delete_created: bool, as_json: bool) -> None:
    from abmatic.sync.reasons import REASONS
    from abmatic.sync.undo import NotUndone, preview

    try:
        found = preview(undone, delete_created=delete_created)
    except NotUndone as error:
        raise Failure(str(error)) from error
    if as_json:
        click.echo(json.dumps(found.as_json(), indent=2, default=str))
        return
    click.echo(f"Put back here: {counted(found.here_values, 'value')} of {counted(found.here_back, 'record')}")
    for each in found.samples["here"]:
        click.echo(f"  {each['record']} {each['id']} {_change(each)}")
    click.echo(f"Put back in Salesforce: {counted(found.there_back, 'record')}")
    for each in found.samples["salesforce"]:
        click.echo(f"  {each['id']} {_change(each)}")
    if delete_created:
        click.echo(f"Removed from Salesforce: {counted(found.there_removed, 'record')}")
        for each in found.samples["removed"]:
            click.echo(f"  {each['id']}")
    for reason, number in sorted(found.left.items()):
        why = REASONS[reason]
        click.echo(f"Left: {number:,} × {why.label}. {why.meaning} {why.remedy}")


def _change(sample: dict[str, Any]) -> str:
    now, then = ("–" if sample[side] is None else sample[side] for side in ("now", "then"))
    return f"{sample['field']}: {now} → {then}"
