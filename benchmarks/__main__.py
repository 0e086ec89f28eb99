"""Measures the first import end to end: the emulator, a worker and the embedded database as real processes.

Prints one JSON object per size: records, seconds, records a second, API calls and the worker's peak memory. The floor
(the same CSV fetched, copied and inserted typed) is not measured here yet, so these figures say nothing of a ratio.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys


def main() -> int:
    """Runs the demo once per size, without staying. Answers its exit code where one fails."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--accounts", type=int, nargs="+", default=[10_000, 200_000], help="sizes of the generated org")
    for accounts in parser.parse_args().accounts:
        done = subprocess.run(
            [sys.executable, "-m", "abmatic.cli", "demo", "--once", "--json", "--accounts", str(accounts)],
            stdout=subprocess.PIPE,
            check=False,
        )
        if done.returncode:
            sys.stdout.buffer.write(done.stdout)
            return done.returncode
        result = json.loads(done.stdout)
        result = {"accounts": accounts, "records_per_second": round(result["records"] / result["seconds"]), **result}
        sys.stdout.write(json.dumps(result) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
