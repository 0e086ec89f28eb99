"""The emulated org that is measured on: generated once, then served to whoever reads it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


class Unmeasured(Exception):
    """A part of the measurement did not work; what it said is above."""


@dataclass(frozen=True, slots=True)
class Org:
    """A generated org and its file, which lies where a demo of this folder looks for it."""

    accounts: int
    seed: int
    file: Path

    @property
    def options(self) -> list[str]:
        return ["--accounts", str(self.accounts), "--seed", str(self.seed)]


def make(folder: Path, accounts: int, seed: int, kept: Path | None) -> Org:
    """Generates the org, or takes a copy of one that was kept."""
    file = folder / "import" / "demo" / "org.sqlite3"
    file.parent.mkdir(parents=True)
    for place in (folder / "import", file.parent):
        place.chmod(0o755)
    store = kept / f"org-{accounts}-{seed}.sqlite3" if kept else None
    org = Org(accounts, seed, file)
    if store and store.exists():
        shutil.copyfile(store, file)
    else:
        print(f"Generating an org of {accounts:,} accounts …", file=sys.stderr)
        with served(org):
            pass
        if store:
            store.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, store)
    return org


@contextmanager
def served(org: Org) -> Iterator[str]:
    """The org's login address, while its emulator runs."""
    program = [sys.executable, "-m", "salesforce_emulator", "--port", "0", "--json-ready"]
    process = subprocess.Popen([*program, "--database", str(org.file), *org.options], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise Unmeasured("the emulator did not start")
        yield json.loads(line)["url"]
    finally:
        process.terminate()
        process.wait(30)
