"""Helpers of these tests: processes that use an embedded server, and plain TCP servers of any version."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import psutil
import psycopg
from psycopg.conninfo import make_conninfo

from abmatic.postgres import embedded_place
from abmatic.postgres.embedded import EmbeddedServer

IS_ROOT = os.geteuid() == 0
NOBODY = 65534
FAST = {"fsync": "off", "shared_buffers": "16MB", "max_connections": "20"}

# An app: holds the database up until its standard input closes.
APP = f"""
import sys
from pathlib import Path
from abmatic.postgres.embedded import EmbeddedServer
with EmbeddedServer(Path(sys.argv[1]), options={FAST!r}).acquire() as server:
    print(server.status().pid, flush=True)
    sys.stdin.read()
"""


class App:
    """A process that uses the embedded server of a folder."""

    def __init__(self, data_dir: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", APP, str(data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def server_pid(self) -> int:
        """Waits until the server is up."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the app ended: {self.process.communicate()[1]}"
        return int(line)

    def leave(self) -> None:
        _, said = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, said

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def server_of(data_dir: Path) -> EmbeddedServer:
    """The folder's server with the settings for tests."""
    return EmbeddedServer(data_dir, options=FAST)


def is_alive(pid: int) -> bool:
    """Whether the process still runs; one that has ended and only waits to be noticed doesn't."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it didn't happen in time"
        time.sleep(0.02)


def kill_server(pid: int) -> None:
    """Kills the server's first process, as the out-of-memory killer would."""
    os.kill(pid, signal.SIGKILL)


class TcpServer:
    """A PostgreSQL of any version that listens on TCP and wants a password: somebody else's server, to us."""

    USER, PASSWORD = "owner", "p@ss/wörd #1"

    def __init__(self, binaries: Path, folder: Path) -> None:
        self.binaries = binaries
        self.folder = folder
        account = embedded_place.account_for(folder) if IS_ROOT else None
        self._uid = account.uid if account else None
        self._gid = account.gid if account else None
        self._groups: list[str | int] | None = [] if account else None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])

    def conninfo(self, **changes: str) -> str:
        parts: dict[str, str] = {"user": self.USER, "password": self.PASSWORD, "dbname": "postgres", **changes}
        return make_conninfo(host="127.0.0.1", port=self.port, **parts)

    def run(self, stack: ExitStack) -> TcpServer:
        """Makes the cluster, starts the server and has it stopped at the end."""
        secret = self.folder / "password"
        secret.write_text(self.PASSWORD, encoding="utf-8")
        cluster = self.folder / "cluster"
        if self._uid is not None and self._gid is not None:
            for path in (self.folder, secret):
                os.chown(path, self._uid, self._gid)
        initdb: list[Path | str] = [self.binaries / "initdb", "-D", cluster, "-U", self.USER, "--pwfile", secret]
        initdb += ["--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync"]
        self._spawn(initdb).wait()
        options = {"listen_addresses": "127.0.0.1", "port": str(self.port), "unix_socket_directories": "", **FAST}
        command: list[Path | str] = [self.binaries / "postgres", "-D", cluster]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        process = self._spawn(command)
        stack.callback(process.wait)
        stack.callback(process.send_signal, signal.SIGINT)
        wait_until(self._answers)
        return self

    def _spawn(self, command: list[Path | str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            user=self._uid,
            group=self._gid,
            extra_groups=self._groups,
        )

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.conninfo(connect_timeout="2")).close()
        except psycopg.OperationalError:
            return False
        return True
