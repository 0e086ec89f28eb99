"""One `abmatic up` (or demo) for each data folder: a locked file says who it is, so that it can be found and stopped.

The kernel drops the lock with the process, so a file that a kill -9 left behind claims nothing.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from abmatic.cli.failures import Failure, NotReady

_NAME = "up.json"


@dataclass(frozen=True, slots=True)
class Claim:
    """Who runs here."""

    pid: int
    url: str


@contextmanager
def claimed(data_dir: Path, url: str) -> Iterator[None]:
    """Claims the data folder. Raises `NotReady` when another process has it."""
    data_dir.mkdir(parents=True, exist_ok=True)
    handle = os.open(data_dir / _NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _taken(data_dir, find(data_dir)) from None
        os.ftruncate(handle, 0)
        os.write(handle, json.dumps(asdict(Claim(os.getpid(), url))).encode())
        yield
    finally:
        os.close(handle)


def _taken(data_dir: Path, other: Claim | None) -> NotReady:
    where = f" at {other.url} (process {other.pid})" if other else ""
    return NotReady(
        f"Abmatic runs already{where} on the data in {data_dir}. Stop it with `abmatic stop`, or set "
        "ABMATIC_DATA_DIR to another folder"
    )


def require_unclaimed(data_dir: Path) -> None:
    """Raises `NotReady` when somebody holds the data folder."""
    if (other := find(data_dir)) is not None:
        raise _taken(data_dir, other)


def find(data_dir: Path) -> Claim | None:
    """Who holds the data folder, or None."""
    try:
        with (data_dir / _NAME).open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                with suppress(ValueError, TypeError):  # claimed a moment ago and not written yet
                    return Claim(**json.loads(file.read()))
    except FileNotFoundError:
        pass
    return None


def stop(data_dir: Path, seconds: float = 60) -> Claim | None:
    """Stops who holds the data folder and waits for its end. Returns who it was. Raises `Failure`."""
    other = find(data_dir)
    if other is None:
        return None
    with suppress(ProcessLookupError):
        os.kill(other.pid, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while find(data_dir) == other:
        if time.monotonic() > deadline:
            raise Failure(f"Process {other.pid} didn't stop within {seconds:.0f} s. End it with: kill -9 {other.pid}")
        time.sleep(0.05)
    return other
