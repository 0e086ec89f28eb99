"""`abmatic up`: database, migrations, web server and worker in one go, watched over until Ctrl-C or SIGTERM."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

import click

from abmatic.cli import bootstrap, claim, ports
from abmatic.cli.failures import NotReady
from abmatic.cli.migrate import apply_migrations
from abmatic.cli.numbers import Number
from abmatic.cli.supervise import Child, Stopped, Supervisor, command


@click.command()
@click.option("--host", default=ports.LOOPBACK, show_default=True, help="Address to listen on; 0.0.0.0 for all.")
@click.option("--port", type=Number(0, 65535), help="Port; 0 for any free one.  [default: 8000]")
@click.option("--concurrency", type=Number(1), default=4, show_default=True, help="Jobs done at once.")
@click.option("--json-ready", is_flag=True, help="When ready, print one JSON line (url, pid) instead of text.")
def up(host: str, port: int | None, concurrency: int, json_ready: bool) -> None:
    """Run everything: database, web server and worker.

    A part that dies is started again. Ctrl-C or SIGTERM stops all; a worker gets ten seconds to finish its jobs, and
    what it couldn't finish goes on at the next start.
    """
    try:
        chosen = ports.choose(host, port)
    except NotReady:
        # The one who has the port may well be this Abmatic itself.
        claim.require_unclaimed(bootstrap.data_dir())
        raise
    url = ports.announce(host, chosen)
    with running(url, app_children(host, chosen, concurrency)) as supervisor:
        try:
            supervisor.wait_until(answers(host, chosen))
        except Stopped:
            return
        if json_ready:
            click.echo(json.dumps({"url": url, "pid": os.getpid()}))
        else:
            _greet(url)
        supervisor.wait()
        say_stopping("abmatic up")


def say_stopping(again: str) -> None:
    """What happens to the work that is under way, for whoever pressed Ctrl-C. ``again``: the command that goes on."""
    click.echo(
        "Stopping: work under way gets ten seconds. Everything that is written is kept, and what couldn't be finished "
        f"goes on from there at the next start: {again}. Ctrl-C once more ends it at once.",
        err=True,
    )


@contextmanager
def running(url: str, children: Sequence[Child]) -> Iterator[Supervisor]:
    """The database up and migrated, the data folder claimed, the children running and watched over."""
    bootstrap.set_up()
    with claim.claimed(bootstrap.data_dir(), url), bootstrap.database() as server:
        apply_migrations()
        with Supervisor(children, tick=server.ensure_running if server else None) as supervisor:
            yield supervisor


def app_children(host: str, port: int, concurrency: int) -> list[Child]:
    """The web server and a worker."""
    serve = command("web", "--lifeline", "--host", host, "--port", str(port))
    work = command("worker", "--lifeline", "--concurrency", str(concurrency))
    return [Child("The web server", serve), Child("The worker", work, grace=30)]


def answers(host: str, port: int) -> Callable[[], bool]:
    """Asks the web server whether it is healthy."""
    address = urlsplit(ports.local_url(host, port))

    def ask() -> bool:
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=5)
        try:
            connection.request("GET", "/health/")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return ask


def _greet(url: str) -> None:
    from abmatic.identity import setup

    click.echo(f"\nAbmatic is running at {click.style(url, bold=True)}")
    if setup.is_needed():
        click.echo(f"Make the first administrator at {url}/setup/?code={setup.setup_code()}")
    click.echo("Stop it with Ctrl-C.\n")
