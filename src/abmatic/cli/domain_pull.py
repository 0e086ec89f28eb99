"""`abmatic pull`: imports the records of a query, a list view or a report into a collection, after a preview."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from abmatic.audiences.counted import counted
from abmatic.cli.domain_follow import told
from abmatic.cli.domain_push import one_connection
from abmatic.cli.domain_ready import objects_named, ready, require_worker
from abmatic.cli.domain_runs import as_dict
from abmatic.cli.domain_sync import follow_by_worker, follow_here
from abmatic.cli.failures import FAILED, Failure

if TYPE_CHECKING:
    from abmatic.sync.models import Connection, CrmImport, Run


@click.command()
@click.argument("sobject", metavar="OBJECT")
@click.option("--soql", metavar="QUERY", help="SELECT Id FROM … WHERE …")
@click.option("--list-view", metavar="ID", help="The records of a list view.")
@click.option("--report", metavar="ID", help="The records of a report; its first 2,000 rows.")
@click.option("--into", metavar="NAME", help="What the new collection is called.  [default: OBJECT by …]")
@click.option("--preview", is_flag=True, help="Show what it would import, and import nothing.")
@click.option("--yes", is_flag=True, help="Don't ask before it imports.")
@click.option("--here", is_flag=True, help="Do it in this process, without a worker.")
@click.option("--connection", metavar="NAME", help="From this connection; needed where several are active.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.pass_context
def pull(
    context: click.Context, sobject: str, soql: str | None, list_view: str | None, report: str | None,
    into: str | None, preview: bool, yes: bool, here: bool, connection: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Import chosen accounts, contacts, leads or opportunities from Salesforce, into a new collection.

    They come in as with any sync. Exit code 1 when the run of it failed; the message says why and what to do. A list
    view's or report's Id is in its address in Salesforce (00B…, 00O…).

    \b
    Examples:
      abmatic pull accounts --soql "SELECT Id FROM Account WHERE Industry = 'Banking'"
      abmatic pull leads --list-view 00B5g00000ABCDEFG --into "New leads" --preview
    """
    given = [(kind, text) for kind, text in (("soql", soql), ("list_view", list_view), ("report", report)) if text]
    if len(given) != 1:
        raise click.UsageError("Say which records: one of --soql, --list-view and --report.")
    if as_json and not (yes or preview):
        raise click.UsageError("With --json nobody is asked: say --preview or --yes.")
    with ready():
        (name,) = objects_named([sobject])
        if not preview and not here:
            require_worker()
        wanted = _ask(one_connection(connection), name, *given[0], into or "")
        if preview or not as_json:
            _show(wanted, as_json)
        if preview or not wanted.size:
            return
        if not yes:
            click.confirm(f"Import {counted(wanted.size, 'record')}?", abort=True)
        (run,) = (follow_here if here else follow_by_worker)([_begin(wanted)], outcomes=as_json)
        click.echo(json.dumps(as_dict(run), indent=2) if as_json else f"Run {run.pk}: {told(run)}")
        if run.state != run.State.SUCCEEDED:
            context.exit(FAILED)


def _ask(connection: Connection, sobject: str, kind: str, source: str, name: str) -> CrmImport:
    from abmatic.sync.importing.asking import ask
    from abmatic.sync.importing.sources import NotImported

    try:
        wanted = ask(connection, sobject, kind, source, name=name, at_once=True)
    except NotImported as error:
        raise Failure(str(error)) from error
    if wanted.problem:
        raise Failure(wanted.problem)
    return wanted


def _begin(wanted: CrmImport) -> Run:
    from abmatic.audiences.collections import CollectionRefused
    from abmatic.sync import runs
    from abmatic.sync.importing.asking import begin
    from abmatic.sync.importing.sources import NotImported
    from abmatic.sync.models import Run

    try:
        return begin(wanted, trigger=Run.Trigger.CLI)
    except (NotImported, CollectionRefused, runs.AlreadyRunning, runs.ConnectionNotReady) as error:
        raise Failure(str(error)) from error


def _show(wanted: CrmImport, as_json: bool) -> None:
    found = wanted.found or {}
    if as_json:
        click.echo(json.dumps({"id": wanted.pk, **found}, indent=2, default=str))
        return
    click.echo(f"{counted(found['records'], 'record')}, of which {counted(found['here'], 'is', 'are')} here already.")
    named = [f"{n:,} {action}" for action, n in found["counts"].items() if action not in {"read", "reasons"} and n]
    of = f" of the first {found['looked_at']:,}" if found["looked_at"] < found["records"] else ""
    click.echo(f"It would make{of}: {', '.join(named) or 'no change'}.")
    for note in found["notes"]:
        click.echo(note)
    click.echo(f"About {counted(found['calls_of_run'], 'API call')}; this preview took {found['calls_made']:,}.")
