"""Runs `abmatic` as people do: as a process, with a data folder and a database of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg.conninfo import conninfo_to_dict

PROGRAM = [sys.executable, "-m", "abmatic.cli"]


@dataclass
class Installation:
    """A data folder and the environment its commands run in."""

    data_dir: Path
    database_url: str | None
    processes: list[subprocess.Popen[str]] = field(default_factory=list)
    # Where what they write to stderr is kept; beside the data folder unless said.
    logs: Path | None = None

    @property
    def _logs(self) -> Path:
        return self.logs or self.data_dir.parent

    def environment(self, **changes: str) -> dict[str, str]:
        ours = {key: value for key, value in os.environ.items() if not key.startswith(("ABMATIC_", "DATABASE_URL"))}
        ours["ABMATIC_DATA_DIR"] = str(self.data_dir)
        if self.database_url is not None:
            ours["DATABASE_URL"] = self.database_url
        return ours | changes

    def run(self, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end."""
        return subprocess.run(
            [*PROGRAM, *arguments],
            env=self.environment(**changes),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def start(self, *arguments: str, **changes: str) -> subprocess.Popen[str]:
        """Starts a command that goes on; it is ended with the test."""
        log = (self._logs / f"{arguments[0]}-{len(self.processes)}.log").open("w")
        process = subprocess.Popen(
            [*PROGRAM, *arguments],
            env=self.environment(**changes),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        log.close()
        self.processes.append(process)
        return process

    def up(self, *arguments: str, **changes: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
        """`abmatic up` on a free port, ready; and what it said when it was."""
        process = self.start("up", "--port", "0", "--json-ready", *arguments, **changes)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"it ended with {process.wait()}: {self.said()}"
        return process, json.loads(line)

    def said(self) -> str:
        """What the started commands wrote to stderr."""
        return "".join(log.read_text(errors="replace") for log in sorted(self._logs.glob("*.log")))

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        assert self.database_url is not None
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(statement.encode()).fetchall()

    def shut_database_out(self) -> None:
        """Ends every connection to the database and lets nobody in again."""
        assert self.database_url is not None
        name = conninfo_to_dict(self.database_url)["dbname"]
        with psycopg.connect(self.database_url, dbname="postgres", autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])

    def end(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


def children_of(pid: int) -> list[psutil.Process]:
    """A process's descendants that run."""
    return [child for child in psutil.Process(pid).children(recursive=True) if is_running(child.pid)]


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health/", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def wait_until(condition: Callable[[], object], seconds: float = 60) -> float:
    """Waits for the condition; returns the seconds it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "it didn't happen in time"
        time.sleep(0.05)
    return time.monotonic() - began
