"""`make soak`: kills the worker, the web process and Postgres at a thousand points of a scripted life, and compares.

Each episode has a script of its own: an org is copied, people edit, make, delete, merge and convert on both sides, and
everything is synchronised, several times over; the last run is undone. It is lived twice, undisturbed and with
deaths, and both lives must come to the same: what there is on either side, what was written to Salesforce, what runs
count and say; and to what SYNC.md's plain statement says of each record. An idle sync in the end writes nothing.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path


def main() -> int:
    """Exit code 1 where a life went wrong; what it was and how to see it again is printed."""
    parser = argparse.ArgumentParser(
        prog="make soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", type=int, default=1000, help="deaths in all (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="what the scripts and the deaths are drawn from")
    parser.add_argument("--episode", type=int, help="only this one, as a failure names it")
    parser.add_argument("--accounts", type=int, default=40, help="size of the org (default: %(default)s)")
    parser.add_argument("--most", type=int, default=90, help="deaths in one episode at most (default: %(default)s)")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="abmatic-soak-"))
    # Root's Postgres runs as another account, which must get in.
    folder.chmod(0o755)
    for name in [name for name in os.environ if name.startswith(("ABMATIC_", "DATABASE_URL"))]:
        del os.environ[name]
    os.environ |= {
        "ABMATIC_DATA_DIR": str(folder / "data"), "ABMATIC_LOG_LEVEL": "ERROR",
        "DJANGO_SETTINGS_MODULE": "abmatic.config.settings",
    }  # fmt: skip
    try:
        return _soak(arguments, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _soak(arguments: argparse.Namespace, folder: Path) -> int:
    import django

    django.setup()
    from tests.soak.episodes import Episodes, Failed

    began, struck, left = time.monotonic(), Counter[str](), arguments.points
    number = 0 if arguments.episode is None else arguments.episode
    with Episodes(folder, arguments.accounts) as episodes:
        while left > 0:
            # Of an episode that is repeated, all is drawn as it was: how many deaths were left by then, too.
            most = min(left, arguments.most) if arguments.episode is None else arguments.points
            try:
                deaths = episodes.live(arguments.seed, number, most)
            except Failed as failure:
                print(failure, file=sys.stderr)
                print(
                    f'\nSee it again: make soak ARGS="--seed {arguments.seed} --episode {number} --points {most} '
                    f'--accounts {arguments.accounts}"',
                    file=sys.stderr,
                )
                return 1
            left -= sum(deaths.values())
            struck += deaths
            print(f"episode {number}: {sum(deaths.values())} deaths, {max(left, 0)} left", flush=True)
            number += 1
            if arguments.episode is not None:
                break
    for place, times in sorted(struck.items()):
        print(f"{times:6}  {place}")
    print(f"{struck.total()} deaths in {time.monotonic() - began:.0f} s, and nothing lost, nothing twice.")
    return 0


if __name__ == "__main__":
    random.seed(0)
    sys.exit(main())
