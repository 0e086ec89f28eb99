"""`abmatic issues`: what could not be written to Salesforce and why, by cause and one by one; and trying it again."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource
from rich.markup import escape
from rich.table import Table

from abmatic.audiences.counted import counted
from abmatic.cli.domain_ready import find_connections, objects_named, ready
from abmatic.cli.domain_runs import console_for_rows
from abmatic.cli.failures import Failure
from abmatic.cli.moments import Moment
from abmatic.cli.numbers import Number
from abmatic.cli.piped import read_as_far_as_wanted

if TYPE_CHECKING:
    from abmatic.sync.issues import Cause, Filter, Retried
    from abmatic.sync.models import Issue, ObjectSetting


@click.group(invoke_without_command=True)
@click.option("--object", "sobject", metavar="OBJECT", help="Only issues of this object.")
@click.option("--code", metavar="CODE", help="Only issues with this code.")
@click.option("--since", type=Moment(), metavar="WHEN", help="Only those met since: a date, or 12h, 7d.")
@click.option("--connection", metavar="NAME", help="Only issues of this connection.")
@click.option("--limit", type=Number(1), default=20, show_default=True, help="Issues, beside the causes.")
@click.option("--after", type=Number(1), metavar="ID", help="Go on after this issue.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.pass_context
def issues(
    context: click.Context,
    sobject: str | None,
    code: str | None,
    since: datetime | None,
    connection: str | None,
    limit: int,
    after: int | None,
    as_json: bool,
) -> None:
    """List what is open: records that could not be written to Salesforce, by cause, then the newest.

    While an issue is open, the same values are not sent again, unless you say so: `abmatic issues retry`.
    """
    if context.invoked_subcommand is not None:
        _refuse_options(context)
        return
    with ready(), read_as_far_as_wanted():
        from abmatic.sync import issues as verbs

        wanted = issue_filter(sobject, code, connection, since)
        causes = verbs.by_cause(wanted)
        found = verbs.listed(wanted, before=after, limit=limit + 1)
        shown, has_more = found[:limit], len(found) > limit
        names = verbs.names(shown)
        if as_json:
            told = [verbs.as_dict(each, names.get((each.sobject, each.local_id))) for each in shown]
            said = {"causes": [_cause_dict(cause) for cause in causes], "issues": told, "more": has_more}
            click.echo(json.dumps(said, indent=2))
            return
        _say(causes, shown, names, is_all=wanted == verbs.Filter())
        if has_more:
            click.echo(f"More: abmatic issues{_again(sobject, code, connection)} --after {shown[-1].pk}")


@issues.command(short_help="Have issues tried again with the next sync.")
@click.argument("ids", metavar="[ID]…", type=Number(1), nargs=-1)
@click.option("--code", metavar="CODE", help="All that have this code.")
@click.option("--all", "everything", is_flag=True, help="All that are open.")
@click.option("--object", "sobject", metavar="OBJECT", help="With --code or --all: only issues of this object.")
@click.option("--connection", metavar="NAME", help="With --code or --all: only issues of this connection.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def retry(
    ids: tuple[int, ...],
    code: str | None,
    everything: bool,
    sobject: str | None,
    connection: str | None,
    as_json: bool,
) -> None:
    """Have issues tried again with the next sync of their objects: those with these IDs, of a CODE, or all."""
    if sum((bool(ids), code is not None, everything)) != 1:
        raise click.UsageError("Say which: the IDs of issues (`abmatic issues` lists them), --code CODE, or --all.")
    if ids and (sobject is not None or connection is not None):
        raise click.UsageError("--object and --connection narrow --code and --all; an ID names one issue already.")
    with ready():
        from abmatic.sync import issues as verbs

        try:
            done = verbs.retry(ids) if ids else verbs.retry_all(issue_filter(sobject, code, connection, None))
        except verbs.NoSuchIssue as error:
            raise Failure(f"{error} `abmatic issues` lists what is open; nothing was marked") from error
        if code is not None and not done.issues:
            raise Failure(_none_with(code))
        _say_retried(done, as_json)


@issues.command(short_help="Link an opportunity with the one that Salesforce has.")
@click.argument("issue_id", metavar="ID", type=Number(1))
@click.argument("salesforce_id", metavar="SALESFORCE_ID")
def link(issue_id: int, salesforce_id: str) -> None:
    """Say that the opportunity of an issue ALREADY_IN_SALESFORCE is the one that Salesforce has: nothing is created."""
    with ready():
        from abmatic.audiences.models import Opportunity
        from abmatic.changes.models import Cause
        from abmatic.sync import linking
        from abmatic.sync.models import Issue

        issue = Issue.objects.filter(pk=issue_id, is_open=True).first()
        if issue is None:
            raise Failure(f"No issue {issue_id} is open. `abmatic issues` lists what is")
        try:
            linking.link(issue, salesforce_id, lambda: Cause.objects.create(kind=Cause.Kind.USER, note="Command line"))
        except linking.NotLinked as error:
            offered = ", ".join(each.sf_id for each in linking.namesakes(issue))
            raise Failure(f"{error} {f'Offered: {offered}' if offered else 'Nothing is offered.'}") from error
        name = Opportunity.objects.get(pk=issue.local_id).name
        click.echo(f"{name} is linked with {salesforce_id}. The next sync gives both sides what the settings say.")


def _refuse_options(context: click.Context) -> None:
    """`issues --code X retry --all` means X alone to whoever types it, and would retry everything."""
    for name in context.params:
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            option = next(each.opts[-1] for each in context.command.params if each.name == name)
            after = f"`abmatic issues {context.invoked_subcommand} …`"
            raise click.UsageError(
                f"{option} belongs to the list of issues. Give {after} options of its own, after it."
            )


def issue_filter(sobject: str | None, code: str | None, connection: str | None, since: datetime | None) -> Filter:
    """Which issues the options name. Raises `Failure` and usage errors where one names nothing."""
    from abmatic.sync.issues import Filter

    return Filter(
        connection=find_connections(connection)[0] if connection is not None else None,
        sobject=objects_named([sobject])[0] if sobject is not None else None,
        code=code,
        since=since,
    )


def _again(sobject: str | None, code: str | None, connection: str | None) -> str:
    """The filters once more, for the next page's command."""
    given = (("--object", sobject), ("--code", code), ("--connection", connection and f"'{connection}'"))
    return "".join(f" {option} {value}" for option, value in given if value)


def _none_with(code: str) -> str:
    from abmatic.sync.issues import Filter, codes

    known = ", ".join(codes(Filter()))
    return f"No open issue that you named has the code {code}. " + (
        f"Codes of open issues: {known}" if known else "No issue is open"
    )


def _cause_dict(cause: Cause) -> dict[str, object]:
    return {
        "connection": cause.connection.name,
        "object": cause.sobject,
        "code": cause.code,
        "label": cause.refusal.label,
        "meaning": cause.refusal.meaning,
        "remedy": cause.refusal.remedy,
        "issues": cause.issues,
        "records": cause.records,
        "to_be_retried": cause.retried,
        "first_at": cause.first_at.isoformat(),
        "last_at": cause.last_at.isoformat(),
    }


def _say(causes: list[Cause], shown: list[Issue], names: dict[tuple[str, int], str], *, is_all: bool) -> None:
    from abmatic.sync.objects import OBJECTS

    if not causes:
        click.echo("No issue is open." if is_all else "No open issue matches.")
        return
    console = console_for_rows()
    for cause in causes:
        records = counted(cause.records, "record")
        waiting = f", {cause.retried:,} to be tried again" if cause.retried else ""
        console.print(
            f"{OBJECTS[cause.sobject].label_plural}: {records}{waiting}: {escape(cause.refusal.label)} ({cause.code})"
        )
        console.print(f"  [dim]{escape(cause.refusal.meaning)} → {escape(cause.refusal.remedy)}[/]")
    if not shown:
        click.echo("There are no older issues.")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("Issue", "Object", "Record", "Salesforce Id", "Last met", "Code", "Fields", "Message"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "Issue" else "left")
    for each in shown:
        name = names.get((each.sobject, each.local_id), "gone")
        table.add_row(
            str(each.pk), each.sobject, escape(f"{each.local_id} {name}"), each.sf_id or "new",
            each.last_at.strftime("%Y-%m-%d %H:%M:%S"), each.code, ", ".join(each.fields), escape(each.message),
        )  # fmt: skip
    console.print(table)


def _say_retried(done: Retried, as_json: bool) -> None:
    from abmatic.sync.models import Connection, ObjectSetting

    connections = Connection.objects.in_bulk({connection_id for connection_id, _ in done.by_object})
    settings = {(each.connection_id, each.sobject): each for each in ObjectSetting.objects.all()}
    if as_json:
        marked = [
            {"connection": connections[connection_id].name, "object": sobject, "issues": number}
            for (connection_id, sobject), number in sorted(done.by_object.items())
        ]
        click.echo(json.dumps({"issues": done.issues, "objects": marked}, indent=2))
        return
    if not done.issues:
        click.echo("No issue is open, so there is nothing to try again.")
    for key, number in sorted(done.by_object.items()):
        what = f"{counted(number, 'issue')} of {key[1]} with {connections[key[0]]}"
        click.echo(f"{what}: {_when(settings.get(key))}")


def _when(setting: ObjectSetting | None) -> str:
    """When what was marked is tried."""
    if setting is None or not setting.is_pushed:
        return "tried again once the object may be written to Salesforce (`abmatic settings`)."
    if setting.auto_push:
        return "tried again by the worker within seconds."
    return f"tried again with the next sync. To start it: abmatic sync {setting.sobject}"
