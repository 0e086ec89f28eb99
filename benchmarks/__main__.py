"""Measures the first import end to end, beside its floor, in one run: `make bench`.

For each size an emulated org is generated, and then read twice by the same client:

floor   the CSV of every object is fetched, copied, and inserted typed under two unique indexes (`floor.py`)
import  `abmatic demo`: the product as it is, with worker, web server and embedded database, on an empty folder

Both have a fresh embedded database of their own. Rates depend on the machine; their ratio hardly does. CPU seconds are
those of the reading process and of Postgres together, without the emulator's.

Then, on the largest org, what a day costs after the first import (`everyday.py`), with the plans of the slowest
statements; how long the server needs for each page (`pages.py`); and the import of an org of that size with one record
in a hundred broken (`bad_rows.py`). And the emulator by itself, on the largest org (`emulator.py`): how fast it
exports, answers and takes in. Then imports of CSV files
(`csv_files.py`). The collector of web events (`collector.py`), attribution (`attribution.py`) and engagement
(`engagement.py`). Last, how soon a page knows what it shows (`personalisation.py`).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import (
    attribution,
    bad_org,
    collector,
    csv_files,
    emulator,
    engagement,
    first_import,
    inner,
    org,
    pages,
    personalisation,
)

SIZES = [12_500, 200_000, 1_000_000]


def main() -> int:
    """Prints a table, or one JSON object per size. Exit code 1 when something could not be measured."""
    parser = argparse.ArgumentParser(
        prog="make bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--accounts", type=int, nargs="+", default=SIZES, help="sizes of the org (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="what the orgs are generated from (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="one JSON object per size instead of a table")
    parser.add_argument("--org", type=Path, help="keep a generated org in this folder, and use it where it is there")
    parser.add_argument("--only", choices=tuple(_SECTIONS), help="only this section")
    arguments = parser.parse_args()
    try:
        for name, section in _SECTIONS.items():
            if arguments.only in (None, name):
                section(arguments)
    except org.Unmeasured as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _imports(arguments: argparse.Namespace) -> None:
    if not arguments.json:
        print(_HEAD)
    for accounts in arguments.accounts:
        try:
            result = measure(accounts, arguments.seed, arguments.org)
        except org.Unmeasured as error:
            raise org.Unmeasured(f"{accounts:,} accounts: {error}") from error
        print(json.dumps(result) if arguments.json else _line(result), flush=True)


def _everyday(arguments: argparse.Namespace) -> None:
    """A day after the first import, on the largest of the orgs."""
    with _largest(arguments) as (folder, made):
        figures = inner.measure(folder, made, "everyday")
    print(json.dumps({"everyday": figures}) if arguments.json else "\n".join(_everyday_lines(figures)), flush=True)


def _everyday_lines(figures: dict[str, Any]) -> list[str]:
    lines = ["", "a day after the first import"]
    lines += [
        f"  idle run of {name}: {part['seconds']:.2f} s, {part['calls']} calls"
        for name, part in figures["idle"].items()
    ]
    for name in ("incremental", "push", "undo"):
        part = figures[name]
        done = max(part["records"], part.get("pushed", 0))
        lines.append(
            f"  {name}: {done:,} records in {part['seconds']:.2f} s, {part['calls']} calls; "
            f"floor {part['floor_seconds']:.2f} s, ratio {part['ratio']:.2f}"
        )
    lines.append(f"  preview of the incremental run: {figures['incremental']['preview_ratio']:.2f} of the run's time")
    for scenario, plans in figures["plans"].items():
        for plan in plans:
            lines += ["", f"{scenario}: {plan['seconds']:.3f} s, {plan['rows']:,} rows: {plan['statement'][:300]}"]
            lines += [f"    {line}" for line in plan["plan"]]
    return lines


def _pages(arguments: argparse.Namespace) -> None:
    """The pages, over the largest of the orgs."""
    with _largest(arguments) as (folder, made):
        figures = inner.measure(folder, made, "pages")
    print(json.dumps({"pages": figures}) if arguments.json else "\n".join(pages.lines(figures)), flush=True)


def _emulator(arguments: argparse.Namespace) -> None:
    """The emulator by itself, on the largest of the orgs."""
    with _largest(arguments) as (folder, made):
        figures = emulator.measure(folder, made)
    print(json.dumps({"emulator": figures}) if arguments.json else "\n".join(emulator.lines(figures)), flush=True)


def _collector(arguments: argparse.Namespace) -> None:
    """The collector of web events, on an installation of its own."""
    with tempfile.TemporaryDirectory(prefix="abmatic-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        figures = collector.measure(folder)
    print(json.dumps({"collector": figures}) if arguments.json else "\n".join(collector.lines(figures)), flush=True)


def _personalisation(arguments: argparse.Namespace) -> None:
    """What a page is answered that asks what it shows, on an installation of its own."""
    with tempfile.TemporaryDirectory(prefix="abmatic-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        figures = personalisation.measure(folder)
    told = json.dumps({"personalisation": figures}) if arguments.json else "\n".join(personalisation.lines(figures))
    print(told, flush=True)


@contextmanager
def _largest(arguments: argparse.Namespace) -> Iterator[tuple[Path, org.Org]]:
    with tempfile.TemporaryDirectory(prefix="abmatic-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder, org.make(folder, max(arguments.accounts), arguments.seed, arguments.org)


def _bad_rows(arguments: argparse.Namespace) -> None:
    """As many accounts as the largest of the orgs has, one in a hundred of them broken."""
    accounts = max(arguments.accounts)
    with tempfile.TemporaryDirectory(prefix="abmatic-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        made = org.Org(accounts, arguments.seed, folder / "org.sqlite3")
        bad_org.make(made.file, accounts)
        figures = inner.measure(folder, made, "bad_rows")
    if arguments.json:
        print(json.dumps({"bad rows": figures}), flush=True)
        return
    pull, push = figures["pull"], figures["push"]
    print(
        f"\none in a hundred broken\n  import: {pull['arrived']:,} of {pull['records']:,} arrived, {pull['listed']:,} "
        f"listed, {pull['seconds']:.1f} s, peak {pull['peak_memory'] / 2**20:.0f} MiB\n  push: {push['made']:,} made, "
        f"{push['listed']:,} listed, {push['seconds']:.1f} s, peak {push['peak_memory'] / 2**20:.0f} MiB",
        flush=True,
    )


def _csv(arguments: argparse.Namespace) -> None:
    """Files with as many contacts as the orgs have accounts."""
    for rows in arguments.accounts:
        figures = csv_files.measure(rows)
        print(json.dumps({"csv": figures}) if arguments.json else "\n".join(csv_files.lines(figures)), flush=True)


def _attribution(arguments: argparse.Namespace) -> None:
    """A hundred thousand deals and a million touches; no org is needed."""
    with tempfile.TemporaryDirectory(prefix="abmatic-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        figures = inner.measure_alone(folder, "attribution")
    print(json.dumps({"attribution": figures}) if arguments.json else "\n".join(attribution.lines(figures)), flush=True)


def _engagement(arguments: argparse.Namespace) -> None:
    """Ten million web events; no org is needed."""
    with tempfile.TemporaryDirectory(prefix="abmatic-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        figures = inner.measure_alone(folder, "engagement")
    print(json.dumps({"engagement": figures}) if arguments.json else "\n".join(engagement.lines(figures)), flush=True)


_SECTIONS = {
    "import": _imports, "everyday": _everyday, "pages": _pages, "bad-rows": _bad_rows, "emulator": _emulator,
    "csv": _csv,
    "collector": _collector,
    "attribution": _attribution,
    "engagement": _engagement,
    "personalisation": _personalisation,
}  # fmt: skip


def measure(accounts: int, seed: int, kept: Path | None) -> dict[str, Any]:
    """One size, as a JSON object. Seconds, bytes, records. Raises `Unmeasured`."""
    with tempfile.TemporaryDirectory(prefix="abmatic-bench-") as name:
        folder = Path(name)
        # Root's Postgres runs as another account, which must get in.
        folder.chmod(0o755)
        made = org.make(folder, accounts, seed, kept)
        floor = inner.measure(folder, made)
        done = first_import.measure(folder, made)
    if floor["records"] != done["records"]:
        raise org.Unmeasured(f"the floor read {floor['records']:,} records, the import {done['records']:,}")
    return {
        "accounts": accounts,
        "records": done["records"],
        "ratio": round(done["records_per_second"] / floor["records_per_second"], 3),
        "import": done,
        "floor": floor,
    }


_COLUMNS = (10, 10, 9, 10, 10, 6, 11, 11, 9, 9)
_HEAD = "  ".join(
    title.rjust(width)
    for title, width in zip(
        (
            "accounts", "records", "seconds", "records/s", "floor's", "ratio",
            "CPU us/rec", "floor's", "MiB peak", "API calls",
        ),
        _COLUMNS,
        strict=True,
    )
)  # fmt: skip


def _line(result: dict[str, Any]) -> str:
    done, floor, records = result["import"], result["floor"], result["records"]
    said = (
        f"{result['accounts']:,}", f"{records:,}", f"{done['seconds']:.1f}", f"{done['records_per_second']:,}",
        f"{floor['records_per_second']:,}", f"{result['ratio']:.2f}", f"{done['cpu_seconds'] / records * 1e6:.0f}",
        f"{floor['cpu_seconds'] / records * 1e6:.0f}", f"{done['worker_peak_memory'] / 2**20:.0f}",
        f"{done['api_calls']:,}",
    )  # fmt: skip
    return "  ".join(text.rjust(width) for text, width in zip(said, _COLUMNS, strict=True))


if __name__ == "__main__":
    sys.exit(main())
