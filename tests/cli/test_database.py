"""`abmatic database` looks after the embedded database."""

from __future__ import annotations

import json
import signal

import psycopg
import pytest
from tests.cli.processes import Installation

pytestmark = pytest.mark.server


def test_status_before_and_after_the_first_start(embedded_installation: Installation) -> None:
    assert "There is no database yet" in embedded_installation.run("database", "status").stdout
    assert embedded_installation.run("migrate").returncode == 0
    status = json.loads(embedded_installation.run("database", "status", "--json").stdout)
    assert (status["running"], status["version"], status["pid"]) == (False, "18", None)


def test_run_keeps_it_up_for_psql(embedded_installation: Installation) -> None:
    process = embedded_installation.start("database", "run")
    assert process.stdout is not None
    assert "The database is up" in process.stdout.readline()
    status = json.loads(embedded_installation.run("database", "status", "--json").stdout)
    psycopg.connect(status["conninfo"]).close()
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert embedded_installation.run("database", "stop").stdout == "It wasn't running.\n"


def test_remove_wants_to_be_sure(embedded_installation: Installation) -> None:
    assert embedded_installation.run("migrate").returncode == 0
    assert embedded_installation.run("database", "remove").returncode == 1
    assert (embedded_installation.data_dir / "postgres").exists()
    assert embedded_installation.run("database", "remove", "--yes").stdout == "Removed.\n"
    assert not (embedded_installation.data_dir / "postgres").exists()


def test_what_a_running_abmatic_uses_is_not_removed(embedded_installation: Installation) -> None:
    _, ready = embedded_installation.up()
    before = json.loads(embedded_installation.run("database", "status", "--json").stdout)
    done = embedded_installation.run("database", "remove", "--yes")
    assert done.returncode == 3
    assert f"Abmatic runs already at {ready['url']}" in done.stderr
    assert json.loads(embedded_installation.run("database", "status", "--json").stdout) == before


def test_other_peoples_server_is_left_alone(installation: Installation) -> None:
    done = installation.run("database", "remove", "--yes")
    assert done.returncode == 3
    assert "DATABASE_URL names another server" in done.stderr
