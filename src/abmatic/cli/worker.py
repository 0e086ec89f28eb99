"""`abmatic worker`: does the jobs in the queue. Run as many as wanted, on any number of machines.

A worker that is killed leaves its jobs marked as being done. Every worker beats a heart in the database; whoever sees
one that stopped puts that worker's jobs back into the queue (procrastinate offers the query, and leaves the rest to
its users). A job therefore starts again within about fifteen seconds, and must be made to go on where it was.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click
from procrastinate import PsycopgConnector
from procrastinate.exceptions import ConnectorException, ProcrastinateException

from abmatic.audiences.counted import counted
from abmatic.cli import bootstrap, lifeline
from abmatic.cli.failures import Failure
from abmatic.cli.numbers import Number

if TYPE_CHECKING:
    from procrastinate import App, JobContext
    from procrastinate.jobs import Job
    from procrastinate.worker import Worker

logger = logging.getLogger(__name__)

# Seconds. A heart that is silent for four beats has stopped.
HEARTBEAT = 2.0
STALLED_AFTER = 8.0
_LOOK_FOR_STALLED = 2.0
# A job is asked to stop after this, and goes on from its last commit when the worker is back.
_GRACE = 10.0
_DATABASE_PATIENCE = 5.0

_LOST = "The worker lost the database and stopped; start it again when the database is back"


@click.command()
@click.option("--concurrency", type=Number(1), default=4, show_default=True, help="Jobs done at once.")
@lifeline.option
def worker(concurrency: int, has_lifeline: bool) -> None:
    """Run a worker alone."""
    bootstrap.set_up()
    with bootstrap.database():
        bootstrap.require_migrated()
        if has_lifeline:
            lifeline.hold()
        click.echo(f"Working, {counted(concurrency, 'job')} at once", err=True)
        try:
            # Whoever watches over it says it for all of its parts.
            asyncio.run(_work(concurrency, says=not has_lifeline))
        except ConnectorException as error:
            raise Failure(f"{_LOST}: {error}") from error


async def _work(concurrency: int, says: bool) -> None:
    """Works until SIGTERM or SIGINT; raises `Failure` when the worker ends by itself (it lost the database)."""
    from procrastinate.contrib.django import app
    from procrastinate.contrib.django.utils import connector_params

    from abmatic.cli.domain_pushing import push_changes

    # As procrastinate makes it for a worker, with less patience: a lost database is noticed in seconds.
    connector = PsycopgConnector(kwargs=connector_params(), min_size=1, timeout=_DATABASE_PATIENCE)
    with app.replace_connector(connector) as working:
        async with working.open_async():
            watcher = asyncio.create_task(_watch_over_stalled(working))
            pusher = asyncio.create_task(push_changes(connector_params()))
            job_loop = asyncio.create_task(
                working.run_worker_async(
                    concurrency=concurrency,
                    install_signal_handlers=False,
                    update_heartbeat_interval=HEARTBEAT,
                    stalled_worker_timeout=STALLED_AFTER,
                    shutdown_graceful_timeout=_GRACE,
                    # What a job did is kept in its run; a done job is of no use to anybody.
                    delete_jobs="successful",
                    worker_middleware=[_look_again_when_done],
                )
            )
            asked_to_stop = _stop_on_signals(job_loop, says)
            try:
                await job_loop
            except asyncio.CancelledError:
                if not asked_to_stop.is_set():
                    raise
            finally:
                watcher.cancel()
                pusher.cancel()
    if not asked_to_stop.is_set():
        raise Failure(_LOST)


async def _look_again_when_done(
    run_job: Callable[[], Awaitable[Any]], context: JobContext, worker: Worker
) -> Any:  # whatever the task returns
    """The end of a job frees its lock, which nobody is notified of: the next one would wait for the polling (5 s)."""
    job = asyncio.current_task()
    assert job is not None
    job.add_done_callback(lambda _: worker._new_job_event.set())
    return await run_job()


def _stop_on_signals(job_loop: asyncio.Task[None], says: bool) -> asyncio.Event:
    """Cancelling the loop makes it take no new job, and wait for those it has; ``says`` what becomes of these."""
    asked = asyncio.Event()

    def stop() -> None:
        if says and not asked.is_set():
            click.echo(
                f"Stopping: jobs under way get {_GRACE:.0f} seconds. What they have written is kept; what isn't done "
                "goes on from there as soon as a worker runs.",
                err=True,
            )
        asked.set()
        job_loop.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    return asked


async def _watch_over_stalled(app: App) -> None:
    while True:
        # A database that is away for a moment is the worker's own affair.
        with suppress(ProcrastinateException):
            for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER):
                await _put_back(app, job)
        await asyncio.sleep(_LOOK_FOR_STALLED)


async def _put_back(app: App, job: Job) -> None:
    """Puts a stalled job back: at once the first time, later and later if it keeps on killing its worker."""
    wait = timedelta(seconds=0 if job.attempts <= 1 else min(2.0**job.attempts, 300))
    with suppress(ConnectorException):  # another worker was faster, or the job has ended meanwhile
        await app.job_manager.retry_job(job, retry_at=datetime.now(UTC) + wait)
        logger.warning("Job %s (%s) lost its worker and goes back into the queue", job.id, job.task_name)
