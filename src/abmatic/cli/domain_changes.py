"""`abmatic changes`: which values of which records changed here, from what to what, when, and by what."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape
from rich.table import Table

from abmatic.cli.domain_ready import ready
from abmatic.cli.domain_runs import console_for_rows
from abmatic.cli.failures import Failure
from abmatic.cli.moments import Moment
from abmatic.cli.numbers import Number
from abmatic.cli.piped import read_as_far_as_wanted

if TYPE_CHECKING:
    from abmatic.changes.models import Change
    from abmatic.sync.history import Found

# Characters of a value in the table; --json tells all of it.
_SHOWN = 60


@click.command()
@click.option(
    "--record",
    metavar="WHICH",
    help="Only of this record: its id (account:12, or 12), a domain or website, an e-mail address, a Salesforce Id.",
)
@click.option("--run", "run_id", type=Number(1), metavar="ID", help="Only what this run changed here.")
@click.option("--since", type=Moment(), metavar="WHEN", help="Only those since: a date, or 12h, 7d.")
@click.option("--limit", type=Number(1), default=20, show_default=True, help="Changes.")
@click.option("--after", type=Number(1), metavar="ID", help="Go on after this change.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def changes(
    record: str | None, run_id: int | None, since: datetime | None, limit: int, after: int | None, as_json: bool
) -> None:
    """Show what changed in the records here, newest first: each field, before and after, when, and by what."""
    with ready(), read_as_far_as_wanted():
        from abmatic.sync import history

        of = find_record(record) if record is not None else None
        if run_id is not None:
            require_run(run_id)
        found = history.listed(history.Filter(of, run_id, since), before=after, limit=limit + 1)
        shown, has_more = found[:limit], len(found) > limit
        if as_json:
            _print_json(of, shown, has_more)
            return
        _say(of, shown, is_first=after is None, is_last=not has_more)
        if has_more:
            again = (
                ("--record", record and f"'{record}'"),
                ("--run", run_id),
                ("--since", since and since.isoformat()),
            )
            filters = "".join(f" {option} {value}" for option, value in again if value)
            click.echo(f"Older ones: abmatic changes{filters} --after {shown[-1].pk}")


def find_record(text: str) -> Found:
    """The one record that was meant. Raises `Failure`."""
    from abmatic.sync import history

    found = history.find(text)
    if not found:
        raise Failure(
            f"There is no record “{text}”. Name it by its id (account:12), a domain (acme.com), an e-mail address or a "
            "Salesforce Id; `abmatic records accounts --search TEXT` finds it by name"
        )
    if len(found) > 1:
        raise Failure(f"“{text}” may be {', '.join(map(str, found))}: say which, as in --record {found[0].key}")
    return found[0]


def require_run(run_id: int) -> None:
    """Raises `Failure` where there never was such a run."""
    from abmatic.changes.models import Cause
    from abmatic.sync.models import Run

    # What a run changed outlives its row.
    if not Run.objects.filter(pk=run_id).exists() and not Cause.objects.filter(run_id=run_id).exists():
        raise Failure(f"There is no run {run_id}. `abmatic runs` lists them")


def _print_json(of: Found | None, shown: list[Change], has_more: bool) -> None:
    from abmatic.sync import history

    names = history.names(shown)
    said: dict[str, Any] = {
        "changes": [history.as_dict(each, names.get((each.record, each.record_id))) for each in shown],
        "more": has_more,
    }
    if of is not None:
        at, cause = history.creation(of)
        made = {"created_at": at.isoformat(), "created_by": history.cause_as_dict(cause)}
        said = {"record": {"kind": of.record, "id": of.id, "name": of.name, **made}, **said}
    click.echo(json.dumps(said, indent=2))


def _say(of: Found | None, shown: list[Change], *, is_first: bool, is_last: bool) -> None:
    from abmatic.sync import history

    console = console_for_rows()
    if of is not None and is_first:
        console.print(escape(f"{of.record.capitalize()} {of.id}: {of.name}"))
    creation = history.creation(of) if of is not None and is_last else None
    runs = history.runs_of([*(each.cause for each in shown), creation[1] if creation else None])
    if shown:
        names = history.names(shown)
        table = Table(box=None, pad_edge=False)
        for heading in ("Change", "At", *(() if of else ("Record",)), "Field", "Before", "After", "By"):
            table.add_column(heading, overflow="fold", justify="right" if heading == "Change" else "left")
        for each in shown:
            name = names.get((each.record, each.record_id), "gone")
            which = () if of else (escape(f"{each.record}:{each.record_id} {name}"),)
            table.add_row(
                str(each.pk), f"{each.at:%Y-%m-%d %H:%M:%S}", *which, each.field or "(created)", _value(each.before),
                _value(each.after), escape(history.told(each.cause, runs)),
            )  # fmt: skip
        console.print(table)
    elif is_first:
        click.echo("Nothing has changed since it was made." if of else "No change matches.")
    else:
        click.echo("There are no older changes.")
    if creation is not None:
        console.print(escape(f"Created {creation[0]:%Y-%m-%d %H:%M:%S} by {history.told(creation[1], runs)}"))


def _value(value: Any) -> str:
    """A value on one line, its beginning."""
    if value is None:
        return "–"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return escape(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")
