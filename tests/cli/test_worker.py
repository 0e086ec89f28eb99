"""`abmatic worker`: a job whose worker was killed is done by the next one, and soon."""

from __future__ import annotations

import os
import signal

import pytest
from tests.cli.processes import Installation, children_of, wait_until

pytestmark = pytest.mark.server


def _defer(installation: Installation) -> int:
    """Puts a job into the queue, as the program does: procrastinate's own clean-up, which every worker knows."""
    [(job,)] = installation.query(
        """
        SELECT (procrastinate_defer_jobs_v1(ARRAY[ROW(
            'builtin', 'builtin:procrastinate.builtin_tasks.remove_old_jobs', 0, NULL, NULL,
            '{"max_hours": 1000}'::jsonb, NULL)::procrastinate_job_to_defer_v1]))[1]
        """
    )
    return int(job)


def _status(installation: Installation, job: int) -> str:
    rows = installation.query(f"SELECT status::text FROM procrastinate_jobs WHERE id = {job}")
    return str(rows[0][0]) if rows else "done"


def test_worker_does_a_job_and_stops_when_asked(installation: Installation) -> None:
    worker = installation.start("worker")
    job = _defer(installation)
    wait_until(lambda: _status(installation, job) == "done")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0, installation.said()
    assert installation.query("SELECT count(*) FROM procrastinate_workers") == [(0,)]


def test_job_of_a_killed_worker_is_done_by_the_next(installation: Installation) -> None:
    worker = installation.start("worker")
    wait_until(lambda: installation.query("SELECT 1 FROM procrastinate_workers"))
    # The job is being done by that worker when it is killed.
    worker.send_signal(signal.SIGSTOP)
    job = _defer(installation)
    installation.query(
        f"UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT max(id) FROM procrastinate_workers) "
        f"WHERE id = {job} RETURNING id"
    )
    worker.kill()
    worker.wait()
    successor = installation.start("worker")
    assert wait_until(lambda: _status(installation, job) == "done", 30) < 15
    successor.send_signal(signal.SIGTERM)
    assert successor.wait(30) == 0


def test_up_restarts_a_killed_worker_which_takes_up_its_job(installation: Installation) -> None:
    process, _ = installation.up()
    wait_until(lambda: installation.query("SELECT 1 FROM procrastinate_workers"))
    [worker] = [child for child in children_of(process.pid) if "abmatic.cli worker" in " ".join(child.cmdline())]
    os.kill(worker.pid, signal.SIGSTOP)
    job = _defer(installation)
    installation.query(
        f"UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT max(id) FROM procrastinate_workers) "
        f"WHERE id = {job} RETURNING id"
    )
    os.kill(worker.pid, signal.SIGKILL)
    assert wait_until(lambda: _status(installation, job) == "done", 30) < 15


def test_worker_that_loses_the_database_says_so(installation: Installation) -> None:
    worker = installation.start("worker")
    wait_until(lambda: installation.query("SELECT 1 FROM procrastinate_workers"))
    installation.shut_database_out()
    assert worker.wait(60) == 1
    assert "lost the database" in installation.said()
