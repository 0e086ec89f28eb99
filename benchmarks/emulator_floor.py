"""The floor of serving a Bulk result: the emulator's own server program sends a file as it is, and does nothing else.

``python -m benchmarks.emulator_floor PORT FILE`` serves; the rest starts that.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from salesforce_emulator.server import free_port

_FILE = "BENCHMARK_FILE"
_PIECE = 1 << 20
_PATIENCE = 30.0


def application(environ: dict[str, Any], start: Callable[[str, list[tuple[str, str]]], object]) -> Iterable[bytes]:
    """Sends the file, whatever is asked for."""
    file = Path(os.environ[_FILE])
    start("200 OK", [("Content-Type", "text/csv"), ("Content-Length", str(file.stat().st_size))])
    return _pieces(file)


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb", buffering=0) as opened:
        while piece := opened.read(_PIECE):
            yield piece


@contextmanager
def file_served(file: Path) -> Iterator[str]:
    """The address that answers with a file."""
    port = free_port("127.0.0.1")
    process = subprocess.Popen([sys.executable, "-m", __name__, str(port), str(file)])
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(url: str) -> None:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            httpx2.head(url)
            return
        except httpx2.TransportError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


if __name__ == "__main__":
    os.environ[_FILE] = sys.argv[2]
    Granian(
        "benchmarks.emulator_floor:application",
        address="127.0.0.1",
        port=int(sys.argv[1]),
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=4,
        log_level=LogLevels.error,
    ).serve()
