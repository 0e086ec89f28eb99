"""`abmatic worker`: does the jobs in the queue. Run as many as wanted, on any number of machines.

A worker that is killed leaves its jobs marked as being done. Every worker beats a heart in the database; whoever sees
one that stopped puts that worker's jobs back into the queue (procrastinate offers the query, and leaves the rest to
its users). A job therefore starts again within about fifteen seconds, and must be made to go on where it was.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from abmatic.cli import bootstrap, lifeline
from abmatic.cli.failures import Failure

if TYPE_CHECKING:
    from procrastinate import App
    from procrastinate.jobs import Job

logger = logging.getLogger(__name__)

# Seconds. A heart that is silent for four beats has stopped.
HEARTBEAT = 2.0
STALLED_AFTER = 8.0
_LOOK_FOR_STALLED = 2.0
# A job is asked to stop after this, and goes on from its last commit when the worker is back.
_GRACE = 10.0


@click.command()
@click.option("--concurrency", type=click.IntRange(1), default=4, show_default=True, help="Jobs done at once.")
@lifeline.option
def worker(concurrency: int, has_lifeline: bool) -> None:
    """Run a worker alone."""
    bootstrap.set_up()
    with bootstrap.database():
        bootstrap.require_migrated()
        if has_lifeline:
            lifeline.hold()
        click.echo(f"Working, {concurrency} jobs at once", err=True)
        asyncio.run(_work(concurrency))


async def _work(concurrency: int) -> None:
    """Works until SIGTERM or SIGINT; raises `Failure` when the worker ends by itself (it lost the database)."""
    from procrastinate.contrib.django import app
    from procrastinate.contrib.django.django_connector import DjangoConnector

    assert isinstance(app.connector, DjangoConnector)
    with app.replace_connector(app.connector.get_worker_connector()) as working:
        async with working.open_async():
            watcher = asyncio.create_task(_watch_over_stalled(working))
            job_loop = asyncio.create_task(
                working.run_worker_async(
                    concurrency=concurrency,
                    install_signal_handlers=False,
                    update_heartbeat_interval=HEARTBEAT,
                    stalled_worker_timeout=STALLED_AFTER,
                    shutdown_graceful_timeout=_GRACE,
                    # What a job did is kept in its run; a done job is of no use to anybody.
                    delete_jobs="successful",
                )
            )
            asked_to_stop = _stop_on_signals(job_loop)
            try:
                await job_loop
            except asyncio.CancelledError:
                if not asked_to_stop.is_set():
                    raise
            finally:
                watcher.cancel()
    if not asked_to_stop.is_set():
        raise Failure("The worker lost the database and stopped. Start it again when the database is back")


def _stop_on_signals(job_loop: asyncio.Task[None]) -> asyncio.Event:
    """Cancelling the loop makes it take no new job, and wait for those it has."""
    asked = asyncio.Event()

    def stop() -> None:
        asked.set()
        job_loop.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    return asked


async def _watch_over_stalled(app: App) -> None:
    from procrastinate.exceptions import ProcrastinateException

    while True:
        # A database that is away for a moment is the worker's own affair.
        with suppress(ProcrastinateException):
            for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER):
                await _put_back(app, job)
        await asyncio.sleep(_LOOK_FOR_STALLED)


async def _put_back(app: App, job: Job) -> None:
    """Puts a stalled job back: at once the first time, later and later if it keeps on killing its worker."""
    from procrastinate.exceptions import ConnectorException

    wait = timedelta(seconds=0 if job.attempts <= 1 else min(2.0**job.attempts, 300))
    with suppress(ConnectorException):  # another worker was faster, or the job has ended meanwhile
        await app.job_manager.retry_job(job, retry_at=datetime.now(UTC) + wait)
        logger.warning("Job %s (%s) lost its worker and goes back into the queue", job.id, job.task_name)
