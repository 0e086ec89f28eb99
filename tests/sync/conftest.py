"""Orgs for the tests that go over the wire."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.sync.live import Orgs


@pytest.fixture(scope="session")
def org_templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("orgs")


@pytest.fixture
def orgs(tmp_path: Path, org_templates: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Orgs]:
    serving = Orgs(tmp_path, org_templates, settings, monkeypatch)
    yield serving
    serving.close()
