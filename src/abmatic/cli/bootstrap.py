"""What most commands need first: the settings, Django, the database up, its tables there.

The settings module belongs to the roof, which nobody imports; it's named to Django here, and read through Django.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import django
from django.conf import settings
from psycopg.conninfo import make_conninfo

from abmatic.audiences.counted import counted
from abmatic.cli.domain_demo_place import join_what_runs
from abmatic.cli.failures import NotReady
from abmatic.postgres.embedded import EmbeddedServer
from abmatic.postgres.server import probe, require_supported

if TYPE_CHECKING:
    from django.db.migrations import Migration


def configure() -> None:
    """Names the settings module and reads it. Raises ImproperlyConfigured when a setting is wrong."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "abmatic.config.settings")
    _ = settings.ENVIRONMENT


def set_up() -> None:
    """Readies Django: models can be imported after this. Needs no database."""
    configure()
    join_what_runs()
    django.setup()


def data_dir() -> Path:
    """The data folder, without readying Django."""
    configure()
    folder = settings.ENVIRONMENT.data_dir
    assert isinstance(folder, Path)
    return folder


def embedded_server() -> EmbeddedServer | None:
    """The server that comes along, or None when DATABASE_URL names another."""
    configure()
    return EmbeddedServer(settings.ENVIRONMENT.data_dir) if settings.ENVIRONMENT.embedded else None


def conninfo() -> str:
    """The connection string of the database in the settings."""
    configure()
    entry = settings.DATABASES["default"]
    parts = {"dbname": entry["NAME"], "host": entry["HOST"], "port": entry["PORT"]}
    parts |= {"user": entry["USER"], "password": entry.get("PASSWORD")}
    return make_conninfo(**entry["OPTIONS"], **{name: value for name, value in parts.items() if value})


@contextmanager
def database() -> Iterator[EmbeddedServer | None]:
    """Holds the embedded server up, or makes sure that the one of DATABASE_URL will do. Raises `PostgresError`."""
    server = embedded_server()
    if server is None:
        require_supported(probe(conninfo()))
        yield None
        return
    with server.acquire():
        yield server


def unapplied_migrations() -> list[Migration]:
    """The migrations of this release that the database lacks. Needs Django set up and the database up."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    connection.close()
    return [migration for migration, _ in plan]


def require_migrated() -> None:
    """Raises `NotReady` when the database is behind this release."""
    missing = unapplied_migrations()
    if missing:
        lacking = counted(len(missing), "migration is", "migrations are")
        raise NotReady(f"The database is behind this release: {lacking} missing. Run `abmatic migrate`")
