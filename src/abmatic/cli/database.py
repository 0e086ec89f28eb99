"""`abmatic database`: looks after the embedded database without starting the program."""

from __future__ import annotations

import json
import signal
import threading

import click

from abmatic.cli import bootstrap, claim
from abmatic.cli.failures import NotReady
from abmatic.postgres.embedded import EmbeddedServer


@click.group()
def database() -> None:
    """Look after the embedded database."""


@database.command(short_help="Say whether it runs, and how to connect to it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def status(as_json: bool) -> None:
    """Say whether it runs, which version it is, where it lies and how to connect to it."""
    found = _server().status()
    if as_json:
        facts = {"running": found.running, "version": found.version, "pid": found.pid}
        click.echo(json.dumps({**facts, "folder": str(found.store), "conninfo": found.dsn}))
        return
    state = f"running (process {found.pid})" if found.running else "not running"
    click.echo(f"PostgreSQL {found.version}: {state}" if found.version else "There is no database yet.")
    click.echo(f"folder:   {found.store}\nconnect:  psql '{found.dsn}'")


@database.command()
def run() -> None:
    """Keep it up until Ctrl-C, for psql or a backup with pg_dump."""
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    with _server().acquire() as server:
        click.echo(f"The database is up: psql '{server.dsn}'. Ctrl-C to leave.")
        done.wait()


@database.command()
def stop() -> None:
    """Stop it, whoever uses it."""
    click.echo("Stopped." if _server().stop() else "It wasn't running.")


@database.command()
@click.confirmation_option("--yes", prompt="Everything in the embedded database is deleted for good. Go on?")
def remove() -> None:
    """Delete it with everything in it."""
    server = _server()
    # It would start the database again at once, empty, and lose what it is doing.
    claim.require_unclaimed(server.data_dir)
    server.remove()
    click.echo("Removed.")


def _server() -> EmbeddedServer:
    server = bootstrap.embedded_server()
    if server is None:
        raise NotReady("DATABASE_URL names another server; unset it to look after the embedded one")
    return server
