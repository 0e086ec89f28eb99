"""`abmatic doctor`: checks the installation from the ground up, a line each, with a remedy for what isn't right.

Each check yields lines; one that can't be made because another failed is left out, so the first failure is the one to
put right. Nothing is changed, except that the embedded database is started for the time of the check.
"""

from __future__ import annotations

import json
import platform
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Literal

import click
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from packaging.requirements import Requirement
from rich.console import Console
from rich.markup import escape

from abmatic import __version__
from abmatic.audiences.counted import counted
from abmatic.cli import bootstrap
from abmatic.cli.domain_ready import workers_alive
from abmatic.cli.failures import FAILED
from abmatic.postgres.errors import PostgresError
from abmatic.postgres.server import probe, require_supported

State = Literal["ok", "warn", "fail"]

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}
_OLDEST_PYTHON = (3, 11)
_LITTLE_SPACE = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was checked."""

    name: str
    state: State
    detail: str
    remedy: str = ""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@click.pass_context
def doctor(context: click.Context, as_json: bool) -> None:
    """Check the installation, with a remedy for what is wrong.

    Exit code 1 when a check fails; warnings don't count.
    """
    lines: list[Line] = []
    for line in _examine():
        lines.append(line)
        if not as_json:
            _print(line)
    is_fine = all(line.state != "fail" for line in lines)
    if as_json:
        click.echo(json.dumps({"ok": is_fine, "checks": [asdict(line) for line in lines]}, indent=2))
    if not is_fine:
        context.exit(FAILED)


def _print(line: Line) -> None:
    console = Console(soft_wrap=True, highlight=False)
    style = _STYLES[line.state]
    console.print(f"[{style}]{line.state:<4}[/]  {escape(line.name)}: {escape(line.detail)}")
    if line.remedy:
        console.print(f"      [dim]→[/] {escape(line.remedy)}")


def _examine() -> Iterator[Line]:
    """Every check, from the ground up."""
    yield _python()
    yield _packages()
    try:
        bootstrap.set_up()
    except ImproperlyConfigured as error:
        yield Line("Settings", "fail", str(error), "See the table of settings in the documentation")
        return
    yield _key()
    if settings.ENVIRONMENT.embedded:
        yield _space()
    yield from _companies()
    with ExitStack() as stack:
        database = _database(stack)
        yield database
        if database.state != "ok":
            return
        migrations = _migrations()
        yield migrations
        if migrations.state == "ok":
            yield _worker()
            yield _schedule()
            yield _size()
            yield from _connections()


def _python() -> Line:
    version = platform.python_version()
    if sys.version_info < _OLDEST_PYTHON:
        return Line("Python", "fail", f"{version} is too old", "Install Python 3.11 or newer and install Abmatic in it")
    return Line("Python", "ok", f"{version} ({sys.executable})")


def _packages() -> Line:
    """Whether every package that this release asks for is there in a version it can work with."""
    wrong = []
    for text in metadata.requires("abmatic") or ():
        needed = Requirement(text)
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue
        try:
            found = metadata.version(needed.name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{needed.name} is missing")
            continue
        if not needed.specifier.contains(found, prereleases=True):
            wrong.append(f"{needed.name} is {found}, needed is {needed.specifier}")
    if wrong:
        return Line("Packages", "fail", "; ".join(wrong), "Install Abmatic again (in a checkout: make install)")
    main = ", ".join(f"{name} {metadata.version(name)}" for name in ("Django", "psycopg", "procrastinate"))
    return Line("Packages", "ok", f"Abmatic {__version__} with {main}")


def _key() -> Line:
    """The settings can't be read without one, so what is told is where it comes from."""
    keys = len(settings.ENVIRONMENT.encryption_keys)
    kept = settings.ENVIRONMENT.data_dir / "encryption.key"
    if not kept.exists():
        return Line("Encryption key", "ok", f"{keys} from the environment")
    if kept.stat().st_mode & 0o077:
        return Line("Encryption key", "warn", f"{kept} can be read by others", f"chmod 600 '{kept}'")
    return Line("Encryption key", "ok", f"{kept} (back it up: without it the stored tokens can't be opened)")


def _space() -> Line:
    folder = settings.ENVIRONMENT.data_dir
    free = shutil.disk_usage(folder).free
    detail = f"{free / 1e9:.1f} GB free in {folder}"
    if free < _LITTLE_SPACE:
        return Line("Disk", "warn", detail, "Free some space before the database stops")
    return Line("Disk", "ok", detail)


def _companies() -> Iterator[Line]:
    """The company database, where one is set up."""
    if settings.ENVIRONMENT.company_database is None:
        return
    from abmatic.engagement import companies

    try:
        provider = companies.provider()
    except companies.DatabaseRefused as refused:
        reason, _, remedy = str(refused).rpartition("). ")
        yield Line("Company database", "warn", f"{reason})", remedy)
    else:
        yield Line("Company database", "ok", provider.version if provider else "")


def _database(stack: ExitStack) -> Line:
    server = bootstrap.embedded_server()
    kind = "of DATABASE_URL" if server is None else "embedded"
    if server is not None and server.status().version is None:
        return Line("Database", "fail", "not created yet", "Run `abmatic up`, or `abmatic migrate`")
    try:
        stack.enter_context(bootstrap.database())
        facts = probe(bootstrap.conninfo())
        require_supported(facts)
    except PostgresError as error:
        return Line("Database", "fail", error.reason, error.remedy)
    return Line("Database", "ok", f"PostgreSQL {facts.version}, {kind}, database {facts.database}")


def _migrations() -> Line:
    missing = bootstrap.unapplied_migrations()
    if missing:
        return Line("Migrations", "fail", f"{counted(len(missing), 'is', 'are')} missing", "Run `abmatic migrate`")
    return Line("Migrations", "ok", "all applied")


def _worker() -> Line:
    """Alive is who beat lately. Without a worker and without work nothing is wrong yet."""
    from procrastinate.contrib.django.models import ProcrastinateJob

    alive = workers_alive()
    waiting = ProcrastinateJob.objects.filter(status__in=["todo", "doing"]).count()
    remedy = "Start one: `abmatic up`, or `abmatic worker`"
    if alive:
        return Line("Worker", "ok", f"{alive} alive, {counted(waiting, 'job')} waiting or being done")
    if waiting:
        return Line("Worker", "fail", f"none alive, and {counted(waiting, 'job waits', 'jobs wait')} for one", remedy)
    return Line("Worker", "warn", "none alive", remedy)


def _schedule() -> Line:
    """What starts by itself, and when next."""
    from django.utils import timezone

    from abmatic.sync import automatic
    from abmatic.sync.models import Connection, ObjectSetting

    now = timezone.now()
    found = ObjectSetting.objects.filter(connection__status=Connection.Status.ACTIVE).select_related("connection")
    times = [(when, setting) for setting in found if (when := automatic.next_run_at(setting, now)) is not None]
    if not times:
        return Line("Schedule", "ok", "nothing is synchronised by itself: every object is set to manual only")
    when, setting = min(times, key=lambda each: each[0])
    said = "due now" if when <= now else f"at {when:%Y-%m-%d %H:%M} UTC"
    plural = "object" if len(times) == 1 else "objects"
    return Line("Schedule", "ok", f"{len(times)} {plural}; next is {setting}, {said}")


def _size() -> Line:
    """How much is kept, and for how long."""
    from abmatic.sync.retention import sizes

    found = sizes()
    kept = settings.ENVIRONMENT.keep_details_days, settings.ENVIRONMENT.keep_changes_days
    details, changes = ("for ever" if days is None else counted(days, "day") for days in kept)
    return Line(
        "Size", "ok",
        f"{_bytes(found.database)}: records {_bytes(found.records)}, changes {_bytes(found.changes)} (kept {changes}), "
        f"what runs found and wrote {_bytes(found.details)} (kept {details})",
    )  # fmt: skip


def _bytes(number: int) -> str:
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number / 1e6:.1f} MB"


def _connections() -> Iterator[Line]:
    """Asks each org: reachable, API access and budget, permissions by object."""
    from abmatic.sync import connect
    from abmatic.sync.models import Connection

    states: dict[str, State] = {"ok": "ok", "warning": "warn", "failed": "fail"}
    connections = list(Connection.objects.order_by("id"))
    if not connections:
        yield Line("Salesforce", "warn", "no org is connected", "Connect one: Settings → Integrations, or the CLI")
    for connection in connections:
        if connection.status == Connection.Status.INACTIVE:
            yield Line(f"Salesforce {connection}", "warn", "disabled", "Reconnect it in Settings → Integrations")
            continue
        for told in connect.check(connection):
            name = f"Salesforce {connection}: {told['name']}"
            yield Line(name, states[told["state"]], told["detail"], told["remedy"])
