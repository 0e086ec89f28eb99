"""What processes cost: CPU seconds, with those of children that have ended."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

import psutil


def cpu_seconds(processes: Iterable[psutil.Process]) -> float:
    """User and system time of the processes, their children, and the children that they have waited for."""
    total = 0.0
    for process in processes:
        for each in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                times = each.cpu_times()
                total += times.user + times.system
                # What a postmaster's backends took is its own once they have ended.
                total += times.children_user + times.children_system
    return total


def postmaster(data_dir: str) -> psutil.Process:
    """The server of a data folder. Raises LookupError where none runs."""
    for process in psutil.process_iter(["name", "cmdline"]):
        command = process.info["cmdline"] or []
        if process.info["name"] == "postgres" and any(part.startswith(data_dir) for part in command):
            return process
    raise LookupError(f"no Postgres runs on {data_dir}")
