"""What `abmatic demo --json` prints: what was imported, how long it took, and what it cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from abmatic.cli import bootstrap
from abmatic.postgres.server import probe

if TYPE_CHECKING:
    from abmatic.sync.models import Run

_COUNTED = ("read", "created", "updated", "unchanged", "linked", "deleted", "skipped")


def report(runs: list[Run], worker_pid: int | None) -> dict[str, Any]:
    """One JSON object. Call while the worker still lives.

    ``seconds`` is the import alone, from the first job queued to the last one done; ``worker_peak_memory`` is the
    worker's highest resident size in bytes.
    """
    queued = min(run.queued_at for run in runs)
    finished = max(run.finished_at for run in runs if run.finished_at is not None)
    seconds = (finished - queued).total_seconds()
    records = sum(run.counts.get("read", 0) for run in runs)
    return {
        "objects": {run.sobject: _of_object(run) for run in runs},
        "records": records,
        "seconds": round(seconds, 3),
        "records_per_second": round(records / seconds) if seconds else None,
        "api_calls": sum(run.api_calls for run in runs),
        "worker_peak_memory": _peak_memory(worker_pid) or max(run.peak_memory or 0 for run in runs),
        "postgres": probe(bootstrap.conninfo()).version,
    }


def _of_object(run: Run) -> dict[str, Any]:
    from abmatic.sync.reasons import REASONS

    reasons: dict[str, dict[str, int]] = {"skipped": {}, "invalid": {}, "note": {}}
    for code, times in run.counts.get("reasons", {}).items():
        reasons[REASONS[code].kind if code in REASONS else "note"][code] = times
    seconds = (run.finished_at - run.started_at).total_seconds() if run.finished_at and run.started_at else None
    return {
        **{name: run.counts.get(name, 0) for name in _COUNTED},
        "duplicates": run.counts.get("duplicate", 0),
        "skipped_reasons": reasons["skipped"],
        "invalid_values": reasons["invalid"],
        "notes": reasons["note"],
        "reader": run.reader,
        "seconds": seconds and round(seconds, 3),
        "api_calls": run.api_calls,
    }


def _peak_memory(pid: int | None) -> int | None:
    """A process's highest resident size in bytes, where the kernel tells it (Linux)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    line = next((line for line in status.splitlines() if line.startswith("VmHWM:")), None)
    return int(line.split()[1]) * 1024 if line else None
