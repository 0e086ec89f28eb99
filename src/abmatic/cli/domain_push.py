"""`abmatic push`: writes chosen records to Salesforce now, after a preview; by a worker, or here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from abmatic.audiences.counted import counted
from abmatic.cli.domain_follow import label_of, told
from abmatic.cli.domain_ready import find_connections, ready, require_worker
from abmatic.cli.domain_runs import as_dict
from abmatic.cli.domain_sync import follow_by_worker, follow_here
from abmatic.cli.failures import FAILED, Failure, NotReady
from abmatic.cli.numbers import Number

if TYPE_CHECKING:
    from abmatic.sync.models import Connection, Run, SelectedPush

_RECORDS = {"accounts": "account", "contacts": "contact", "opportunities": "opportunity"}


@click.command()
@click.argument("what", metavar="OBJECT", type=click.Choice(list(_RECORDS), case_sensitive=False))
@click.option("--record", "ids", metavar="NUMBER", type=Number(1), multiple=True, help="A record; may be repeated.")
@click.option("--collection", metavar="NUMBER", type=Number(1), help="All members of a collection.")
@click.option(
    "--as", "new_people", type=click.Choice(["lead", "contact"]),
    help="What people who are in Salesforce as neither become.  [default: as the settings of Lead say]",
)  # fmt: skip
@click.option("--past-filter", is_flag=True, help="Also those that the push filter leaves out, this once.")
@click.option("--preview", is_flag=True, help="Show what it would write, and write nothing.")
@click.option("--yes", is_flag=True, help="Don't ask before it writes.")
@click.option("--here", is_flag=True, help="Do it in this process, without a worker.")
@click.option("--connection", metavar="NAME", help="To this connection; needed where several are active.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.pass_context
def push(
    context: click.Context, what: str, ids: Sequence[int], collection: int | None, new_people: str | None,
    past_filter: bool, preview: bool, yes: bool, here: bool, connection: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Push chosen records to Salesforce, and no others. OBJECT is accounts, contacts or opportunities.

    It obeys all that a sync obeys. Exit code 1 when a run of it failed; the message says why and what to do. The number
    of a record or a collection is at the end of its page's address.

    \b
    Examples:
      abmatic push accounts --record 12 --record 15 --preview
      abmatic push contacts --collection 3 --as lead
    """
    if bool(ids) == (collection is not None):
        raise click.UsageError("Say which records: either --record (once for each) or --collection.")
    if as_json and not (yes or preview):
        raise click.UsageError("With --json nobody is asked: say --preview or --yes.")
    with ready():
        if not preview and not here:
            require_worker()
        asked = _ask(_RECORDS[what], ids, collection, one_connection(connection), new_people or "", past_filter)
        if preview or not as_json:
            _show(asked, as_json)
        if preview or not (asked.found or {}).get("writes"):
            return
        if not yes:
            click.confirm(
                f"Push {counted(asked.found['writes'], _RECORDS[what], what)}?" if asked.found else "Push?", abort=True
            )
        runs = (follow_here if here else follow_by_worker)(_begin(asked), outcomes=as_json)
        _tell(runs, as_json)
        if any(run.state != run.State.SUCCEEDED for run in runs):
            context.exit(FAILED)


def one_connection(name: str | None) -> Connection:
    """The active connection of that name, or the only one. Raises `NotReady`."""
    found = [each for each in find_connections(name) if each.status == each.Status.ACTIVE]
    if len(found) != 1:
        wanted = "several are active: say which with --connection" if found else "none is active"
        raise NotReady(f"This is about one connection, and {wanted}")
    return found[0]


def _ask(
    record: str, ids: Sequence[int], collection: int | None, connection: Connection, new_people: str, past_filter: bool
) -> SelectedPush:
    from abmatic.audiences.selection import Selection
    from abmatic.sync.selected.asking import ask
    from abmatic.sync.selected.rules import NotPushed

    _require_there(record, ids, collection)
    chosen = Selection(record, {} if collection is None else {"collection": collection}, ids=tuple(ids) or None)
    try:
        push = ask(chosen, connection, new_people=new_people, past_filter=past_filter, at_once=True)
    except NotPushed as error:
        raise Failure(str(error)) from error
    if push.problem:
        raise Failure(push.problem)
    return push


def _require_there(record: str, ids: Sequence[int], collection: int | None) -> None:
    """Raises `Failure` where a number is nobody's."""
    from abmatic.audiences.editing import MODELS
    from abmatic.audiences.models import Collection

    if collection is not None and not Collection.objects.filter(pk=collection, record=record).exists():
        known = Collection.objects.filter(record=record).order_by("pk").values_list("pk", "name")[:20]
        named = ", ".join(f"{number} (“{name}”)" for number, name in known) or "none"
        raise Failure(f"There is no collection {collection} of {record} records; there is: {named}")
    unknown = [str(number) for number in dict.fromkeys(ids) if not MODELS[record].objects.filter(pk=number).exists()]
    if unknown:
        plural = next(name for name, kind in _RECORDS.items() if kind == record)
        raise Failure(
            f"There is no {record} {', '.join(unknown)}. `abmatic records {plural} --search TEXT` finds records by name"
        )


def _begin(push: SelectedPush) -> list[Run]:
    from abmatic.sync import runs
    from abmatic.sync.models import Run
    from abmatic.sync.selected.asking import begin
    from abmatic.sync.selected.rules import NotPushed

    try:
        return begin(push, trigger=Run.Trigger.CLI)
    except (NotPushed, runs.AlreadyRunning, runs.ConnectionNotReady) as error:
        raise Failure(str(error)) from error


def _show(push: SelectedPush, as_json: bool) -> None:
    from abmatic.sync.selected.results import preview_lines

    assert push.found is not None
    if as_json:
        click.echo(json.dumps({"id": push.pk, "records": push.size, **push.found}, indent=2, default=str))
        return
    for line in preview_lines(push):
        click.echo(f"{line.label}: {line.number:,}")
        for sample in line.samples:
            click.echo(f"  {sample['name'] or sample['local_id']}{_fields(sample['fields'])}")
        if line.remedy and line.number:
            click.echo(f"  {line.remedy}")
    calls = push.found
    click.echo(f"About {counted(calls['calls_of_run'], 'API call')}; this preview took {calls['calls_made']:,}.")


def _fields(fields: dict[str, dict[str, Any]]) -> str:
    told = [
        f"{name}: {_value(sides['before'])} → {_value(sides['after'])}" if sides else name
        for name, sides in fields.items()
    ]
    return f" ({'; '.join(told)})" if told else ""


def _value(value: Any) -> str:
    return "–" if value is None else str(value)


def _tell(runs: list[Run], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"runs": [as_dict(run) for run in runs]}, indent=2))
        return
    for run in runs:
        click.echo(f"{label_of(run)}: {told(run)}")
