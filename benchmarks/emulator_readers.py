"""Several processes that read from an emulated org, alone and while another writes."""

from __future__ import annotations

import multiprocessing
import time
from multiprocessing.synchronize import Event

from benchmarks.emulator_asking import Server

READERS = 3
SECONDS = 5.0
_ROWS = 10_000


def readers_beside_a_writer(server: Server) -> dict[str, float]:
    """Calls a second of all readers together: a page of 200 records each."""
    alone = _read_for(server, writing=False)
    beside = _read_for(server, writing=True)
    return {"readers": READERS, "calls_a_second_alone": alone, "calls_a_second_beside": beside}


def _read_for(server: Server, *, writing: bool) -> float:
    ids = server.ids("Account", _ROWS) if writing else []
    context = multiprocessing.get_context("spawn")
    stop, counts = context.Event(), context.Queue()
    readers = [
        context.Process(target=_read, args=(server.url, server.headers, stop, counts), daemon=True)
        for _ in range(READERS)
    ]
    for reader in readers:
        reader.start()
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        if writing:
            rows = "".join(f"{record_id},{n % 900 + 1}\n" for n, record_id in enumerate(ids))
            server.ingest("Account", "update", f"Id,NumberOfEmployees\n{rows}")
        else:
            time.sleep(0.1)
    stop.set()
    rate = sum(counts.get(timeout=60) for _ in readers)
    for reader in readers:
        reader.join(60)
    return float(rate)


def _read(url: str, headers: dict[str, str], stop: Event, counts: multiprocessing.Queue[float]) -> None:
    """Read until told to stop; then say how many calls a second that were."""
    server = Server(url, headers)
    path = server.query_path("SELECT Id, Name, Website FROM Account LIMIT 200")
    calls, began = 0, time.perf_counter()
    while not stop.is_set():
        server.get(path)
        calls += 1
    counts.put(calls / (time.perf_counter() - began))
