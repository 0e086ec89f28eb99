"""Temporary folders that go when their owner goes.

Each holds a file that its owner keeps locked.  The system lets go of the lock however the owner ends, so what a
killed process left behind is told from what is in use, and :func:`sweep` removes it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path

PREFIX = "salesforce-emulator-"
_OWNER = "owner"
_NEW = 24 * 3600.0
"""Seconds for which a folder that names no owner is left alone: one may be about to move in."""


class Scratch:
    """A temporary folder of this process; gone on :meth:`close`."""

    def __init__(self) -> None:
        while True:
            self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
            lock = _lock(self.path)
            if lock is not None:
                self._lock = lock
                return

    def close(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        with suppress(OSError):
            os.close(self._lock)


def _lock(folder: Path) -> int | None:
    """The lock on a folder; None where somebody has it, or took the folder away meanwhile."""
    file = folder / _OWNER
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(file.stat(), os.fstat(descriptor)):
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None


def sweep() -> list[Path]:
    """Remove the folders whose owner is dead; which ones."""
    removed = []
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            if _is_abandoned(folder):
                shutil.rmtree(folder, ignore_errors=True)
                removed.append(folder)
    return removed


def _is_abandoned(folder: Path) -> bool:
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        return False
    if not (folder / _OWNER).exists():
        return time.time() - found.st_mtime > _NEW
    lock = _lock(folder)
    if lock is None:
        return False
    os.close(lock)
    return True
