"""Output that somebody reads through a pipe, and of which they may want only the beginning."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click


@contextmanager
def read_as_far_as_wanted() -> Iterator[None]:
    """Ends the command well when the reader (`head`, a pager) leaves before the end: nothing failed.

    Only around commands that do nothing but print; where there is work to finish, it is not done when the reader goes.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # What is still buffered would be tried again at exit, and complained about.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        raise click.exceptions.Exit(0) from None
