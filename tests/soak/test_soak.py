"""A short soak: deaths at some thirty points, in an episode of everything and in a first import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.server


@pytest.mark.parametrize(("episode", "points"), [(1, 20), (3, 12)], ids=["both ways", "first import"])
def test_killed_at_any_point_nothing_is_lost_and_nothing_twice(episode: int, points: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak", "--seed", "1", "--episode", str(episode), "--points", str(points)],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{points} deaths" in done.stdout
