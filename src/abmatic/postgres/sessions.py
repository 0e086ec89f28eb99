"""Plain psycopg sessions beside Django's, for set-based work in threads of its own.

Django's connection belongs to its thread and its request; an import wants several sessions at once, with memory and
planner settings of its own, and COPY. A session is opened from the same settings and closed by its ``with`` block.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connections
from psycopg import sql

# Safe for the import: a chunk and its checkpoint commit together, so a lost last second is simply read again.
IMPORT_SETTINGS = {
    "synchronous_commit": "off",
    "work_mem": "64MB",
    "temp_buffers": "128MB",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "timezone": "UTC",
    # Its own tables are analyzed once per chunk: a sample of 3,000 rows tells a join from a loop.
    "default_statistics_target": "10",
}

# For a session that holds a lock. A worker whose machine died can't say so: its lock is free once the server has asked
# in vain, within a minute.
LOCK_SETTINGS = {"tcp_keepalives_idle": "30", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3"}


@contextmanager
def session(name: str, settings: dict[str, str] | None = None) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """An open session, not in autocommit; what is not committed when the block ends is rolled back.

    ``name`` appears in ``pg_stat_activity`` as ``abmatic: NAME``.
    """
    parameters = connections["default"].get_connection_params()
    parameters.pop("cursor_factory", None)
    parameters.pop("context", None)
    # Never prepared: what is in a temporary table differs from one execution to the next, and so must the plan.
    connection = psycopg.connect(**{**parameters, "application_name": f"abmatic: {name}", "prepare_threshold": None})
    try:
        for key, value in (settings or {}).items():
            connection.execute(sql.SQL("SET {} = {}").format(sql.Identifier(key), sql.Literal(value)))
        connection.commit()
        yield connection
    finally:
        connection.close()
