"""`abmatic sync`: queues runs for a worker, or does them here, and waits for their end."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING

import click

from abmatic.audiences.counted import counted
from abmatic.cli.domain_follow import follow, label_of, told
from abmatic.cli.domain_preview import show_previews
from abmatic.cli.domain_ready import find_connections, objects_named, ready, workers_alive
from abmatic.cli.domain_runs import as_dict
from abmatic.cli.failures import FAILED, Failure, NotReady

if TYPE_CHECKING:
    from abmatic.sync.models import Connection, Run

_NO_WORKER = "No worker is alive"


@click.command()
@click.argument("objects", metavar="[OBJECT]…", nargs=-1)
@click.option("--full", is_flag=True, help="Read every record again, not only what has changed since the last sync.")
@click.option(
    "--vanished-are-deleted",
    is_flag=True,
    help="With --full: what Salesforce shows no longer counts as deleted, however much that is.",
)
@click.option(
    "--direction",
    type=click.Choice(["both", "pull"]),
    default="both",
    show_default=True,
    help="Read, then write to Salesforce what the settings allow; or only read.",
)
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait for the end, or only queue it.")
@click.option("--here", is_flag=True, help="Do it in this process, without a worker.")
@click.option("--preview", is_flag=True, help="Show what it would write on either side, and write nothing.")
@click.option("--connection", metavar="NAME", help="Only this connection.  [default: all that are active]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text; progress goes to stderr.")
@click.pass_context
def sync(
    context: click.Context,
    objects: tuple[str, ...],
    full: bool,
    vanished_are_deleted: bool,
    direction: str,
    wait: bool,
    here: bool,
    preview: bool,
    connection: str | None,
    as_json: bool,
) -> None:
    """Sync with Salesforce: all objects, or those named (Account, Contact, Lead, Campaign, Opportunity).

    Exit code 1 when a run failed or was cancelled; the message says why and what to do.

    \b
    Examples:
      abmatic sync                          everything that has changed, both ways
      abmatic sync accounts --preview       what that would write, and nothing more
      abmatic sync Campaign --direction pull --here
    """
    if here and not wait:
        raise click.UsageError("--here does the work in this process, so it always waits: leave out --no-wait.")
    if vanished_are_deleted and not full:
        raise click.UsageError("--vanished-are-deleted needs --full: only that shows what has vanished.")
    with ready():
        sobjects = objects_named(objects)
        connections = find_connections(connection)
        usable = _usable(connections)
        if preview:
            show_previews(
                usable, sobjects, full=full, direction=direction, as_json=as_json,
                vanished_are_deleted=vanished_are_deleted,
            )  # fmt: skip
            return
        alive = workers_alive()
        if wait and not here and not alive:
            raise NotReady(
                f"{_NO_WORKER}. Start one (`abmatic up`, or `abmatic worker`), do it here with --here, or queue it for "
                "later with --no-wait"
            )
        if here and not alive:
            _finish_abandoned(usable, outcomes=as_json)
        runs = [run for each in usable for run in _start(each, sobjects, full, direction, vanished_are_deleted)]
        if here:
            runs = follow_here(runs, outcomes=as_json)
        elif wait:
            runs = follow_by_worker(runs, outcomes=as_json)
        elif not alive:
            click.echo(f"{_NO_WORKER}: it waits for one (`abmatic up`, or `abmatic worker`).", err=True)
        say_runs(runs, as_json, waited=wait)
        has_failed = wait and any(run.state != run.State.SUCCEEDED for run in runs)
        if has_failed or any(each.status == each.Status.NEEDS_ATTENTION for each in connections):
            context.exit(FAILED)


def _usable(connections: list[Connection]) -> list[Connection]:
    """Those that are active; says what is wrong with those that need a person. Raises `NotReady` when none is left."""
    active = [each for each in connections if each.status == each.Status.ACTIVE]
    wrong = [_what_is_wrong(each) for each in connections if each.status != each.Status.ACTIVE]
    if not active:
        raise NotReady("; ".join(wrong))
    for line in wrong:
        click.echo(f"Left out: {line}", err=True)
    return active


def _what_is_wrong(connection: Connection) -> str:
    """Why nothing can be read through it, and what helps."""
    helps = (
        "Reconnect it with `abmatic connect`" if connection.wants_reconnect else "Check it again with `abmatic doctor`"
    )
    wrong = (
        "is disabled"
        if connection.status == connection.Status.INACTIVE
        else f"needs attention ({connection.get_problem_display()}). {connection.problem_detail}".rstrip(". ")
    )
    return f"“{connection.name}” {wrong}. {helps}, or under Settings → Integrations"


def _start(
    connection: Connection, sobjects: list[str], full: bool, direction: str, vanished_are_deleted: bool
) -> list[Run]:
    from abmatic.sync import runs
    from abmatic.sync.models import Run

    try:
        because = Run.FullBecause.ACCEPTED if vanished_are_deleted else Run.FullBecause.ASKED
        return runs.start(
            connection, sobjects or None, trigger=Run.Trigger.CLI, full=full, because=because, direction=direction
        )
    except (runs.AlreadyRunning, runs.ConnectionNotReady, runs.UnknownObject) as error:
        raise Failure(str(error)) from error


def _finish_abandoned(connections: list[Connection], *, outcomes: bool) -> None:
    """Does the runs that wait for a worker, of which there is none: nothing new can start before them."""
    from abmatic.sync.models import Run

    unfinished = list(
        Run.objects.filter(connection__in=connections, state__in=[Run.State.QUEUED, Run.State.RUNNING]).order_by("id")
    )
    if unfinished:
        click.echo(f"Finishing {counted(len(unfinished), 'run')} waiting for a worker first.", err=True)
        follow_here(unfinished, outcomes=outcomes)


def follow_by_worker(runs: list[Run], *, outcomes: bool) -> list[Run]:
    """Waits; says so when there is nobody left who would do it. Ctrl-C leaves the runs to their worker."""
    last_alive = time.monotonic()
    has_said = False

    def pause(seconds: float) -> None:
        nonlocal last_alive, has_said
        time.sleep(seconds)
        if time.monotonic() - last_alive < 5:
            return
        last_alive = time.monotonic()
        alive = workers_alive()
        if not alive and not has_said:
            click.echo(f"{_NO_WORKER} any more; this waits for the next one.", err=True)
        has_said = not alive

    try:
        return follow([run.pk for run in runs], pause, outcomes=outcomes)
    except KeyboardInterrupt:
        numbers = ", ".join(str(run.pk) for run in runs)
        click.echo(
            f"Not waiting any longer: the worker goes on with {'run' if len(runs) == 1 else 'runs'} {numbers}. "
            "`abmatic runs` shows how far it is; its page in the app has Cancel.",
            err=True,
        )
        raise


def follow_here(runs: list[Run], *, outcomes: bool) -> list[Run]:
    """Does the runs in a thread and shows them meanwhile. Ctrl-C cancels them: what was read is kept."""
    from abmatic.sync import runs as verbs

    ids = [run.pk for run in runs]
    worker = threading.Thread(target=_execute, args=(ids,), name="sync")
    worker.start()
    try:
        return follow(ids, lambda seconds: _pause_while(worker, seconds), outcomes=outcomes)
    except KeyboardInterrupt:
        for run in runs:
            verbs.cancel(run)
        click.echo(
            "Stopping after the records that are being written now. What is written stays, nothing goes on in the "
            "background; the same command again does the rest.",
            err=True,
        )
        raise
    finally:
        worker.join()


def _pause_while(worker: threading.Thread, seconds: float) -> None:
    """Waits a moment. Raises `Failure` when the thread has ended and left runs undone."""
    if not worker.is_alive():
        raise Failure("The sync ended before its runs did; the error is above. `abmatic runs` shows how far it came")
    worker.join(seconds)


def _execute(ids: list[int]) -> None:
    """Does each run, then takes its job out of the queue: till then a worker would go on, were we killed."""
    from django.db import connections
    from procrastinate.contrib.django import app
    from procrastinate.contrib.django.models import ProcrastinateJob

    from abmatic.sync.execute import execute

    try:
        for run_id in ids:
            execute(run_id)
            waiting = ProcrastinateJob.objects.filter(status="todo", task_name="sync.pull", args__run_id=run_id)
            for job_id in list(waiting.values_list("id", flat=True)):
                app.job_manager.cancel_job_by_id(job_id, delete_job=True)
    finally:
        connections.close_all()


def say_runs(runs: list[Run], as_json: bool, *, waited: bool) -> None:
    """Prints how the runs ended, or that they are queued."""
    if as_json:
        is_fine = all(run.state == run.State.SUCCEEDED for run in runs) if waited else None
        click.echo(json.dumps({"ok": is_fine, "runs": [as_dict(run) for run in runs]}, indent=2))
        return
    for run in runs:
        click.echo(f"{label_of(run)}: {told(run) if waited else f'queued as run {run.pk}'}")
