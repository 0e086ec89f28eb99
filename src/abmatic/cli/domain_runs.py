"""`abmatic runs`: what ran, and what one run found, a page at a time."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from abmatic.cli.domain_follow import label_of
from abmatic.cli.domain_ready import find_connections, objects_named, ready
from abmatic.cli.failures import Failure
from abmatic.cli.moments import Moment
from abmatic.cli.numbers import Number
from abmatic.cli.piped import read_as_far_as_wanted

if TYPE_CHECKING:
    from abmatic.sync.activity import Filter
    from abmatic.sync.models import Run
    from abmatic.sync.models.runs import Finding

_PUSHED = ("created", "updated", "refused", "held", "waiting", "returned", "unknown")
_COUNTS = ("read", "created", "linked", "updated", "unchanged", "duplicate", "deleted", "skipped")


state_option = click.option(
    "--state", metavar="STATE", help="Only runs in this state, or `refused`: those that left records to a person."
)


@click.command()
@click.argument("run_id", metavar="[ID]", type=Number(1), required=False)
@click.option("--limit", type=Number(1), default=20, show_default=True, help="Runs, or findings of one run.")
@click.option("--reason", metavar="CODE", help="Of one run: only the findings of this reason.")
@click.option("--after", type=Number(0), metavar="ID", help="Go on after this run, or finding.")
@click.option("--connection", metavar="NAME", help="Only runs of this connection.")
@click.option("--object", "sobject", metavar="OBJECT", help="Only runs of this object.")
@state_option
@click.option("--record", metavar="TEXT", help="Only runs that changed this record here or there, or were refused it.")
@click.option("--since", type=Moment(), metavar="WHEN", help="Only those since: a date, or 12h, 7d.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def runs(
    run_id: int | None,
    limit: int,
    reason: str | None,
    after: int | None,
    connection: str | None,
    sobject: str | None,
    state: str | None,
    record: str | None,
    since: datetime | None,
    as_json: bool,
) -> None:
    """List the runs, newest first; with an ID, show that run: its counts, reasons and findings."""
    if reason is not None and run_id is None:
        raise click.UsageError("--reason needs the ID of a run.")
    if run_id is not None and any((connection, sobject, state, record, since)):
        raise click.UsageError(
            "--connection, --object, --state, --record and --since narrow the list; an ID names one run."
        )
    with ready(), read_as_far_as_wanted():
        if run_id is None:
            _list(run_filter(connection, sobject, state, record=record, since=since), limit, after, as_json)
        else:
            _show(run_id, limit, reason, after, as_json)


def as_dict(run: Run) -> dict[str, Any]:
    """A run, as --json prints it: times in ISO 8601, counts as stored."""
    return {
        "id": run.pk,
        "connection": run.connection.name,
        "object": run.sobject,
        "trigger": run.trigger,
        "full": run.is_full,
        "full_because": run.full_because,
        "state": run.state,
        "status": run.status,
        "refused": run.refused,
        "phase": run.phase,
        "queued_at": _iso(run.queued_at),
        "started_at": _iso(run.started_at),
        "finished_at": _iso(run.finished_at),
        "expected": run.expected,
        "processed": run.processed,
        "direction": run.direction,
        "counts": run.counts,
        "pushed": run.pushed,
        "reader": run.reader,
        "api_calls": run.api_calls,
        "peak_memory": run.peak_memory,
        "attempts": run.attempts,
        "trimmed_at": _iso(run.trimmed_at),
        "outcome": run.outcome,
        "error": {"code": run.error_code, "message": run.error_message, "remedy": run.error_remedy}
        if run.error_code
        else None,
    }


def _iso(moment: Any) -> str | None:
    return moment.isoformat() if moment is not None else None


# -- the list


def run_filter(
    connection: str | None,
    sobject: str | None,
    state: str | None,
    *,
    record: str | None = None,
    since: datetime | None = None,
) -> Filter:
    """Which runs the options name. Raises `Failure` and usage errors where one names nothing."""
    from abmatic.sync import activity
    from abmatic.sync.models import Run
    from abmatic.sync.objects import OBJECTS

    known = [*Run.State.values, activity.REFUSED]
    if state is not None and state not in known:
        raise click.BadParameter(f"{state!r} is no state of a run; these are: {', '.join(known)}.")
    of = activity.meant(record) if record is not None else None
    if record is not None and not of:
        raise Failure(f"No record here is called {record!r}, nor linked to a Salesforce record with that Id")
    return activity.Filter(
        connection=find_connections(connection)[0] if connection is not None else None,
        # Users and contact roles have runs too, and nothing else that could be named.
        sobject=sobject if sobject is None or sobject in OBJECTS else objects_named([sobject])[0],
        state=state,
        since=since,
        of=of,
    )


def _list(wanted: Filter, limit: int, after: int | None, as_json: bool) -> None:
    from abmatic.sync import activity

    page = activity.listed(wanted, before=after, limit=limit + 1)
    shown, has_more = page[:limit], len(page) > limit
    if as_json:
        click.echo(json.dumps({"runs": [as_dict(run) for run in shown], "more": has_more}, indent=2))
        return
    if not shown:
        is_any = wanted == activity.Filter()
        none = "There are no runs yet. Start one: abmatic sync" if is_any else "No run matches."
        click.echo(none if after is None else "There are no older runs.")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("Run", "Object", "Started", "Status", "Outcome"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "Run" else "left")
    for run in shown:
        started = (run.started_at or run.queued_at).strftime("%Y-%m-%d %H:%M:%S")
        told = run.error_message if run.state == run.State.FAILED else run.outcome or run.get_phase_display()
        table.add_row(str(run.pk), label_of(run), started, run.status, escape(told))
    console_for_rows().print(table)
    if has_more:
        click.echo(f"Older ones: the same with --after {shown[-1].pk}")


# -- one run


def _show(run_id: int, limit: int, reason: str | None, after: int | None, as_json: bool) -> None:
    from abmatic.sync.models import Finding, Run

    run = Run.objects.select_related("connection").filter(pk=run_id).first()
    if run is None:
        raise Failure(f"There is no run {run_id}. `abmatic runs` lists them")
    found = Finding.objects.filter(run=run, pk__gt=after or 0).order_by("id")
    if reason is not None:
        require_known_reason(reason)
        found = found.filter(reason=reason)
    page = list(found[: limit + 1])
    shown, has_more = page[:limit], len(page) > limit
    if as_json:
        findings = [_finding_dict(finding) for finding in shown]
        click.echo(json.dumps({**as_dict(run), "findings": findings, "more": has_more}, indent=2))
        return
    _describe(run)
    if run.trimmed_at is not None:
        click.echo(f"What it found and wrote, record by record, was removed on {run.trimmed_at:%Y-%m-%d}.")
    _say_findings(shown)
    if has_more:
        only = f" --reason {reason}" if reason else ""
        click.echo(f"More: abmatic runs {run.pk}{only} --after {shown[-1].pk}")


def require_known_reason(reason: str) -> None:
    """Refuses a reason that no finding can have."""
    from abmatic.sync.reasons import REASONS

    if reason not in REASONS:
        raise click.UsageError(f"There is no reason {reason!r}; there are: {', '.join(sorted(REASONS))}.")


def _finding_dict(finding: Finding) -> dict[str, Any]:
    names = ("id", "reason", "sf_id", "local_id", "field", "value")
    return {name: getattr(finding, name) for name in names}


def _describe(run: Run) -> None:
    from abmatic.sync.reasons import REASONS

    console = console_for_rows()
    console.print(f"Run {run.pk}: {label_of(run)} of {escape(str(run.connection))}, {run.status.lower()}")
    console.print(escape(run.outcome or run.get_phase_display()))
    if run.error_code:
        console.print(f"[red]{escape(run.error_code)}: {escape(run.error_message)}[/]")
        if run.error_remedy:
            console.print(f"→ {escape(run.error_remedy)}")
    counted = ", ".join(f"{run.counts[name]:,} {name}" for name in _COUNTS if run.counts.get(name))
    if counted:
        console.print(f"Counts: {counted}")
    pushed = ", ".join(f"{run.pushed[name]:,} {name}" for name in _PUSHED if run.pushed.get(name))
    if pushed:
        console.print(f"Into Salesforce: {pushed}")
    console.print(f"API calls: {run.api_calls:,}{f', read by {run.reader}' if run.reader else ''}")
    for code, times in sorted(run.counts.get("reasons", {}).items(), key=lambda item: -item[1]):
        known = REASONS.get(code)
        console.print(f"  {times:>9,}  {known.label if known else code} ({code})")
        if known:
            console.print(f"             [dim]{escape(known.meaning)} → {escape(known.remedy)}[/]")


def _say_findings(findings: list[Finding]) -> None:
    if not findings:
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("Finding", "Reason", "Salesforce Id", "Field", "Value"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "Finding" else "left")
    for each in findings:
        table.add_row(str(each.pk), each.reason, each.sf_id, each.field or "", escape(each.value or ""))
    console_for_rows().print(table)


def console_for_rows() -> Console:
    """Where rows are printed: as wide as the terminal, or a line for each."""
    console = Console(soft_wrap=True, highlight=False)
    if not console.is_terminal:
        console.width = 240  # a line for each row, for whatever reads it
    return console
