"""`abmatic doctor` names what is wrong and what to do about it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.cli.processes import Installation, wait_until

pytestmark = pytest.mark.server


def _checks(installation: Installation, **changes: str) -> tuple[int, dict[str, dict[str, Any]]]:
    done = installation.run("doctor", "--json", **changes)
    report = json.loads(done.stdout)
    assert report["ok"] == (done.returncode == 0)
    for line in report["checks"]:
        assert line["state"] == "ok" or line["remedy"], f"{line} has no remedy"
    return done.returncode, {line["name"]: line for line in report["checks"]}


def test_healthy_installation(installation: Installation) -> None:
    process, _ = installation.up()
    wait_until(lambda: installation.query("SELECT 1 FROM procrastinate_workers"))
    code, checks = _checks(installation)
    assert code == 0
    assert {name: line["state"] for name, line in checks.items()} == {
        "Python": "ok",
        "Packages": "ok",
        "Encryption key": "ok",
        "Database": "ok",
        "Migrations": "ok",
        "Worker": "ok",
        "Schedule": "ok",
        "Size": "ok",
        "Salesforce": "warn",
    }
    assert "changes" in checks["Size"]["detail"]
    assert "PostgreSQL" in checks["Database"]["detail"]
    assert process.poll() is None


def test_text_shows_remedies(new_installation: Installation) -> None:
    done = new_installation.run("doctor")
    assert done.returncode == 1
    assert "fail  Migrations:" in done.stdout
    assert "→ Run `abmatic migrate`" in done.stdout


def test_no_worker_matters_when_jobs_wait(installation: Installation) -> None:
    code, checks = _checks(installation)
    assert (code, checks["Worker"]["state"]) == (0, "warn")
    installation.query(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, args) VALUES ('sync', 'x', '{}') RETURNING id"
    )
    code, checks = _checks(installation)
    assert (code, checks["Worker"]["state"]) == (1, "fail")


def test_database_that_was_never_made(embedded_installation: Installation) -> None:
    code, checks = _checks(embedded_installation)
    assert (code, checks["Database"]["state"]) == (1, "fail")
    assert not (embedded_installation.data_dir / "postgres").exists()


def test_embedded_database_is_started_for_the_check_and_stopped_after(embedded_installation: Installation) -> None:
    assert embedded_installation.run("migrate").returncode == 0
    code, checks = _checks(embedded_installation)
    assert code == 0
    assert "embedded" in checks["Database"]["detail"]
    assert checks["Disk"]["state"] == "ok"
    assert "not running" in embedded_installation.run("database", "status").stdout


def test_unreachable_database(installation: Installation) -> None:
    installation.database_url = "postgresql://app:hunter2@127.0.0.1:1/app"
    code, checks = _checks(installation)
    assert (code, checks["Database"]["state"]) == (1, "fail")
    assert "hunter2" not in json.dumps(checks)


def test_key_that_others_can_read(installation: Installation) -> None:
    installation.run("database", "status")  # makes the keys
    (installation.data_dir / "encryption.key").chmod(0o644)
    _, checks = _checks(installation)
    assert checks["Encryption key"]["state"] == "warn"
    assert "chmod 600" in checks["Encryption key"]["remedy"]


def test_wrong_setting(installation: Installation) -> None:
    code, checks = _checks(installation, ABMATIC_DEBUG="perhaps")
    assert (code, checks["Settings"]["state"]) == (1, "fail")


def test_a_company_database_that_is_none(installation: Installation) -> None:
    file = installation.data_dir.parent / "companies.mmdb"
    file.write_text("no database")
    code, checks = _checks(installation, ABMATIC_COMPANY_DATABASE=str(file))
    assert (code, checks["Company database"]["state"]) == (0, "warn")
    assert "can't be read" in checks["Company database"]["detail"]
    assert "MaxMind's format" in checks["Company database"]["remedy"]
