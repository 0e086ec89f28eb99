"""Asking an emulated org by plain HTTP, and what its process costs meanwhile."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import psutil

from benchmarks import org
from benchmarks.processes import cpu_seconds

DATA = "/services/data/v60.0"
_STATES = ("JobComplete", "Failed", "Aborted")
_PIECE = 1 << 20
_LOOK_EVERY = 0.1

Json = Any
"""Answers are JSON of many shapes."""


@dataclass
class Cost:
    """Seconds that passed, and CPU seconds of the server."""

    seconds: float = 0.0
    cpu: float = 0.0


@contextmanager
def asking(made: org.Org) -> Iterator[Server]:
    """A server of the org, signed in at."""
    with org.served(made) as url:
        yield Server(url)


class Server:
    """A running emulator and its processes.

    :param headers: of somebody who is signed in already; None: sign in.
    """

    def __init__(self, url: str, headers: dict[str, str] | None = None) -> None:
        self.url = url
        parts = urlsplit(url)
        self._host, self._port = str(parts.hostname), int(parts.port or 80)
        self.headers = headers or {}
        if headers is None:
            self.headers = {"Authorization": f"Bearer {self._token()}"}

    @cached_property
    def _processes(self) -> list[psutil.Process]:
        return _listening(self._port)

    def _token(self) -> str:
        app = self.call("GET", "/__emulator/org")
        form = {"grant_type": "client_credentials", **{k: app[k] for k in ("client_id", "client_secret")}}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return str(self.call("POST", "/services/oauth2/token", urlencode(form), headers)["access_token"])

    # -- what it costs

    @contextmanager
    def costing(self) -> Iterator[Cost]:
        """What the server takes for what the block asks of it."""
        cost, cpu, began = Cost(), cpu_seconds(self._processes), time.perf_counter()
        yield cost
        cost.seconds = time.perf_counter() - began
        cost.cpu = cpu_seconds(self._processes) - cpu

    def memory(self) -> int:
        """Bytes that are resident now."""
        return sum(process.memory_info().rss for process in self._processes)

    def peak_memory(self) -> int:
        """Bytes that were resident at most, by what the kernel noted."""
        peak = 0
        for process in self._processes:
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii").splitlines()
            peak += sum(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
        return peak

    # -- calls

    def _request(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=600)
        connection.request(method, path, None if body is None else body.encode(), {**self.headers, **headers})
        answer = connection.getresponse()
        if answer.status >= 400:
            raise org.Unmeasured(f"{method} {path}: {answer.status} {answer.read(500)!r}")
        return answer

    def call(self, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None) -> Json:
        """The answer's JSON; None where it is empty."""
        with self._request(method, path, body, headers or {"Content-Type": "application/json"}) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def get(self, path: str) -> Json:
        return self.call("GET", path)

    def query_path(self, soql: str) -> str:
        return f"{DATA}/query?q={quote(soql)}"

    # -- Bulk

    def run_query_job(self, soql: str) -> Json:
        """Run a job to its end; its status."""
        made = self.call("POST", f"{DATA}/jobs/query", json.dumps({"operation": "query", "query": soql}))
        return self._ended(f"{DATA}/jobs/query/{made['id']}")

    def _ended(self, path: str) -> Json:
        while (job := self.get(path))["state"] not in _STATES:
            time.sleep(_LOOK_EVERY)
        if job["state"] != "JobComplete":
            raise org.Unmeasured(f"a Bulk job ended {job['state']}: {job.get('errorMessage', '')}")
        return job

    def read_result(self, job: str, records: int, encoding: str) -> dict[str, float]:
        """Read a result whole, in one page: seconds to the first byte and to the last, bytes."""
        return self.read(f"{DATA}/jobs/query/{job}/results?maxRecords={max(1, records)}", {"Accept-Encoding": encoding})

    def read(self, path: str, headers: dict[str, str]) -> dict[str, float]:
        """Read an answer whole, and keep none of it."""
        buffer, size, first = bytearray(_PIECE), 0, 0.0
        with self.costing() as cost:
            began = time.perf_counter()
            with self._request("GET", path, None, headers) as answer:
                while count := answer.readinto(buffer):
                    first = first or time.perf_counter() - began
                    size += count
        return {"first_byte": first, "seconds": cost.seconds, "cpu_seconds": cost.cpu, "bytes": size}

    def ids(self, sobject: str, count: int) -> list[str]:
        """The first ids of an object."""
        job = self.run_query_job(f"SELECT Id FROM {sobject} LIMIT {count}")
        path = f"{DATA}/jobs/query/{job['id']}/results?maxRecords={count}"
        with self._request("GET", path, None, {"Accept-Encoding": "identity"}) as answer:
            return [line.decode().strip('"\n') for line in answer][1:]

    def ingest(self, sobject: str, operation: str, csv: str) -> Json:
        """Run an ingest job to its end; its status."""
        body = {"object": sobject, "operation": operation, "lineEnding": "LF"}
        path = f"{DATA}/jobs/ingest/{self.call('POST', f'{DATA}/jobs/ingest', json.dumps(body))['id']}"
        self.call("PUT", f"{path}/batches", csv, {"Content-Type": "text/csv"})
        self.call("PATCH", path, json.dumps({"state": "UploadComplete"}))
        return self._ended(path)


def _listening(port: int) -> list[psutil.Process]:
    """The processes of this one that serve a port: the command and those that it started."""
    mine = psutil.Process().children(recursive=True)
    found = [process for process in mine if any(c.laddr.port == port for c in process.net_connections("inet"))]
    if not found:
        raise org.Unmeasured(f"nobody of this program listens on port {port}")
    return found
