"""`abmatic import`: accounts, contacts or opportunities from a CSV file, with a preview first or alone.

The work is done here, not by a worker: whoever calls it waits for the result. Killed, the import goes on with --resume.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from abmatic.audiences.counted import counted
from abmatic.cli.domain_ready import ready
from abmatic.cli.failures import Failure
from abmatic.cli.numbers import Number

if TYPE_CHECKING:
    from abmatic.audiences.csv_import.models import FileImport

_PIECE = 1 << 20


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.option(
    "--record", "--object", type=click.Choice(["account", "contact", "opportunity"]), help="What the rows are."
)
@click.option(
    "--map", "maps", metavar="COLUMN=FIELD", multiple=True,
    help="What a column is; nothing after the = ignores it. Others are guessed from their headings.",
)  # fmt: skip
@click.option(
    "--duplicates", type=click.Choice(["skip", "overwrite", "fill"]), default="fill", show_default=True,
    help="What a row does to a record that is here already.",
)  # fmt: skip
@click.option("--keyless", is_flag=True, help="Import rows without a website, e-mail or account too, as new records.")
@click.option(
    "--missing-account", type=click.Choice(["leave", "create", "reject"]), default="leave", show_default=True,
    help="What happens where the account that a row names isn't here.",
)  # fmt: skip
@click.option("--decimal-comma", is_flag=True, help="Numbers are written 1.234,50.")
@click.option("--day-first", is_flag=True, help="Dates with slashes are written 31/1/2026.")
@click.option("--collection", metavar="NAME", help="Add the records to this collection, or to a new one.")
@click.option("--preview", is_flag=True, help="Say what would happen, and write nothing.")
@click.option(
    "--rejected", type=click.Path(dir_okay=False, path_type=Path), help="Write the rejected rows to this file, as CSV."
)
@click.option("--resume", type=Number(1), metavar="ID", help="Go on with an import that was interrupted.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def import_file(
    file: Path | None,
    record: str | None,
    maps: tuple[str, ...],
    duplicates: str,
    keyless: bool,
    missing_account: str,
    decimal_comma: bool,
    day_first: bool,
    collection: str | None,
    preview: bool,
    rejected: Path | None,
    resume: int | None,
    as_json: bool,
) -> None:
    """Import accounts, contacts or opportunities from a CSV file.

    \b
    Examples:
      abmatic import fair.csv --record contact --preview
      abmatic import deals.csv --object opportunity --map "Company=account_by_name" --missing-account create
      abmatic import fair.csv --record contact --map "Mail=Work e-mail" --collection "Fair 2026"
    """
    if (resume is None) == (file is None) or (file is not None and record is None):
        raise click.UsageError("Name a FILE and its --record, or --resume an import by its ID.")
    with ready():
        from abmatic.audiences.csv_import import verbs
        from abmatic.audiences.csv_import.refusals import ImportRefused

        made: FileImport | None = None
        try:
            if file is None or record is None:
                made = _resumed(resume or 0, preview=preview)
            else:
                made = verbs.take_in(record, file.name, _pieces(file))
                commas = decimal_comma or made.decimal_comma
                chosen = _collection(made, collection)
                choices = verbs.Choices(
                    _columns(made, maps), duplicates, keyless, commas, day_first, *chosen, missing_account
                )
                verbs.choose(made, choices)
                verbs.start_check(made)
            if made.state == made.State.CHECKING:
                _check(made, preview=preview)
                if not preview:
                    verbs.start_import(made, None)
                    click.echo(f"Import {made.pk}: {counted(made.rows or 0, 'row')} of {made} …", err=True)
            if not preview:
                _execute(made)
        except (ImportRefused, Failure) as refused:
            if made is not None and resume is None and not made.started_at:
                # Nobody will come back to choose otherwise.
                verbs.cancel(made)
            raise Failure(str(refused)) from refused
        _say(made, preview=preview, as_json=as_json)
        if rejected is not None:
            _write_rejected(made, rejected)
        if preview:
            verbs.cancel(made)
        elif made.state != "done":
            raise Failure(made.problem or f"The import is {made.get_state_display().lower()}")


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        while piece := stream.read(_PIECE):
            yield piece


def _columns(made: FileImport, maps: Sequence[str]) -> list[str | None]:
    from abmatic.audiences.csv_import.mapping import columns_said

    said: dict[str, str | None] = {}
    for text in maps:
        heading, sign, name = text.rpartition("=")
        if not sign:
            raise Failure(f"--map {text}: say COLUMN=FIELD, with nothing after the = to ignore a column")
        said[heading] = name or None
    return columns_said(made, said)


def _collection(made: FileImport, name: str | None) -> tuple[int | None, str]:
    from abmatic.audiences.models import Collection

    if name is None:
        return None, ""
    found = Collection.objects.filter(record=made.record, name__iexact=" ".join(name.split())).first()
    return (found.pk, "") if found else (None, name)


def _check(made: FileImport, *, preview: bool) -> None:
    _execute(made, " --preview" if preview else "")
    if made.state != "checked":
        raise Failure(made.problem or "The check was cancelled")


def _execute(made: FileImport, option: str = "") -> None:
    from abmatic.audiences.csv_import import executing

    try:
        executing.execute(made.pk)
    except executing.ImportHeld as held:
        raise Failure(f"{held} Wait for it, or look at its page.") from held
    except BaseException:
        click.echo(f"Interrupted. To go on: abmatic import --resume {made.pk}{option}", err=True)
        raise
    made.refresh_from_db()


def _resumed(file_id: int, *, preview: bool) -> FileImport:
    from abmatic.audiences.csv_import import verbs
    from abmatic.audiences.csv_import.models import FileImport

    made = FileImport.objects.filter(pk=file_id).first()
    if made is None or not (made.is_at_work or made.can_go_on):
        raise Failure(f"Import {file_id} is not one that was interrupted: there is nothing to go on with")
    if made.state != made.State.CHECKING:
        if preview:
            raise Failure(f"Import {file_id} is under way: leave --preview out, and it goes on")
        if made.can_go_on:
            verbs.resume(made)
    elif made.asked_by_id is not None:
        raise Failure(f"Import {file_id} is being checked for somebody who will look at it: see its page")
    return made


def _say(made: FileImport, *, preview: bool, as_json: bool) -> None:
    numbers: dict[str, Any] = (made.found if preview else made.counts) or {}
    if as_json:
        said = {
            "id": made.pk, "file": made.file_name, "state": made.state, "rows": made.rows, "encoding": made.encoding,
            "delimiter": made.delimiter, "columns": dict(zip(made.header, made.columns, strict=True)), **numbers,
        }  # fmt: skip
        click.echo(json.dumps(said, indent=2, ensure_ascii=False))
        return
    for heading, name in zip(made.header, made.columns, strict=True):
        click.echo(f"  {heading} → {name or 'ignored'}")
    words = ("created", "updated", "unchanged", "skipped", "rejected", "repeated")
    told = ", ".join(f"{numbers.get(word, 0):,} {word}" for word in words if numbers.get(word))
    click.echo(f"{'Would be' if preview else 'Imported'}: {told or 'nothing'}")
    _say_accounts(numbers)
    for sample in numbers.get("samples", {}).get("updated", []):
        fields = "; ".join(f"{f['field']}: {f['before'] or '–'} → {f['after']}" for f in sample["fields"])
        click.echo(f"  line {sample['line']}: {sample['key']}: {fields}")
    for row in made.rejected.order_by("number")[:10]:
        click.echo(f"  line {row.line}: {row.reason}")


def _say_accounts(numbers: dict[str, Any]) -> None:
    """What became of the accounts that rows name: as a preview tells it, or as it was done."""
    told: dict[str, Any] = numbers.get("accounts") or numbers
    words = ("linked", "missing", "ambiguous", "kept", "unlinked")
    said = [f"{told[word]:,} {word}" for word in words if told.get(word)]
    if made := told.get("accounts_made"):
        said.append(f"{counted(made, 'account')} made")
    if said:
        click.echo(f"  their accounts: {', '.join(said)}")


def _write_rejected(made: FileImport, path: Path) -> None:
    from abmatic.audiences.csv_import import rejected
    from abmatic.audiences.formulas import harmless

    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(map(harmless, rejected.head(made)))
        for row in rejected.rows(made):
            writer.writerow(map(harmless, row))
    click.echo(f"Rejected rows: {path}", err=True)
