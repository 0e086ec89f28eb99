"""The embedded server's settings. They go on its command line, so a new release changes them without a file to edit.

Sized for one machine that also runs the app and a worker. Sources: PostgreSQL 18 documentation, chapters 19 and 18.4.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

PORT = 5432  # only part of the socket's name

_MEGABYTE = 1024 * 1024


def arguments(log_dir: Path, socket_dir: Path, extra: Mapping[str, str]) -> list[str]:
    """``-c name=value`` for every setting; ``extra`` wins."""
    memory = _memory()
    settings = {
        # Reached by its socket alone: see `embedded` for why that needs no password.
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": str(socket_dir),
        "unix_socket_permissions": "0700",
        "max_connections": "100",
        # An eighth of the memory: the app, the workers and the system's file cache need the rest.
        "shared_buffers": f"{_between(memory // 8, 256, 1024)}MB",
        "effective_cache_size": f"{_between(memory // 2, 512, 65536)}MB",
        "work_mem": "16MB",
        "maintenance_work_mem": "256MB",
        "random_page_cost": "1.1",
        # Imports write much at once: few, spread checkpoints. Nobody replicates from here, so the least WAL will do.
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        # Statements here are short or bound by input and output; compiling them costs more than it gains.
        "jit": "off",
        "dynamic_shared_memory_type": _shared_memory_type(),
        "timezone": "UTC",
        "log_timezone": "UTC",
        "cluster_name": "abmatic",
        # A file for each day of the week, of at most 10 MB, overwritten a week later.
        "logging_collector": "on",
        "log_directory": str(log_dir),
        "log_filename": "postgresql-%a.log",
        "log_truncate_on_rotation": "on",
        "log_rotation_age": "1d",
        "log_rotation_size": "10MB",
        "log_line_prefix": "%m [%p] %q%u@%d ",
        "log_checkpoints": "off",
        **extra,
    }
    return list(_flags(settings))


def _flags(settings: Mapping[str, str]) -> Iterator[str]:
    for name, value in settings.items():
        yield "-c"
        yield f"{name}={value}"


def _between(megabytes: int, least: int, most: int) -> int:
    return max(least, min(megabytes, most))


def _memory() -> int:
    """The megabytes this machine has, or the container's limit if that is less."""
    total = psutil.virtual_memory().total
    try:
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # no cgroup, or "max"
        limit = total
    return min(total, limit) // _MEGABYTE


def _shared_memory_type() -> str:
    """POSIX shared memory, unless /dev/shm is as small as containers make it (64 MB): parallel queries would fail."""
    try:
        found = os.statvfs("/dev/shm")  # noqa: S108  # nosec B108
    except OSError:
        return "posix"
    return "posix" if found.f_frsize * found.f_blocks >= 256 * _MEGABYTE else "sysv"
