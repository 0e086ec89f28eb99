"""A process that executes an import in children, each of which kills itself (SIGKILL) at its n-th statement or commit.

Run as ``python -m tests.audiences.csv_import.crashing IMPORT``; prints how often it was killed.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any
from unittest import mock

import django
import psycopg

# Small, so that a small file has many chunks.
_CHUNK = 20


def main() -> None:
    """Kills a child a little later each time, until one comes to the end."""
    file_id, killed = int(sys.argv[1]), 0
    django.setup()
    from abmatic.audiences.csv_import import applying, staging

    applying.CHUNK = staging.BATCH = _CHUNK
    # The first ones die while the file is read, the later ones ever further within the chunks.
    for fuse in [*range(3, 60, 4), *range(60, 400, 7), 10**9]:
        child = os.fork()
        if child == 0:
            _execute(file_id, fuse)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0
            break
        killed += 1
    print(killed)


def _execute(file_id: int, fuse: int) -> None:
    left = [fuse]

    def around(function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] == 0 and fuse % 2:
                os.kill(os.getpid(), signal.SIGKILL)
            answer = function(*arguments, **options)
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        return counted

    # For good: the process dies with it.
    mock.patch.object(psycopg.Cursor, "execute", around(psycopg.Cursor.execute)).start()
    mock.patch.object(psycopg.Connection, "commit", around(psycopg.Connection.commit)).start()
    from abmatic.audiences.csv_import import executing

    while True:
        try:
            executing.execute(file_id)
        except executing.ImportHeld:
            # The lock of the one that was killed goes a moment after it.
            continue
        break


if __name__ == "__main__":
    main()
