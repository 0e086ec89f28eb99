"""Which installation this is, and whether its database was restored since it was last asked.

Several installations may write to one org, and a restored database doesn't know what was written after its backup. So
what has no Id of Salesforce's yet is known there by a mark that is random and made once; and the server that a database
is seen on is kept in it: its system identifier, its timeline (which a recovery from a backup ends), and the number of a
table, which is another where it was loaded from a dump. A server that took another one's place is noticed as well, and
so is a database that was on none yet, which may have been restored from before it had a mark: that costs one look more.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any, LiteralString

from django.db import connection, transaction

from abmatic.postgres.sql import block
from abmatic.sync.models import Installation


def look(now: datetime) -> Installation:
    """This installation; that its database was, or may have been, restored since the last look is written down."""
    with transaction.atomic():
        Installation.objects.get_or_create(pk=Installation.THE_ONE, defaults={"mark": secrets.token_hex(6)})
        one = Installation.objects.select_for_update().get(pk=Installation.THE_ONE)
        server = _server()
        if one.server != server:
            one.restored_at = now
            one.server = server
            one.save()
    return one


def _server() -> str:
    table, may_ask = _ask("table_and_right")
    # Where that is not for everybody, a dump that was loaded is noticed all the same.
    told = _ask("server") if may_ask else ()
    return ".".join(map(str, (*told, table)))


def _ask(name: LiteralString) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(block("abmatic.sync", "sql/installations.sql", name))
        return tuple(cursor.fetchone() or ())
