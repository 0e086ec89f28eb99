"""`abmatic migrate` brings any database up to this release, once, whoever runs it."""

from __future__ import annotations

import json
import subprocess
from io import StringIO

import pytest
from django.core.management import call_command
from tests.cli.processes import PROGRAM, Installation


def test_empty_database_then_nothing_to_do(new_installation: Installation) -> None:
    first = new_installation.run("migrate", "--json")
    assert first.returncode == 0, first.stderr
    assert "procrastinate.0001_initial" in json.loads(first.stdout)["applied"]
    second = new_installation.run("migrate")
    assert (second.returncode, second.stdout) == (0, "The database is up to date.\n")


def test_two_at_once_apply_everything_once(new_installation: Installation) -> None:
    running = [
        subprocess.Popen(
            [*PROGRAM, "migrate", "--json"],
            env=new_installation.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0, 0], said
    counts = sorted(len(json.loads(output)["applied"]) for output, _ in said)
    assert counts[0] == 0
    assert counts[1] > 0


def test_web_and_worker_wait_for_a_person_to_migrate(new_installation: Installation) -> None:
    for command in (["web", "--port", "0"], ["worker"]):
        done = new_installation.run(*command)
        assert done.returncode == 3
        assert "Run `abmatic migrate`" in done.stderr


@pytest.mark.django_db
def test_models_and_migrations_agree() -> None:
    said = StringIO()
    try:
        call_command("makemigrations", check=True, dry_run=True, stdout=said)
    except SystemExit:
        pytest.fail(f"a migration is missing:\n{said.getvalue()}", pytrace=False)
