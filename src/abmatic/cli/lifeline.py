"""A child's lifeline: it stops by itself when its supervisor is gone, even by kill -9.

The supervisor holds the other end of the child's standard input; the kernel closes it with the supervisor.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

import click

# For commands that a supervisor starts; not in their help, as nobody types it.
option = click.option("--lifeline", "has_lifeline", is_flag=True, hidden=True, help="Stop when standard input ends.")


def hold() -> None:
    """Sends ourselves SIGTERM when standard input ends."""
    threading.Thread(target=_wait, name="lifeline", daemon=True).start()


def _wait() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
