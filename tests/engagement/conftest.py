"""A company database that says what a test wants."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

Database = Callable[[dict[str, dict[str, Any]]], None]


def written(path: Path, entries: dict[str, dict[str, Any]], kind: str = "Test-Company") -> Path:
    """A company database."""
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type=kind)
    for network, record in entries.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(path))
    return path


@pytest.fixture
def database(tmp_path: Path, settings: Any) -> Database:
    """Sets up a company database of networks and what is said of them; each call another."""
    path, calls = tmp_path / "companies.mmdb", []

    def set_up(entries: dict[str, dict[str, Any]]) -> None:
        calls.append(entries)
        written(path, entries, f"Test-Company-{len(calls)}")
        os.utime(path, ns=(len(calls), len(calls)))
        settings.ENVIRONMENT = replace(settings.ENVIRONMENT, company_database=path)

    return set_up
