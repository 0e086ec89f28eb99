"""How a command fails: a message that names the reason and the remedy, and an exit code (see the package)."""

from __future__ import annotations

from typing import IO, Any

import click

FAILED = 1
NOT_READY = 3
INTERRUPTED = 130


class Failure(click.ClickException):
    """The work failed."""

    exit_code = FAILED

    def show(self, file: IO[Any] | None = None) -> None:
        """Prints the message to stderr, as every command does."""
        click.echo(f"{click.style('Error:', fg='red', bold=True)} {self.message}", err=True, file=file)


class NotReady(Failure):
    """Something around Abmatic must be put right first."""

    exit_code = NOT_READY
