"""`abmatic emulator`: a Salesforce to try things with, as a program of its own (it shares no code with Abmatic)."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import util

import click

from abmatic.cli.failures import NotReady

_PROGRAM = "salesforce_emulator"


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def emulator(arguments: tuple[str, ...]) -> None:
    """Run a Salesforce emulator to try things with. The options are those of `salesforce-emulator`."""
    # Becomes that program, so that signals and the exit code are its own.
    os.execv(sys.executable, program(arguments))  # noqa: S606  # nosec B606


def program(arguments: Sequence[str]) -> list[str]:
    """The emulator's command line. Raises `NotReady` where its packages aren't installed."""
    if util.find_spec("flask") is None or util.find_spec("lark") is None:
        raise NotReady("The emulator's packages aren't installed. Install them with: pip install 'abmatic[emulator]'")
    return [sys.executable, "-m", _PROGRAM, *arguments]
