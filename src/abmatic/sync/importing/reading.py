"""What the run of an import reads, and where it is put."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg
from django.db import connection
from psycopg import sql

from abmatic.postgres.sql import block
from abmatic.sync.models import CrmImport
from abmatic.sync.objects import SObject

Session = psycopg.Connection[tuple[Any, ...]]

# Ids of one query: as many as an address has room for, beside the fields.
CHUNK = 300


def chunks(wanted: CrmImport, after: str) -> Iterator[list[str]]:
    """The Ids of an import in their order, from behind one on."""
    while True:
        with connection.cursor() as cursor:
            cursor.execute(text("chunk"), {"wanted": wanted.pk, "after": after, "most": CHUNK})
            ids = [row[0] for row in cursor.fetchall()]
        if not ids:
            return
        yield ids
        after = ids[-1]


class Collecting:
    """Puts what a chunk brought, or found here, into the import's collection."""

    def __init__(self, wanted: CrmImport, spec: SObject) -> None:
        self._wanted = wanted
        self._statement = sql.SQL(text("collect")).format(mirror=sql.Identifier(spec.mirror))

    def __call__(self, session: Session, sf_ids: list[str]) -> None:
        """In the chunk's transaction."""
        if self._wanted.collection_id is None:
            return  # deleted meanwhile
        parameters = {
            "collection": self._wanted.collection_id, "connection": self._wanted.connection_id, "sf_ids": sf_ids,
        }  # fmt: skip
        session.execute(self._statement, parameters)


def text(name: LiteralString) -> LiteralString:
    """A block of this room's SQL."""
    return block("abmatic.sync", "sql/importing.sql", name)
