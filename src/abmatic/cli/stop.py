"""`abmatic stop`: stops the `abmatic up` (or demo) of this data folder, wherever it was started."""

from __future__ import annotations

import click

from abmatic.cli import bootstrap, claim


@click.command()
def stop() -> None:
    """Stop what `abmatic up` runs on this data folder, and wait for its end."""
    stopped = claim.stop(bootstrap.data_dir())
    click.echo(f"Stopped process {stopped.pid} ({stopped.url})." if stopped else "Nothing was running.")
