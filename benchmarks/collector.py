"""The collector: `abmatic up` as it is, browsers that send to it, and every answered event looked for in the database.

paced    batches as the script sends them, at a fixed rate, whatever the answers take: latency is counted from when a
         request was due, so that a server that is slow makes nobody ask less
fastest  the same, each browser sending again as soon as it is answered
floor    the same events in one COPY into a table with the same columns and indexes
"""

from __future__ import annotations

import json
import multiprocessing
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import psutil
import psycopg

from abmatic.postgres import embedded
from abmatic.postgres.embedded import EmbeddedServer
from benchmarks.org import Unmeasured
from benchmarks.processes import cpu_seconds, postmaster

RATE = 2_000  # events a second that are asked for
SECONDS = 15
# Events of a request: a page view alone, or what gathers on a page until it is left.
SIZES = (1, 2, 3, 5, 9)
BROWSERS = 32
SITE = "benchmark222"
ORIGIN = "https://www.example.com"
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"

MAKE_SITE = f"""
INSERT INTO tracking_site (public_id, name, origins, mode, consent, honours_dnt, honours_gpc_cookieless, cookie_days,
                           captures_forms, captured_fields, is_active, created_at, updated_at)
VALUES ('{SITE}', 'Benchmark', ARRAY['{ORIGIN}'], 'identified', 'not_needed', true, true, 395, true, '{{}}', true,
        now(), now())
"""


@dataclass(frozen=True, slots=True)
class Told:
    """What the browsers of one phase saw."""

    seconds: float
    latencies: list[float]
    ids: list[str]
    refused: int

    @property
    def rate(self) -> float:
        """Accepted events a second."""
        return len(self.ids) / self.seconds

    def percentile(self, share: float) -> float:
        """Milliseconds."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def measure(folder: Path) -> dict[str, Any]:
    """The figures, on a fresh installation in a folder. Raises `Unmeasured` where an answered event is missing."""
    with installation(folder) as (url, dsn, process):
        return _measure(url, dsn, (process, postmaster(str(folder / "data"))))


@contextmanager
def installation(folder: Path) -> Iterator[tuple[str, str, psutil.Process]]:
    """`abmatic up` on an empty folder: its address, its database, its process. Raises `Unmeasured`."""
    data = folder / "data"
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("ABMATIC_", "DATABASE_URL"))}
    # Browsers of many networks, as behind a proxy.
    environment |= {"ABMATIC_DATA_DIR": str(data), "ABMATIC_TRUSTED_PROXIES": "1"}
    command = [sys.executable, "-m", "abmatic.cli", "up", "--port", "0", "--json-ready"]
    with (folder / "up.log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise Unmeasured(f"abmatic up ended: {(folder / 'up.log').read_text()[-2000:]}")
        yield json.loads(line)["url"], embedded.dsn(data), psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        EmbeddedServer(data).remove()


def _measure(url: str, dsn: str, programs: tuple[psutil.Process, ...]) -> dict[str, Any]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(MAKE_SITE.encode())
        _phase(url, rate=RATE, seconds=3)  # threads, sessions and caches are made
        paced = _phase(url, rate=RATE, seconds=SECONDS)
        before = [cpu_seconds([program]) for program in programs]
        fastest = _phase(url, rate=None, seconds=SECONDS)
        spent = [cpu_seconds([program]) - was for program, was in zip(programs, before, strict=True)]
        for told in (paced, fastest):
            _require_all(connection, told)
        floor = _floor(connection)
    figures: dict[str, Any] = {
        name: {
            "events_per_second": round(told.rate),
            "events": len(told.ids),
            "refused_requests": told.refused,
            "p50_ms": round(told.percentile(0.5), 1),
            "p99_ms": round(told.percentile(0.99), 1),
        }
        for name, told in (("paced", paced), ("fastest", fastest))
    }
    # On a machine that does other things too, this tells more than the rate.
    cpu = [round(1e6 * seconds / len(fastest.ids)) for seconds in spent]
    figures["cpu_microseconds_per_event"] = {"abmatic": cpu[0], "postgres": cpu[1]}
    return {**figures, "lost": 0, "floor_events_per_second": round(floor), "ratio": round(fastest.rate / floor, 3)}


def _require_all(connection: psycopg.Connection[Any], told: Told) -> None:
    with connection.transaction():
        connection.execute("CREATE TEMP TABLE answered (id uuid) ON COMMIT DROP")
        with connection.cursor() as cursor, cursor.copy("COPY answered FROM STDIN") as copy:
            copy.write("".join(f"{event}\n" for event in told.ids))
        row = connection.execute(
            "SELECT count(*) FROM answered AS a WHERE NOT EXISTS (SELECT FROM web_event AS e WHERE e.id = a.id)"
        ).fetchone()
    if row is None or row[0]:
        raise Unmeasured(f"{row and row[0]} of {len(told.ids)} events were answered and are not in the database")


def _floor(connection: psycopg.Connection[Any]) -> float:
    """Events a second of one COPY of all that is there, with the same indexes."""
    connection.execute("CREATE TABLE bench_event (LIKE web_event INCLUDING ALL)")
    row = connection.execute("SELECT count(*) FROM web_event").fetchone()
    assert row is not None
    with connection.cursor() as cursor:
        with cursor.copy("COPY (SELECT * FROM web_event) TO STDOUT") as copy:
            data = b"".join(bytes(part) for part in copy)
        began = time.perf_counter()
        with cursor.copy("COPY bench_event FROM STDIN") as copy:
            copy.write(data)
        return float(row[0]) / (time.perf_counter() - began)


def _phase(url: str, rate: int | None, seconds: float) -> Told:
    """Runs the browsers in a process of their own, which takes no time from this one's threads."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_browse, (url, rate, seconds))


def _browse(url: str, rate: int | None, seconds: float) -> Told:
    parts = urlsplit(url)
    address = (parts.hostname or "", parts.port or 80)
    pause = BROWSERS * sum(SIZES) / len(SIZES) / rate if rate else None
    results: list[Told] = []
    began = time.perf_counter()
    threads = [
        threading.Thread(target=lambda number=number: results.append(_browser(address, number, pause, began, seconds)))
        for number in range(BROWSERS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(results) < BROWSERS:
        raise Unmeasured("browsers lost the server")
    return Told(
        time.perf_counter() - began,
        [each for told in results for each in told.latencies],
        [each for told in results for each in told.ids],
        sum(told.refused for told in results),
    )


def _browser(address: tuple[str, int], number: int, pause: float | None, began: float, seconds: float) -> Told:
    latencies: list[float] = []
    ids: list[str] = []
    refused = 0
    with socket.create_connection(address, timeout=30) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        due = began + (pause or 0) * number / BROWSERS
        turn = number
        while due - began < seconds:
            time.sleep(max(0, due - time.perf_counter()))
            events = [str(_uuid7()) for _ in range(SIZES[turn % len(SIZES)])]
            line.sendall(_request(str(_uuid7()), events, f"10.{number}.{turn % 250}.9"))
            if status(line) == 204:
                ids += events
            else:
                refused += 1
            now = time.perf_counter()
            latencies.append(now - due)
            due = due + pause if pause else now
            turn += 1
    return Told(0, latencies, ids, refused)


def _request(visitor: str, ids: list[str], network: str) -> bytes:
    events = ",".join(
        f'{{"id":"{event}","kind":"page","url":"{ORIGIN}/page/{int(event[-2:], 16)}?utm_source=news","title":"Prices",'
        f'"referrer":"{ORIGIN}/"}}'
        for event in ids
    )
    body = f'{{"visitor":"{visitor}","events":[{events}]}}'
    return (
        f"POST /collect/{SITE} HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: {ORIGIN}\r\nUser-Agent: {AGENT}\r\n"
        f"X-Forwarded-For: {network}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def status(line: socket.socket) -> int:
    """The status of the next answer, which is read to its end."""
    told = b""
    while b"\r\n\r\n" not in told:
        more = line.recv(65_536)
        if not more:
            raise ConnectionError("the server closed the line")
        told += more
    head, _, body = told.partition(b"\r\n\r\n")
    length = next(
        (int(each.split(b":")[1]) for each in head.lower().split(b"\r\n") if each.startswith(b"content-length")), 0
    )
    while len(body) < length:
        body += line.recv(65_536)
    return int(head.split(b" ", 2)[1])


def _uuid7() -> UUID:
    milliseconds = int(datetime.now(UTC).timestamp() * 1000)
    chance = secrets.randbits(74)
    return UUID(int=milliseconds << 80 | 7 << 76 | (chance >> 62) << 64 | 2 << 62 | chance & (1 << 62) - 1)


def lines(figures: dict[str, Any]) -> list[str]:
    """The figures as people read them."""
    told = ["", "collector"]
    for name in ("paced", "fastest"):
        each = figures[name]
        told.append(
            f"  {name}: {each['events_per_second']:,} accepted events/s, p50 {each['p50_ms']} ms, p99 "
            f"{each['p99_ms']} ms, {each['refused_requests']} requests refused"
        )
    cpu = figures["cpu_microseconds_per_event"]
    told.append(f"  CPU of an event: {cpu['abmatic']} µs of Abmatic, {cpu['postgres']} µs of Postgres")
    told.append(
        f"  lost: {figures['lost']}; floor (one COPY): {figures['floor_events_per_second']:,} events/s, "
        f"ratio {figures['ratio']}"
    )
    return told
