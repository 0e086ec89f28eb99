"""Installs the Salesforce clients that the emulator is tested with, others' and not ours: run by `make clients`.

Their packages may want other versions than ours do, so they get an environment of their own in `.venv/clients`: one for
Python, and the packages for Node beside it. Only a change of the pins, or a new `.venv`, makes it do anything.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from install import PYTHON, ROOT, VENV, environment_for, file_hash, wheel_npm

CLIENTS = VENV / "clients"
NOTE = CLIENTS / "installed.json"
PYTHON_PINS = ROOT / "requirements" / "clients.txt"
NODE_PINS = ROOT / "tests" / "salesforce_emulator" / "clients"
NODE_FILES = ("package.json", "package-lock.json", ".npmrc")


def main() -> None:
    wanted = {
        "python": file_hash(PYTHON_PINS),
        "node": file_hash(*(NODE_PINS / name for name in NODE_FILES)),
    }
    try:
        done = json.loads(NOTE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        done = {}
    if done == wanted:
        return
    print("· Installing the Salesforce clients that the emulator is tested with …", file=sys.stderr, flush=True)
    NOTE.unlink(missing_ok=True)
    # Side by side: each waits for the network most of the time.
    with ThreadPoolExecutor() as pool:
        parts = {"python": _install_for_python, "node": _install_for_node}
        running = [pool.submit(install) for part, install in parts.items() if done.get(part) != wanted[part]]
    if failures := [failure for one in running if (failure := one.result())]:
        sys.exit("The clients couldn't be installed; is there a connection? " + "; ".join(failures))
    NOTE.write_text(json.dumps(wanted, indent=2) + "\n", encoding="utf-8")


def _install_for_python() -> str:
    """A virtual environment without a pip of its own: ours installs into it. Returns what failed."""
    pip = [PYTHON, "-m", "pip", "--python", CLIENTS / "python" / "bin" / "python", "install", "--quiet", "--no-input"]
    return _run([PYTHON, "-m", "venv", "--clear", "--without-pip", CLIENTS / "python"]) or _run(
        [*pip, "--disable-pip-version-check", "--require-hashes", "-r", PYTHON_PINS]
    )


def _install_for_node() -> str:
    """With the Node that dev.txt pins, and not the machine's: they need a newer one than many machines have."""
    folder = CLIENTS / "node"
    folder.mkdir(parents=True, exist_ok=True)
    for name in NODE_FILES:
        shutil.copy(NODE_PINS / name, folder)
    npm = wheel_npm()
    if npm is None:
        return "there is no Node in .venv, where make install-dev puts it"
    return _run([*npm, "ci", "--ignore-scripts", "--silent", "--prefer-offline"], folder, environment_for(npm))


def _run(command: list[str | Path], folder: Path = ROOT, environment: dict[str, str] | None = None) -> str:
    quiet = {**(environment or os.environ), "PIP_ROOT_USER_ACTION": "ignore"}
    done = subprocess.run(command, cwd=folder, env=quiet, stdout=sys.stderr, check=False)
    return "" if done.returncode == 0 else " ".join(map(str, command))


if __name__ == "__main__":
    main()
