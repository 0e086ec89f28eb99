"""`abmatic web`: granian serves the WSGI application. Stateless: run as many as wanted, on any number of machines."""

from __future__ import annotations

from pathlib import Path

import click
from django.conf import settings

from abmatic.cli import bootstrap, lifeline, ports
from abmatic.cli.numbers import Number


@click.command()
@click.option("--host", default=ports.LOOPBACK, show_default=True, help="Address to listen on; 0.0.0.0 for all.")
@click.option("--port", type=Number(0, 65535), help="Port; 0 for any free one.  [default: 8000]")
@click.option("--workers", type=Number(1), default=1, show_default=True, help="Server processes.")
@click.option(
    "--threads",
    type=Number(1),
    default=16,
    show_default=True,
    help="Requests answered at once by each process; each may hold one database connection.",
)
@lifeline.option
def web(host: str, port: int | None, workers: int, threads: int, has_lifeline: bool) -> None:
    """Run the web server alone."""
    chosen = ports.choose(host, port)
    ports.announce(host, chosen)
    bootstrap.set_up()
    with bootstrap.database():
        bootstrap.require_migrated()
        if has_lifeline:
            lifeline.hold()
        click.echo(f"Serving on {ports.local_url(host, chosen)}", err=True)
        serve(host, chosen, workers, threads)


def serve(host: str, port: int, workers: int, threads: int) -> None:
    """Serves until SIGTERM or SIGINT."""
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    # Empty unless somebody ran collectstatic; WhiteNoise warns when it isn't there.
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    server = Granian(
        "abmatic.config.wsgi:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        # Its own default would be hundreds, each with a database connection.
        blocking_threads=threads,
        websockets=False,
        # Its warnings are advice on the number of threads.
        log_level=LogLevels.error,
        respawn_failed_workers=True,
        workers_kill_timeout=15,
    )
    server.serve()
