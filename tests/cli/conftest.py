"""Installations for these tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.processes import Installation

from abmatic.postgres.embedded import EmbeddedServer


@pytest.fixture
def installation(tmp_path: Path, migrated_database: str) -> Iterator[Installation]:
    """A data folder of its own, and a database of this release in the run's server."""
    made = Installation(tmp_path / "data", migrated_database)
    yield made
    made.end()


@pytest.fixture
def new_installation(tmp_path: Path, database: str) -> Iterator[Installation]:
    """A data folder of its own, and an empty database in the run's server."""
    made = Installation(tmp_path / "data", database)
    yield made
    made.end()


@pytest.fixture
def embedded_installation(open_dir: Path) -> Iterator[Installation]:
    """One with the embedded database, as people have who set nothing."""
    made = Installation(open_dir / "data", None)
    yield made
    made.end()
    EmbeddedServer(made.data_dir).remove()
