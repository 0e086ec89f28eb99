"""The list of commands, their help, and exit codes."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner
from tests.cli.processes import Installation

from abmatic import __version__
from abmatic.cli.main import COMMANDS, abmatic

NAMES = [entry.name for entry in COMMANDS]


def test_help_lists_every_command_without_loading_any() -> None:
    program = (
        "import sys; from abmatic.cli.main import abmatic; abmatic(['--help'], standalone_mode=False);"
        "sys.exit(str({'django.db', 'psycopg', 'procrastinate', 'granian'} & set(sys.modules) or '') or None)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in NAMES)


def test_version() -> None:
    assert CliRunner().invoke(abmatic, ["--version"]).output == f"abmatic, version {__version__}\n"


@pytest.mark.parametrize("name", [name for name in NAMES if name != "emulator"])
def test_every_command_explains_itself(name: str) -> None:
    done = CliRunner().invoke(abmatic, [name, "--help"])
    assert done.exit_code == 0, done.output
    assert done.output.startswith("Usage: ")
    assert "lifeline" not in done.output


def test_emulator_has_its_own_help(installation: Installation) -> None:
    done = installation.run("emulator", "--help")
    assert done.returncode == 0, done.stderr
    assert "--accounts" in done.stdout


@pytest.mark.parametrize("arguments", [["nonsense"], ["up", "--nonsense"], ["up", "--port", "99999"]])
def test_wrong_usage_is_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(abmatic, arguments).exit_code == 2


@pytest.mark.parametrize(
    "arguments", [["runs", "abc"], ["runs", "--limit", "1.5"], ["records", "accounts", "--limit", "x"]]
)
def test_what_is_no_number_is_called_that(arguments: list[str]) -> None:
    done = CliRunner().invoke(abmatic, arguments)
    assert done.exit_code == 2
    assert "is not a valid whole number" in done.output


def test_unknown_setting_is_3_and_named(installation: Installation) -> None:
    done = installation.run("migrate", ABMATIC_COLOUR="blue")
    assert done.returncode == 3
    assert "Error: ABMATIC_COLOUR is not a setting" in done.stderr
    assert "Traceback" not in done.stderr


def test_unreachable_database_is_3_and_its_password_stays_secret(installation: Installation) -> None:
    installation.database_url = "postgresql://app:hunter2@127.0.0.1:1/app"
    for command in ("migrate", "up", "web", "worker"):
        done = installation.run(command)
        assert done.returncode == 3, done.stderr
        assert "127.0.0.1:1/app can't be used" in done.stderr
        assert "DATABASE_URL" in done.stderr
        assert "hunter2" not in done.stderr + done.stdout
