"""A process that does each piece of work in a child, which may be ended, or end Postgres, at its n-th event.

A line of JSON comes in for each piece of work; a line goes out with the child's number, and one when it has ended:
how, and where it was struck. A fork costs nothing beside starting Python and Django, so a thousand deaths take minutes.
Nothing here opens a connection or a thread before it forks.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
import time
import traceback
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import django

DONE, HELD, BROKEN, DATABASE_LOST = 0, 3, 4, 5
_PATIENCE = 20.0


def _hurry() -> None:
    """Nobody waits, or a thousand deaths take days: pauses between tries are cut short.

    What was under way when a child died is over before the next one looks, which in real life the minute is for that
    a creation is given to show up.
    """
    from abmatic.salesforce import Client
    from abmatic.sync import clients
    from abmatic.sync.pull import bulk_reading, reading
    from abmatic.sync.push import unknown

    impatient = functools.partial(Client, sleep=lambda seconds: time.sleep(min(seconds, 0.01)))
    patch.object(clients, "Client", impatient).start()
    for reader in (reading, bulk_reading):
        patch.object(reader, "pause", lambda attempt, error: None).start()
    patch.object(unknown, "SETTLED", timedelta(0)).start()


def _execute(run: int) -> int:
    """What a worker does with a job. Whoever died before may still be ending its last statement."""
    from abmatic.sync.execute import execute

    until = time.monotonic() + _PATIENCE
    while not execute(run):
        if time.monotonic() > until:
            return HELD
        time.sleep(0.01)
    return DONE


def _ask_web(path: str, data: dict[str, Any], fuse: Any) -> int:
    """What a web process does with a person's request; it is only ended once the person is known."""
    from django.test import Client

    from abmatic.identity.models import User

    browser = Client(raise_request_exception=True)
    browser.force_login(User.objects.get(email="soak@example.com"))
    if fuse is not None:
        fuse.lay()
    answer = browser.post(path, data, headers={"host": "localhost"})
    return DONE if answer.status_code < 400 else BROKEN


def _edit(steps: list[dict[str, Any]]) -> int:
    """A person's edits, in one transaction."""
    from tests.soak.edits import edit_here

    edit_here(steps)
    return DONE


def _child(job: dict[str, Any], told: Path) -> int:
    import django.db
    from django.conf import settings
    from tests.soak.fuse import Fuse, end_postgres, end_this_process

    hosts = frozenset(job["settings"].pop("salesforce_extra_hosts"))
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, salesforce_extra_hosts=hosts, **job["settings"])
    fuse = None
    if (at := job.get("at")) is not None:
        postmaster = job.get("postmaster")
        fuse = Fuse(at, told, end_this_process if postmaster is None else lambda: end_postgres(postmaster))
    try:
        if job["work"] == "ask":
            return _ask_web(job["path"], job["data"], fuse)
        if fuse is not None:
            fuse.lay()
        return _execute(job["run"]) if job["work"] == "execute" else _edit(job["steps"])
    except (django.db.OperationalError, django.db.InterfaceError):
        # What a worker answers by doing the job again, and a web process with an error.
        return DATABASE_LOST


def _in_child(job: dict[str, Any], told: Path) -> int:
    """Answers the child's number. It isn't waited for."""
    pid = os.fork()
    if pid == 0:
        code = BROKEN
        try:
            code = _child(job, told)
        except BaseException:  # noqa: BLE001 - told, and the parent judges
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    return pid


def _import_all() -> None:
    """What children need is imported once, before the first fork."""
    from django.urls import get_resolver
    from tests.soak import edits, fuse

    from abmatic.sync import execute, tasks

    assert get_resolver().url_patterns
    assert [edits, fuse, execute, tasks]


def main() -> None:
    django.setup()
    _hurry()
    _import_all()
    told = Path(os.environ["SOAK_TOLD"])
    for line in sys.stdin:
        told.unlink(missing_ok=True)
        pid = _in_child(json.loads(line), told)
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        code = None if killed else os.waitstatus_to_exitcode(status)
        print(json.dumps({"code": code, "where": told.read_text() if told.exists() else None}), flush=True)


if __name__ == "__main__":
    main()
