"""`abmatic migrate`: brings the database up to this release. Safe to run from several machines at once."""

from __future__ import annotations

import io
import json
import time

import click
import psycopg

from abmatic.audiences.counted import counted
from abmatic.cli import bootstrap
from abmatic.cli.failures import Failure

# Any number nobody else uses: who holds it migrates, the others wait and then find nothing to do.
_LOCK = 4_627_318


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def migrate(as_json: bool) -> None:
    """Bring the database up to this release."""
    bootstrap.set_up()
    with bootstrap.database():
        began = time.monotonic()
        applied = apply_migrations()
    if as_json:
        click.echo(json.dumps({"applied": applied, "seconds": round(time.monotonic() - began, 2)}))
    elif applied:
        click.echo(f"Applied {counted(len(applied), 'migration')} in {time.monotonic() - began:.1f} s.")
    else:
        click.echo("The database is up to date.")


def apply_migrations() -> list[str]:
    """Applies what is missing; returns the names. Needs Django set up and the database up. Raises `Failure`."""
    from django.core.management import call_command
    from django.db import DatabaseError, connection

    with psycopg.connect(bootstrap.conninfo(), autocommit=True) as lock:
        lock.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        missing = [f"{migration.app_label}.{migration.name}" for migration in bootstrap.unapplied_migrations()]
        if not missing:
            return []
        said = io.StringIO()
        try:
            call_command("migrate", interactive=False, verbosity=1, stdout=said, no_color=True)
        except DatabaseError as error:
            last = said.getvalue().strip().splitlines()[-1:]
            raise Failure(
                f"A migration failed and was undone ({' '.join(last).strip()}): {error}. What came before it is "
                "applied; the database still fits the former release"
            ) from error
        finally:
            connection.close()
    return missing
