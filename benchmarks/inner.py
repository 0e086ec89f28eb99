"""Runs a measurement that needs a database in a process of its own, as the worker is one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.org import Org, Unmeasured, served
from benchmarks.surroundings import environment


def measure(folder: Path, org: Org, module: str = "floor") -> dict[str, Any]:
    """The figures that ``benchmarks.MODULE`` prints, over the org and an empty database. Raises `Unmeasured`."""
    data_dir = folder / module
    with served(org) as url:
        settings = environment(ABMATIC_DATA_DIR=str(data_dir), ABMATIC_SALESFORCE_EXTRA_HOSTS=urlsplit(url).netloc)
        done = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{module}", url], env=settings, stdout=subprocess.PIPE, check=False
        )
    if done.returncode:
        raise Unmeasured(f"the {module} could not be measured")
    return dict(json.loads(done.stdout))


def measure_alone(folder: Path, module: str) -> dict[str, Any]:
    """The figures that ``benchmarks.MODULE`` prints, over an empty database and no org. Raises `Unmeasured`."""
    settings = environment(ABMATIC_DATA_DIR=str(folder / module))
    command = [sys.executable, "-m", f"benchmarks.{module}"]
    done = subprocess.run(command, env=settings, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise Unmeasured(f"the {module} could not be measured")
    return dict(json.loads(done.stdout))
