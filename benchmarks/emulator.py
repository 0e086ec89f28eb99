"""What the emulated org itself costs: how fast it answers, beside a floor where there is one.

Its parts are asked one after another, each several times, over loopback and by plain HTTP, so that little of what is
measured is the asking.  Seconds depend on who else uses the machine; CPU seconds, of the server alone, hardly do.
The best of the tries is told, for both.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks import org
from benchmarks.emulator_asking import Server, asking
from benchmarks.emulator_floor import file_served
from benchmarks.emulator_readers import readers_beside_a_writer

FIELDS = (
    "Id, Name, Type, Industry, AnnualRevenue, NumberOfEmployees, Website, Phone, OwnerId, ParentId, Description, "
    "BillingStreet, BillingCity, BillingState, BillingPostalCode, BillingCountry, AccountSource, Rating, IsDeleted, "
    "CreatedDate, LastModifiedDate, SystemModstamp"
)
NARROW = "Id, Name, Website, SystemModstamp"
INGESTED = 100_000
_TRIES = 3

Figures = dict[str, Any]
"""Seconds, bytes, records by name."""


def measure(folder: Path, made: org.Org) -> Figures:
    """Every part, as a JSON object. Raises `Unmeasured`."""
    with asking(made) as server:
        exported = _export(server, folder / "result")
        figures: Figures = {
            "accounts": made.accounts,
            "bulk_query": exported,
            "page": _pages(server),
            "readers": readers_beside_a_writer(server),
            "ingest": _ingest(server),
        }
        figures["peak_memory"] = server.peak_memory()
    figures["ingest"]["floor_cpu_seconds"] = _plain_updates(folder, made.file, figures["ingest"]["rows"])
    return figures


def _best(tries: list[Figures]) -> Figures:
    """Of each figure the smallest."""
    return {name: min(each[name] for each in tries) for name in tries[0]}


# -- Bulk query


def _export(server: Server, file: Path) -> Figures:
    """A query job over all accounts, and its result read whole: as it is, packed, and beside a file sent as such."""
    with server.costing() as making:
        job = server.run_query_job(f"SELECT {FIELDS} FROM Account")
    records = job["numberRecordsProcessed"]
    before = server.memory()
    plain = [server.read_result(job["id"], records, "identity") for _ in range(_TRIES)]
    packed = [server.read_result(job["id"], records, "gzip") for _ in range(_TRIES)]
    size = plain[0]["bytes"]
    with file.open("wb") as opened:
        opened.truncate(int(size))
    with file_served(file) as url:
        bare = Server(url, {})
        floor = [bare.read("/", {}) for _ in range(_TRIES)]
    return {
        "records": records,
        "bytes": size,
        "job": {"seconds": making.seconds, "cpu_microseconds_a_record": making.cpu / max(1, records) * 1e6},
        "result": _best(plain),
        "result_gzip": _best(packed),
        "floor": _best(floor),
        "memory_grown": max(0, server.memory() - before),
    }


# -- REST pages


def _pages(server: Server) -> Figures:
    def _timed(path: str) -> tuple[Figures, Any]:
        with server.costing() as cost:
            page = server.get(path)
        return {"seconds": cost.seconds, "cpu_seconds": cost.cpu}, page

    first, following, rows = [], [], 0
    for _ in range(_TRIES):
        figures, page = _timed(server.query_path(f"SELECT {NARROW} FROM Account"))
        first.append(figures)
        rows = len(page["records"])
        if "nextRecordsUrl" in page:
            following.append(_timed(page["nextRecordsUrl"])[0])
    limited = [_timed(server.query_path(f"SELECT {NARROW} FROM Account LIMIT 2000"))[0] for _ in range(_TRIES)]
    return {
        "rows": rows,
        "first": _best(first),
        "next": _best(following) if following else None,
        "limited": _best(limited),
    }


# -- ingest


def _ingest(server: Server) -> Figures:
    ids = server.ids("Account", INGESTED)
    tries = []
    for turn in range(_TRIES):
        lines = [f"{record_id},+1 555 {turn}{n:06d},{n % 900 + 1}\n" for n, record_id in enumerate(ids)]
        with server.costing() as cost:
            job = server.ingest("Account", "update", "Id,Phone,NumberOfEmployees\n" + "".join(lines))
        if job["numberRecordsFailed"]:
            raise org.Unmeasured(f"{job['numberRecordsFailed']:,} rows of the ingest job failed")
        tries.append({"seconds": cost.seconds, "cpu_seconds": cost.cpu})
    return {"rows": len(ids), **_best(tries)}


def _plain_updates(folder: Path, file: Path, rows: int) -> float:
    """CPU seconds of the same updates by SQLite alone, on the same file."""

    def update(turn: int) -> float:
        with closing(sqlite3.connect(file)) as conn:
            conn.execute("PRAGMA synchronous = OFF")
            ids = [r[0] for r in conn.execute('SELECT "Id" FROM "Account" WHERE "IsDeleted" = 0 LIMIT ?', (rows,))]
            values = [
                (f"+1 556 {turn}{n:06d}", n % 900, f"2027-01-01T00:00:0{turn}.000Z", i) for n, i in enumerate(ids)
            ]
            began = time.process_time()
            sql = 'UPDATE "Account" SET "Phone" = ?, "NumberOfEmployees" = ?, "SystemModstamp" = ? WHERE "Id" = ?'
            with conn:
                conn.executemany(sql, values)
            return time.process_time() - began

    return min(update(turn) for turn in range(_TRIES))


# -- telling

_Line = tuple[str, str, str, str]


def lines(figures: Figures) -> list[str]:
    """The figures as a table."""
    told: list[_Line] = [("the emulator", "seconds", "its CPU", "beside"), *_told(figures)]
    widths = [max(len(line[column]) for line in told) for column in range(4)]
    return ["  ".join((what.ljust(widths[0]), *(text.rjust(w) for text, w in zip(rest, widths[1:], strict=True))))
            for what, *rest in told]  # fmt: skip


def _timed(what: str, part: Figures, beside: str) -> _Line:
    return what, f"{part['seconds']:.3f}", f"{part['cpu_seconds']:.3f}", beside


def _told(figures: Figures) -> list[_Line]:
    bulk, page, ingest, readers = figures["bulk_query"], figures["page"], figures["ingest"], figures["readers"]
    job = bulk["job"]

    def rate(part: Figures) -> str:
        return f"{bulk['bytes'] / part['seconds'] / 1e6:,.0f} MB/s"

    per_record = f"{job['cpu_microseconds_a_record']:.1f} us/record"
    found = [
        (f"Bulk query of {bulk['records']:,} accounts", f"{job['seconds']:.1f}", per_record, ""),
        _timed("its result, first byte", {**bulk["result"], "seconds": bulk["result"]["first_byte"]}, ""),
        _timed(f"its result, {bulk['bytes'] / 1e6:,.0f} MB", bulk["result"],
              f"{rate(bulk['result'])}; a file as such {rate(bulk['floor'])}"),
        _timed("its result as gzip", bulk["result_gzip"], rate(bulk["result_gzip"])),
        _timed(f"REST: first page of {page['rows']:,} rows of all", page["first"], ""),
        _timed("REST: 2,000 rows at most", page["limited"], ""),
        _timed(f"ingest of {ingest['rows']:,} updates", ingest, f"SQLite alone {ingest['floor_cpu_seconds']:.2f} CPU"),
        (f"{readers['readers']} processes read alone", "", "", f"{readers['calls_a_second_alone']:,.0f} calls/s"),
        ("… while one writes", "", "", f"{readers['calls_a_second_beside']:,.0f} calls/s"),
        ("peak memory of the server", "", "", f"{figures['peak_memory'] / 2**20:,.0f} MiB"),
    ]  # fmt: skip
    if page["next"] is not None:
        found.insert(5, _timed("REST: next page", page["next"], ""))
    return found
