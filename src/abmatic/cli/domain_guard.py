"""Runs a program that isn't ours to change, and ends it when standard input ends: a lifeline for strangers.

`abmatic demo` starts the emulator through it, so that a kill -9 of the demo leaves no emulator behind, as it leaves
no web server and no worker (see `lifeline`). Nor do temporary files stay: the program gets a folder of its own for
them. ``python -m abmatic.cli.domain_guard PROGRAM [ARGUMENT…]``
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading


def main() -> None:
    """Starts the program of the command line, hands signals on to it, and ends with its exit code."""
    with tempfile.TemporaryDirectory(prefix="abmatic-guard-", ignore_cleanup_errors=True) as folder:
        program = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, env={**os.environ, "TMPDIR": folder})
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: program.terminate())
        threading.Thread(target=_end_with_input, args=(program,), daemon=True).start()
        code = program.wait()
    sys.exit(code if code >= 0 else 128 - code)


def _end_with_input(program: subprocess.Popen[bytes]) -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    program.terminate()


if __name__ == "__main__":
    main()
