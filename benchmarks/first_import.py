"""Runs the product's own first import: `abmatic demo`, on a folder of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from benchmarks.org import Org, Unmeasured
from benchmarks.processes import cpu_seconds, postmaster
from benchmarks.surroundings import environment


def measure(folder: Path, org: Org) -> dict[str, Any]:
    """What the demo reports, with the CPU seconds of worker and Postgres. Raises `Unmeasured`."""
    data_dir = folder / "import"
    program = [sys.executable, "-m", "abmatic.cli", "demo", "--json", "--no-browser", "--port", "0"]
    process = subprocess.Popen(
        [*program, "--emulator-port", "0", *org.options],
        env=environment(ABMATIC_DATA_DIR=str(data_dir)),
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        report: dict[str, Any] = json.loads(line) if line else {"error": "it said nothing"}
        if "error" in report:
            raise Unmeasured(f"the import failed: {report['error']}")
        # Nothing else has happened in these processes: what they cost so far is the import, and starting.
        worker = cpu_seconds(_workers(report["pid"]))
        postgres = cpu_seconds([postmaster(str(data_dir))])
    finally:
        process.terminate()
        process.wait(60)
    return {
        "seconds": report["seconds"],
        "records": report["records"],
        "records_per_second": report["records_per_second"],
        "cpu_seconds": round(worker + postgres, 2),
        "postgres_cpu_seconds": round(postgres, 2),
        "worker_peak_memory": report["worker_peak_memory"],
        "api_calls": report["api_calls"],
        "api_calls_per_1000_records": round(report["api_calls"] / report["records"] * 1000, 2),
        "objects": report["objects"],
        "postgres": report["postgres"],
    }


def _workers(pid: int) -> list[psutil.Process]:
    return [child for child in psutil.Process(pid).children() if "worker" in child.cmdline()]
