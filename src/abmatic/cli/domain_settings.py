"""`abmatic settings`: what is set for connections, objects and fields, as a YAML file.

The rules are in `abmatic.sync.settings_file`; this is the asking and the showing.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape

from abmatic.cli.domain_ready import ready
from abmatic.cli.failures import Failure

if TYPE_CHECKING:
    from abmatic.sync.settings_file import Plan
    from abmatic.sync.settings_history import Difference

_SIGNS = {"added": "[green]+[/]", "changed": "[yellow]~[/]", "removed": "[red]-[/]"}


@click.group()
def settings() -> None:
    """Write the settings to a file, and read them from one."""


@settings.command(short_help="Write them as YAML, without secrets.")
@click.argument("file", default="-", required=False)
def export(file: str) -> None:
    """Write connections (without secrets), object settings and mappings as YAML, to FILE or standard output."""
    with ready():
        from abmatic.sync.settings_file import export_yaml

        text = export_yaml()
    if file == "-":
        click.echo(text, nl=False)
        return
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failure(f"{file} can't be written: {error.strerror}") from error
    click.echo(f"Written to {file}.", err=True)


@settings.command("import", short_help="Show what a YAML file would change, ask, and apply it.")
@click.argument("file")
@click.option("--yes", is_flag=True, help="Apply it without asking.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object. Without --yes it is the plan alone.")
@click.pass_context
def import_(context: click.Context, file: str, yes: bool, as_json: bool) -> None:
    """Read settings from a YAML FILE (- is standard input): show what would change, ask, and apply it.

    What the file doesn't name stays as it is; a connection is never removed. Either everything is applied or nothing.
    """
    if file == "-" and not yes and not as_json:
        raise click.UsageError("The file is standard input, so nobody can be asked: add --yes, or --json for the plan.")
    text = _read(file)
    with ready():
        from abmatic.sync.settings_file import PlanOutdated, plan_import
        from abmatic.sync.settings_reading import FileRefused

        try:
            plan = plan_import(text)
        except FileRefused as error:
            if as_json:
                click.echo(json.dumps({"ok": False, "errors": error.problems}, indent=2, ensure_ascii=False))
                context.exit(1)
            problems = "\n".join(f"  {problem}" for problem in error.problems)
            raise Failure(f"{file} can't be imported; nothing was changed.\n{problems}") from error
        if not as_json:
            _show(plan)
        applied = bool(plan.differences) and (yes or (not as_json and click.confirm("Apply?")))
        if applied:
            try:
                plan.apply()
            except PlanOutdated as error:
                raise Failure(str(error)) from error
    if as_json:
        click.echo(json.dumps({"ok": True, "applied": applied, **plan.as_dict()}, indent=2, ensure_ascii=False))
    elif plan.differences:
        click.echo("Applied." if applied else "Nothing was changed.")
        if applied:
            for hint in plan.hints():
                click.echo(hint)


def _show(plan: Plan) -> None:
    for note in plan.notes:
        click.echo(f"Note: {note}", err=True)
    if not plan.differences:
        click.echo("No changes: everything is set as the file says.")
        return
    console = Console(soft_wrap=True, highlight=False)
    for difference in plan.differences:
        console.print(f"{_SIGNS[difference.kind]} {escape(difference.where)}{escape(_values(difference))}")
    console.print(plan.summary)


def _values(difference: Difference) -> str:
    if difference.kind == "changed":
        return f": {_told(difference.before)} → {_told(difference.after)}"
    value = difference.after if difference.kind == "added" else difference.before
    return f": {_told(value)}" if value is not None else ""


def _told(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _read(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise Failure(f"{file} is no UTF-8 text (byte {error.start})") from error
    except OSError as error:
        raise Failure(f"{file} can't be read: {error.strerror}") from error
