"""Makes sure that there is a Chromium for the tests; says where it is. Run by `make browser` after the install.

In this order: the one named in CHROMIUM; the system's; Debian's package, installed for root, and for others unpacked
into the virtual environment with the libraries that the system lacks; Playwright's own download.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from install import PYTHON, VENV

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ON_MACOS = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
OWN = VENV / "browser" / "chromium"
LAUNCHER = """\
#!/bin/sh
# Not setuid, as it was unpacked by an ordinary user: its sandbox can't work. The tests open pages of ours alone.
root=$(dirname "$0")/root
LD_LIBRARY_PATH=$(find "$root/usr/lib" "$root/lib" -maxdepth 1 -type d -name '*-linux-gnu*' 2>/dev/null | tr '\\n' ':')
export LD_LIBRARY_PATH
exec "$root/usr/lib/chromium/chromium" --no-sandbox "$@"
"""


def main() -> None:
    for find in (_named, _system, _unpacked, _installed, _unpacked_now, _from_playwright):
        name = find()
        if name is not None:
            print(f"· The tests drive {name}")
            return
    sys.exit(
        "There is no Chromium for the tests, and none could be installed. Install one (Debian: apt install chromium; "
        "macOS: Google Chrome), or name it: make test CHROMIUM=/path/to/chromium"
    )


def found() -> str | None:
    """The one that is there already; None for Playwright's own."""
    return _named() or _system() or _unpacked()


def _named() -> str | None:
    name = os.environ.get("CHROMIUM")
    if name is None:
        return None
    if not _works(name):
        sys.exit(f"CHROMIUM names {name}, which doesn't start.")
    return name


def _system() -> str | None:
    places = [*filter(None, map(shutil.which, NAMES)), str(ON_MACOS)]
    return next(filter(_works, places), None)


def _unpacked() -> str | None:
    return str(OWN) if _works(str(OWN)) else None


def _installed() -> str | None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return None
    print("· Installing Debian's chromium …", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):
        command = ["apt-get", "-q", *arguments]
        if subprocess.run(command, env=quiet, stdout=subprocess.DEVNULL, check=False).returncode != 0:
            return None
    return _system()


def _unpacked_now() -> str | None:
    """Debian's package without root: apt with lists and a cache of our own, packages unpacked and not installed."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        return None
    print("· Unpacking Debian's chromium into .venv …", flush=True)
    folder = OWN.parent
    shutil.rmtree(folder, ignore_errors=True)
    work, root = folder / "apt", folder / "root"
    for needed in (work / "lists" / "partial", work / "archives" / "partial", root):
        needed.mkdir(parents=True)
    apt = ["apt-get", "-q", "-o", "Debug::NoLocking=1", "-o", f"Dir::State::lists={work}/lists"]
    apt += ["-o", f"Dir::Cache={work}", "-o", "APT::Sandbox::User="]
    if subprocess.run([*apt, "update"], stdout=subprocess.DEVNULL, check=False).returncode != 0:
        return None
    plan = subprocess.run(
        [*apt, "--simulate", "--no-install-recommends", "install", "chromium"],
        capture_output=True,
        text=True,
        check=False,
    )
    packages = re.findall(r"^Inst (\S+)", plan.stdout, re.MULTILINE)
    if not packages:
        return None
    subprocess.run([*apt, "download", *packages], cwd=work, stdout=subprocess.DEVNULL, check=False)
    for package in work.glob("*.deb"):
        subprocess.run(["dpkg-deb", "--extract", package, root], check=True)
    shutil.rmtree(work)
    OWN.write_text(LAUNCHER, encoding="utf-8")
    OWN.chmod(0o755)
    return _unpacked()


def _from_playwright() -> str | None:
    print("· Asking Playwright to download its Chromium …", flush=True)
    done = subprocess.run([PYTHON, "-m", "playwright", "install", "chromium-headless-shell"], check=False)
    return "Playwright's own Chromium" if done.returncode == 0 else None


def _works(program: str) -> bool:
    try:
        return subprocess.run([program, "--version"], capture_output=True, timeout=60, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


if __name__ == "__main__":
    main()
