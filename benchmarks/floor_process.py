"""Runs the floor in a process of its own, as the worker is one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.org import Org, Unmeasured, served


def measure(folder: Path, org: Org) -> dict[str, Any]:
    """The floor's figures. Raises `Unmeasured`."""
    data_dir = folder / "floor"
    with served(org) as url:
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("ABMATIC_") and not name.startswith("DATABASE_URL")
        } | {
            "ABMATIC_DATA_DIR": str(data_dir),
            "ABMATIC_SALESFORCE_EXTRA_HOSTS": urlsplit(url).netloc,
        }
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.floor", url], env=environment, stdout=subprocess.PIPE, check=False
        )
    if done.returncode:
        raise Unmeasured("the floor could not be measured")
    return dict(json.loads(done.stdout))
