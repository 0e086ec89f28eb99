"""What the commands that work with the data need: settings, Django, the database up and of this release."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from abmatic.cli import bootstrap
from abmatic.cli.failures import Failure, NotReady
from abmatic.cli.worker import STALLED_AFTER

if TYPE_CHECKING:
    from abmatic.sync.models import Connection


@contextmanager
def ready() -> Iterator[None]:
    """Django set up, the database up and migrated. Raises `NotReady`, `PostgresError`.

    A database that was never made is not made here: a command that looks at data has nothing to do without.
    """
    bootstrap.set_up()
    server = bootstrap.embedded_server()
    if server is not None and server.status().version is None:
        raise NotReady(
            f"There is no database in {bootstrap.data_dir()} yet. Run `abmatic up` (or `abmatic demo` to look around)"
        )
    with bootstrap.database():
        bootstrap.require_migrated()
        try:
            yield
        finally:
            _close_connection()


def _close_connection() -> None:
    from django.db import connection

    connection.close()


def workers_alive() -> int:
    """How many workers beat their heart lately."""
    from django.utils import timezone
    from procrastinate.contrib.django.models import ProcrastinateWorker

    since = timezone.now() - timedelta(seconds=STALLED_AFTER)
    return ProcrastinateWorker.objects.filter(last_heartbeat__gte=since).count()


def require_worker() -> None:
    """Raises `NotReady` where nobody would do what is queued."""
    if not workers_alive():
        raise NotReady("No worker is alive. Start one (`abmatic up`, or `abmatic worker`), or do it here with --here")


def objects_named(objects: Sequence[str]) -> list[str]:
    """The objects by Salesforce's names, however they were typed: "accounts" is Account."""
    from abmatic.sync.objects import configurable

    known: dict[str, str] = {}
    for spec in configurable():
        known |= dict.fromkeys((spec.name.lower(), spec.label.lower(), spec.label_plural.lower()), spec.name)
    for name in objects:
        if name.lower() not in known:
            names = ", ".join(spec.name for spec in configurable())
            raise click.BadParameter(f"{name!r} is not an object that is synchronised; these are: {names}.")
    return list(dict.fromkeys(known[name.lower()] for name in objects))


def find_connections(name: str | None) -> list[Connection]:
    """The connection of that name or org id; without a name, all. Raises `Failure`, and `NotReady` without any."""
    from abmatic.sync.models import Connection

    known = list(Connection.objects.order_by("id"))
    if not known:
        raise NotReady("No Salesforce org is connected. Connect one: `abmatic connect`, or Settings → Integrations")
    if name is None:
        return known
    found = [each for each in known if name in {each.name, each.org_name, each.org_id}]
    if not found:
        names = ", ".join(f"“{each.name}”" for each in known)
        raise Failure(f"There is no connection “{name}”; there is {names}")
    return found[:1] if any(each.name == name for each in found) else _only(found, name)


def _only(found: list[Connection], name: str) -> list[Connection]:
    if len(found) > 1:
        names = ", ".join(f"“{each.name}”" for each in found)
        raise Failure(f"“{name}” may be {names}: say which")
    return found
