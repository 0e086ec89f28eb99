"""`abmatic export`: runs, what one did or found, changes and open issues, as CSV; however many, in flat memory."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from abmatic.cli.domain_changes import find_record, require_run
from abmatic.cli.domain_issues import issue_filter
from abmatic.cli.domain_ready import ready
from abmatic.cli.domain_runs import require_known_reason, run_filter, state_option
from abmatic.cli.failures import Failure
from abmatic.cli.moments import Moment
from abmatic.cli.numbers import Number
from abmatic.cli.piped import read_as_far_as_wanted

if TYPE_CHECKING:
    from abmatic.sync.export import Export
    from abmatic.sync.models import Run

_csv = click.option(
    "--csv", "file", metavar="FILE", default="-", help="Write to this file.  [default: standard output]"
)
_since = click.option("--since", type=Moment(), metavar="WHEN", help="Only those since: a date, or 12h, 7d.")
_object = click.option("--object", "sobject", metavar="OBJECT", help="Only of this object.")
_connection = click.option("--connection", metavar="NAME", help="Only of this connection.")


@click.group()
def export() -> None:
    """Write CSV files (UTF-8, RFC 4180): runs, what a run did or found, changes, open issues."""


@export.command(short_help="Runs with their counts.")
@_connection
@_object
@state_option
@_since
@_csv
def runs(connection: str | None, sobject: str | None, state: str | None, since: datetime | None, file: str) -> None:
    """Runs with their counts, oldest first."""
    with ready():
        from abmatic.sync import export as exports

        _write(exports.runs(run_filter(connection, sobject, state, since=since)), file)


@export.command(short_help="What a run did, value by value.")
@click.argument("run_id", metavar="RUN", type=Number(1))
@_csv
def records(run_id: int, file: str) -> None:
    """What a RUN did: records made here, values changed here, values written to Salesforce; a line for each value."""
    with ready():
        from abmatic.sync import export as exports

        run = _run(run_id)
        if not exports.has_records(run):
            raise Failure(
                f"Run {run_id} only read {run.sobject} along, whose records are kept as Salesforce has them. Name the "
                "run of the object that they were read with"
            )
        _write(exports.records(run), file)


@export.command(short_help="What a run found about single records.")
@click.argument("run_id", metavar="RUN", type=Number(1))
@click.option("--reason", metavar="CODE", help="Only the findings of this reason.")
@_csv
def findings(run_id: int, reason: str | None, file: str) -> None:
    """What a RUN had to say about single records: skipped, without a key, duplicate, not readable."""
    with ready():
        from abmatic.sync import export as exports

        run = _run(run_id)
        if reason is not None:
            require_known_reason(reason)
        _write(exports.findings(run, reason=reason), file)


@export.command(short_help="The change log.")
@click.option("--record", metavar="WHICH", help="Only of this record: its id, domain, e-mail address, Salesforce Id.")
@click.option("--run", "run_id", type=Number(1), metavar="ID", help="Only what this run changed here.")
@_since
@_csv
def changes(record: str | None, run_id: int | None, since: datetime | None, file: str) -> None:
    """The change log: each field of each record here, before and after, when, and by what."""
    with ready():
        from abmatic.sync import export as exports
        from abmatic.sync.history import Filter

        of = find_record(record) if record is not None else None
        if run_id is not None:
            require_run(run_id)
        _write(exports.changes(Filter(of, run_id, since)), file)


@export.command(short_help="Open issues, with what helps.")
@_object
@click.option("--code", metavar="CODE", help="Only issues with this code.")
@_since
@_connection
@_csv
def issues(sobject: str | None, code: str | None, since: datetime | None, connection: str | None, file: str) -> None:
    """Open issues: what could not be written to Salesforce, what it means and what helps."""
    with ready():
        from abmatic.sync import export as exports

        _write(exports.open_issues(issue_filter(sobject, code, connection, since)), file)


def _run(run_id: int) -> Run:
    from abmatic.sync.models import Run

    run = Run.objects.filter(pk=run_id).first()
    if run is None:
        raise Failure(f"There is no run {run_id}. `abmatic runs` lists them")
    return run


def _write(made: Export, file: str) -> None:
    """Writes the file, whole or not at all: it gets its name when it is complete."""
    if file == "-":
        with read_as_far_as_wanted(), closing(made.stream()) as pieces:
            for piece in pieces:
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
        return
    # A device or pipe has no place for a second file beside it.
    path = Path(file)
    part = path if path.exists() and not path.is_file() else path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as out, closing(made.stream()) as pieces:
            for piece in pieces:
                out.write(piece)
        if part != path:
            part.replace(path)
    except OSError as error:
        raise Failure(f"{file} can't be written: {error.strerror}") from error
    finally:
        if part != path:
            part.unlink(missing_ok=True)
    click.echo(f"Written to {file}.", err=True)
